//! One file for each server that tests use.

mod bind;
mod chrony;
mod dnsmasq;
mod etcd;
mod fru;
mod guest;
mod ipmi_sim;
mod kea;
mod lldpd;
mod netconfd;
mod node_directory;
mod ovs;
mod prometheus;
mod redfish;
mod segment;
mod snmpd;
mod tinyproxy;

pub use bind::{Bind, BindConfig, Zone};
pub use chrony::Chrony;
pub use dnsmasq::Dnsmasq;
pub(crate) use dnsmasq::DnsmasqSetup;
pub use etcd::Etcd;
pub use guest::{GuestConfig, run_guest};
pub use ipmi_sim::{BmcUser, IpmiSim, IpmiSimConfig};
pub use kea::Kea;
pub use lldpd::{LldpSegment, Lldpd};
pub use netconfd::{NetconfTarget, Netconfd};
pub use node_directory::{BootDevice, NodeDirectory, PowerState};
pub use ovs::Ovs;
pub use prometheus::Prometheus;
pub use redfish::{RedfishSystem, SushyEmulator, Tls};
pub use segment::{Lease, Segment};
pub use snmpd::{PduConfig, SnmpPdu};
pub use tinyproxy::Tinyproxy;
