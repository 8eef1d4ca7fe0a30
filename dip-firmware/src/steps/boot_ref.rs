//! What the steps of a boot share: which boot of which node, its BMC, its lock.

use std::sync::Arc;

use dip_core::id::NodeName;
use dip_core::operation::{Context, OperationError};
use dip_core::provider::Power;
use dip_core::step::{Boot, Environment, Lock};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::Bmc;

/// One boot of a node, as the steps that bring it about name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootRef {
    /// The node.
    pub node: NodeName,
    /// The boot's number among the node's boots in the plan, from 1.
    pub ordinal: u16,
}

/// What a boot does with a node that has power already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Nothing: it is there, or on its way.
    #[default]
    AsFound,
    /// It is switched off first: another system is to start, or the same one afresh.
    Afresh,
}

impl Start {
    /// How a boot starts.
    pub(crate) const fn of(boot: &Boot) -> Self {
        match (boot.from, boot.to) {
            (Some(Environment::Off), _) | (_, Environment::Off) | (None, Environment::Installed) => Self::AsFound,
            _ => Self::Afresh,
        }
    }

    pub(super) const fn is_as_found(&self) -> bool {
        matches!(self, Self::AsFound)
    }
}

impl From<&Boot> for BootRef {
    fn from(boot: &Boot) -> Self {
        Self { node: boot.node.clone(), ordinal: boot.ordinal }
    }
}

impl BootRef {
    pub(super) fn subject(&self) -> Subject {
        Subject::node(&self.node)
    }

    pub(super) fn power(&self, cx: &Context<'_>) -> Result<Arc<dyn Power>, OperationError> {
        // A node without a BMC has power by its outlets, where these can be switched.
        let bmc = match (cx.provider::<dyn Bmc>(&self.subject()), cx.provider::<dyn Power>(&Subject::mains(&self.node)))
        {
            (Err(_), Ok(mains)) => return Ok(mains),
            (bmc, _) => bmc?,
        };
        bmc.power().ok_or_else(|| {
            OperationError::Impossible(format!(
                "the BMC of node `{}` cannot switch its power; list a protocol in `bmc` that can",
                self.node
            ))
        })
    }
}

/// One step at a time asks a BMC: some freeze when several sessions ask at once.
pub(super) fn bmc_lock(node: &NodeName) -> Lock {
    Lock::new(format!("bmc/{node}"))
}
