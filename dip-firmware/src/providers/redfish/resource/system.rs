//! A machine.

use super::{Action, Link, List, Maybe, Settings};

resource! {
    /// A machine (`ComputerSystem`).
    ComputerSystem {
        manufacturer: Maybe<String>,
        model: Maybe<String>,
        serial_number: Maybe<String>,
        #[serde(rename = "SKU")]
        sku: Maybe<String>,
        #[serde(rename = "UUID")]
        uuid: Maybe<String>,
        power_state: Maybe<String>,
        location_indicator_active: Maybe<bool>,
        #[serde(rename = "IndicatorLED")]
        indicator_led: Maybe<String>,
        boot: Maybe<Boot>,
        bios: Maybe<Link>,
        secure_boot: Maybe<Link>,
        storage: Maybe<Link>,
        simple_storage: Maybe<Link>,
        processors: Maybe<Link>,
        memory: Maybe<Link>,
        ethernet_interfaces: Maybe<Link>,
        log_services: Maybe<Link>,
        virtual_media: Maybe<Link>,
        links: Maybe<SystemLinks>,
        actions: Maybe<SystemActions>,
        #[serde(rename = "@Redfish.Settings")]
        settings: Maybe<Settings>,
    }
}

resource! {
    SystemLinks { managed_by: List<Link>, chassis: List<Link>, }
}

resource! {
    SystemActions {
        #[serde(rename = "#ComputerSystem.Reset")]
        reset: Maybe<Action>,
    }
}

resource! {
    /// Its boot override.
    Boot {
        #[serde(rename = "BootSourceOverrideEnabled")]
        enabled: Maybe<String>,
        #[serde(rename = "BootSourceOverrideTarget")]
        target: Maybe<String>,
        #[serde(rename = "BootSourceOverrideMode")]
        mode: Maybe<String>,
        #[serde(rename = "BootSourceOverrideTarget@Redfish.AllowableValues")]
        targets: List<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_odd_field_does_not_make_a_system_unreadable() {
        let system: ComputerSystem = serde_json::from_value(json!({
            "SerialNumber": 12345, "PowerState": "On", "Boot": null, "Actions": { "#ComputerSystem.Reset": null }, "UUID": null,
            "Links": { "Chassis": {}, "ManagedBy": [null, { "@odata.id": "/redfish/v1/Managers/1" }] },
        }))
        .expect("it is an object");
        assert_eq!((system.serial_number.0, system.power_state.as_deref()), (None, Some("On")));
        assert!(system.boot.is_none() && system.actions.0.is_some_and(|actions| actions.reset.is_none()));
        let links = system.links.0.expect("they are told");
        assert_eq!((links.chassis.0.is_none(), links.managed_by.items().len()), (true, 1));
    }
}
