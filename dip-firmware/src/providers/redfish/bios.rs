//! The settings of a machine's firmware.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde_json::{Map, Value, json};

use super::error::Failure;
use super::machine::Machine;
use super::registry::Registry;
use super::resource::{self, Link};
use crate::provider::{Accepted, Bios, BiosAttributes, BiosState, BiosValue};
use crate::quirks::Quirk;

/// The time to apply changes that dip asks for: whoever resets the machine decides when (DSP0266, "apply time").
const ON_RESET: &str = "OnReset";

#[async_trait]
impl Bios for Machine {
    async fn state(&self) -> Result<BiosState, ProviderError> {
        let read = async { Ok(self.told_bios().await?.state) };
        read.await.map_err(self.failed("read the BIOS settings"))
    }

    async fn set(&self, wanted: &BiosAttributes) -> Result<Accepted, ProviderError> {
        self.set_bios(wanted).await.map_err(self.failed("change the BIOS settings"))
    }
}

/// The settings, and how they are changed.
struct Told {
    state: BiosState,
    /// The resource that takes changes.
    path: String,
    registry: Option<String>,
    takes_apply_time: bool,
}

impl Machine {
    async fn told_bios(&self) -> Result<Told, Failure> {
        let lacking = || Failure::Lacking { what: "the system tells nothing about its BIOS settings".to_owned() };
        let system = self.system().await?.body;
        let bios = self.client.follow::<resource::Bios>(system.bios.as_ref()).await?.ok_or_else(lacking)?;
        let current = attributes(&bios.body.attributes.0.clone().ok_or_else(lacking)?);
        let settings = bios.body.settings.0.clone().unwrap_or_default();
        let waiting = self.client.follow::<resource::Bios>(settings.settings_object.as_ref()).await?;
        let mut pending = BiosAttributes::new();
        let mut path = bios.path().to_owned();
        if let Some(waiting) = waiting {
            path = waiting.path().to_owned();
            // HPE and Lenovo list all settings as they will be, Dell those that wait, Supermicro none at all where none waits.
            pending = attributes(&waiting.body.attributes.0.unwrap_or_default());
            pending.retain(|name, value| current.get(name) != Some(value));
        }
        let takes_apply_time = settings.supported_apply_times.items().iter().any(|time| time == ON_RESET);
        Ok(Told {
            state: BiosState { current, pending },
            path,
            registry: bios.body.attribute_registry.0,
            takes_apply_time,
        })
    }

    async fn set_bios(&self, wanted: &BiosAttributes) -> Result<Accepted, Failure> {
        let told = self.told_bios().await?;
        let registry = self.bios_registry(told.registry.as_deref()).await?;
        let wrong: Vec<_> =
            wanted.iter().filter_map(|(name, value)| why_not(&told.state, registry, name, value)).collect();
        if !wrong.is_empty() {
            return Err(Failure::Wrong { what: wrong.join("; ") });
        }
        let BiosState { current, pending } = &told.state;
        let will_be = |name: &String| pending.get(name).or_else(|| current.get(name));
        let changes: Map<String, Value> = wanted
            .iter()
            .filter(|(name, value)| will_be(name) != Some(*value))
            .map(|(name, value)| (name.clone(), json_of(value)))
            .collect();
        if changes.is_empty() {
            let waits = wanted.iter().any(|(name, _)| pending.contains_key(name));
            return Ok(if waits { Accepted::AtReset } else { Accepted::Done });
        }
        let mut body = json!({ "Attributes": changes });
        if told.takes_apply_time || self.has(Quirk::BiosApplyTime).await? {
            body["@Redfish.SettingsApplyTime"] = json!({ "ApplyTime": ON_RESET });
        }
        let answer = self.change(&told.path, |_: &Link| Ok(Some(body.clone()))).await?;
        match answer {
            Some(answer) => self.accepted(&answer, Accepted::AtReset),
            None => Ok(Accepted::AtReset),
        }
    }
}

/// Why an attribute cannot have a value.
fn why_not(state: &BiosState, registry: Option<&Registry>, name: &str, value: &BiosValue) -> Option<String> {
    let Some(now) = state.current.get(name).or_else(|| state.pending.get(name)) else {
        return Some(format!("the machine has no BIOS setting `{name}`{}", nearest(&state.current, name)));
    };
    let same_type = std::mem::discriminant(now) == std::mem::discriminant(value);
    let why = match registry {
        Some(registry) => registry.allows(name, value).err(),
        None => (!same_type).then(|| format!("it is `{now}` now, a value of another type")),
    };
    why.map(|why| format!("the BIOS setting `{name}` cannot be `{value}`: {why}"))
}

/// A hint at a setting that is spelled nearly so.
fn nearest(current: &BiosAttributes, name: &str) -> String {
    let wanted = name.to_lowercase();
    let near = current.keys().find(|other| {
        let other = other.to_lowercase();
        other == wanted || other.contains(&wanted) || wanted.contains(&other)
    });
    near.map(|near| format!("; is `{near}` meant?")).unwrap_or_default()
}

fn attributes(told: &Map<String, Value>) -> BiosAttributes {
    told.iter().filter_map(|(name, value)| Some((name.clone(), value_of(value)?))).collect()
}

fn value_of(value: &Value) -> Option<BiosValue> {
    match value {
        Value::String(text) => Some(BiosValue::Text(text.clone())),
        Value::Bool(on) => Some(BiosValue::Switch(*on)),
        Value::Number(_) => {
            serde_json::from_value::<resource::Whole>(value.clone()).ok().map(|it| BiosValue::Number(it.0))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn json_of(value: &BiosValue) -> Value {
    match value {
        BiosValue::Text(text) => json!(text),
        BiosValue::Number(number) => json!(number),
        BiosValue::Switch(on) => json!(on),
    }
}

/// Reads a body as settings, for fuzzers: what was told is told back in the same words.
#[cfg(feature = "fuzzing")]
pub(super) fn read(body: &[u8]) {
    let Ok(Value::Object(told)) = super::answer::value_of(body) else { return };
    let read = attributes(&told);
    let again: Map<String, Value> = read.iter().map(|(name, value)| (name.clone(), json_of(value))).collect();
    assert_eq!(attributes(&again), read, "a value is the same when it is read again");
}
