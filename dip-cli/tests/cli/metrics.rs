//! Metrics as an operator meets them: in a file while a run goes on, from a journal afterwards, and of drift.

use dip::core::journal::JournalReader;
use dip::core::metrics::Metrics;

use crate::place::Place;

#[test]
fn a_run_keeps_its_metrics_in_a_file_and_its_journal_gives_the_same() {
    let place = Place::new("metrics");
    std::fs::create_dir_all(place.0.join("textfile")).expect("a directory");
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes", "--metrics", "textfile/dip.prom"]).ends(0);
    let run = place.run();
    let mut metrics = Metrics::new();
    let records = JournalReader::open(&place.journal(&run)).and_then(|mut journal| journal.read()).expect("a journal");
    records.iter().for_each(|record| metrics.record(record));
    let wanted = metrics.to_prometheus();
    assert!(wanted.contains("\ndip_run_outcome{site=\"demo\",outcome=\"ready\"} 1\n"), "{wanted}");
    assert!(wanted.contains(&format!("run=\"{run}\"")), "{wanted}");
    assert_eq!(place.read("textfile/dip.prom"), wanted, "the file is that of the end");
    assert_eq!(place.dip(&["show", "--metrics"]).ends(0).out, wanted);
    assert_eq!(place.dip(&["show", "--metrics", &run]).ends(0).out, wanted);
    let left = std::fs::read_dir(place.0.join("textfile")).expect("a directory").count();
    assert_eq!(left, 1, "nothing half-written is left beside it");
    place.dip(&["show", "--metrics", "--json"]).ends(2).tells("--json");
}

#[test]
fn a_file_of_metrics_that_cannot_be_written_is_told_before_anything_is_done() {
    let place = Place::new("metrics-nowhere");
    let done = place.dip(&["apply", "site.yaml", "--sandbox", "--yes", "--metrics", "nowhere/dip.prom"]).ends(2);
    done.tells("nowhere/dip.prom cannot be written: No such file or directory");
    assert_eq!(place.count_journals(), 0, "nothing was begun");
}

#[test]
fn drift_is_counted_for_an_alert() {
    let place = Place::new("metrics-drift");
    let done = place.dip(&["drift", "site.yaml", "--sandbox", "--metrics", "drift.prom"]).ends(3);
    let told = done.out.lines().filter(|line| line.starts_with("differs  network.")).count();
    let text = place.read("drift.prom");
    let line = format!("dip_drift_checks{{site=\"demo\",layer=\"network\",standing=\"differs\"}} {told}\n");
    assert!(told > 0 && text.contains(&line), "no {line:?} in {text}");
}
