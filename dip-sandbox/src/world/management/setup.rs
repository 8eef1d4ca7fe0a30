//! The settings of a machine's firmware, with the registry that says what they may be.

use dip_firmware::provider::{BiosAttributes, BiosState, BiosValue, SecureBootState};

/// What an attribute may be.
#[derive(Debug, Clone, Copy)]
enum Allowed {
    OneOf(&'static [&'static str]),
    From(i64, i64),
    Switch,
    /// It tells something and cannot be set.
    ReadOnly,
}

const REGISTRY: [(&str, Allowed); 6] = [
    ("FanOffset", Allowed::From(0, 100)),
    ("ProcVirtualization", Allowed::OneOf(&["Disabled", "Enabled"])),
    ("SriovGlobal", Allowed::OneOf(&["Disabled", "Enabled"])),
    ("SystemProfile", Allowed::OneOf(&["PowerSaving", "Balanced", "Performance"])),
    ("SystemServiceTag", Allowed::ReadOnly),
    ("Watchdog", Allowed::Switch),
];

/// The registry as a controller tells it.
#[cfg(feature = "models")]
pub(crate) fn registry() -> Vec<dip_firmware::models::Attribute> {
    use dip_firmware::models::{Attribute, Takes};

    let takes = |allowed: Allowed| match allowed {
        Allowed::OneOf(words) => Takes::OneOf(words.iter().map(|word| (*word).to_owned()).collect()),
        Allowed::From(least, most) => Takes::From(least, most),
        Allowed::Switch => Takes::Switch,
        Allowed::ReadOnly => Takes::ReadOnly,
    };
    REGISTRY.iter().map(|(name, allowed)| Attribute { name: (*name).to_owned(), takes: takes(*allowed) }).collect()
}

/// The settings of one machine.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    state: BiosState,
    secure_boot: SecureBootState,
}

/// Why a setting is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("there is no attribute {0}")]
    Unknown(String),
    #[error("the attribute {0} is read-only")]
    ReadOnly(String),
    #[error("{value} is not a value of the attribute {name}, which takes {takes}")]
    Value { name: String, value: BiosValue, takes: String },
}

impl Setup {
    /// As it leaves the factory.
    pub(super) fn new(service_tag: &str) -> Self {
        let first = |allowed: Allowed| match allowed {
            Allowed::OneOf(words) => BiosValue::Text(words[0].to_owned()),
            Allowed::From(least, _) => BiosValue::Number(least),
            Allowed::Switch => BiosValue::Switch(false),
            Allowed::ReadOnly => BiosValue::Text(service_tag.to_owned()),
        };
        let current = REGISTRY.iter().map(|(name, allowed)| ((*name).to_owned(), first(*allowed))).collect();
        let secure_boot = SecureBootState { enforced: false, enabled: false };
        Self { state: BiosState { current, pending: BiosAttributes::new() }, secure_boot }
    }

    pub(super) const fn bios(&self) -> &BiosState {
        &self.state
    }

    pub(super) const fn secure_boot(&self) -> SecureBootState {
        self.secure_boot
    }

    /// Takes all of them for the next reset, or none; tells how many were not so already.
    pub(super) fn set(&mut self, wanted: &BiosAttributes) -> Result<usize, Wrong> {
        wanted.iter().try_for_each(|(name, value)| self.may_be(name, value))?;
        let before = self.state.pending.clone();
        for (name, value) in wanted {
            if self.state.current.get(name) == Some(value) {
                self.state.pending.remove(name);
            } else {
                self.state.pending.insert(name.clone(), value.clone());
            }
        }
        let is_new = |name: &&String| self.state.pending.get(*name) != before.get(*name);
        Ok(wanted.keys().filter(is_new).count())
    }

    fn may_be(&self, name: &str, value: &BiosValue) -> Result<(), Wrong> {
        let Some((_, allowed)) = REGISTRY.iter().find(|(known, _)| *known == name) else {
            return Err(Wrong::Unknown(name.to_owned()));
        };
        let takes = match (allowed, value) {
            (Allowed::ReadOnly, value) if self.state.current.get(name) != Some(value) => {
                return Err(Wrong::ReadOnly(name.to_owned()));
            }
            (Allowed::OneOf(words), BiosValue::Text(text)) if words.contains(&text.as_str()) => return Ok(()),
            (Allowed::From(least, most), BiosValue::Number(number)) if (least..=most).contains(&number) => {
                return Ok(());
            }
            (Allowed::Switch, BiosValue::Switch(_)) | (Allowed::ReadOnly, _) => return Ok(()),
            (Allowed::OneOf(words), _) => words.join(" or "),
            (Allowed::From(least, most), _) => format!("{least} to {most}"),
            (Allowed::Switch, _) => "true or false".to_owned(),
        };
        Err(Wrong::Value { name: name.to_owned(), value: value.clone(), takes })
    }

    /// Sets Secure Boot for the next reset; tells whether it was otherwise.
    pub(super) fn secure(&mut self, enabled: bool) -> bool {
        std::mem::replace(&mut self.secure_boot.enabled, enabled) != enabled
    }

    /// The self-test takes over what waited for it; gives how many attributes that were.
    pub(super) fn take_over(&mut self) -> usize {
        self.secure_boot.enforced = self.secure_boot.enabled;
        let pending = std::mem::take(&mut self.state.pending);
        let count = pending.len();
        self.state.current.extend(pending);
        count
    }

    /// The self-test drops what waited for it, and says nothing.
    pub(super) fn drop_pending(&mut self) {
        self.state.pending.clear();
    }
}
