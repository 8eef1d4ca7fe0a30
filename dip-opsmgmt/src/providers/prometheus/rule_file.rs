//! The rule file of a site, `dip-<site>.yml`: its mark in the first line, then JSON, which is YAML as well.

use std::collections::BTreeMap;
use std::time::Duration;

use dip_core::id::SiteName;
use serde::{Deserialize, Serialize};

use super::target_file::SITE;
use crate::provider::Rule;
use crate::settings;

/// The annotation that has the expression as it was written: Prometheus tells expressions in its own spelling, and so it would not be
/// seen whether it has taken in a change.
const EXPRESSION: &str = "expression";

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    groups: Vec<Group>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Group {
    name: String,
    rules: Vec<Written>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    alert: String,
    expr: String,
    r#for: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// The first line of a site's rule file.
pub(super) fn mark(owner: &SiteName) -> String {
    format!("# Of dip, site {owner}: written from the site file; what is changed here is lost.\n")
}

/// The name of a site's group of rules.
pub(super) fn group_name(owner: &SiteName) -> String {
    format!("dip-{owner}")
}

pub(super) fn labels(rule: &Rule, owner: &SiteName) -> BTreeMap<String, String> {
    [(SITE.to_owned(), owner.to_string()), ("severity".to_owned(), rule.severity.clone())].into()
}

pub(super) fn annotations(rule: &Rule) -> BTreeMap<String, String> {
    let summary = rule.summary.iter().map(|summary| ("summary".to_owned(), summary.clone()));
    summary.chain([(EXPRESSION.to_owned(), rule.expression.clone())]).collect()
}

/// The file of these rules.
pub(super) fn text(rules: &[Rule], owner: &SiteName) -> String {
    let written = |rule: &Rule| Written {
        alert: rule.alert.clone(),
        expr: rule.expression.clone(),
        r#for: span(rule.lasting),
        labels: labels(rule, owner),
        annotations: annotations(rule),
    };
    let group = Group { name: group_name(owner), rules: rules.iter().map(written).collect() };
    let json = serde_json::to_string_pretty(&Document { groups: vec![group] }).expect("texts serialise to JSON");
    format!("{}{json}\n", mark(owner))
}

/// The rules of a file that dip wrote. Rules that were changed by hand read as none, and so differ.
pub(super) fn parse(text: &str, owner: &SiteName) -> Vec<Rule> {
    let Some(json) = text.strip_prefix(&mark(owner)) else { return Vec::new() };
    let Ok(mut document) = serde_json::from_str::<Document>(json) else { return Vec::new() };
    let rules = document.groups.pop().map(|group| group.rules).unwrap_or_default();
    let read = |mut written: Written| Rule {
        alert: written.alert,
        expression: written.expr,
        lasting: settings::span(&written.r#for).unwrap_or_default(),
        severity: written.labels.remove("severity").unwrap_or_default(),
        summary: written.annotations.remove("summary"),
    };
    let rules: Vec<Rule> = rules.into_iter().map(read).collect();
    if self::text(&rules, owner) == text { rules } else { Vec::new() }
}

/// A span as Prometheus takes it. It has units up to years, but a number of the smallest is as good.
fn span(duration: Duration) -> String {
    match duration.as_millis() {
        whole if whole % 60_000 == 0 && whole > 0 => format!("{}m", whole / 60_000),
        whole if whole % 1000 == 0 => format!("{}s", whole / 1000),
        odd => format!("{odd}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_were_written_and_not_where_a_hand_changed_them() {
        let owner = SiteName::new("lab").expect("a name");
        let rule = |lasting| Rule {
            alert: "Hot".to_owned(),
            expression: "temperature{node=\"n1\"} > 30".to_owned(),
            lasting,
            severity: "page".to_owned(),
            summary: Some("it is hot".to_owned()),
        };
        let spans = [0, 90, 300_000, 1500].map(Duration::from_millis);
        let rules: Vec<_> = spans.into_iter().chain([Duration::from_secs(90)]).map(rule).collect();
        let written = text(&rules, &owner);
        assert_eq!(parse(&written, &owner), rules);
        assert!(parse(&written.replacen("> 30", "> 40", 1), &owner).is_empty());
    }
}
