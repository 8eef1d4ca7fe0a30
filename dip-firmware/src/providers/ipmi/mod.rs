//! A BMC by IPMI 2.0 over LAN; one file for each facet.

mod accounts;
mod bmc;
mod boot;
mod console;
mod controller;
mod event_log;
mod identify_light;
mod inventory;
mod machine;
mod make;
mod power;
mod sensors;

pub use bmc::Ipmi;
