//! What an action may be given.

use super::{List, Maybe};

resource! {
    /// An action, with the values that its most important parameters may have.
    Action {
        #[serde(rename = "target")]
        target: Maybe<String>,
        #[serde(rename = "ResetType@Redfish.AllowableValues")]
        reset_types: List<String>,
        #[serde(rename = "TransferProtocol@Redfish.AllowableValues")]
        protocols: List<String>,
        #[serde(rename = "@Redfish.ActionInfo")]
        info: Maybe<String>,
    }
}

resource! {
    /// The description of an action, where it is told apart from it.
    ActionInfo { parameters: List<Parameter>, }
}

resource! {
    Parameter { name: Maybe<String>, allowable_values: List<String>, }
}

impl ActionInfo {
    /// The values that a parameter may have, if they are listed.
    pub(in crate::providers::redfish) fn values_of(&self, parameter: &str) -> Option<Vec<String>> {
        let found = self.parameters.items().iter().find(|other| other.name.as_deref() == Some(parameter));
        found.and_then(|parameter| parameter.allowable_values.0.clone())
    }
}
