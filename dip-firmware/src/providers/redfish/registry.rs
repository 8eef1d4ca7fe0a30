//! What the BIOS attributes of a machine may be.

use std::collections::BTreeMap;

use super::error::Failure;
use super::machine::Machine;
use super::resource::{Attribute, AttributeRegistry, Link, RegistryFile};
use crate::provider::BiosValue;

/// The attributes by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry(BTreeMap<String, Attribute>);

impl Registry {
    pub(super) fn of(told: AttributeRegistry) -> Self {
        let attributes = told.registry_entries.0.and_then(|entries| entries.attributes.0).unwrap_or_default();
        Self(attributes.into_iter().filter_map(|it| Some((it.attribute_name.0.clone()?, it))).collect())
    }

    /// Why an attribute cannot have a value; `Ok` also where nothing is known of the attribute.
    pub(super) fn allows(&self, name: &str, value: &BiosValue) -> Result<(), String> {
        let Some(attribute) = self.0.get(name) else { return Ok(()) };
        if attribute.read_only.0 == Some(true) || attribute.immutable.0 == Some(true) {
            return Err("it can only be read".to_owned());
        }
        let values: Vec<&str> = attribute.value.items().iter().filter_map(|it| it.value_name.as_deref()).collect();
        match (attribute.kind.as_deref(), value) {
            (Some("Enumeration"), BiosValue::Text(text)) if values.is_empty() || values.contains(&text.as_str()) => {
                Ok(())
            }
            (Some("Enumeration"), _) => Err(format!("it may be {}", values.join(", "))),
            (Some("Integer"), BiosValue::Number(number)) => within(attribute, *number, "from", "to", false),
            (Some("Integer"), _) => Err("it is a whole number".to_owned()),
            (Some("Boolean"), BiosValue::Switch(_)) => Ok(()),
            (Some("Boolean"), _) => Err("it is on or off".to_owned()),
            (Some("String"), BiosValue::Text(text)) => {
                let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
                within(attribute, length, "at least", "at most", true)
            }
            (Some("String"), _) => Err("it is a text".to_owned()),
            (Some("Password"), _) => Err("it is a password, which is not set this way".to_owned()),
            _ => Ok(()),
        }
    }
}

fn within(attribute: &Attribute, number: i64, from: &str, to: &str, length: bool) -> Result<(), String> {
    let (lower, upper) = match length {
        true => (attribute.min_length.0, attribute.max_length.0),
        false => (attribute.lower_bound.0, attribute.upper_bound.0),
    };
    if lower.is_none_or(|lower| lower.0 <= number) && upper.is_none_or(|upper| number <= upper.0) {
        return Ok(());
    }
    let bound = |word: &str, bound: Option<super::resource::Whole>| bound.map(|bound| format!("{word} {}", bound.0));
    let bounds: Vec<_> = [bound(from, lower), bound(to, upper)].into_iter().flatten().collect();
    let unit = if length { " characters long" } else { "" };
    Err(format!("it is {}{unit}", bounds.join(" ")))
}

impl Machine {
    /// The registry of this name, read once; `None` where the service does not have it, or not in a form that can be read.
    pub(super) async fn bios_registry(&self, name: Option<&str>) -> Result<Option<&Registry>, Failure> {
        let Some(name) = name else { return Ok(None) };
        Ok(self.registry.get_or_try_init(|| self.find_registry(name)).await?.as_ref())
    }

    async fn find_registry(&self, name: &str) -> Result<Option<Registry>, Failure> {
        let root = self.client.root().await?;
        let files = self.client.members(root.registries.as_ref()).await?.unwrap_or_default();
        // Those that are called like it first: reading all registry files of a service takes some seconds.
        let (called, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_of(file.id(), name));
        for member in called.iter().chain(others.iter().filter(|file| file.id().contains("Bios"))) {
            let Some(file) = self.client.member::<RegistryFile>(member).await? else { continue };
            let told = [&file.id, &file.registry].into_iter().filter_map(|it| it.as_deref());
            if !told.chain([member.id()]).any(|told| is_of(told, name)) {
                continue;
            }
            let link = Link { id: file.uri().map(str::to_owned) };
            if let Some(registry) = self.client.follow::<AttributeRegistry>(Some(&link)).await? {
                return Ok(Some(Registry::of(registry.body)).filter(|registry| !registry.0.is_empty()));
            }
        }
        Ok(None)
    }
}

/// Whether a registry is called so, with or without the version that one of them leaves out: `Bios.v1_0_3`, `Bios.1.0.3`, `Bios`.
fn is_of(told: &str, name: &str) -> bool {
    let bare = |text: &str| text.split('.').next().unwrap_or_default().to_lowercase();
    bare(told) == bare(name)
}

/// Reads a body as a registry and asks it about values, for fuzzers.
#[cfg(feature = "fuzzing")]
pub(super) fn read(body: &[u8]) {
    let Ok(value) = super::answer::value_of(body) else { return };
    let Ok(told) = serde_json::from_value(value) else { return };
    let registry = Registry::of(told);
    let values = [BiosValue::Number(i64::MIN), BiosValue::Switch(true), BiosValue::Text("é".repeat(7))];
    for name in registry.0.keys() {
        for value in &values {
            // Whether it is allowed is the registry's affair.
            let _ = registry.allows(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_must_be_of_the_type_and_within_the_limits() {
        let told = json!({ "RegistryEntries": { "Attributes": [
            { "AttributeName": "Turbo", "Type": "Enumeration", "Value": [{ "ValueName": "Enabled" }, { "ValueName": "Disabled" }] },
            { "AttributeName": "Cores", "Type": "Integer", "LowerBound": 0, "UpperBound": "28" },
            { "AttributeName": "Tag", "Type": "String", "MinLength": null, "MaxLength": 3 },
            { "AttributeName": "Quiet", "Type": "Boolean" },
            { "AttributeName": "Model", "Type": "String", "ReadOnly": true },
            { "AttributeName": null }, 7,
        ]}});
        let registry = Registry::of(serde_json::from_value(told).expect("an object"));
        let text = |text: &str| BiosValue::Text(text.to_owned());
        for (name, value) in [
            ("Turbo", text("Enabled")),
            ("Cores", BiosValue::Number(28)),
            ("Tag", text("abc")),
            ("Quiet", BiosValue::Switch(true)),
            ("Unknown", text("x")),
        ] {
            assert_eq!(registry.allows(name, &value), Ok(()), "{name}");
        }
        for (name, value, why) in [
            ("Turbo", text("On"), "it may be Enabled, Disabled"),
            ("Turbo", BiosValue::Switch(true), "it may be Enabled, Disabled"),
            ("Cores", BiosValue::Number(29), "it is from 0 to 28"),
            ("Cores", text("4"), "it is a whole number"),
            ("Tag", text("abcd"), "it is at most 3 characters long"),
            ("Quiet", BiosValue::Number(1), "it is on or off"),
            ("Model", text("x"), "it can only be read"),
        ] {
            assert_eq!(registry.allows(name, &value), Err(why.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_registry_is_found_by_its_name_in_several_spellings() {
        assert!(is_of("BiosAttributeRegistry", "BiosAttributeRegistry.v1_0_3"));
        assert!(is_of("BiosAttributeRegistryP89.1.1.0", "BiosAttributeRegistryP89.v1_0_0"));
        assert!(!is_of("Base.1.0", "BiosAttributeRegistry.v1_0_3"));
    }
}
