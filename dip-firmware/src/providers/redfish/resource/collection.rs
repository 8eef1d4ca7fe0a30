//! Links and collections.

use serde_json::Value;

use super::{List, Maybe};

resource! {
    /// A reference to another resource.
    #[derive(PartialEq, Eq)]
    Link {
        /// Where it is: a path, or a whole URL.
        #[serde(rename = "@odata.id")]
        id: Option<String>,
    }
}

resource! {
    /// A page of a collection. Its members are links, or the resources themselves.
    Collection {
        members: List<Value>,
        #[serde(rename = "Members@odata.nextLink")]
        next: Maybe<String>,
        /// As some services write it.
        #[serde(rename = "@odata.nextLink")]
        next_too: Maybe<String>,
    }
}
