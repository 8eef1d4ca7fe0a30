//! Firmware, settings and volumes of nodes as one transaction, on simulated machines.

mod interrupted;
mod machine;
mod page;
mod refused;
mod scene;
mod whole;
