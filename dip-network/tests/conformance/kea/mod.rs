//! Kea under trial: its configuration by the control agent, the database of its hosts backend, and the commands of its hook, for which the lab
//! has a stand-in; ISC dhclient is the client.

mod configuration;
mod database;
mod hook;
mod hook_faults;
mod hook_rig;
mod interposed;
mod rig;

use dip_core::conformance::Trial;

pub(crate) async fn trials() -> Vec<Trial> {
    let (configuration, database, hook) = tokio::join!(configuration::trials(), database::trials(), hook::trials());
    [configuration, database, hook].into_iter().flatten().collect()
}
