//! `network.trace_cable`: the cable of an interface ends where the site file says. No step of dip can mend a cable: it is told
//! as a sentence, before anything that relies on it is done.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::network::CABLE;
use dip_core::hardware::MacAddr;
use dip_core::id::{LayerId, NicName, NodeName, SwitchName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::Host;
use dip_core::site::{Origin, PortRef};
use dip_core::step::{Environment, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::cabling::{Cable, Heard};
use crate::lldpcli;
use crate::provider::Switch;

/// Compares the cable of an interface with the site file, by what is heard over LLDP (IEEE 802.1AB).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceCable {
    /// The node.
    pub node: NodeName,
    /// The interface.
    pub nic: NicName,
    /// Its MAC address.
    pub mac: MacAddr,
    /// Further names by which the node may call itself.
    pub host_name: String,
    /// Where the site file says that it is cabled to.
    pub link: PortRef,
    /// Who is asked.
    pub witness: Witness,
}

/// Who is asked where a cable ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// These switches, which hear the node.
    Switches(Vec<SwitchName>),
    /// The node, which hears the switch, by `lldpcli`.
    Node,
}

impl TraceCable {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = self.subject();
        let step = Step::new(LayerId::Network, subject.clone(), &self).give(CABLE.of(&subject)).origin(origin);
        match self.witness {
            Witness::Switches(_) => step,
            Witness::Node => step.in_environment(&self.node, Environment::Installed),
        }
    }

    fn subject(&self) -> Subject {
        Subject::nic(&self.node, &self.nic)
    }

    fn cable(&self) -> Cable<'_> {
        Cable { node: &self.node, host_name: &self.host_name, nic: &self.nic, mac: self.mac, link: &self.link }
    }

    async fn heard(&self, cx: &Context<'_>) -> Result<Heard, OperationError> {
        match &self.witness {
            Witness::Switches(switches) => {
                let mut heard = Vec::new();
                for name in switches {
                    let switch = cx.provider::<dyn Switch>(&Subject::switch(name))?;
                    let lldp = switch.abilities().await?.lldp.map_err(|absent| {
                        OperationError::Impossible(format!(
                            "cables at {name} cannot be compared with the site file: {absent}; say `cabling: unchecked` for it"
                        ))
                    })?;
                    heard.extend(lldp.neighbours().await?.into_iter().map(|neighbour| (name.clone(), neighbour)));
                }
                Ok(self.cable().heard_by_switches(&heard))
            }
            Witness::Node => {
                let host = cx.provider::<dyn Host>(&Subject::node(&self.node))?;
                let heard = lldpcli::neighbours_of(&*host, &self.node, self.mac).await?;
                Ok(self.cable().heard_by_node(&heard))
            }
        }
    }
}

#[async_trait]
impl Operation for TraceCable {
    const NAME: &'static str = "network.trace_cable";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let known = |port: Option<&PortRef>| Facts::new().with(&CABLE, &self.subject(), &port.cloned());
        Ok(match self.heard(cx).await? {
            Heard::AsSaid => Check::Holds(known(Some(&self.link))),
            // A machine without power says nothing, and that is no reason to leave it alone.
            Heard::Nothing => Check::Holds(known(None)),
            Heard::Otherwise(sentence) => Check::Differs(Diff::default().and(sentence, None::<&str>, None::<&str>)),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        match self.heard(cx).await? {
            Heard::Otherwise(sentence) => Err(OperationError::Impossible(format!(
                "{sentence}; move the cable, or correct `link` in the site file"
            ))),
            Heard::AsSaid | Heard::Nothing => Ok(Applied::Done),
        }
    }
}
