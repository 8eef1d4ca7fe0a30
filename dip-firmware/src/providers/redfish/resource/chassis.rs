//! A box with what is in it.

use super::{Link, List, Maybe};

resource! {
    /// `Chassis`.
    Chassis {
        network_adapters: Maybe<Link>,
        sensors: Maybe<Link>,
        thermal: Maybe<Link>,
        power: Maybe<Link>,
        power_subsystem: Maybe<Link>,
        location_indicator_active: Maybe<bool>,
        #[serde(rename = "IndicatorLED")]
        indicator_led: Maybe<String>,
        links: Maybe<ChassisLinks>,
    }
}

resource! {
    ChassisLinks { computer_systems: List<Link>, }
}
