//! A BMC by Redfish (DMTF DSP0266), read tolerantly: services leave out what the schemas require and add what they like.
//!
//! From the bottom up: `tls` (whom to trust), `wire` (the network, or a `service` in this process), `address`, `answer`, `push`, `send` and `client` (requests, sessions, refusals), `members` and `expand`
//! (collections), `resource` (the JSON), `machine` (which of the service's systems is the node, its controller, its boxes, its
//! quirks), then a file for each ability, and `bmc`, which offers them.

mod accounts;
mod address;
mod answer;
mod bios;
mod bmc;
mod boot;
mod certificate;
mod client;
mod controller;
mod error;
mod event_log;
mod events;
mod expand;
mod firmware;
mod health;
mod identify_light;
mod inventory;
mod login;
mod machine;
mod members;
mod network_adapters;
mod power;
mod push;
mod raid;
#[cfg(feature = "fuzzing")]
mod readers;
mod registry;
mod resource;
mod secure_boot;
mod send;
mod sensors;
#[cfg(feature = "models")]
pub mod service;
mod sse;
mod syslog;
mod tasks;
mod tls;
mod virtual_media;
mod wire;

pub use bmc::Redfish;
pub use dip_core::tls::FingerprintError;
pub use error::RedfishError;
#[cfg(feature = "fuzzing")]
pub(crate) use readers::readers;
