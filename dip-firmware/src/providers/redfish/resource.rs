//! The parts of Redfish resources that dip reads. Everything may be absent or `null`.

use serde::{Deserialize, Deserializer};

/// A reference to another resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Link {
    /// Where it is: a path, or a whole URL.
    #[serde(rename = "@odata.id")]
    pub(super) id: Option<String>,
}

/// The service root.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Root {
    pub(super) systems: Option<Link>,
    #[serde(deserialize_with = "lenient")]
    pub(super) links: Option<RootLinks>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RootLinks {
    pub(super) sessions: Option<Link>,
}

/// A page of a collection.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Collection {
    #[serde(rename = "Members")]
    pub(super) members: Vec<Link>,
    #[serde(rename = "Members@odata.nextLink", alias = "@odata.nextLink")]
    pub(super) next: Option<String>,
}

/// A machine.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ComputerSystem {
    #[serde(rename = "@odata.etag")]
    pub(super) etag: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) manufacturer: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) model: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) serial_number: Option<String>,
    #[serde(rename = "UUID", deserialize_with = "lenient")]
    pub(super) uuid: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) power_state: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) boot: Option<Boot>,
    #[serde(deserialize_with = "lenient")]
    pub(super) actions: Option<Actions>,
}

/// Its boot override.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Boot {
    #[serde(rename = "BootSourceOverrideEnabled")]
    pub(super) enabled: Option<String>,
    #[serde(rename = "BootSourceOverrideTarget")]
    pub(super) target: Option<String>,
    #[serde(rename = "BootSourceOverrideMode")]
    pub(super) mode: Option<String>,
    #[serde(rename = "BootSourceOverrideTarget@Redfish.AllowableValues")]
    pub(super) targets: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Actions {
    #[serde(rename = "#ComputerSystem.Reset")]
    pub(super) reset: Option<Reset>,
}

/// The action that changes the power.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reset {
    pub(super) target: Option<String>,
    #[serde(rename = "ResetType@Redfish.AllowableValues")]
    pub(super) types: Option<Vec<String>>,
    #[serde(rename = "@Redfish.ActionInfo")]
    pub(super) action_info: Option<String>,
}

/// What an action may be given.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ActionInfo {
    pub(super) parameters: Vec<Parameter>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Parameter {
    pub(super) name: Option<String>,
    pub(super) allowable_values: Option<Vec<String>>,
}

/// `None` where the value has not the form that the schema gives it: one odd field must not make the rest unreadable.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    Ok(T::deserialize(serde_json::Value::deserialize(deserializer)?).ok())
}

/// What a service says about a request that it refused: DSP0266, "error responses".
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorDetail {
    #[serde(deserialize_with = "lenient")]
    message: Option<String>,
    #[serde(rename = "@Message.ExtendedInfo", deserialize_with = "lenient")]
    extended: Option<Vec<Message>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Message {
    message: Option<String>,
}

impl ErrorBody {
    /// The first sentence that says more than "see the extended information".
    pub(super) fn message(self) -> Option<String> {
        let extended = self.error.extended.unwrap_or_default().into_iter().find_map(|message| message.message);
        extended.or(self.error.message).filter(|text| !text.trim().is_empty())
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
        }))
        .expect("it is an object");
        assert_eq!((system.serial_number, system.power_state.as_deref()), (None, Some("On")));
        assert!(system.boot.is_none() && system.actions.is_some_and(|actions| actions.reset.is_none()));
    }

    #[test]
    fn the_sentence_of_a_refusal_is_found() {
        let body: ErrorBody = serde_json::from_value(json!({ "error": {
            "code": "Base.1.0.GeneralError", "message": "See @Message.ExtendedInfo for more information.",
            "@Message.ExtendedInfo": [{ "MessageId": "Base.1.0.X", "Message": "The server is already on." }],
        }}))
        .expect("it is an object");
        assert_eq!(body.message().as_deref(), Some("The server is already on."));
        let body: ErrorBody =
            serde_json::from_value(json!({ "error": { "message": "no", "@Message.ExtendedInfo": {} } }))
                .expect("it is an object");
        assert_eq!(body.message().as_deref(), Some("no"));
    }
}
