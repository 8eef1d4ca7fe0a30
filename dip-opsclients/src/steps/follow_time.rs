//! `opsclients.follow_time`: the node's time client follows the site's time service, and is in sync with it.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::CLOCK;
use dip_core::fact::os::PACKAGES;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::time_clients::{Chrony, Server, Timesyncd};
use crate::node::Node;
use crate::settings::TimeClient;
use crate::unit::Unit;

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
    /// Who follows them; where it is left out, chrony, or systemd-timesyncd on a node that has only that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<TimeClient>,
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

impl FollowTime {
    /// A node that follows servers; a sentence where one of them cannot be followed.
    pub(crate) fn new(node: &NodeName, servers: &[String], clock: Clock) -> Result<Self, String> {
        if servers.is_empty() {
            return Err("the time service has no servers".to_owned());
        }
        let servers = servers.iter().map(|text| Server::parse(text)).collect::<Result<_, _>>()?;
        Ok(Self { node: node.clone(), servers, clock, client: None })
    }

    /// The same by a client that the site file names.
    pub(crate) fn by(self, client: Option<TimeClient>) -> Result<Self, String> {
        match (client, self.servers.iter().find(|server| server.port.is_some())) {
            (Some(TimeClient::SystemdTimesyncd), Some(server)) => Err(format!(
                "systemd-timesyncd asks port 123 alone, and `{}` of the time service has another; let chrony follow it",
                server.host
            )),
            _ => Ok(Self { client, ..self }),
        }
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

    async fn client(&self, node: &Node) -> Result<Client, OperationError> {
        let chrony = Chrony::of(node).await?;
        let chosen = match self.client {
            Some(chosen) => chosen,
            None if Timesyncd::is_alone_on(node, &chrony).await? => TimeClient::SystemdTimesyncd,
            None => TimeClient::Chrony,
        };
        Ok(match chosen {
            TimeClient::Chrony => Client::Chrony(chrony),
            TimeClient::SystemdTimesyncd => Client::Timesyncd(Timesyncd),
        })
    }

    /// What differs of the files and the service.
    async fn setup(&self, node: &Node, client: &Client) -> Result<Diff, OperationError> {
        let mut diff = Diff::default();
        for (path, wanted) in client.files(self) {
            diff = node.diff_file(diff, &path, wanted.as_deref()).await?;
        }
        client.unit().diff(node, diff).await
    }

    /// The servers' names, for messages.
    fn named(&self) -> String {
        self.servers.iter().map(|server| server.host.as_str()).collect::<Vec<_>>().join(" or ")
    }
}

/// Who follows the servers on a node.
enum Client {
    Chrony(Chrony),
    Timesyncd(Timesyncd),
}

impl Client {
    /// Its files, with what they should say; nothing where there should be none.
    fn files(&self, wanted: &FollowTime) -> Vec<(String, Option<String>)> {
        match self {
            Self::Chrony(chrony) => chrony.files(&wanted.servers, wanted.clock),
            Self::Timesyncd(timesyncd) => timesyncd.files(&wanted.servers, wanted.clock),
        }
    }

    fn unit(&self) -> Unit {
        match self {
            Self::Chrony(chrony) => chrony.unit(),
            Self::Timesyncd(timesyncd) => timesyncd.unit(),
        }
    }

    async fn followed(&self, node: &Node, clock: Clock) -> Result<Option<String>, OperationError> {
        match self {
            Self::Chrony(chrony) => chrony.followed(node).await,
            Self::Timesyncd(timesyncd) => timesyncd.followed(node, clock).await,
        }
    }
}

#[async_trait]
impl Operation for FollowTime {
    const NAME: &'static str = "opsclients.follow_time";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let client = self.client(&node).await?;
        let diff = self.setup(&node, &client).await?;
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        let followed = client.followed(&node, self.clock).await?;
        match followed.as_ref().filter(|source| self.servers.iter().any(|server| server.host == **source)) {
            Some(source) => Ok(Check::Holds(Facts::new().with(&CLOCK, &Subject::node(&self.node), source))),
            None => {
                let now = followed.map_or("follows nobody".to_owned(), |source| format!("follows {source}"));
                Ok(Check::Differs(Diff::of("clock", Some(now), Some(format!("follows {}", self.named())))))
            }
        }
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let client = self.client(&node).await?;
        let reason = format!("the clock to follow {}", self.named());
        // A node that has just booted needs some seconds to follow; a restart would only set it back. One that does not
        // come round is started again all the same: it may run with what was configured before.
        if cx.assignment().attempt == 1 && self.setup(&node, &client).await?.is_empty() {
            return Ok(Applied::watch(reason, POLL));
        }
        for (path, wanted) in client.files(self) {
            node.put_file(&path, wanted.as_deref()).await?;
        }
        client.unit().restart(&node).await?;
        Ok(Applied::wait(reason, POLL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{debian, node_name};
    use dip_core::testing::FakeHost;

    const SYNCED: &str = "0A010003,10.1.0.3,9,1700000000.1,0.0,0.0,0.0,-1.0,0.0,0.1,0.001,0.002,2.0,Normal\n";
    const LOST: &str = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n";

    const CONFIGURATION: &str = "/etc/chrony/chrony.conf";
    const DROP_IN: &str = "/etc/systemd/system/chrony.service.d/dip.conf";

    fn configuration(clock: Clock) -> String {
        let [(_, Some(text)), _] = &Chrony::DEBIAN.files(&wanted(clock).servers, clock)[..] else { unreachable!() };
        text.clone()
    }

    fn wanted(clock: Clock) -> FollowTime {
        FollowTime::new(&node_name(), &["10.1.0.3".to_owned(), "ntp.example:1123".to_owned()], clock)
            .expect("two servers")
    }

    fn host(tracking: &str) -> FakeHost {
        debian()
            .answer("systemctl is-enabled chrony", 0, "enabled\n", "")
            .answer("systemctl is-active chrony", 0, "active\n", "")
            .answer("chronyc -N -c tracking", 0, tracking, "")
            .file(CONFIGURATION, &configuration(Clock::Set))
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

    fn timesyncd(answer: &str, synchronized: &str) -> FakeHost {
        debian()
            .file("/usr/lib/systemd/system/systemd-timesyncd.service", "[Unit]\n")
            .file(
                "/etc/systemd/timesyncd.conf.d/dip.conf",
                &Timesyncd.files(&one().servers, Clock::Set)[0].1.clone().expect("text"),
            )
            .answer("systemctl is-enabled systemd-timesyncd", 0, "enabled\n", "")
            .answer("systemctl is-active systemd-timesyncd", 0, "active\n", "")
            .answer("timedatectl show-timesync --property=ServerName --property=NTPMessage", 0, answer, "")
            .answer("timedatectl show --property=NTPSynchronized --value", 0, synchronized, "")
    }

    fn one() -> FollowTime {
        FollowTime::new(&node_name(), &["10.1.0.3".to_owned()], Clock::Set).expect("a server")
    }

    #[tokio::test]
    async fn a_node_that_has_timesyncd_alone_follows_by_it() {
        let heard = "ServerName=10.1.0.3\nNTPMessage={ Leap=0, Version=4, Stratum=9 }\n";
        assert_eq!(timesyncd(heard, "yes\n").bench(one().step()).check(&one()).await, "holds");
        let told = timesyncd(heard, "no\n").bench(one().step()).check(&one()).await;
        assert_eq!(told, "clock follows nobody → follows 10.1.0.3");
        let silent = timesyncd("ServerName=10.1.0.3\n", "yes\n").bench(one().step()).check(&one()).await;
        assert_eq!(silent, "clock follows nobody → follows 10.1.0.3", "the kernel's word is of somebody before");
    }

    #[tokio::test]
    async fn a_node_that_has_both_follows_by_chrony_unless_the_site_says_otherwise() {
        let both = timesyncd("", "").file("/usr/lib/systemd/system/chrony.service", "[Unit]\n");
        let told = both.bench(one().step()).check(&one()).await;
        assert!(told.contains("/etc/chrony/chrony.conf"), "{told}");
        let wanted = one().by(Some(TimeClient::SystemdTimesyncd)).expect("it has no port");
        let both = timesyncd("ServerName=10.1.0.3\nNTPMessage={ Leap=0 }\n", "yes\n")
            .file("/usr/lib/systemd/system/chrony.service", "[Unit]\n");
        assert_eq!(both.bench(wanted.clone().step()).check(&wanted).await, "holds");
        let port = FollowTime::new(&node_name(), &["ntp.example:1123".to_owned()], Clock::Set).expect("a server");
        assert!(port.by(Some(TimeClient::SystemdTimesyncd)).is_err());
    }

    #[tokio::test]
    async fn a_family_of_linux_has_names_of_its_own() {
        let bench = FakeHost::default().file("/etc/os-release", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n");
        let told = bench.bench(one().step()).check(&one()).await;
        assert!(told.contains("/etc/chrony.conf") && told.contains("service chronyd"), "{told}");
        let strange = FakeHost::default().bench(one().step());
        let error = one().check(&strange.context()).await.expect_err("it has no os-release").to_string();
        assert!(error.contains("names no family of Linux"), "{error}");
    }
}
