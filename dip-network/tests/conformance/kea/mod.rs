//! Kea under trial: its configuration by the control agent, and the database of its hosts backend; ISC dhclient is the client.

mod configuration;
mod database;
mod interposed;
mod rig;

use dip_core::conformance::Trial;

pub(crate) async fn trials() -> Vec<Trial> {
    let (mut all, database) = tokio::join!(configuration::trials(), database::trials());
    all.extend(database);
    all
}
