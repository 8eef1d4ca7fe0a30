//! What is weak or left over at a site, found in its file alone: each finding with its rule, its place and what to do.

mod addresses;
mod clusters;
mod rule;
mod supply;
mod unused;

use std::fmt;

use serde::Serialize;

pub use rule::{NoSuchRule, Rule};

use super::impact::wrapped_places;
use super::thing::{fold, places};
use crate::id::NodeName;
use crate::layer::Layers;
use crate::plan::render::wrap;
use crate::site::{Node, Origin, Site};

/// Something at a site that is worth a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule that found it.
    pub rule: Rule,
    /// It as a sentence, without the names of the nodes.
    pub sentence: String,
    /// The nodes that it is about, where it is about nodes.
    pub nodes: Vec<NodeName>,
    /// What to do.
    pub advice: String,
    /// The places in the site file that it is about.
    pub origins: Vec<Origin>,
}

/// All that is weak or left over at a site, in the order of the rules. What is plainly wrong is told when the site file is
/// read, and is not told again here.
///
/// `layers` tell who uses which service.
#[must_use]
pub fn lint(site: &Site, layers: &Layers) -> Vec<Finding> {
    let mut findings = Vec::new();
    clusters::lint(site, &mut findings);
    supply::lint(site, &mut findings);
    addresses::lint(site, &mut findings);
    unused::lint(site, layers, &mut findings);
    findings.sort_by_key(|finding| finding.rule);
    findings
}

impl Finding {
    fn new<'a>(
        rule: Rule,
        sentence: String,
        advice: impl Into<String>,
        origins: impl IntoIterator<Item = Option<&'a Origin>>,
    ) -> Self {
        Self { rule, sentence, nodes: Vec::new(), advice: advice.into(), origins: places(origins) }
    }

    /// A finding about nodes, told at their places.
    fn of_nodes(rule: Rule, nodes: &[&Node], sentence: String, advice: impl Into<String>) -> Self {
        Self::new(rule, sentence, advice, nodes.iter().map(|node| node.origin.as_ref())).naming(nodes)
    }

    fn naming(mut self, nodes: &[&Node]) -> Self {
        self.nodes = nodes.iter().map(|node| node.name.clone()).collect();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wrap(&format!("{}[{}]: ", self.rule.severity(), self.rule), &self.sentence, 2))?;
        if !self.nodes.is_empty() {
            f.write_str(&wrap("  ", &fold(self.nodes.iter().map(NodeName::as_str)), 2))?;
        }
        f.write_str(&wrapped_places(&self.origins, 2))?;
        f.write_str(&wrap("  → ", &self.advice, 4))
    }
}
