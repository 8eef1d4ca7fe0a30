//! systemd-timesyncd: a file of its own beside the distribution's, and what `timedatectl` tells.

use std::collections::BTreeMap;

use dip_core::operation::OperationError;
use dip_core::provider::Command;

use super::{Chrony, Server};
use crate::node::Node;
use crate::steps::follow_time::Clock;
use crate::unit::Unit;

const CONFIGURATION: &str = "/etc/systemd/timesyncd.conf.d/dip.conf";

const DROP_IN: &str = "/etc/systemd/system/systemd-timesyncd.service.d/dip.conf";

/// It has no way to leave a clock alone, but without the capability it cannot set one; the unit otherwise starts only where it can.
const WATCH: &str = "# Written by dip: `control_clock` is `false`.
[Unit]
ConditionCapability=
ConditionVirtualization=
[Service]
AmbientCapabilities=
CapabilityBoundingSet=
";

/// systemd-timesyncd on a node.
pub(crate) struct Timesyncd;

impl Timesyncd {
    /// Whether a node has it, and no chrony. Debian lets nobody have both; SUSE's systemd always brings it.
    pub(crate) async fn is_alone_on(node: &Node, chrony: &Chrony) -> Result<bool, OperationError> {
        let unit = |name: &str| format!("/usr/lib/systemd/system/{name}.service");
        Ok(node.text(&unit("systemd-timesyncd")).await?.is_some() && node.text(&unit(chrony.unit().0)).await?.is_none())
    }

    pub(crate) fn unit(&self) -> Unit {
        Unit("systemd-timesyncd")
    }

    pub(crate) fn files(&self, servers: &[Server], clock: Clock) -> Vec<(String, Option<String>)> {
        let servers: Vec<_> = servers.iter().map(|server| server.host.as_str()).collect();
        // An empty list first takes away what other files name; so does one for those that it falls back to.
        let text = format!(
            "# Written by dip from the settings `opsclients.time` of this node. Changes here are undone.\n[Time]\nNTP=\nNTP={}\nFallbackNTP=\n",
            servers.join(" ")
        );
        vec![
            (CONFIGURATION.to_owned(), Some(text)),
            (DROP_IN.to_owned(), (clock == Clock::Watched).then(|| WATCH.to_owned())),
        ]
    }

    /// Whom it has heard from (the last message is there), and where it sets the clock, only if the clock is in sync.
    pub(crate) async fn followed(&self, node: &Node, clock: Clock) -> Result<Option<String>, OperationError> {
        let show = ["show-timesync", "--property=ServerName", "--property=NTPMessage"];
        let output = node.run(&Command::new("timedatectl").args(show)).await?;
        let text = output.text();
        let told: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let heard = told.get("NTPMessage").is_some_and(|message| !message.is_empty());
        let Some(server) = told.get("ServerName").filter(|name| heard && !name.is_empty()) else { return Ok(None) };
        if clock == Clock::Set {
            let show = ["show", "--property=NTPSynchronized", "--value"];
            if node.run(&Command::new("timedatectl").args(show)).await?.text() != "yes" {
                return Ok(None);
            }
        }
        Ok(Some((*server).to_owned()))
    }
}
