//! Alertmanager: the alerts that fire, and silences, through version 2 of its HTTP interface.

mod server;
mod wire;

pub use server::Alertmanager;
