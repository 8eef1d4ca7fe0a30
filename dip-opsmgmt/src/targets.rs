//! What is to be scraped of a node.

use std::collections::BTreeMap;

use dip_core::site::{Node, Site};

use crate::provider::Target;
use crate::settings::{PROMETHEUS, PrometheusSettings};

/// What dip says of a node to those who scrape it.
pub(crate) fn labels(node: &Node) -> BTreeMap<String, String> {
    node.rack.iter().map(|rack| ("rack".to_owned(), rack.to_string())).collect()
}

/// The target of a node whose metrics are at `address`, with the job and the labels that the site's Prometheus gives to all:
/// [`http_sd`](crate::providers::prometheus::http_sd) makes a document of some.
#[must_use]
pub fn target(site: &Site, node: &Node, address: String) -> Target {
    let mut all = BTreeMap::new();
    if let Some(Ok(settings)) = site.services_of(&[PROMETHEUS]).next().map(|of| of.driver.read::<PrometheusSettings>())
    {
        all.extend(settings.of_all_targets());
    }
    all.extend(labels(node));
    Target { node: node.name.clone(), address, labels: all }
}
