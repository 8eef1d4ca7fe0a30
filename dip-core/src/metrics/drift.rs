//! The metrics of one look at a site: what is not as wanted.

use std::collections::BTreeMap;

use super::exposition::{Exposition, Kind, seconds};
use crate::engine::{Deviation, Prepared};
use crate::id::LayerId;
use crate::step::Step;

/// What differs at a site, in Prometheus' text form: for an alert that tells before anybody notices.
#[must_use]
pub fn drift_text(seen: &Prepared) -> String {
    let drift = seen.drift();
    let mut text = Exposition::new(seen.draft.site().name.as_str());
    let of = |all: &[Deviation<'_>]| count(all.iter().flat_map(|one| one.steps.iter().map(|(step, _)| *step)));
    let standings = [
        ("differs", of(&drift.causes)),
        ("follows", of(&drift.following)),
        ("unknown", count(drift.unobserved.iter().map(|(step, _)| *step))),
    ];
    let help = "Checks that found something else than wanted (differs), that may only follow from those (follows), \
                or that nobody could make (unknown).";
    let mut family = text.family("dip_drift_checks", Kind::Gauge, help);
    for (standing, counts) in standings {
        for layer in LayerId::ALL {
            let labels = [("layer", layer.as_str()), ("standing", standing)];
            family.sample(&labels, counts.get(&layer).copied().unwrap_or(0));
        }
    }
    let mut gauge = |name, help, value: f64| text.family(name, Kind::Gauge, help).sample(&[], value);
    gauge("dip_drift_hidden_checks", "Checks that wait for any of these.", drift.hidden as f64);
    gauge("dip_drift_looked_at_checks", "Checks in all.", seen.draft.steps().len() as f64);
    gauge("dip_drift_look_timestamp_seconds", "When the site was looked at.", seconds(seen.survey.at()));
    text.finish()
}

fn count<'a>(steps: impl Iterator<Item = &'a Step>) -> BTreeMap<LayerId, u64> {
    let mut counts = BTreeMap::new();
    for step in steps {
        *counts.entry(step.layer).or_default() += 1;
    }
    counts
}
