//! Reservations by the commands of Kea's hook `host_cmds`. Debian's Kea has no such hook: the lab has a stand-in that answers by the Kea ARM,
//! over the hosts database of the real server, which real clients are answered from.

use std::sync::Arc;

use dip_core::conformance::expect::{refused, same, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::provider::{ErrorKind, Holder};
use dip_lab::{HostCommandsAge, Postgres, Requirement};
use dip_network::conformance::DhcpHarness;
use dip_network::provider::{Dhcp, Reservation};
use dip_network::providers::kea::Kea;
use dip_network::settings::{KeaBackend, KeaSettings};

use super::interposed::{Before, Interposed};
use super::rig::{
    Rig, a_client_behind_a_relay_gets_what_is_reserved_for_it, a_conflict_says_who_holds_it,
    a_dhcpv6_client_gets_what_is_reserved_for_it, a_lease_is_told, an_address_of_no_subnet_is_refused, provider, seed,
    settings,
};
use crate::by_dhcp::dhcp_and_ipam;
use crate::openvswitch::is;
use crate::wait;

const SERVER: &str = "kea-host-cmds";

pub(super) async fn trials() -> Vec<Trial> {
    on_server(
        SERVER,
        Requirement::check_all(&[Requirement::Kea, Requirement::KeaPostgres]),
        async { Rig::new(dip_lab::Kea::start_with_host_commands().await?).await },
        |rig| {
            let mut trials = dhcp_and_ipam("kea", &rig);
            trials.extend(trials_of! {rig;
                a_dhcpv6_client_gets_what_is_reserved_for_it
                a_client_behind_a_relay_gets_what_is_reserved_for_it
                a_lease_is_told
                a_conflict_says_who_holds_it
                an_address_of_no_subnet_is_refused
            });
            trials
        },
    )
    .await
}
