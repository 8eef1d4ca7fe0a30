//! Open vSwitch, netconfd, lldpd, dnsmasq, ISC dhcpd, Kea and snmpd, the real ones, against the trials of their traits; and this layer's steps on them.

mod by_dhcp;
mod cabling;
mod clients;
mod dhcpv6;
mod dnsmasq;
mod isc_dhcpd;
mod kea;
mod mlag;
mod netconf;
mod openvswitch;
mod snmp;
mod step;

use std::future::Future;
use std::process::ExitCode;

use dip_core::conformance::{Trial, run_as_tests};
use tokio::runtime::Handle;

/// Waits for the lab, whose futures need not be `Send`, within a trial, whose future must be.
pub(crate) fn wait<F: Future>(lab: F) -> F::Output {
    tokio::task::block_in_place(|| Handle::current().block_on(lab))
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    let trials: Vec<Trial> = runtime.block_on(async {
        let (cabling, dnsmasq, isc_dhcpd, kea, mlag, netconf, openvswitch, snmp) = tokio::join!(
            cabling::trials(),
            dnsmasq::trials(),
            isc_dhcpd::trials(),
            kea::trials(),
            mlag::trials(),
            netconf::trials(),
            openvswitch::trials(),
            snmp::trials()
        );
        [cabling, dnsmasq, isc_dhcpd, kea, mlag, netconf, openvswitch, snmp].into_iter().flatten().collect()
    });
    run_as_tests(&runtime, trials)
}
