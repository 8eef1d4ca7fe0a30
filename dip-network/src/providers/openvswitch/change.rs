//! Changes of a port as OVSDB transactions (RFC 7047, section 5.2): all of it together or nothing.
//!
//! A port of its own is a row of `Port` with one `Interface`. A member of a link aggregation has no row of its own: its
//! `Interface` belongs to the row of the aggregation. So to join or to leave one is to move the `Interface` between rows; a row that
//! no bridge names is removed by the server.

use dip_core::id::{SiteName, SwitchName};
use dip_core::site::{Lacp, Lag, NativeFrames, Port, PortVlans};
use serde_json::{Map, Value, json};

use super::pairing;
use super::row::{DESCRIPTION, InterfaceRow, MARK, PortRow};
use crate::provider::{MlagPair, PortState};

/// What the database says of a port.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The port's own row, or that of the aggregation that it is a member of.
    pub(super) row: PortRow,
    pub(super) place: Place,
    /// The id of the bridge.
    pub(super) bridge: Value,
    /// The MLAG pair that the switch is of.
    pub(super) pair: Option<MlagPair>,
}

/// Where a port stands.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// It has a row of its own, with these interfaces.
    Own(Vec<InterfaceRow>),
    /// It is a member of a link aggregation.
    Member(InterfaceRow),
}

/// A transaction, and which of its operations must change exactly one row.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) operations: Vec<Value>,
    pub(super) decisive: usize,
}

impl Seen {
    fn interfaces(&self) -> &[InterfaceRow] {
        match &self.place {
            Place::Own(interfaces) => interfaces,
            Place::Member(interface) => std::slice::from_ref(interface),
        }
    }

    pub(super) fn description(&self) -> Option<&String> {
        match &self.place {
            Place::Own(_) => self.row.state.description.as_ref(),
            Place::Member(interface) => interface.description.as_ref(),
        }
    }

    /// The site whose mark the port carries, or the aggregation that it is a member of.
    pub(super) fn owners(&self) -> impl Iterator<Item = &SiteName> {
        let own = match &self.place {
            Place::Own(_) => None,
            Place::Member(interface) => interface.owner.as_ref(),
        };
        own.into_iter().chain(&self.row.state.owner)
    }

    /// The port as the switch tells it.
    pub(super) fn state(&self) -> PortState {
        let first = self.interfaces().first();
        let lag = match &self.place {
            Place::Own(_) => None,
            Place::Member(interface) => Some(Lag {
                name: self.row.name.clone(),
                lacp: self.row.lacp.unwrap_or(Lacp::Off),
                peer: self.peer(interface).cloned(),
            }),
        };
        PortState {
            mtu: first.and_then(|interface| interface.mtu),
            admin: first.and_then(|interface| interface.admin),
            description: self.description().cloned(),
            lag,
            owner: self.owners().next().cloned(),
            ..self.row.state.clone()
        }
    }

    /// Makes a port as wanted. `lag` is the row of the aggregation that it is to be a member of, where there is one.
    pub(super) fn change(&self, port: &str, wanted: &Port, lag: Option<&PortRow>, owner: &SiteName) -> Transaction {
        let mut made = self.guarded(lag);
        let decisive = made.len();
        // A description moves with its port.
        let said = wanted.description.as_ref().or_else(|| self.description());
        let marks = marks(said, owner);
        let paired = self.pair.as_ref().zip(wanted.lag.as_ref()).filter(|(_, lag)| lag.peer.is_some());
        match (&self.place, &wanted.lag) {
            (Place::Own(_), None) => {
                made.push(update("Port", &self.row.uuid, columns(wanted, None)));
                made.push(mutate("Port", &self.row.uuid, marks));
            }
            (Place::Member(_), Some(lag)) if lag.name == self.row.name => {
                made.push(update("Port", &self.row.uuid, columns(wanted, Some(lag))));
                made.push(mutate("Port", &self.row.uuid, mark(owner)));
                made.extend(self.interfaces().iter().map(|own| mutate("Interface", &own.uuid, marks.clone())));
                if paired.is_none() && self.is_paired() {
                    made.extend(pairing::part(&self.row));
                }
            }
            (Place::Member(_), None) => {
                made.push(self.leave());
                made.push(self.insert(port, columns(wanted, None), &marks));
                made.push(self.bridge_takes_new());
                made.extend(self.interfaces().iter().map(|own| mutate("Interface", &own.uuid, forget())));
                made.extend(self.leave_pair());
            }
            (_, Some(wanted_lag)) => {
                made.push(self.leave());
                match lag {
                    Some(lag) => {
                        made.push(update("Port", &lag.uuid, columns(wanted, Some(wanted_lag))));
                        let mut joins = mark(owner);
                        joins.push(json!(["interfaces", "insert", self.own_ids()]));
                        made.push(mutate("Port", &lag.uuid, joins));
                    }
                    None => {
                        made.push(self.insert(&wanted_lag.name, columns(wanted, Some(wanted_lag)), &mark(owner)));
                        made.push(self.bridge_takes_new());
                    }
                }
                made.extend(self.interfaces().iter().map(|own| mutate("Interface", &own.uuid, marks.clone())));
                made.extend(self.leave_pair());
            }
        }
        if let Some((pair, wanted_lag)) = paired {
            let new = json!(["named-uuid", NEW]);
            let (row, there) = lag.map_or((&new, &[][..]), |lag| (&lag.uuid, &lag.interfaces));
            let coming = self.interfaces().iter().map(|own| &own.uuid).filter(|own| !there.contains(own));
            let members: Vec<_> = there.iter().chain(coming).collect();
            made.extend(pairing::pair(pair, wanted_lag, row, &members, self.interfaces()));
        }
        if let Some(mtu) = wanted.mtu {
            let request = json!({"mtu_request": mtu});
            made.extend(self.interfaces().iter().map(|own| update("Interface", &own.uuid, request.clone())));
        }
        made.extend(take_effect());
        Transaction { operations: made, decisive }
    }

    /// Takes the mark off.
    pub(super) fn unmark(&self) -> Transaction {
        let mut made = self.guarded(None);
        let decisive = made.len();
        let unmark = || vec![json!(["external_ids", "delete", ["set", [MARK]]])];
        made.push(mutate("Port", &self.row.uuid, unmark()));
        if let Place::Member(own) = &self.place {
            made.push(mutate("Interface", &own.uuid, unmark()));
        }
        made.extend(take_effect());
        Transaction { operations: made, decisive }
    }

    /// Only if nobody marked anything meanwhile.
    fn guarded(&self, lag: Option<&PortRow>) -> Vec<Value> {
        let mut waits = vec![unchanged("Port", &self.row.uuid, &self.row.external_ids)];
        if let Place::Member(own) = &self.place {
            waits.push(unchanged("Interface", &own.uuid, &own.external_ids));
        }
        waits.extend(lag.map(|lag| unchanged("Port", &lag.uuid, &lag.external_ids)));
        waits
    }

    /// Its interface leaves the row that it is in; with the last one the row leaves its bridge.
    fn leave(&self) -> Value {
        match &self.place {
            Place::Member(own) if self.row.interfaces.len() > 1 => {
                mutate("Port", &self.row.uuid, vec![json!(["interfaces", "delete", own.uuid])])
            }
            _ => mutate("Bridge", &self.bridge, vec![json!(["ports", "delete", self.row.uuid])]),
        }
    }

    /// The switch that has the other half of the aggregation that an interface is a member of.
    fn peer(&self, interface: &InterfaceRow) -> Option<&SwitchName> {
        let pair = self.pair.as_ref().filter(|pair| pairing::is_member(pair, &self.row, interface));
        pair.map(MlagPair::peer)
    }

    /// Whether all its interfaces have a number of their own within the pair.
    pub(super) fn can_be_told_apart(&self) -> bool {
        let number = |own: &InterfaceRow| self.pair.as_ref()?.port(own.number?);
        self.interfaces().iter().all(|own| number(own).is_some())
    }

    fn is_paired(&self) -> bool {
        self.pair.as_ref().is_some_and(|pair| pairing::is_of(pair, &self.row))
    }

    fn leave_pair(&self) -> impl Iterator<Item = Value> {
        let leaving = if self.is_paired() { self.interfaces() } else { &[] };
        leaving.iter().map(|own| pairing::leave(&own.uuid))
    }

    fn insert(&self, name: &str, columns: Value, marks: &[Value]) -> Value {
        // What is not said of it goes on as it was.
        let mut row = Map::new();
        for part in [&self.row.vlans, &columns] {
            row.extend(part.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        }
        let ids: Vec<&Value> = marks
            .iter()
            .filter(|mutation| mutation[1] == "insert")
            .filter_map(|mutation| mutation[2][1].as_array())
            .flatten()
            .collect();
        row.insert("name".to_owned(), json!(name));
        row.insert("interfaces".to_owned(), self.own_ids());
        row.insert("external_ids".to_owned(), json!(["map", ids]));
        json!({"op": "insert", "table": "Port", "row": row, "uuid-name": NEW})
    }

    fn bridge_takes_new(&self) -> Value {
        mutate("Bridge", &self.bridge, vec![json!(["ports", "insert", ["named-uuid", NEW]])])
    }

    fn own_ids(&self) -> Value {
        let ids: Vec<_> = self.interfaces().iter().map(|own| &own.uuid).collect();
        json!(["set", ids])
    }
}

/// What a row that a transaction makes is called within it.
const NEW: &str = "made";

/// The columns of `Port` that say VLANs and, for a link aggregation, how its members find each other.
fn columns(wanted: &Port, lag: Option<&Lag>) -> Value {
    let none = || json!(["set", []]);
    let mut row = match &wanted.vlans {
        None => Map::new(),
        Some(PortVlans::Access(vlan)) => object(json!({"tag": vlan, "vlan_mode": "access", "trunks": none()})),
        Some(PortVlans::Trunk { native, tagged }) => {
            let (tag, mode) = match native {
                None => (none(), "trunk"),
                Some(native) => (
                    json!(native.vlan),
                    match native.frames {
                        NativeFrames::Untagged => "native-untagged",
                        NativeFrames::Tagged => "native-tagged",
                    },
                ),
            };
            object(json!({"tag": tag, "vlan_mode": mode, "trunks": ["set", tagged]}))
        }
    };
    if let Some(lag) = lag {
        row.insert("lacp".to_owned(), json!(lag.lacp.as_str()));
        // The only mode that spreads single connections over the members, which is what LACP partners expect.
        row.insert("bond_mode".to_owned(), json!("balance-tcp"));
    }
    Value::Object(row)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn mark(owner: &SiteName) -> Vec<Value> {
    // Of a key that is there `insert` keeps the former value, so it goes first.
    vec![
        json!(["external_ids", "delete", ["set", [MARK]]]),
        json!(["external_ids", "insert", ["map", [[MARK, owner]]]]),
    ]
}

fn marks(description: Option<&String>, owner: &SiteName) -> Vec<Value> {
    let mut mutations = mark(owner);
    if let Some(text) = description {
        mutations.push(json!(["external_ids", "delete", ["set", [DESCRIPTION]]]));
        mutations.push(json!(["external_ids", "insert", ["map", [[DESCRIPTION, text]]]]));
    }
    mutations
}

/// What an interface said as a member stands at its own port again.
fn forget() -> Vec<Value> {
    vec![json!(["external_ids", "delete", ["set", [MARK, DESCRIPTION]]])]
}

fn unchanged(table: &str, uuid: &Value, external_ids: &Value) -> Value {
    json!({
        "op": "wait", "table": table, "where": [["_uuid", "==", uuid]], "timeout": 0,
        "columns": ["external_ids"], "until": "==", "rows": [{"external_ids": external_ids}],
    })
}

fn update(table: &str, uuid: &Value, row: Value) -> Value {
    json!({"op": "update", "table": table, "where": [["_uuid", "==", uuid]], "row": row})
}

pub(super) fn mutate(table: &str, uuid: &Value, mutations: Vec<Value>) -> Value {
    json!({"op": "mutate", "table": table, "where": [["_uuid", "==", uuid]], "mutations": mutations})
}

/// The call to the switch to go by its database again, and the generation by which it has.
fn take_effect() -> [Value; 2] {
    [
        json!({"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]}),
        next_generation(),
    ]
}

pub(super) fn next_generation() -> Value {
    json!({"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::hardware::VlanId;

    #[test]
    fn a_change_waits_for_the_mark_as_it_was_seen() {
        let row = json!({
            "_uuid": ["uuid", "b3c1"], "tag": 999, "trunks": ["set", []], "vlan_mode": ["set", []], "name": "p1",
            "external_ids": ["map", [["other", "x"]]], "interfaces": ["uuid", "c4d2"], "lacp": ["set", []],
            "other_config": ["map", []],
        });
        let row = PortRow::read(&row).expect("a sound row");
        let seen = Seen { row, place: Place::Own(Vec::new()), bridge: json!(["uuid", "a"]), pair: None };
        let wanted = Port::access(VlanId::try_from(20).expect("a VLAN id"));
        let made = seen.change("p1", &wanted, None, &SiteName::new("lab").expect("a name"));
        assert_eq!(made.decisive, 1);
        assert_eq!(made.operations[0]["rows"], json!([{"external_ids": ["map", [["other", "x"]]]}]));
        assert_eq!(made.operations[1]["row"]["tag"], json!(20));
        assert_eq!(
            made.operations[2]["mutations"][1],
            json!(["external_ids", "insert", ["map", [["dip-site", "lab"]]]])
        );
    }
}
