//! Metrics: the same from a run and from its journal, in a form that Prometheus reads, with labels that stay few.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::Stop;
use dip_core::id::LayerId;
use dip_core::journal::{Event, Journal, MemoryJournal, Record};
use dip_core::metrics::{Metrics, drift_text};
use dip_core::provider::ErrorKind;

use crate::exposition::{Samples, read};
use crate::toy::{Stage, set};

fn text_of(records: &[Record]) -> String {
    let mut metrics = Metrics::new();
    records.iter().for_each(|record| metrics.record(record));
    metrics.to_prometheus()
}

fn samples_of(records: &[Record]) -> Samples {
    let text = text_of(records);
    read(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

/// A run in which each thing that can be counted happens.
async fn eventful() -> (Stage, Vec<Record>) {
    let stage = Stage::new(vec![
        set("a", &[]),
        set("b", &["a"]),
        set("slow", &[]),
        set("held", &[]),
        set("taken", &[]),
        set("after_taken", &["taken"]),
    ]);
    stage.change(|world| {
        world.things.insert("held".into());
        world.fails.insert("b".into(), (1, ErrorKind::Busy));
        world.fails.insert("taken".into(), (9, ErrorKind::Conflict));
        world.slow.insert("slow".into(), Duration::from_secs(20));
    });
    let (_, records) = stage.run().await;
    (stage, records)
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metrics").join(name);
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file is written");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} is not as it was; look at it, and bless it with DIP_BLESS=1", path.display());
}

#[tokio::test(start_paused = true)]
async fn all_that_happens_in_a_run_is_counted() {
    let (_, records) = eventful().await;
    let text = text_of(&records);
    let samples = samples_of(&records);
    let Event::Began { plan, .. } = &records[0].event else { panic!("the plan comes first") };
    let toy = |name: &str, more: &str| {
        let series = format!("{name}{{layer=\"os\",operation=\"toy.set\"{more},site=\"toy\"}}");
        let key = |series: &str| {
            let mut labels: Vec<&str> = series[name.len() + 1..series.len() - 1].split(',').collect();
            labels.sort_unstable();
            format!("{name}{{{}}}", labels.join(","))
        };
        samples.get(&key(&series)).copied().unwrap_or_else(|| panic!("no {series} in\n{text}"))
    };
    let count = |wanted: fn(&Event) -> bool| records.iter().filter(|record| wanted(&record.event)).count() as f64;
    assert_eq!(toy("dip_step_attempts_total", ""), count(|event| matches!(event, Event::Started { .. })));
    assert_eq!(toy("dip_step_applies_total", ""), count(|event| matches!(event, Event::Applying { .. })));
    assert_eq!(toy("dip_step_waits_total", ""), count(|event| matches!(event, Event::Waiting { .. })));
    assert!(toy("dip_step_waits_total", "") >= 19.0, "a look each second");
    assert_eq!(toy("dip_step_retries_total", ""), 1.0);
    assert_eq!(toy("dip_step_failures_total", ",kind=\"conflict\""), 1.0);
    assert_eq!(toy("dip_step_failures_total", ",kind=\"error\""), 0.0);
    let outcomes = ["blocked", "changed", "failed", "held", "open", "skipped"]
        .map(|outcome| toy("dip_steps", &format!(",outcome=\"{outcome}\"")));
    assert_eq!(outcomes, [1.0, 3.0, 1.0, 0.0, 0.0, 0.0], "what held when it was planned is no step of the plan");
    assert_eq!(outcomes.iter().sum::<f64>(), plan.steps().len() as f64);
    assert_eq!(toy("dip_step_duration_seconds_count", ""), 4.0, "the blocked one never began");
    assert_eq!(samples["dip_run_outcome{outcome=\"failed\",site=\"toy\"}"], 1.0);
    assert_eq!(samples["dip_journal_records_total{site=\"toy\"}"], records.len() as f64);
    golden("run.prom", &text.replace(plan.id().short(), "PLAN"));
}

#[tokio::test(start_paused = true)]
async fn what_happens_now_is_told_while_a_run_goes_on() {
    let (_, records) = eventful().await;
    assert_eq!(text_of(&[]), "", "no run has begun");
    let is_first_wait = |record: &Record| matches!(record.event, Event::Waiting { .. });
    let wait = records.iter().position(is_first_wait).expect("something waits");
    let now = samples_of(&records[..=wait]);
    let state = |samples: &Samples, state: &str| samples[&format!("dip_steps_open{{site=\"toy\",state=\"{state}\"}}")];
    assert_eq!(state(&now, "settling"), 1.0);
    let began = samples_of(&records[..1]);
    assert_eq!((state(&began, "turn"), state(&began, "needs")), (3.0, 2.0), "three could begin at once");
    assert_eq!(samples_of(&records[..1])["dip_run_outcome{outcome=\"open\",site=\"toy\"}"], 1.0);
    // In each moment of the run the text is sound, and says of each step either how it ended or what it does.
    for end in 1..=records.len() {
        let samples = samples_of(&records[..end]);
        let sum = |family: &str, labels: &str| -> f64 {
            samples.iter().filter(|(key, _)| key.starts_with(family) && key.contains(labels)).map(|(_, v)| v).sum()
        };
        assert_eq!(sum("dip_steps{", "outcome=\"open\""), sum("dip_steps_open{", ""));
        assert_eq!(sum("dip_steps{", ""), 5.0);
    }
    let since = "dip_step_open_since_timestamp_seconds{layer=\"os\",operation=\"toy.set\",site=\"toy\"}";
    assert!(now[since] >= 1_767_225_600.0, "2026-01-01");
    assert!(!samples_of(&records).contains_key(since), "nothing is open at the end");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_another_process_goes_on_with_is_counted_on() {
    let (stage, mut records) = eventful().await;
    stage.change(|world| world.fails.clear());
    let journal = Arc::new(MemoryJournal::new());
    let kept = Arc::clone(&journal) as Arc<dyn Journal>;
    let report = stage.engine().resume(&records, kept, &Stop::new()).await.expect("a run");
    assert_eq!(report.failures().count(), 0);
    let before = samples_of(&records);
    records.extend(journal.records());
    let after = samples_of(&records);
    assert_eq!(after["dip_run_owners_total{site=\"toy\"}"], 2.0);
    assert_eq!(after["dip_run_outcome{outcome=\"ready\",site=\"toy\"}"], 1.0);
    for (series, value) in before.iter().filter(|(series, _)| series.contains("_total{")) {
        assert!(after[series] >= *value, "a counter never goes back: {series}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_site_of_many_things_has_as_many_series_as_one_of_few() {
    let count = async |things: usize| {
        let stage = Stage::new((0..things).map(|thing| set(&format!("t{thing}"), &[])).collect());
        samples_of(&stage.run().await.1).len()
    };
    assert_eq!(count(3).await, count(300).await);
}

#[tokio::test(start_paused = true)]
async fn drift_is_told_by_layer() {
    let (stage, _) = eventful().await;
    stage.change(|world| world.things.remove("a"));
    let text = drift_text(&stage.prepare().await.expect("a plan"));
    let samples = read(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
    let checks = |standing: &str, layer: &str| {
        samples[&format!("dip_drift_checks{{layer=\"{layer}\",site=\"toy\",standing=\"{standing}\"}}")]
    };
    assert_eq!(checks("differs", "os"), 2.0, "the thing that was taken away, and the one that is another's:\n{text}");
    assert_eq!((checks("follows", "os"), checks("unknown", "os")), (1.0, 0.0), "{text}");
    assert!(LayerId::ALL.iter().all(|layer| checks("differs", layer.as_str()) >= 0.0), "each layer is told");
    assert_eq!(samples["dip_drift_looked_at_checks{site=\"toy\"}"], 6.0);
}

/// And none that is not there.
#[tokio::test(start_paused = true)]
async fn the_page_tells_each_metric_that_there_is() {
    let page = include_str!("../../../docs/observability.md");
    let (stage, records) = eventful().await;
    let text = text_of(&records) + &drift_text(&stage.prepare().await.expect("a plan"));
    let there: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ').map(|(name, _)| name)).collect();
    let told: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `dip_")?.split_once('`').map(|(name, _)| name)).collect();
    assert_eq!(told, there.iter().map(|name| &name["dip_".len()..]).collect());
}
