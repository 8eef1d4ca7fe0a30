//! chrony: one configuration file, written whole, and what `chronyc` tells.

use std::fmt::Write as _;

use dip_core::operation::OperationError;
use dip_core::provider::Command;

use super::Server;
use crate::family::{self, Names};
use crate::node::Node;
use crate::steps::follow_time::Clock;
use crate::unit::Unit;

/// `-x` leaves the clock alone; the unit otherwise starts only where the clock may be set.
const WATCH: &str = "# Written by dip: `control_clock` is `false`.
[Unit]
ConditionCapability=
[Service]
ExecStart=
ExecStart=!/usr/sbin/chronyd -F 1 -x
";

/// chrony on a node.
pub(crate) struct Chrony(family::Chrony);

impl Chrony {
    #[cfg(test)]
    pub(crate) const DEBIAN: Self = Self(family::Family::Debian.names().chrony);

    pub(crate) async fn of(node: &Node) -> Result<Self, OperationError> {
        Ok(Self(Names::of(node).await?.chrony))
    }

    pub(crate) fn unit(&self) -> Unit {
        Unit(self.0.unit)
    }

    /// Its whole configuration: sources that the distribution put there would be followed instead of the site's.
    pub(crate) fn files(&self, servers: &[Server], clock: Clock) -> Vec<(String, Option<String>)> {
        let drop_in = format!("/etc/systemd/system/{}.service.d/dip.conf", self.0.unit);
        vec![
            (self.0.configuration.to_owned(), Some(self.configuration(servers, clock))),
            (drop_in, (clock == Clock::Watched).then(|| WATCH.to_owned())),
        ]
    }

    fn configuration(&self, servers: &[Server], clock: Clock) -> String {
        let mut text = format!(
            "# Written by dip from the settings `opsclients.time` of this node. Changes here are undone;\n# put your own into {}.\n",
            self.0.directory
        );
        // Writing to a string cannot fail.
        for server in servers {
            let port = server.port.map(|port| format!(" port {port}")).unwrap_or_default();
            let _ = writeln!(text, "server {}{port} iburst", server.host);
        }
        let _ = writeln!(text, "confdir {}\ndriftfile {}", self.0.directory, self.0.drift);
        if clock == Clock::Set {
            // A clock that is far off is set at once, but only at the start: later jumps hurt what runs.
            text.push_str("makestep 1 3\nrtcsync\n");
        }
        text
    }

    /// Whom it follows, by the name or address that it was configured with (-N); `None` where it is not in sync.
    pub(crate) async fn followed(&self, node: &Node) -> Result<Option<String>, OperationError> {
        let output = node.run(&Command::new("chronyc").args(["-N", "-c", "tracking"])).await?;
        let text = output.text();
        Ok(source(&text).filter(|_| output.succeeded()).map(str::to_owned))
    }
}

/// The second and the last field of `chronyc -c tracking` (chronyc(1)).
fn source(tracking: &str) -> Option<&str> {
    let fields: Vec<_> = tracking.trim().split(',').collect();
    match fields[..] {
        [_, source, .., leap] if leap != "Not synchronised" && !source.is_empty() => Some(source),
        _ => None,
    }
}
