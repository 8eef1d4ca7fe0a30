//! dip brings racks of real, different machines to *ready state*: cabling, power, firmware, operating system, operations
//! clients and central records all as the site wants them, in the right order, with the DNS, DHCP, BMCs and CMDB that are
//! already there. It is a library: no server to run, no database to install.
//!
//! ```text
//!  site files ─parse─► Site ──┐
//!                             ├─ draft ─► survey ─► plan ─► Engine ─► Records ─► Report
//!  former readings ► Observed ┘  (pure)  (reads)  (pure)     │ ▲
//!                                                          Journal (append-only)
//! ```
//!
//! | crate | what it holds |
//! |---|---|
//! | [`core`] | vocabulary, planner, engine, journal; knows no protocol and no layer |
//! | [`network`] | layer 1: switch ports, PDU outlets, addresses, DHCP |
//! | [`firmware`] | layer 2: BMCs by IPMI and Redfish |
//! | [`os`] | layer 3: hosts over SSH |
//! | [`opsclients`] | layer 4: time, names, metrics, logs, SSH, certificates, caches and configuration agents of the node |
//! | [`apps`] | layer 5: workloads |
//! | [`opsmgmt`] | layer 6: DNS, CMDB, monitoring |
//! | [`cluster`] | layer 7: quorum, membership |
//! | [`sandbox`] | a simulated datacenter that implements every provider trait |

mod hand_off;
#[cfg(doctest)]
mod readme;
mod scraped;
mod seven;

pub use dip_apps as apps;
pub use dip_cluster as cluster;
pub use dip_core as core;
pub use dip_firmware as firmware;
pub use dip_network as network;
pub use dip_opsclients as opsclients;
pub use dip_opsmgmt as opsmgmt;
pub use dip_os as os;
#[cfg(feature = "sandbox")]
pub use dip_sandbox as sandbox;

pub use dip_core::engine::{Engine, Limits, Planner, Prepared, Stop};
pub use dip_core::layer::Layers;
pub use dip_core::observed::Observed;
pub use dip_core::plan::{Goal, Plan};
pub use dip_core::report::{Outcome, Readiness, Report};
pub use dip_core::site::Site;
pub use hand_off::hand_off;
pub use scraped::scraped;
pub use seven::layers;
