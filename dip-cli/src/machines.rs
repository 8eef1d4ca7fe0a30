//! The machines behind the controllers of nodes, as they are now.

use std::collections::BTreeMap;

use dip::core::fact::Facts;
use dip::core::fact::firmware::{HARDWARE, IDENTITY};
use dip::core::hardware::{Hardware, Identity};
use dip::core::id::NodeName;
use dip::core::identity::Fingerprint;
use dip::core::provider::sentence;
use dip::core::subject::Subject;
use dip::firmware::provider::Bmc;
use tokio::task::JoinSet;

use crate::error::CliError;
use crate::world::World;

/// A machine that was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) identity: Identity,
    pub(crate) hardware: Hardware,
}

impl Machine {
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.identity, Some(&self.hardware))
    }

    /// What was seen, to be kept as readings.
    pub(crate) fn facts(&self, node: &NodeName) -> Facts {
        let subject = Subject::node(node);
        Facts::new().with(&IDENTITY, &subject, &self.identity).with(&HARDWARE, &subject, &self.hardware)
    }
}

/// The nodes that a command is about: those that are named, else all at ready state that have a controller.
pub(crate) fn asked(world: &World, named: &[NodeName]) -> Result<Vec<NodeName>, CliError> {
    let site = &world.site;
    let has_bmc = |name: &&NodeName| site.ready_nodes().any(|node| node.name == **name && node.bmc.is_some());
    if let Some(unknown) = named.iter().find(|name| !has_bmc(name)) {
        let why = if site.nodes.contains_key(unknown) {
            "has no BMC, or is not wanted at ready state"
        } else {
            "is not in the site file"
        };
        return Err(CliError::Usage(format!("`{unknown}` {why}")));
    }
    let all = site.ready_nodes().filter(|node| node.bmc.is_some()).map(|node| node.name.clone());
    Ok(if named.is_empty() { all.collect() } else { named.to_vec() })
}

/// Looks at the machines of nodes; why it cannot, where it cannot.
pub(crate) async fn look(world: &World, nodes: &[NodeName]) -> BTreeMap<NodeName, Result<Machine, String>> {
    // Each is another controller, which is asked one thing after the other; a site's own limit for looks holds here too.
    let (most, mut waiting) = (world.limits().workers(), nodes.iter().cloned());
    let (mut seen, mut looks) = (BTreeMap::new(), JoinSet::new());
    loop {
        while looks.len() < most
            && let Some(node) = waiting.next()
        {
            let bmc = world.providers.find::<dyn Bmc>(&Subject::node(&node));
            looks.spawn(async move {
                let machine = match bmc {
                    Ok(bmc) => machine(&*bmc).await,
                    Err(error) => Err(sentence(&error)),
                };
                (node, machine)
            });
        }
        match looks.join_next().await {
            Some(Ok((node, machine))) => seen.insert(node, machine),
            // Nobody cancels a single look, and one that panics is missed below.
            Some(Err(_)) => None,
            None => break,
        };
    }
    let missed = || Err("it was not looked at, which is a bug".to_owned());
    nodes.iter().map(|node| (node.clone(), seen.remove(node).unwrap_or_else(missed))).collect()
}

async fn machine(bmc: &dyn Bmc) -> Result<Machine, String> {
    let identity = bmc.identity().await.map_err(|error| sentence(&error))?;
    let hardware = match bmc.inventory() {
        Some(inventory) => inventory.hardware().await.map_err(|error| sentence(&error))?,
        None => Hardware::default(),
    };
    Ok(Machine { identity, hardware })
}
