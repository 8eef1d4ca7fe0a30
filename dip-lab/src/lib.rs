//! Starts the real servers that the tests of dip use.
//!
//! A test names what it needs ([`Requirement`]), starts servers on free ports ([`Bind`], [`IpmiSim`],
//! [`Ovs`] ...) or a whole small datacenter ([`Datacenter`]), and drops them at its end. What was started
//! is stopped by process id, also after a failed test; what a killed test left behind is swept away by
//! the next one. A machine that lacks a program makes the trial *ignored*, with the reason ([`trial`]).
//!
//! Development only: nothing in the product depends on this crate.

mod cache;
mod certificate;
mod command;
pub mod corpus;
mod daemon;
mod datacenter;
mod door;
mod error;
mod hosts;
mod http;
mod ledger;
mod namespace;
mod net;
mod ready;
mod requirement;
mod scratch;
mod servers;
mod subnet;
mod trial;

pub use cache::{Cache, Overlay};
pub use datacenter::{BmcProtocol, Datacenter, LabNode, Layout};
pub use error::{LabError, Missing};
pub use hosts::{Host, Hosts, SshKey};
pub use namespace::Namespace;
pub use requirement::{Program, Requirement, find_program, is_build_server, is_root};
pub use servers::{
    Alertmanager, Bind, BindConfig, BmcUser, BootDevice, BootFirmware, BootQuestion, Chassis, Chrony, DhcpServer,
    Dnsmasq, DnsmasqNames, Etcd, GuestConfig, IpmiSim, IpmiSimConfig, IscDhcpd, Kea, KeaHosts, KeaRelease, KeaTls,
    Knot, KnotConfig, Lease, Lease6, LldpSegment, Lldpd, Nautobot, Netboot, NetconfTarget, Netconfd, NodeDirectory,
    Ovs, PduConfig, Postgres, PowerDns, PowerState, Prometheus, PuppetServer, RedfishSystem, SaltMaster, Segment,
    SnmpPdu, SushyEmulator, Tinyproxy, Tls, Transfers, Zone, ZoneLimits, run_guest,
};
pub use trial::trial;
