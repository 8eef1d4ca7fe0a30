//! The commands of Kea's hook `libdhcp_host_cmds.so`, and what their answers mean.
//!
//! Source: Kea ARM, section "`libdhcp_host_cmds.so`: Host Commands".

use dip_core::provider::ErrorKind;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::client::Server;
use super::entry::SubnetId;

/// How many reservations are asked for at once. A server answers no client while it prepares them.
const PAGE: u32 = 500;

/// Where the commands look and write: in the server's databases, and not in its configuration. Kea before 2.3.8 does not know the argument
/// and ignores it: it writes into databases alone.
const DATABASE: &str = "database";

/// The first database in the order of Kea's sources; 0 is its configuration.
const FIRST_DATABASE: u32 = 1;

/// What a server with the hook knows.
const NEEDED: [&str; 4] = ["reservation-add", "reservation-del", "reservation-get", "reservation-get-page"];

/// What it knows since Kea 2.4.
const UPDATE: &str = "reservation-update";

/// Whether what is there can be changed, and not only added and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Updates {
    Possible,
    Unknown,
}

/// A client in the words of the commands: the kind of what it is known by, and that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identifier(&'static str, String);

impl Identifier {
    /// That of a reservation.
    pub(super) fn of(item: &Value) -> Option<Self> {
        let kinds = ["hw-address", "duid", "circuit-id", "client-id", "flex-id"];
        kinds.into_iter().find_map(|kind| Some(Self(kind, item[kind].as_str()?.to_owned())))
    }
}

/// What the hook of a server can do.
///
/// # Errors
/// `Unsupported` where it is not loaded.
pub(super) async fn loaded(server: &Server) -> Result<Updates, Failure> {
    let told = server.command("list-commands", None).await?.unwrap_or_default();
    let knows = |command: &str| told.as_array().is_some_and(|all| all.iter().any(|one| one == command));
    match NEEDED.into_iter().find(|command| !knows(command)) {
        Some(missing) => {
            let why = format!("{server} has not loaded the hook `libdhcp_host_cmds.so`: it does not know `{missing}`");
            let advice = "add {\"library\": \"libdhcp_host_cmds.so\"}, with its whole path before Kea 3.0, to `hooks-libraries` of its configuration and start it \
                          anew (Kea has it since 2.7.7; before, ISC sold it), or leave out `backend: hook`";
            Err(Failure::new(ErrorKind::Unsupported, why).advise(advice))
        }
        None if knows(UPDATE) => Ok(Updates::Possible),
        None => Ok(Updates::Unknown),
    }
}

/// All reservations that are stored for a subnet.
///
/// Each subnet is asked for by itself: a list of all of them ends where a page has nothing but reservations of the other server.
pub(super) async fn all(server: &Server, subnet: SubnetId) -> Result<Vec<Value>, Failure> {
    let (mut all, mut from) = (Vec::new(), json!({"source-index": FIRST_DATABASE, "from": 0}));
    loop {
        let arguments = json!({
            "subnet-id": subnet.0, "limit": PAGE, "source-index": from["source-index"], "from": from["from"],
        });
        let told = ask(server, "reservation-get-page", &arguments).await?.unwrap_or_default();
        let hosts = told["hosts"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.extend_from_slice(hosts);
        if hosts.is_empty() || !told["next"].is_object() || told["next"] == from {
            return Ok(all);
        }
        from = told["next"].clone();
    }
}

/// The reservation of a client in a subnet.
pub(super) async fn of_client(
    server: &Server,
    subnet: SubnetId,
    client: &Identifier,
) -> Result<Option<Value>, Failure> {
    get(server, by(subnet, client)).await
}

/// The reservation of an address in a subnet.
pub(super) async fn of_address(
    server: &Server,
    subnet: SubnetId,
    address: std::net::IpAddr,
) -> Result<Option<Value>, Failure> {
    get(server, json!({"subnet-id": subnet.0, "ip-address": address, "operation-target": DATABASE})).await
}

/// Where there is none, some versions tell a result without one, others that it is empty.
async fn get(server: &Server, arguments: Value) -> Result<Option<Value>, Failure> {
    Ok(ask(server, "reservation-get", &arguments).await?.filter(Value::is_object))
}

pub(super) async fn add(server: &Server, subnet: SubnetId, item: Value) -> Result<(), Failure> {
    put(server, "reservation-add", subnet, item).await
}

/// Puts a reservation into the place of the one of its client; what it does not say is gone.
pub(super) async fn update(server: &Server, subnet: SubnetId, item: Value) -> Result<(), Failure> {
    put(server, UPDATE, subnet, item).await
}

async fn put(server: &Server, command: &str, subnet: SubnetId, mut item: Value) -> Result<(), Failure> {
    item["subnet-id"] = json!(subnet.0);
    ask(server, command, &json!({"reservation": item, "operation-target": DATABASE})).await.map(drop)
}

/// Removes the reservation of a client, never that of an address: Kea with PostgreSQL removed all of a subnet then (until 2.5.8).
pub(super) async fn delete(server: &Server, subnet: SubnetId, client: &Identifier) -> Result<(), Failure> {
    match ask(server, "reservation-del", &by(subnet, client)).await {
        // It is gone: older versions tell that as an error, and others as empty.
        Err(failure) if is_absent(&failure) => Ok(()),
        other => other.map(drop),
    }
}

/// Whether the hook refused because there is no such reservation.
pub(super) fn is_absent(failure: &Failure) -> bool {
    failure.kind == ErrorKind::Invalid && failure.why.contains("not found")
}

fn by(subnet: SubnetId, Identifier(kind, client): &Identifier) -> Value {
    json!({"subnet-id": subnet.0, "identifier-type": kind, "identifier": client, "operation-target": DATABASE})
}

/// A command, with its refusals as what the engine can act on.
async fn ask(server: &Server, command: &str, arguments: &Value) -> Result<Option<Value>, Failure> {
    server.command(command, Some(arguments)).await.map_err(told)
}

/// What a refusal says of the server rather than of what it was asked.
fn told(failure: Failure) -> Failure {
    // Its connection to the database, and PostgreSQL's classes of errors that pass: 40 and 55, somebody holds what it needs; 53, out of
    // memory or connections; 57, it shuts down or starts.
    const PASSING: [&str; 6] =
        ["connectivity lost", "invalid connection", "sqlstate:[ 40", "sqlstate:[ 53", "sqlstate:[ 55", "sqlstate:[ 57"];
    if failure.kind != ErrorKind::Invalid {
        failure
    } else if failure.why.contains("read only mode") {
        Failure { kind: ErrorKind::Denied, ..failure }.advise("take `readonly` out of its `hosts-databases`")
    } else if PASSING.iter().any(|words| failure.why.contains(words)) {
        Failure { kind: ErrorKind::Busy, ..failure }.advise("see whether its hosts database runs, and Kea itself")
    } else {
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words are those of Kea's backend for PostgreSQL.
    #[test]
    fn a_refusal_that_is_of_the_database_is_told_as_such_and_another_stays() {
        let kind = |text: &str| told(Failure::new(ErrorKind::Invalid, format!("kea refuses it: {text}"))).kind;
        let read_only = "PostgreSQL host database backend is configured to operate in read only mode";
        assert_eq!(kind(read_only), ErrorKind::Denied);
        assert_eq!(kind("fatal database error or connectivity lost"), ErrorKind::Busy);
        let deadlock = "Statement exec failed for: insert_host_unique_ip, status: 7sqlstate:[ 40P01 ], reason: ERROR:  deadlock detected";
        assert_eq!(kind(deadlock), ErrorKind::Busy);
        assert_eq!(kind("Database duplicate entry error"), ErrorKind::Invalid);
    }
}
