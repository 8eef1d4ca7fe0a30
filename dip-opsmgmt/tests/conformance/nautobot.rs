//! Nautobot under trial, the real one.

use std::sync::Arc;

use dip_core::conformance::{Trial, on_server};
use dip_lab::Requirement;

use crate::rest_rig::Rig;
use crate::rest_trials;

const SERVER: &str = "nautobot";

pub(crate) async fn trials() -> Vec<Trial> {
    on_server(SERVER, Requirement::Nautobot.check(), Rig::nautobot(), |rig: Arc<Rig>| rest_trials::all(&rig)).await
}
