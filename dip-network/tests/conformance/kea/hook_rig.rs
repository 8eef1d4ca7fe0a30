//! What the trials of Kea's hook have in common.

use std::path::Path;

use dip_core::conformance::Failure;
use dip_network::conformance::DhcpHarness;
use dip_network::provider::Reservation;
use dip_network::providers::kea::Kea;
use dip_network::settings::{KeaBackend, KeaSettings};

use super::rig::{Rig, by_socket4, provider};

/// The hook behind a control socket of DHCPv4.
pub(super) fn by_socket(socket: &Path) -> Result<Kea, Failure> {
    provider(&KeaSettings { backend: Some(KeaBackend::Hook), ..by_socket4(socket) })
}

pub(super) fn hook4(server: &dip_lab::Kea) -> Result<&Path, Failure> {
    let [v4, _] = server.host_commands.as_ref().ok_or("it has the stand-in")?;
    Ok(&v4.socket)
}

pub(super) fn several(rig: &Rig, count: usize) -> Vec<Reservation> {
    (0..count).map(|_| DhcpHarness::fresh(rig)).collect()
}
