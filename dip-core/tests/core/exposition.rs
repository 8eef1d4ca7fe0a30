//! A strict reader of Prometheus' text form 0.0.4: it takes nothing that `promtool check metrics` would refuse.

use std::collections::{BTreeMap, BTreeSet};

/// The samples of a text: name and labels to value.
pub(crate) type Samples = BTreeMap<String, f64>;

/// Reads a text, or says what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Samples, String> {
    let mut samples = Samples::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut family: Option<(&str, &str)> = None;
    let mut helped = None;
    let lines = text.strip_suffix('\n').ok_or("the last line has no end")?;
    for line in lines.split('\n') {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or("no help")?;
            if !is_name(name, true) || help.is_empty() || help.contains('\\') || !help.ends_with('.') {
                return wrong("no help that is a sentence");
            }
            if !seen.insert(name) {
                return wrong("the metric was told before");
            }
            helped = Some(name);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("no type")?;
            if helped.take() != Some(name) {
                return wrong("the type does not follow its help");
            }
            let is_total = name.ends_with("_total");
            match kind {
                "counter" if !is_total => return wrong("a counter is named _total"),
                "gauge" | "histogram" if is_total => return wrong("only a counter is named _total"),
                "counter" | "gauge" | "histogram" => {}
                _ => return wrong("no such type"),
            }
            family = Some((name, kind));
        } else {
            let (name, labels, value) = sample(line).map_err(|why| format!("{why}: {line}"))?;
            let (of, kind) = family.ok_or("a sample before any type")?;
            let suffix =
                name.strip_prefix(of).ok_or_else(|| format!("a sample of another metric than {of}: {line}"))?;
            let fits = match kind {
                "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
                _ => suffix.is_empty(),
            };
            if !fits || kind != "gauge" && value < 0.0 {
                return wrong("no sample of its type");
            }
            if samples.insert(format!("{name}{{{}}}", joined(&labels)), value).is_some() {
                return wrong("a series twice");
            }
        }
    }
    histograms(&samples)?;
    Ok(samples)
}

fn is_name(name: &str, colon: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphabetic() || c == '_' || colon && c == ':';
    name.chars().next().is_some_and(fits) && name.chars().all(|c| fits(c) || c.is_ascii_digit())
}

type Labels = BTreeMap<String, String>;

fn joined(labels: &Labels) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(",")
}

fn sample(line: &str) -> Result<(&str, Labels, f64), String> {
    let (name, mut rest) = line.split_once('{').ok_or("a sample without labels")?;
    if !is_name(name, true) {
        return Err("no name of a metric".into());
    }
    let mut labels = Labels::new();
    loop {
        let (label, after) = rest.split_once("=\"").ok_or("no label")?;
        if !is_name(label, false) || label.starts_with("__") {
            return Err(format!("no name of a label: {label}"));
        }
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().ok_or("a value without an end")? {
                (at, '"') => break at + 1,
                (_, '\\') => match characters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                    other => return Err(format!("no escape: {other:?}")),
                },
                (_, other) => value.push(other),
            }
        };
        if labels.insert(label.to_owned(), value).is_some() {
            return Err(format!("the label {label} twice"));
        }
        rest = &after[end..];
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    let value = rest.strip_prefix("} ").ok_or("no value after the labels")?;
    // A time after the value is refused by the collector of text files.
    let value = value.parse().map_err(|_| format!("no number: {value}"))?;
    Ok((name, labels, value))
}

/// Buckets count all below their bound, and the last one everything.
fn histograms(samples: &Samples) -> Result<(), String> {
    let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (series, count) in samples {
        let Some((name, labels)) = series.split_once("_bucket{") else { continue };
        let (before, le) = labels.split_once("le=\"").ok_or("a bucket without a bound")?;
        let (le, after) = le.split_once('"').ok_or("a bound without an end")?;
        let bound: f64 = le.parse().map_err(|_| format!("no bound: {le}"))?;
        let rest = format!("{before}{}", after.trim_start_matches(','));
        buckets.entry(format!("{name}_count{{{rest}")).or_default().push((bound, *count));
    }
    for (count, mut buckets) in buckets {
        buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        if !buckets.is_sorted_by(|(_, a), (_, b)| a <= b) {
            return Err(format!("buckets that shrink: {count}"));
        }
        let last = buckets.last().copied().unwrap_or_default();
        if samples.get(&count) != Some(&last.1) || last.0 != f64::INFINITY {
            return Err(format!("the last bucket does not count everything: {count}"));
        }
        if !samples.contains_key(&count.replacen("_count{", "_sum{", 1)) {
            return Err(format!("no sum: {count}"));
        }
    }
    Ok(())
}

#[test]
fn the_reader_takes_nothing_that_is_not_of_the_form() {
    let sound = "# HELP a_total Some a.\n# TYPE a_total counter\na_total{x=\"1\"} 2\n";
    assert_eq!(read(sound).map(|samples| samples.len()), Ok(1));
    for (part, bad) in [
        ("counter\n", "meter\n"),
        ("} 2\n", "} 2"),
        ("} 2\n", "} 2 1700000000\n"),
        ("} 2\n", "} two\n"),
        ("{x=", "{0x="),
        ("\"1\"", "\"\\t\""),
        ("\"1\"", "\"\n\""),
        ("a_total{", "b_total{"),
        ("} 2\n", "} 2\na_total{x=\"1\"} 3\n"),
        ("# HELP a_total Some a.\n", ""),
    ] {
        let text = sound.replacen(part, bad, 1);
        assert!(text != sound && read(&text).is_err(), "{text}");
    }
    let histogram = "# HELP h Some h.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum{x=\"\"} 1\nh_count{x=\"\"} 2\n";
    assert!(read(histogram).is_err(), "the labels differ");
}
