//! Prometheus' text form, version 0.0.4, which its server, its node exporter and most collectors read:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use std::fmt::{Display, Write};

use jiff::Timestamp;

/// The media type of the text, for programs that serve it over HTTP.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The text of the metrics of one site; each sample has its name as the first label.
#[derive(Debug)]
pub(super) struct Exposition<'a> {
    site: &'a str,
    text: String,
}

/// One metric: its samples follow each other, as the form asks for.
#[derive(Debug)]
pub(super) struct Family<'a> {
    name: &'static str,
    site: &'a str,
    text: &'a mut String,
}

const IN_MEMORY: &str = "memory takes every text";

impl<'a> Exposition<'a> {
    pub(super) const fn new(site: &'a str) -> Self {
        Self { site, text: String::new() }
    }

    /// Begins a metric; `help` is one line without a backslash.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect(IN_MEMORY);
        Family { name, site: self.site, text: &mut self.text }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

impl Family<'_> {
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.suffixed("", labels, value);
    }

    /// A sample of a histogram: its name has a suffix.
    pub(super) fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        write!(self.text, "{}{suffix}{{site=\"{}\"", self.name, Escaped(self.site)).expect(IN_MEMORY);
        for (name, word) in labels {
            write!(self.text, ",{name}=\"{}\"", Escaped(word)).expect(IN_MEMORY);
        }
        writeln!(self.text, "}} {value}").expect(IN_MEMORY);
    }
}

/// A time as Prometheus counts it: seconds since 1970, to the millisecond.
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// The value of a label: backslash, quote and line feed are escaped, and nothing else.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_as_the_form_asks_for() {
        let mut text = Exposition::new("a\\b\"c\nd");
        text.family("dip_test", Kind::Gauge, "A test.").sample(&[("word", "é{}")], 1.5);
        let wanted =
            "# HELP dip_test A test.\n# TYPE dip_test gauge\ndip_test{site=\"a\\\\b\\\"c\\nd\",word=\"é{}\"} 1.5\n";
        assert_eq!(text.finish(), wanted);
    }
}
