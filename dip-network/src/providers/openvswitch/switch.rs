//! The provider: ports of Open vSwitch as access ports.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::hardware::VlanId;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::address::OvsdbAddress;
use super::answer::AnswerError;
use super::client::{Client, ClientError};
use super::row::{COLUMNS, MARK, PortRow, uuids};
use crate::provider::{PortState, Switch};

const NAME: &str = "openvswitch";
/// How long the switch may take to bring its database's content into effect: it needs milliseconds, or is not running.
const EFFECT: Duration = Duration::from_secs(3);
/// The pause between two looks at whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// The ports of an Open vSwitch, of all its bridges or of one.
#[derive(Debug)]
pub struct OpenVSwitch {
    client: Client,
    bridge: Option<String>,
}

impl OpenVSwitch {
    /// A provider for a switch; it connects at the first call, and keeps the connection.
    #[must_use]
    pub fn new(address: OvsdbAddress, bridge: Option<String>) -> Self {
        Self { client: Client::new(address), bridge }
    }

    /// The row of a port, and the generation of the configuration that it was read in.
    async fn row(&self, port: &str, action: &Action) -> Result<(PortRow, u64), ProviderError> {
        let mut operations = vec![
            json!({"op": "select", "table": "Port", "where": [["name", "==", port]], "columns": COLUMNS}),
            next_generation(),
        ];
        if let Some(bridge) = &self.bridge {
            operations.push(
                json!({"op": "select", "table": "Bridge", "where": [["name", "==", bridge]], "columns": ["ports"]}),
            );
        }
        let results = self.client.transact(&operations).await.map_err(|error| action.failed(error))?;
        let answer = |error| action.failed(ClientError::Answer(error));
        let Some(row) = results.rows(0).map_err(answer)?.first() else {
            return Err(action.error(ErrorKind::NotFound).advise(format!("the switch has no port `{port}`")));
        };
        let row = PortRow::read(row).map_err(answer)?;
        if let Some(bridge) = &self.bridge {
            let Some(found) = results.rows(2).map_err(answer)?.first() else {
                return Err(action.error(ErrorKind::NotFound).advise(format!("the switch has no bridge `{bridge}`")));
            };
            let ports = uuids(found).ok_or(AnswerError::Malformed("ports of the bridge")).map_err(answer)?;
            if !ports.contains(&&row.uuid) {
                let advice =
                    format!("bridge `{bridge}` has no port `{port}`, though another bridge of that switch has");
                return Err(action.error(ErrorKind::NotFound).advise(advice));
            }
        }
        let generation = generation(results.rows(1).map_err(answer)?, "next_cfg").map_err(answer)?;
        Ok((row, generation))
    }

    /// Waits until the switch itself goes by a generation of its database.
    async fn in_effect(&self, wanted: u64, action: &Action) -> Result<(), ProviderError> {
        let end = Instant::now() + EFFECT;
        let look = [json!({"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["cur_cfg"]})];
        loop {
            let results = self.client.transact(&look).await.map_err(|error| action.failed(error))?;
            let current = results.rows(0).and_then(|rows| generation(rows, "cur_cfg"));
            if current.map_err(|error| action.failed(ClientError::Answer(error)))? >= wanted {
                return Ok(());
            }
            if Instant::now() >= end {
                let advice = format!(
                    "its database took the change, but the switch did not within {EFFECT:?}; is ovs-vswitchd running?"
                );
                return Err(action.error(ErrorKind::Busy).advise(advice));
            }
            sleep(LOOK).await;
        }
    }

    fn nobody_elses(&self, row: &PortRow, owner: &SiteName, action: &Action) -> Result<(), ProviderError> {
        match row.state.owner.as_ref().filter(|other| *other != owner) {
            None => Ok(()),
            Some(other) => {
                let advice = format!("the port is marked as site `{other}`'s in its external_ids (`{MARK}`)");
                Err(action.error(ErrorKind::Conflict).advise(advice))
            }
        }
    }

    /// Carries out a change of one port, and waits until the switch goes by it.
    async fn carry_out(&self, operations: &[Value], action: &Action) -> Result<(), ProviderError> {
        let results = self.client.transact(operations).await.map_err(|error| action.failed(error))?;
        let answer = |error| action.failed(ClientError::Answer(error));
        if results.count(1).map_err(answer)? != 1 {
            return Err(action.error(ErrorKind::NotFound).advise("the port was removed meanwhile"));
        }
        let generation = results.rows(operations.len() - 1).and_then(|rows| self::generation(rows, "next_cfg"));
        self.in_effect(generation.map_err(answer)?, action).await
    }
}

#[async_trait]
impl Switch for OpenVSwitch {
    async fn port(&self, port: &str) -> Result<PortState, ProviderError> {
        let action = Action(format!("look at port {port}"));
        let (row, generation) = self.row(port, &action).await?;
        self.in_effect(generation, &action).await?;
        Ok(row.state)
    }

    async fn set_access_vlan(&self, port: &str, vlan: VlanId, owner: &SiteName) -> Result<(), ProviderError> {
        let action = Action(format!("put port {port} into VLAN {vlan}"));
        let (row, generation) = self.row(port, &action).await?;
        self.nobody_elses(&row, owner, &action)?;
        if row.state.is_access_in(vlan) && row.state.owner.is_some() {
            return self.in_effect(generation, &action).await;
        }
        self.carry_out(&change(&row, vlan, owner), &action).await
    }

    async fn disown(&self, port: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let action = Action(format!("take the mark off port {port}"));
        let (row, generation) = self.row(port, &action).await?;
        self.nobody_elses(&row, owner, &action)?;
        if row.state.owner.is_none() {
            return self.in_effect(generation, &action).await;
        }
        self.carry_out(&unmark(&row), &action).await
    }
}

/// The change as one transaction: only if nobody marked the port meanwhile; VLAN, mark and the call to the switch together.
fn change(row: &PortRow, vlan: VlanId, owner: &SiteName) -> Vec<Value> {
    let this = json!([["_uuid", "==", row.uuid]]);
    vec![
        json!({
            "op": "wait", "table": "Port", "where": this, "timeout": 0,
            "columns": ["external_ids"], "until": "==", "rows": [{"external_ids": row.external_ids}],
        }),
        json!({
            "op": "update", "table": "Port", "where": this,
            "row": {"tag": vlan, "vlan_mode": "access", "trunks": ["set", []]},
        }),
        json!({
            "op": "mutate", "table": "Port", "where": this,
            "mutations": [
                ["external_ids", "delete", ["set", [MARK]]],
                ["external_ids", "insert", ["map", [[MARK, owner]]]],
            ],
        }),
        json!({"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]}),
        next_generation(),
    ]
}

/// Takes the mark off as one transaction: only if the marks are as they were seen.
fn unmark(row: &PortRow) -> Vec<Value> {
    let this = json!([["_uuid", "==", row.uuid]]);
    vec![
        json!({
            "op": "wait", "table": "Port", "where": this, "timeout": 0,
            "columns": ["external_ids"], "until": "==", "rows": [{"external_ids": row.external_ids}],
        }),
        json!({
            "op": "mutate", "table": "Port", "where": this,
            "mutations": [["external_ids", "delete", ["set", [MARK]]]],
        }),
        json!({"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]}),
        next_generation(),
    ]
}

fn next_generation() -> Value {
    json!({"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]})
}

fn generation(rows: &[Value], column: &str) -> Result<u64, AnswerError> {
    let generation = rows.first().and_then(|row| row.get(column)).and_then(Value::as_u64);
    generation.ok_or(AnswerError::Malformed("generation of its configuration"))
}

/// What is being done, for the words of its errors.
struct Action(String);

impl Action {
    fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, NAME, self.0.as_str())
    }

    fn failed(&self, error: ClientError) -> ProviderError {
        let kind = match &error {
            ClientError::Connect { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
                _ => ErrorKind::Unreachable,
            },
            ClientError::Broken(_) | ClientError::Closed | ClientError::Slow { .. } => ErrorKind::Unreachable,
            ClientError::Frame(_) | ClientError::Answer(AnswerError::Malformed(_)) => ErrorKind::Unexpected,
            ClientError::Answer(AnswerError::Refused { error, .. }) => refusal(error),
        };
        let failed = self.error(kind).because(error);
        match kind {
            ErrorKind::Unreachable => {
                failed.advise("check that ovsdb-server runs and listens there (`ovs-vsctl get-manager`)")
            }
            _ => failed,
        }
    }
}

/// The errors of RFC 7047, sections 4.1.3 and 5.2, and of ovsdb-server.
fn refusal(error: &str) -> ErrorKind {
    match error {
        // `wait`: the port was changed between our look and our write.
        "timed out" | "resources exhausted" | "I/O error" | "aborted" | "not leader" | "canceled" => ErrorKind::Busy,
        "permission error" | "not allowed" | "not owner" => ErrorKind::Denied,
        "unknown database" => ErrorKind::NotFound,
        "not supported" | "unknown method" => ErrorKind::Unsupported,
        _ => ErrorKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_made_by_somebody_else_meanwhile_is_tried_again() {
        assert_eq!(refusal("timed out"), ErrorKind::Busy);
        assert_eq!(refusal("constraint violation"), ErrorKind::Invalid);
    }

    #[test]
    fn a_change_waits_for_the_mark_as_it_was_seen() {
        let row = json!({
            "_uuid": ["uuid", "b3c1"], "tag": 999, "trunks": ["set", []], "vlan_mode": ["set", []],
            "external_ids": ["map", [["other", "x"]]],
        });
        let row = PortRow::read(&row).expect("a sound row");
        let vlan = VlanId::try_from(20).expect("a VLAN id");
        let operations = change(&row, vlan, &SiteName::new("lab").expect("a name"));
        assert_eq!(operations[0]["rows"], json!([{"external_ids": ["map", [["other", "x"]]]}]));
        assert_eq!(operations[1]["row"]["tag"], json!(20));
        assert_eq!(operations[2]["mutations"][1], json!(["external_ids", "insert", ["map", [["dip-site", "lab"]]]]));
    }
}
