//! The rule file of a site, `dip-<site>.yml`: its mark in the first line, what was wanted in the second, then JSON, which is YAML as
//! well.

use std::collections::BTreeMap;
use std::time::Duration;

use dip_core::id::SiteName;
use serde::Serialize;

use super::target_file::{NODE, SITE};
use crate::provider::{Condition, Rule};

/// The annotation that has the expression as it was written: Prometheus tells expressions in its own spelling, and so it would not be
/// seen whether it has taken in a change.
const EXPRESSION: &str = "expression";

/// Goes before the rules as they were wanted, as JSON in one line.
const WANTED: &str = "# ";

#[derive(Debug, Serialize)]
struct Document {
    groups: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    rules: Vec<Written>,
}

#[derive(Debug, Serialize)]
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

pub(super) fn annotations(rule: &Rule, owner: &SiteName) -> BTreeMap<String, String> {
    let summary = rule.summary.iter().map(|summary| ("summary".to_owned(), summary.clone()));
    summary.chain([(EXPRESSION.to_owned(), expression(rule, owner))]).collect()
}

/// What Prometheus evaluates. Its regular expressions match whole values; a dot in a name is no wildcard.
fn expression(rule: &Rule, owner: &SiteName) -> String {
    let nodes: Vec<_> = rule.nodes.iter().map(|node| node.as_str().replace('.', "\\\\.")).collect();
    let labels = format!("{SITE}=\"{owner}\",{NODE}=~\"{}\"", nodes.join("|"));
    match &rule.when {
        Condition::Above { metric, bound } => format!("{metric}{{{labels}}} > {bound}"),
        Condition::Below { metric, bound } => format!("{metric}{{{labels}}} < {bound}"),
        Condition::Expression(expression) => expression.replace(Condition::NODES, &labels),
    }
}

/// The file of these rules.
pub(super) fn text(rules: &[Rule], owner: &SiteName) -> String {
    let written = |rule: &Rule| Written {
        alert: rule.alert.clone(),
        expr: expression(rule, owner),
        r#for: span(rule.lasting),
        labels: labels(rule, owner),
        annotations: annotations(rule, owner),
    };
    let group = Group { name: group_name(owner), rules: rules.iter().map(written).collect() };
    let json = serde_json::to_string_pretty(&Document { groups: vec![group] }).expect("texts serialise to JSON");
    let wanted = serde_json::to_string(rules).expect("texts serialise to JSON");
    format!("{}{WANTED}{wanted}\n{json}\n", mark(owner))
}

/// The rules of a file that dip wrote. Rules that were changed by hand read as none, and so differ.
pub(super) fn parse(text: &str, owner: &SiteName) -> Vec<Rule> {
    let wanted = text.strip_prefix(&mark(owner)).and_then(|text| text.strip_prefix(WANTED)?.lines().next());
    let rules: Vec<Rule> = wanted.and_then(|wanted| serde_json::from_str(wanted).ok()).unwrap_or_default();
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
    use dip_core::id::NodeName;

    #[test]
    fn rules_are_read_as_they_were_written_and_not_where_a_hand_changed_them() {
        let owner = SiteName::new("lab").expect("a name");
        let rule = |lasting| Rule {
            alert: "Hot".to_owned(),
            when: Condition::Above { metric: "temperature".to_owned(), bound: 30 },
            nodes: ["n1", "n2.rack"].map(|node| NodeName::new(node).expect("a name")).to_vec(),
            lasting,
            severity: "page".to_owned(),
            summary: Some("it is hot".to_owned()),
        };
        let spans = [0, 90, 300_000, 1500].map(Duration::from_millis);
        let rules: Vec<_> = spans.into_iter().chain([Duration::from_secs(90)]).map(rule).collect();
        let written = text(&rules, &owner);
        assert_eq!(parse(&written, &owner), rules);
        let expression = "temperature{dip_site=\\\"lab\\\",node=~\\\"n1|n2\\\\\\\\.rack\\\"} > 30";
        assert!(written.contains(&format!("\"expr\": \"{expression}\"")), "{written}");
        assert!(parse(&written.replacen("> 30", "> 40", 1), &owner).is_empty());
        assert!(parse(&written.replacen("\"bound\":30", "\"bound\":40", 1), &owner).is_empty());
    }
}
