//! What the attributes of a machine's firmware may be.

use super::{List, Maybe, Whole};

resource! {
    /// Where a registry is (`MessageRegistryFile`, which serves for registries of all kinds).
    RegistryFile { id: Maybe<String>, registry: Maybe<String>, location: List<Location>, }
}

resource! {
    Location { language: Maybe<String>, uri: Maybe<String>, }
}

impl RegistryFile {
    /// The place of its English form, or of the first.
    pub(in crate::providers::redfish) fn uri(&self) -> Option<&str> {
        let locations = self.location.items();
        let english = locations.iter().find(|place| place.language.as_deref().is_some_and(|it| it.starts_with("en")));
        english.into_iter().chain(locations).find_map(|place| place.uri.as_deref())
    }
}

resource! {
    /// A registry of attributes (`AttributeRegistry`).
    AttributeRegistry { registry_entries: Maybe<Entries>, }
}

resource! {
    Entries { attributes: List<Attribute>, }
}

resource! {
    /// An attribute: its type and limits.
    Attribute {
        attribute_name: Maybe<String>,
        #[serde(rename = "Type")]
        kind: Maybe<String>,
        value: List<EnumerationValue>,
        lower_bound: Maybe<Whole>,
        upper_bound: Maybe<Whole>,
        min_length: Maybe<Whole>,
        max_length: Maybe<Whole>,
        read_only: Maybe<bool>,
        immutable: Maybe<bool>,
    }
}

resource! {
    EnumerationValue { value_name: Maybe<String>, }
}
