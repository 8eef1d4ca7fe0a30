//! The records of a run as Python sees them: flat, with names in place of numbers.

use dip::Plan;
use dip::core::journal::{Event, Record};
use serde_json::{Map, Value};

/// `{"sequence": 7, "at": "…", "event": "settled", "step": "…", "layer": "os", "subject": "node/r1-n1", …}`: what every
/// event has, the step where it is about one, and its own fields.
pub(crate) fn flat(plan: &Plan, record: &Record) -> Value {
    let mut flat = Map::new();
    flat.insert("sequence".to_owned(), record.sequence.into());
    // Always as many digits, so that times sort as texts.
    flat.insert("at".to_owned(), format!("{:.6}", record.at).into());
    match &record.event {
        // The whole plan is in it, and whoever listens has it.
        Event::Began { run, plan, .. } => {
            flat.insert("event".to_owned(), "began".into());
            flat.insert("run".to_owned(), run.clone().into());
            flat.insert("plan".to_owned(), plan.id().as_str().into());
        }
        event => match serde_json::to_value(event).unwrap_or_default() {
            Value::String(name) => {
                flat.insert("event".to_owned(), name.into());
            }
            Value::Object(named) => {
                for (name, fields) in named {
                    flat.insert("event".to_owned(), name.into());
                    flat.extend(fields.as_object().cloned().unwrap_or_default());
                }
            }
            _ => {}
        },
    }
    if let Some(step) = record.event.step() {
        let step = &plan.step(step).step;
        flat.insert("step".to_owned(), step.name.as_str().into());
        flat.insert("layer".to_owned(), step.layer.as_str().into());
        flat.insert("subject".to_owned(), step.subject.to_string().into());
    }
    for name in ["took", "poll"] {
        if let Some(seconds) = flat.get(name).and_then(seconds) {
            flat.insert(name.to_owned(), seconds.into());
        }
    }
    Value::Object(flat)
}

/// Python counts in seconds.
fn seconds(duration: &Value) -> Option<f64> {
    let whole = duration.get("secs")?.as_u64()?;
    let rest = u32::try_from(duration.get("nanos")?.as_u64()?).ok()?;
    Some(std::time::Duration::new(whole, rest).as_secs_f64())
}
