//! The ledger of mutations: what was really changed, how often, so that a test can prove that nothing was done twice.

use std::collections::BTreeMap;
use std::sync::Mutex;

use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

/// One kind of change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mutation {
    /// What was changed: `node/r1-n3`, `port/sw1/7`, `service/dns`.
    pub subject: Subject,
    /// How: `power on`, `set VLAN`, `write /etc/hostname`.
    pub action: String,
}

impl std::fmt::Display for Mutation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.action, self.subject)
    }
}

/// Counts mutations that changed something. A request for what is already so counts nothing.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<Mutation, u64>>);

impl Ledger {
    pub(crate) fn count(&self, subject: &Subject, action: impl Into<String>) {
        let mutation = Mutation { subject: subject.clone(), action: action.into() };
        *self.0.lock().expect("no holder of the ledger's lock panics").entry(mutation).or_default() += 1;
    }

    pub(crate) fn read(&self) -> BTreeMap<Mutation, u64> {
        self.0.lock().expect("no holder of the ledger's lock panics").clone()
    }
}
