//! NetBox under trial: one that somebody started by hand, because it is in no package that the lab could install.
//!
//! `DIP_NETBOX_URL` and `DIP_NETBOX_TOKEN` name an empty one, of which nothing is wanted afterwards; docs/cmdb.md says how to start one.

use std::sync::Arc;

use dip_core::conformance::expect::ignored;
use dip_core::conformance::{Trial, on_server};

use crate::rest_rig::Rig;
use crate::rest_trials;

const SERVER: &str = "netbox";

pub(crate) async fn trials() -> Vec<Trial> {
    let (Ok(url), Ok(token)) = (std::env::var("DIP_NETBOX_URL"), std::env::var("DIP_NETBOX_TOKEN")) else {
        let told = Trial::new("all_trials", || async {
            ignored(
                "`DIP_NETBOX_URL` and `DIP_NETBOX_TOKEN` name no NetBox; no package has one, so it is started by hand",
            )
        });
        return vec![told.on(SERVER)];
    };
    let installed = Ok::<(), String>(());
    on_server(SERVER, installed, Rig::netbox(&url, &token), |rig: Arc<Rig>| rest_trials::all(&rig)).await
}
