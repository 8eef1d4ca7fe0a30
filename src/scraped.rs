//! Some nodes of a site for a Prometheus that is not dip's to write to, from what the layers know of them.

use dip_core::site::{Node, Site};
use dip_opsmgmt::provider::Target;

/// The targets of the nodes of a site that are wanted at ready state, that serve metrics, and that `wanted` takes:
/// [`http_sd`](dip_opsmgmt::providers::prometheus::http_sd) makes a document of them.
#[must_use]
pub fn scraped(site: &Site, wanted: impl Fn(&Node) -> bool) -> Vec<Target> {
    let nodes = site.ready_nodes().filter(|node| wanted(node));
    let target =
        |node: &Node| Some(dip_opsmgmt::target(site, node, dip_opsclients::metrics_address(node)?.to_string()));
    nodes.filter_map(target).collect()
}
