//! What fires in a simulated Alertmanager, what is silenced there, and the rules of a monitoring server.

use std::collections::BTreeMap;

use dip_core::id::{NodeName, SiteName};
use dip_core::provider::Silence;
use dip_opsmgmt::provider::{Alert, AlertsOf, Rule};
use jiff::Timestamp;

/// The alerts and silences of one server.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    firing: Vec<(SiteName, Alert, BTreeMap<String, String>)>,
    silences: Vec<Silence>,
}

/// The rules of each site in one server.
pub(crate) type Rulebook = BTreeMap<SiteName, Vec<Rule>>;

impl Alarms {
    /// Lets an alert of a site fire.
    pub(crate) fn fire(&mut self, site: SiteName, alert: Alert, labels: BTreeMap<String, String>) {
        self.firing.push((site, alert, labels));
    }

    pub(crate) fn firing(&self, of: &AlertsOf, now: Timestamp) -> Vec<Alert> {
        let is_of = |site: &SiteName, alert: &Alert, labels: &BTreeMap<String, String>| {
            let carries = of.labels.iter().all(|(name, value)| labels.get(name) == Some(value));
            let of_node = || of.nodes.iter().any(|node| alert.node.as_deref() == Some(node.as_str()));
            (!of.labels.is_empty() && carries) || (*site == of.site && of_node())
        };
        let is_silent = |site: &SiteName, alert: &Alert| {
            let mut silences = self.silences.iter().filter(|silence| silence.until > now && silence.site == *site);
            silences.any(|silence| alert.node.as_deref() == Some(silence.node.as_str()))
        };
        let heard =
            self.firing.iter().filter(|(site, alert, labels)| is_of(site, alert, labels) && !is_silent(site, alert));
        let mut firing: Vec<Alert> = heard.map(|(_, alert, _)| alert.clone()).collect();
        firing.sort_by(|a, b| (a.since, &a.name, &a.node).cmp(&(b.since, &b.name, &b.node)));
        firing
    }

    /// Makes or prolongs a silence; tells whether that changed anything.
    pub(crate) fn silence(&mut self, wanted: &Silence, now: Timestamp) -> bool {
        let is_same = |held: &&mut Silence| {
            (&held.site, &held.run, &held.node) == (&wanted.site, &wanted.run, &wanted.node) && held.until > now
        };
        match self.silences.iter_mut().find(is_same) {
            Some(held) if held.until >= wanted.until => return false,
            Some(held) => held.until = wanted.until,
            None => self.silences.push(wanted.clone()),
        }
        true
    }

    /// Ends silences; tells whether there were any.
    pub(crate) fn end(&mut self, site: &SiteName, run: &str, node: Option<&NodeName>) -> bool {
        let before = self.silences.len();
        let is_ended =
            |held: &Silence| held.site == *site && held.run == run && node.is_none_or(|node| held.node == *node);
        self.silences.retain(|held| !is_ended(held));
        self.silences.len() < before
    }

    /// The silences that have not ended.
    pub(crate) fn silences(&self, now: Timestamp) -> Vec<Silence> {
        self.silences.iter().filter(|silence| silence.until > now).cloned().collect()
    }
}
