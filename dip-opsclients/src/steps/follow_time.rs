//! `opsclients.follow_time`: chrony on the node follows the site's time service, and is in sync with it.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::CLOCK;
use dip_core::fact::os::PACKAGES;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::provider::Command;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::unit::Unit;

/// Chrony's configuration, whole: sources that the distribution put there would be followed instead of the site's.
const CONFIGURATION: &str = "/etc/chrony/chrony.conf";

/// What a container's chrony is started with.
const DROP_IN: &str = "/etc/systemd/system/chrony.service.d/dip.conf";

/// `-x` leaves the clock alone; the unit otherwise starts only where the clock may be set.
const WATCH: &str = "# Written by dip: `control_clock` is `false`.
[Unit]
ConditionCapability=
[Service]
ExecStart=
ExecStart=!/usr/sbin/chronyd -F 1 -x
";

const UNIT: Unit = Unit("chrony");

/// `iburst` measures every two seconds: who looks more often sees nothing new (chrony.conf(5)).
const POLL: Duration = Duration::from_secs(2);

/// A bad first measurement takes chrony some minutes to forget.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(5 * 60), attempt: Duration::from_secs(60) };

/// Lets a node follow NTP servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowTime {
    /// The node.
    pub node: NodeName,
    /// The servers.
    pub servers: Vec<Server>,
    /// What is done to the clock.
    pub clock: Clock,
}

/// What is done to a node's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// It is set.
    Set,
    /// It is only watched: it belongs to the machine below.
    Watched,
}

/// An NTP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its address or host name.
    pub host: String,
    /// Its port, where it is not 123.
    pub port: Option<u16>,
}

impl Server {
    /// Reads `10.1.0.3`, `10.1.0.3:1123`, `fd00::3`, `[fd00::3]:1123`, `ntp.example`, `ntp.example:1123`.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is not an NTP server; write an address or a host name, with a port where it is not 123")
        };
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self { host: address.to_string(), port: None });
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: address.ip().to_string(), port: Some(address.port()) });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl FollowTime {
    /// A node that follows servers; a sentence where one of them cannot be followed.
    pub(crate) fn new(node: &NodeName, servers: &[String], clock: Clock) -> Result<Self, String> {
        if servers.is_empty() {
            return Err("the time service has no servers".to_owned());
        }
        let servers = servers.iter().map(|text| Server::parse(text)).collect::<Result<_, _>>()?;
        Ok(Self { node: node.clone(), servers, clock })
    }

    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let (packages, given) = (Need::IfGiven(PACKAGES.of(&subject)), CLOCK.of(&subject));
        Step::new(LayerId::OpsClients, subject, &self)
            .need(packages)
            .give(given)
            .in_environment(&self.node, Environment::Installed)
            .patience(PATIENCE)
    }

    fn configuration(&self) -> String {
        let mut text = String::from(
            "# Written by dip from the settings `opsclients.time` of this node. Changes here are undone;\n# put your own into /etc/chrony/conf.d.\n",
        );
        for server in &self.servers {
            let port = server.port.map(|port| format!(" port {port}")).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "server {}{port} iburst", server.host);
        }
        text.push_str("confdir /etc/chrony/conf.d\ndriftfile /var/lib/chrony/chrony.drift\n");
        if self.clock == Clock::Set {
            // A clock that is far off is set at once, but only at the start: later jumps hurt what runs.
            text.push_str("makestep 1 3\nrtcsync\n");
        }
        text
    }

    /// What differs of the files and the service.
    async fn setup(&self, node: &Node) -> Result<Diff, OperationError> {
        let diff = node.diff_file(Diff::default(), CONFIGURATION, Some(&self.configuration())).await?;
        let diff = node.diff_file(diff, DROP_IN, self.drop_in()).await?;
        UNIT.diff(node, diff).await
    }

    fn drop_in(&self) -> Option<&'static str> {
        (self.clock == Clock::Watched).then_some(WATCH)
    }

    /// The servers' names, for messages.
    fn named(&self) -> String {
        self.servers.iter().map(|server| server.host.as_str()).collect::<Vec<_>>().join(" or ")
    }

    /// Whom chrony follows, where it is in sync: the second and the last field of `chronyc -c tracking` (chronyc(1)).
    fn followed(tracking: &str) -> Option<&str> {
        let fields: Vec<_> = tracking.trim().split(',').collect();
        match fields[..] {
            [_, source, .., leap] if leap != "Not synchronised" && !source.is_empty() => Some(source),
            _ => None,
        }
    }
}

#[async_trait]
impl Operation for FollowTime {
    const NAME: &'static str = "opsclients.follow_time";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let diff = self.setup(&node).await?;
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        // -N tells a server as it was configured, by its name or address.
        let output = node.run(&Command::new("chronyc").args(["-N", "-c", "tracking"])).await?;
        let text = output.text();
        let followed = Self::followed(&text).filter(|_| output.succeeded());
        match followed.filter(|source| self.servers.iter().any(|server| server.host == *source)) {
            Some(source) => {
                let facts = Facts::new().with(&CLOCK, &Subject::node(&self.node), &source.to_owned());
                Ok(Check::Holds(facts))
            }
            None => {
                let now = followed.map_or("follows nobody".to_owned(), |source| format!("follows {source}"));
                Ok(Check::Differs(Diff::of("clock", Some(now), Some(format!("follows {}", self.named())))))
            }
        }
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let reason = format!("the clock to follow {}", self.named());
        // A node that has just booted needs some seconds to follow; a restart would only set it back. One that does not
        // come round is started again all the same: it may run with what was configured before.
        if cx.assignment().attempt == 1 && self.setup(&node).await?.is_empty() {
            return Ok(Applied::watch(reason, POLL));
        }
        node.put_file(CONFIGURATION, Some(&self.configuration())).await?;
        node.put_file(DROP_IN, self.drop_in()).await?;
        UNIT.restart(&node).await?;
        Ok(Applied::wait(reason, POLL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node_name;
    use dip_core::testing::FakeHost;

    const SYNCED: &str = "0A010003,10.1.0.3,9,1700000000.1,0.0,0.0,0.0,-1.0,0.0,0.1,0.001,0.002,2.0,Normal\n";
    const LOST: &str = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n";

    fn wanted(clock: Clock) -> FollowTime {
        FollowTime::new(&node_name(), &["10.1.0.3".to_owned(), "ntp.example:1123".to_owned()], clock)
            .expect("two servers")
    }

    fn host(tracking: &str) -> FakeHost {
        FakeHost::default()
            .answer("systemctl is-enabled chrony", 0, "enabled\n", "")
            .answer("systemctl is-active chrony", 0, "active\n", "")
            .answer("chronyc -N -c tracking", 0, tracking, "")
            .file(CONFIGURATION, &wanted(Clock::Set).configuration())
    }

    #[tokio::test]
    async fn a_clock_that_follows_the_site_holds() {
        let wanted = wanted(Clock::Set);
        assert_eq!(host(SYNCED).bench(wanted.clone().step()).check(&wanted).await, "holds");
    }

    #[tokio::test]
    async fn a_clock_that_follows_nobody_or_somebody_else_differs() {
        let wanted = wanted(Clock::Set);
        let lost = host(LOST).bench(wanted.clone().step());
        assert_eq!(lost.check(&wanted).await, "clock follows nobody → follows 10.1.0.3 or ntp.example");
        let other = host(&SYNCED.replace("10.1.0.3", "pool.ntp.org")).bench(wanted.clone().step());
        assert_eq!(other.check(&wanted).await, "clock follows pool.ntp.org → follows 10.1.0.3 or ntp.example");
    }

    #[tokio::test]
    async fn a_node_that_has_just_booted_is_given_time_and_not_started_again() {
        let wanted = wanted(Clock::Set);
        let bench = host(LOST).bench(wanted.clone().step());
        let applied = wanted.apply(&bench.context()).await.expect("the host obeys");
        assert!(matches!(applied, Applied::Watch { .. }), "{applied:?}");
        assert!(!bench.ran().contains(&"systemctl restart chrony".to_owned()), "{:?}", bench.ran());
    }

    #[tokio::test]
    async fn a_service_that_a_starting_system_has_not_come_to_is_waited_for() {
        let wanted = wanted(Clock::Set);
        let starting = |state: &str| {
            host(LOST)
                .answer("systemctl is-active chrony", 3, "inactive\n", "")
                .answer("systemctl is-system-running", 1, state, "")
                .bench(wanted.clone().step())
        };
        let bench = starting("starting\n");
        let applied = wanted.apply(&bench.context()).await.expect("the host obeys");
        assert!(matches!(applied, Applied::Watch { .. }), "{applied:?}");
        let bench = starting("degraded\n");
        let applied = wanted.apply(&bench.context()).await.expect("the host obeys");
        assert!(matches!(applied, Applied::Wait { .. }), "{applied:?}");
    }

    #[tokio::test]
    async fn a_clock_that_is_only_watched_is_started_without_control() {
        let wanted = wanted(Clock::Watched);
        let bench = host(SYNCED).bench(wanted.clone().step());
        assert_eq!(
            bench.check(&wanted).await,
            format!("{CONFIGURATION} other settings → these settings, + {DROP_IN} these settings")
        );
        let applied = wanted.apply(&bench.context()).await.expect("the host obeys");
        assert!(matches!(applied, Applied::Wait { .. }), "{applied:?}");
        assert!(bench.ran().ends_with(
            &["systemctl daemon-reload", "systemctl enable chrony", "systemctl restart chrony"].map(str::to_owned)
        ));
        let text = bench.text(CONFIGURATION).expect("it is written");
        assert!(text.contains("server 10.1.0.3 iburst\nserver ntp.example port 1123 iburst\n"), "{text}");
        assert!(!text.contains("makestep"), "{text}");
        assert_eq!(bench.check(&wanted).await, "holds");
    }

    #[test]
    fn servers_are_addresses_and_names_with_and_without_a_port() {
        let read = |text| Server::parse(text).map(|server| (server.host, server.port));
        assert_eq!(read("fd00::3"), Ok(("fd00::3".to_owned(), None)));
        assert_eq!(read("[fd00::3]:1123"), Ok(("fd00::3".to_owned(), Some(1123))));
        assert_eq!(read("10.1.0.3:1123"), Ok(("10.1.0.3".to_owned(), Some(1123))));
        assert!(read("ntp.example iburst\nallow all").is_err());
        assert!(read("").is_err());
    }
}
