//! Some nodes of a site for another installer, with what the layers know of how they are reached and which time they follow.

use dip_core::report::handoff::HandOff;
use dip_core::site::{Node, Site};

/// The nodes of a site that are wanted at ready state and that `wanted` takes, for an installer that goes on from there:
/// [`HandOff::write`] makes its list.
#[must_use]
pub fn hand_off(site: &Site, wanted: impl Fn(&Node) -> bool) -> HandOff<'_> {
    site.ready_nodes().filter(|node| wanted(node)).fold(HandOff::new(site), |list, node| {
        let list = list.with(node, dip_os::login(node));
        dip_opsclients::time_servers(site, node).into_iter().fold(list, HandOff::following)
    })
}
