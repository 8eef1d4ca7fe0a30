//! Units of systemd on a node.

use dip_core::operation::{Diff, OperationError};
use dip_core::provider::Command;

use crate::node::Node;

/// A service of a node, by its unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit(pub(crate) &'static str);

impl Unit {
    /// Adds to a diff whether the service runs now and at the next boot.
    pub(crate) async fn diff(self, node: &Node, mut diff: Diff) -> Result<Diff, OperationError> {
        for (verb, wanted) in [("is-enabled", "enabled"), ("is-active", "active")] {
            let output = node.run(&Command::new("systemctl").args([verb, self.0])).await?;
            let now = match output.text() {
                // Where there is no such unit, systemctl says so on standard error.
                nothing if nothing.is_empty() => "not installed".to_owned(),
                word => word,
            };
            // A system that is still starting gets to its enabled services by itself.
            let comes = verb == "is-active" && diff.is_empty() && now != wanted && node.is_starting().await?;
            if now != wanted && !comes {
                diff = diff.and(format!("service {}", self.0), Some(now), Some(wanted));
            }
        }
        Ok(diff)
    }

    /// Starts the service with its present configuration, now and at every boot.
    pub(crate) async fn restart(self, node: &Node) -> Result<(), OperationError> {
        for arguments in [&["daemon-reload"][..], &["enable", self.0], &["restart", self.0]] {
            node.succeed(&Command::new("systemctl").args(arguments.iter().copied())).await?;
        }
        Ok(())
    }
}
