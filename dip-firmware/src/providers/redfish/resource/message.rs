//! What a service says about a request that it refused: DSP0266, "error responses".

use super::{List, Maybe};

resource! {
    /// The body of a refusal.
    ErrorBody {
        #[serde(rename = "error")]
        error: Maybe<ErrorDetail>,
    }
}

resource! {
    ErrorDetail {
        #[serde(rename = "message")]
        message: Maybe<String>,
        #[serde(rename = "@Message.ExtendedInfo")]
        extended: List<Message>,
    }
}

resource! {
    Message { message: Maybe<String>, message_id: Maybe<String>, }
}

impl ErrorBody {
    /// The first sentence that says more than "see the extended information".
    pub(in crate::providers::redfish) fn message(&self) -> Option<&str> {
        let extended =
            self.error.iter().flat_map(|error| error.extended.items()).filter_map(|message| message.message.as_deref());
        extended
            .chain(self.error.iter().filter_map(|error| error.message.as_deref()))
            .find(|text| !text.trim().is_empty())
    }

    /// The ids of its messages without registry and version: `UnableToModifyDuringSystemPOST`.
    pub(in crate::providers::redfish) fn ids(&self) -> impl Iterator<Item = &str> {
        let ids = self
            .error
            .iter()
            .flat_map(|error| error.extended.items())
            .filter_map(|message| message.message_id.as_deref());
        ids.filter_map(|id| id.rsplit('.').next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_sentence_of_a_refusal_is_found() {
        let body: ErrorBody = serde_json::from_value(json!({ "error": {
            "code": "Base.1.0.GeneralError", "message": "See @Message.ExtendedInfo for more information.",
            "@Message.ExtendedInfo": [{ "MessageId": "Base.1.0.X", "Message": "The server is already on." }],
        }}))
        .expect("it is an object");
        assert_eq!(body.message(), Some("The server is already on."));
        assert_eq!(body.ids().collect::<Vec<_>>(), ["X"]);
        let body: ErrorBody =
            serde_json::from_value(json!({ "error": { "message": "no", "@Message.ExtendedInfo": {} } }))
                .expect("it is an object");
        assert_eq!(body.message(), Some("no"));
    }
}
