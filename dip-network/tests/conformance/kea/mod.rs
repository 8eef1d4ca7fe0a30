//! Kea under trial, 2.2 and 3.0: its configuration over HTTP and by its sockets, the database of its hosts backend, and the commands of its
//! hook; ISC dhclient is the client.

mod configuration;
mod database;
mod hook;
mod hook_faults;
mod hook_rig;
mod http;
mod interposed;
mod rig;

use dip_core::conformance::Trial;
use dip_lab::KeaRelease;

pub(crate) async fn trials() -> Vec<Trial> {
    let (old, new) = (KeaRelease::V2_2, KeaRelease::V3_0);
    let (configuration, configuration3, database, database3, hook) = tokio::join!(
        configuration::trials(old),
        configuration::trials(new),
        database::trials(old),
        database::trials(new),
        hook::trials()
    );
    [configuration, configuration3, database, database3, hook].into_iter().flatten().collect()
}
