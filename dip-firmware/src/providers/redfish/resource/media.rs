//! A virtual drive.

use super::{Action, List, Maybe};

resource! {
    /// `VirtualMedia`.
    VirtualMedia {
        media_types: List<String>,
        image: Maybe<String>,
        image_name: Maybe<String>,
        inserted: Maybe<bool>,
        actions: Maybe<MediaActions>,
    }
}

resource! {
    MediaActions {
        #[serde(rename = "#VirtualMedia.InsertMedia")]
        insert: Maybe<Action>,
        #[serde(rename = "#VirtualMedia.EjectMedia")]
        eject: Maybe<Action>,
    }
}
