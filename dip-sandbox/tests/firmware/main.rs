//! Firmware, settings and volumes of nodes as one transaction, on simulated machines.

mod interrupted;
mod machine;
#[path = "../shared/mortal_journal.rs"]
mod mortal_journal;
mod page;
mod refused;
mod scene;
mod whole;
