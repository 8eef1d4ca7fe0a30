//! Trials of sensors.

use std::sync::Arc;

use dip_core::conformance::{Trial, Verdict};

use super::harness::{BmcHarness, expect, facet, offered, trial};
use crate::provider::SensorReading;

/// The trials of [`Sensors`](crate::provider::Sensors).
#[must_use]
pub fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![
        trial(harness, "sensors_read_what_is_so", |harness| async move {
            let sensors = offered!(facet(harness.bmc().sensors(), "sensors"));
            let seen = sensors.readings().await?;
            for truth in harness.sensors() {
                let told = seen.iter().find(|reading| reading.name == truth.name);
                expect(told.is_some_and(|told| agrees(told, &truth)), &format!("it reads {truth:?}"), told)?;
            }
            expect(!seen.is_empty(), "there is a sensor", &seen)?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "the_same_sensors_are_told_in_the_same_order_each_time", |harness| async move {
            let sensors = offered!(facet(harness.bmc().sensors(), "sensors"));
            let names =
                |readings: Vec<SensorReading>| readings.into_iter().map(|reading| reading.name).collect::<Vec<_>>();
            let (first, second) = (names(sensors.readings().await?), names(sensors.readings().await?));
            expect(first == second, &format!("they are {first:?}"), &second)?;
            Ok(Verdict::Passed)
        }),
    ]
}

/// Whether a reading is as it should be, to a thousandth.
fn agrees(told: &SensorReading, truth: &SensorReading) -> bool {
    let near = match (told.value, truth.value) {
        (Some(told), Some(truth)) => (told - truth).abs() <= truth.abs() / 1000.0,
        (told, truth) => told.is_none() && truth.is_none(),
    };
    near && (told.unit, told.health) == (truth.unit, truth.health)
}
