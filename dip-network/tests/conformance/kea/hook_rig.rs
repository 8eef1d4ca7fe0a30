//! What the trials of Kea's hook have in common.

use std::path::Path;

use dip_core::conformance::Failure;
use dip_core::hardware::MacAddr;
use dip_network::conformance::DhcpHarness;
use dip_network::provider::Reservation;
use dip_network::providers::kea::Kea;
use dip_network::settings::{KeaBackend, KeaSettings};

use super::database::sql;
use super::rig::{Rig, by_socket4, provider, seed};

/// The hook behind a control socket of DHCPv4.
pub(super) fn by_socket(socket: &Path) -> Result<Kea, Failure> {
    provider(&KeaSettings { backend: Some(KeaBackend::Hook), ..by_socket4(socket) })
}

pub(super) fn several(rig: &Rig, count: usize) -> Vec<Reservation> {
    (0..count).map(|_| DhcpHarness::fresh(rig)).collect()
}

/// All that the tables say of the host of a hardware address, but the numbers of rows and what is empty.
pub(super) fn row(rig: &Rig, mac: MacAddr) -> Result<String, Failure> {
    let mac = mac.to_string().replace(':', "");
    let query = format!(
        "SELECT jsonb_strip_nulls(to_jsonb(h) - '{{host_id,user_context,dhcp6_client_classes}}'::text[]), user_context::jsonb,
             (SELECT jsonb_agg(to_jsonb(o) - '{{host_id,option_id,modification_ts}}'::text[]) FROM dhcp4_options o WHERE o.host_id = h.host_id)
         FROM hosts h WHERE dhcp_identifier = '\\x{mac}'"
    );
    sql(rig, &query)
}

/// A row of somebody who says all that a row can say.
pub(super) async fn seed_full(rig: &Rig, theirs: &Reservation) -> Result<(), Failure> {
    seed(&rig.server, theirs).await?;
    let mac = theirs.mac.to_string().replace(':', "");
    let fill = format!(
        "UPDATE hosts SET dhcp4_boot_file_name = 'theirs.efi', dhcp4_next_server = 172818435, dhcp4_server_hostname = 'tftp',
             dhcp4_client_classes = 'voip,office', user_context = '{{\"room\": 7}}' WHERE dhcp_identifier = '\\x{mac}';
         INSERT INTO dhcp4_options (code, formatted_value, space, persistent, host_id, scope_id)
             SELECT 15, 'example.org', 'dhcp4', true, host_id, 3 FROM hosts WHERE dhcp_identifier = '\\x{mac}'"
    );
    sql(rig, &fill).map(drop)
}
