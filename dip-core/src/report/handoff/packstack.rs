//! An answer file of `PackStack`: which node does what, and which time they follow. All other answers keep their defaults.
//!
//! Format: PackStack, `docs/packstack.rst` ("Global Options") and `packstack --gen-answer-file`; an answer that is left out has the
//! default of `packstack` (`_loadParamFromFile` in its `run_setup.py`), passwords among them, which it then makes itself.

use std::fmt::Write as _;

use super::list::Member;
use super::{HandOff, HandOffError, HandOffFormat};
use crate::site::Endpoint;

const CONTROLLER: &str = "controller";
const COMPUTE: &str = "compute";
const NETWORK: &str = "network";
const STORAGE: &str = "storage";
pub(super) const ROLES: [&str; 4] = [CONTROLLER, COMPUTE, NETWORK, STORAGE];

/// The port of NTP, which an answer cannot change.
const NTP_PORT: u16 = 123;

pub(super) fn write(list: &HandOff<'_>, cluster: Option<&str>) -> Result<String, HandOffError> {
    let format = HandOffFormat::Packstack;
    let cluster = list.cluster(format, cluster, &ROLES)?;
    let addresses = |members: Vec<&Member<'_>>| {
        let addresses: Result<Vec<String>, HandOffError> =
            members.into_iter().map(|member| member.by_address(format)).collect();
        addresses.map(|addresses| addresses.join(","))
    };
    let controllers = list.needed(format, cluster, CONTROLLER)?;
    let mut out = format!("# Cluster {} of site {}.\n[general]\n", cluster.name, list.site.name);
    if let Some(others) = controllers.get(1..).filter(|others| !others.is_empty()) {
        let names: Vec<&str> = others.iter().map(|member| member.node.name.as_str()).collect();
        let _ = writeln!(out, "# PackStack knows one controller; left out: {}", names.join(", "));
    }
    let mut answer = |key: &str, members: Vec<&Member<'_>>| -> Result<(), HandOffError> {
        if !members.is_empty() {
            let _ = writeln!(out, "{key}={}", addresses(members)?);
        }
        Ok(())
    };
    answer("CONFIG_CONTROLLER_HOST", vec![controllers[0]])?;
    answer("CONFIG_COMPUTE_HOSTS", list.needed(format, cluster, COMPUTE)?)?;
    answer("CONFIG_NETWORK_HOSTS", list.in_role(cluster, NETWORK))?;
    if let Some(storage) =
        list.in_role(cluster, STORAGE).first().filter(|node| node.node.name != controllers[0].node.name)
    {
        // PackStack reads this answer only where its users take on what Red Hat does not support (`check_cinder_vg`).
        let _ = writeln!(out, "CONFIG_UNSUPPORTED=y\nCONFIG_STORAGE_HOST={}", storage.by_address(format)?);
    }
    let servers: Vec<String> = list.time_servers.iter().filter_map(|server| on_the_usual_port(server)).collect();
    if !servers.is_empty() {
        let _ = writeln!(out, "CONFIG_NTP_SERVERS={}", servers.join(","));
    }
    for server in list.time_servers.iter().filter(|server| on_the_usual_port(server).is_none()) {
        let _ = writeln!(out, "# An answer cannot name the port of the time server {server}; left out.");
    }
    Ok(out)
}

/// A server without its port; `None` for one that an answer cannot name, because it listens elsewhere.
fn on_the_usual_port(server: &str) -> Option<String> {
    let server: Endpoint = server.parse().ok()?;
    server.port().is_none_or(|port| port == NTP_PORT).then(|| server.host().to_owned())
}
