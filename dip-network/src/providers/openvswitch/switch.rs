//! The provider: ports of Open vSwitch.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::hardware::Mtu;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::{Lacp, Port};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::address::OvsdbAddress;
use super::answer::AnswerError;
use super::change::{Place, Seen, Transaction, next_generation};
use super::client::{Client, ClientError};
use super::row::{COLUMNS, INTERFACE_COLUMNS, InterfaceRow, MARK, PortRow, uuids};
use crate::provider::{Abilities, Absent, MlagPair, PortState, Switch};

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
    pair: Option<MlagPair>,
}

impl OpenVSwitch {
    /// A provider for a switch; it connects at the first call, and keeps the connection.
    #[must_use]
    pub fn new(address: OvsdbAddress, bridge: Option<String>) -> Self {
        Self { client: Client::new(address), bridge, pair: None }
    }

    /// The same switch as one of an MLAG pair.
    #[must_use]
    pub fn of_pair(self, pair: MlagPair) -> Self {
        Self { pair: Some(pair), ..self }
    }

    /// What the database says of a port and, where it is to be a member of one, of a link aggregation; and the generation of the
    /// configuration that it was read in.
    async fn look(&self, port: &str, lag: Option<&str>, action: &Action) -> Result<Look, ProviderError> {
        let answer = |error| action.failed(ClientError::Answer(error));
        let missing = |advice: String| action.error(ErrorKind::NotFound).advise(advice);
        let by_name = |name: &str| json!([["name", "==", name]]);
        let none = json!([["name", "==", ""]]);
        let first = [
            json!({"op": "select", "table": "Port", "where": by_name(port), "columns": COLUMNS}),
            json!({"op": "select", "table": "Interface", "where": by_name(port), "columns": INTERFACE_COLUMNS}),
            json!({"op": "select", "table": "Port", "where": lag.map_or(none, by_name), "columns": COLUMNS}),
            next_generation(),
        ];
        let results = self.client.transact(&first).await.map_err(|error| action.failed(error))?;
        let rows = |index| results.rows(index).map_err(answer);
        let own = rows(0)?.first().map(PortRow::read).transpose().map_err(answer)?;
        let interface = rows(1)?.first().map(InterfaceRow::read).transpose().map_err(answer)?;
        let lag = rows(2)?.first().map(PortRow::read).transpose().map_err(answer)?;
        let generation = generation(rows(3)?, "next_cfg").map_err(answer)?;

        // A port without a row of its own is a member of an aggregation that has its interface.
        let holder = match (&own, &interface) {
            (Some(own), _) => json!([["_uuid", "==", own.uuid]]),
            (None, Some(interface)) => json!([["interfaces", "includes", interface.uuid]]),
            (None, None) => return Err(missing(format!("the switch has no port `{port}`"))),
        };
        let mut second = vec![
            json!({"op": "select", "table": "Port", "where": holder, "columns": COLUMNS}),
            json!({"op": "select", "table": "Bridge", "where": [], "columns": ["_uuid", "name", "ports"]}),
        ];
        let select = |uuid: &Value| json!({"op": "select", "table": "Interface", "where": [["_uuid", "==", uuid]], "columns": INTERFACE_COLUMNS});
        second.extend(own.iter().flat_map(|own| own.interfaces.iter().map(select)));
        let results = self.client.transact(&second).await.map_err(|error| action.failed(error))?;
        let rows = |index| results.rows(index).map_err(answer);
        let row = rows(0)?.first().map(PortRow::read).transpose().map_err(answer)?;
        let row = row.ok_or_else(|| action.error(ErrorKind::Busy).advise("the port was changed meanwhile"))?;
        let bridge = self.bridge_of(port, &row, lag.as_ref(), rows(1)?, action)?;
        let place = match (own, interface) {
            (None, Some(interface)) => Place::Member(interface),
            _ => {
                let read = |index| rows(index)?.first().map(InterfaceRow::read).transpose().map_err(answer);
                let interfaces: Result<Vec<_>, _> = (2..second.len()).map(read).collect();
                Place::Own(interfaces?.into_iter().flatten().collect())
            }
        };
        Ok(Look { seen: Seen { row, place, bridge, pair: self.pair.clone() }, lag, generation })
    }

    /// The bridge that a port belongs to; it must be the one that is managed, and have the aggregation too.
    fn bridge_of(
        &self,
        port: &str,
        row: &PortRow,
        lag: Option<&PortRow>,
        bridges: &[Value],
        action: &Action,
    ) -> Result<Value, ProviderError> {
        let missing = |advice: String| action.error(ErrorKind::NotFound).advise(advice);
        let malformed = |what| action.failed(ClientError::Answer(AnswerError::Malformed(what)));
        let named = |bridge: &Value| bridge.get("name").and_then(Value::as_str).map(str::to_owned);
        if let Some(wanted) = &self.bridge
            && !bridges.iter().any(|bridge| named(bridge).as_ref() == Some(wanted))
        {
            return Err(missing(format!("the switch has no bridge `{wanted}`")));
        }
        for bridge in bridges {
            let ports = uuids(bridge).ok_or_else(|| malformed("ports of the bridge"))?;
            if !ports.contains(&&row.uuid) {
                continue;
            }
            if self.bridge.is_some() && self.bridge != named(bridge) {
                break;
            }
            if let Some(lag) = lag.filter(|lag| !ports.contains(&&lag.uuid)) {
                let advice = format!("`{}` belongs to another bridge than port `{port}`", lag.name);
                return Err(action.error(ErrorKind::Invalid).advise(advice));
            }
            return bridge.get("_uuid").cloned().ok_or_else(|| malformed("id of the bridge"));
        }
        Err(missing(match &self.bridge {
            Some(bridge) => format!("bridge `{bridge}` has no port `{port}`, though another bridge of that switch has"),
            None => format!("the switch has no port `{port}` in a bridge"),
        }))
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

    fn nobody_elses<'a>(
        &self,
        mut owners: impl Iterator<Item = &'a SiteName>,
        owner: &SiteName,
        action: &Action,
    ) -> Result<(), ProviderError> {
        match owners.find(|other| *other != owner) {
            None => Ok(()),
            Some(other) => {
                let advice = format!("the port is marked as site `{other}`'s in its external_ids (`{MARK}`)");
                Err(action.error(ErrorKind::Conflict).advise(advice))
            }
        }
    }

    /// Carries out a change of one port, and waits until the switch goes by it.
    async fn carry_out(&self, change: &Transaction, action: &Action) -> Result<(), ProviderError> {
        let results = self.client.transact(&change.operations).await.map_err(|error| action.failed(error))?;
        let answer = |error| action.failed(ClientError::Answer(error));
        if results.count(change.decisive).map_err(answer)? != 1 {
            return Err(action.error(ErrorKind::NotFound).advise("the port was removed meanwhile"));
        }
        let generation = results.rows(change.operations.len() - 1).and_then(|rows| self::generation(rows, "next_cfg"));
        self.in_effect(generation.map_err(answer)?, action).await
    }

    /// Waits until the port has the MTU that was asked for: the switch sets it after it took the rest over, and tells no error
    /// where the interface refuses.
    async fn mtu_in_effect(&self, port: &str, wanted: Mtu, action: &Action) -> Result<(), ProviderError> {
        let end = Instant::now() + EFFECT;
        loop {
            let now = self.look(port, None, action).await?.seen.state().mtu;
            if now == Some(wanted) {
                return Ok(());
            }
            if Instant::now() >= end {
                let now = now.map_or_else(|| "unknown".to_owned(), |mtu| mtu.to_string());
                let advice = format!("the interface does not take the MTU {wanted}; it stays {now}");
                return Err(action.error(ErrorKind::Invalid).advise(advice));
            }
            sleep(LOOK).await;
        }
    }
}

/// What a look at a port found.
struct Look {
    seen: Seen,
    lag: Option<PortRow>,
    generation: u64,
}

#[async_trait]
impl Switch for OpenVSwitch {
    async fn port(&self, port: &str) -> Result<PortState, ProviderError> {
        let action = Action(format!("look at port {port}"));
        let look = self.look(port, None, &action).await?;
        self.in_effect(look.generation, &action).await?;
        Ok(look.seen.state())
    }

    fn lack(&self, wanted: &Port) -> Option<String> {
        if wanted.admin.is_some() {
            return Some("the database of Open vSwitch switches no port on or off; take `enabled` out".to_owned());
        }
        let lag = wanted.lag.as_ref()?;
        if let Some(lack) = MlagPair::lack(self.pair.as_ref(), lag) {
            return Some(lack);
        }
        let off = lag.lacp == Lacp::Off;
        off.then(|| {
            "Open vSwitch has no link aggregation without LACP that others understand; say `lacp: active`".to_owned()
        })
    }

    async fn set_port(&self, port: &str, wanted: &Port, owner: &SiteName) -> Result<(), ProviderError> {
        let action = Action(format!("set port {port}"));
        let name = wanted.lag.as_ref().map(|lag| lag.name.as_str());
        let look = self.look(port, name, &action).await?;
        if let Some(lack) = self.lack(wanted) {
            return Err(action.error(ErrorKind::Unsupported).advise(lack));
        }
        let marks = look.seen.owners().chain(look.lag.iter().filter_map(|lag| lag.state.owner.as_ref()));
        self.nobody_elses(marks, owner, &action)?;
        if let Some(peer) = wanted.lag.as_ref().and_then(|lag| lag.peer.as_ref())
            && !look.seen.can_be_told_apart()
        {
            let advice = format!(
                "it has no port number from 1 to 32767, by which the node tells it from the ports of `{peer}`; see `ovs-vsctl get interface {port} ofport error`"
            );
            return Err(action.error(ErrorKind::Invalid).advise(advice));
        }
        let now = look.seen.state();
        if now.changes(wanted).is_empty() && now.owner.is_some() {
            return self.in_effect(look.generation, &action).await;
        }
        self.carry_out(&look.seen.change(port, wanted, look.lag.as_ref(), owner), &action).await?;
        match wanted.mtu {
            Some(mtu) => self.mtu_in_effect(port, mtu, &action).await,
            None => Ok(()),
        }
    }

    async fn disown(&self, port: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let action = Action(format!("take the mark off port {port}"));
        let look = self.look(port, None, &action).await?;
        self.nobody_elses(look.seen.owners(), owner, &action)?;
        if look.seen.owners().next().is_none() {
            return self.in_effect(look.generation, &action).await;
        }
        self.carry_out(&look.seen.unmark(), &action).await
    }

    async fn abilities(&self) -> Result<Abilities, ProviderError> {
        Ok(Abilities {
            mac_table: Err(Absent("Open vSwitch keeps the MAC addresses that it learned out of its database")),
            lldp: Err(Absent("Open vSwitch keeps what it hears over LLDP out of its database")),
            startup: Err(Absent("Open vSwitch starts with the database that it runs with")),
            confirmed: Err(Absent("Open vSwitch takes no change back by itself")),
        })
    }
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
}
