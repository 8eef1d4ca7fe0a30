//! `opsclients.send_logs`: rsyslog on the node sends the system log to the site's receiver, and a message was seen there.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::{CLOCK, LOGGING, RESOLVER};
use dip_core::fact::os::{HOST_NAME, PACKAGES};
use dip_core::id::{LayerId, NodeName, ServiceName};
use dip_core::operation::{Applied, Check, Context, Diff, Gap, Operation, OperationError, Patience};
use dip_core::provider::{Command, sentence};
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::provider::LogReceiver;
use crate::settings::SyslogProtocol;
use crate::unit::Unit;

/// After those of the distribution: what they discard is not sent.
const CONFIGURATION: &str = "/etc/rsyslog.d/60-dip.conf";

const ANCHORS: &str = "/etc/dip/syslog-ca.pem";

const UNIT: Unit = Unit("rsyslog");

/// How often, and with which pause, a message is looked for before the check says that it was not seen.
const LOOKS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(400);

/// Each check sends a message: not more often than this.
const POLL: Duration = Duration::from_secs(5);

/// rsyslog tries a receiver that was away again after 30 s (action.resumeInterval).
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(3 * 60), attempt: Duration::from_secs(60) };

/// Lets a node send its log. What is in `/etc/rsyslog.d` beside stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendLogs {
    /// The node.
    pub node: NodeName,
    /// The receiver.
    pub service: ServiceName,
    /// Its address or host name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub protocol: SyslogProtocol,
    /// The certificates in PEM, one of which must have signed the receiver's.
    pub anchors: Option<String>,
}

impl SendLogs {
    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let given = LOGGING.of(&subject);
        // A receiver files messages by host name and time, and is found by its own name.
        let before = [PACKAGES.of(&subject), HOST_NAME.of(&subject), CLOCK.of(&subject), RESOLVER.of(&subject)];
        let step = Step::new(LayerId::OpsClients, subject, &self)
            .give(given)
            .in_environment(&self.node, Environment::Installed)
            .patience(PATIENCE);
        before.into_iter().map(Need::IfGiven).fold(step, Step::need)
    }

    fn configuration(&self) -> String {
        let protocol = if self.protocol == SyslogProtocol::Udp { "udp" } else { "tcp" };
        let tls = match self.protocol {
            SyslogProtocol::Tls => format!(
                "\n       StreamDriver=\"gtls\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\"\n       StreamDriverPermittedPeers=\"{}\" StreamDriver.CAFile=\"{ANCHORS}\"",
                self.host
            ),
            _ => String::new(),
        };
        // While the receiver is away, messages wait on disk; they must never hold up the node.
        format!(
            "# Written by dip from the settings `opsclients.logging` of this node. Changes here are undone.
action(type=\"omfwd\" target=\"{}\" port=\"{}\" protocol=\"{protocol}\" template=\"RSYSLOG_SyslogProtocol23Format\"
       TCP_Framing=\"octet-counted\" action.resumeRetryCount=\"-1\" queue.type=\"LinkedList\" queue.filename=\"dip\"
       queue.maxDiskSpace=\"100m\" queue.saveOnShutdown=\"on\" queue.timeoutEnqueue=\"0\"{tls})
",
            self.host, self.port
        )
    }

    fn files(&self) -> [(&'static str, Option<String>); 2] {
        [(ANCHORS, self.anchors.clone()), (CONFIGURATION, Some(self.configuration()))]
    }

    /// What differs of the files and the service.
    async fn setup(&self, node: &Node) -> Result<Diff, OperationError> {
        let mut diff = Diff::default();
        for (path, wanted) in self.files() {
            diff = node.diff_file(diff, path, wanted.as_deref()).await?;
        }
        UNIT.diff(node, diff).await
    }

    fn receiver(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Sends a message and looks for it; the line where it was seen.
    async fn send(
        &self,
        node: &Node,
        receiver: &dyn LogReceiver,
        mark: &str,
    ) -> Result<Option<String>, OperationError> {
        let text = format!("{mark}: dip looks whether messages arrive");
        node.succeed(&Command::new("logger").args(["--tag", "dip", "--", &text])).await?;
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            if let Some(line) = receiver.find(mark).await? {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl Operation for SendLogs {
    const NAME: &'static str = "opsclients.send_logs";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let diff = self.setup(&node).await?;
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        let mark = format!("dip-{}-{}", self.node, Timestamp::now().as_nanosecond());
        let receiver = match cx.provider::<dyn LogReceiver>(&Subject::service(&self.service)) {
            Ok(receiver) => receiver,
            Err(error) => return Ok(Check::Unknown(self.unseen(&mark, &error.to_string()))),
        };
        match self.send(&node, &*receiver, &mark).await {
            Ok(Some(_)) => Ok(Check::Holds(Facts::new().with(&LOGGING, &Subject::node(&self.node), &self.receiver()))),
            Ok(None) => {
                let what = format!("message {mark} at {}", self.receiver());
                Ok(Check::Differs(Diff::of(what, Some("not seen"), Some("seen"))))
            }
            Err(OperationError::Provider(error)) => Ok(Check::Unknown(self.unseen(&mark, &sentence(&error)))),
            Err(error) => Err(error),
        }
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let reason = format!("a message to arrive at {}", self.receiver());
        // What was sent while the receiver was away is in the queue: a restart would bring nothing, unless the service still runs
        // with what was configured before.
        if cx.assignment().attempt == 1 && self.setup(&node).await?.is_empty() {
            return Ok(Applied::watch(reason, POLL));
        }
        let before = node.text(CONFIGURATION).await?;
        for (path, wanted) in self.files() {
            node.put_file(path, wanted.as_deref()).await?;
        }
        // A service that runs with a configuration that it cannot read is gone after the next boot.
        if let Err(error) = node.succeed(&Command::new("rsyslogd").args(["-N1"])).await {
            node.put_file(CONFIGURATION, before.as_deref()).await?;
            return Err(error);
        }
        UNIT.restart(&node).await?;
        Ok(Applied::wait(reason, POLL))
    }
}

impl SendLogs {
    fn unseen(&self, mark: &str, why: &str) -> Gap {
        let text = format!("whether the message {mark} arrived at {} was not seen: {why}", self.receiver());
        Gap::Unobservable(text.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::testing::node_name;
    use dip_core::provider::{ErrorKind, Host, ProviderError, Providers};
    use dip_core::testing::{Bench, FakeHost};

    /// A receiver that has got everything, lost everything, or cannot be read.
    enum Receiver {
        Got(Mutex<Vec<String>>),
        Lost,
        Unreadable,
    }

    #[async_trait]
    impl LogReceiver for Receiver {
        async fn find(&self, mark: &str) -> Result<Option<String>, ProviderError> {
            match self {
                Self::Got(marks) => {
                    marks.lock().expect("no panic").push(mark.to_owned());
                    Ok(Some(format!("n1 dip: {mark}")))
                }
                Self::Lost => Ok(None),
                Self::Unreadable => {
                    Err(ProviderError::new(ErrorKind::NotFound, "log receiver", "read /var/log/remote.log"))
                }
            }
        }
    }

    fn wanted() -> SendLogs {
        SendLogs {
            node: node_name(),
            service: ServiceName::new("logs").expect("a name"),
            host: "10.1.0.9".to_owned(),
            port: 514,
            protocol: SyslogProtocol::Tcp,
            anchors: None,
        }
    }

    fn host() -> FakeHost {
        FakeHost::default().answer("systemctl is-enabled rsyslog", 0, "enabled\n", "").answer(
            "systemctl is-active rsyslog",
            0,
            "active\n",
            "",
        )
    }

    async fn seen_by(receiver: Option<Receiver>) -> String {
        let mut providers = Providers::new();
        let host: Arc<dyn Host> = Arc::new(host().file(CONFIGURATION, &wanted().configuration()));
        providers.insert::<dyn Host>(&Subject::node(&node_name()), host);
        if let Some(receiver) = receiver {
            providers.insert::<dyn LogReceiver>(&Subject::service(&wanted().service), Arc::new(receiver));
        }
        let bench = Bench::new(providers, wanted().step());
        match wanted().check(&bench.context()).await.expect("the host answers") {
            Check::Holds(_) => "holds".to_owned(),
            Check::Differs(diff) => diff.to_string(),
            Check::Unknown(gap) => gap.to_string(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_must_be_seen_to_arrive() {
        assert_eq!(seen_by(Some(Receiver::Got(Mutex::default()))).await, "holds");
        let lost = seen_by(Some(Receiver::Lost)).await;
        assert!(lost.starts_with("message dip-n1-") && lost.ends_with(" at 10.1.0.9:514 not seen → seen"), "{lost}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_cannot_be_read_is_told_with_what_was_not_seen() {
        for receiver in [Some(Receiver::Unreadable), None] {
            let told = seen_by(receiver).await;
            assert!(told.contains("whether the message dip-n1-") && told.contains("was not seen: "), "{told}");
        }
    }

    #[tokio::test]
    async fn a_configuration_that_rsyslog_refuses_is_taken_back() {
        let words = "rsyslogd: error during parsing file /etc/rsyslog.d/60-dip.conf";
        let bench = host().file(CONFIGURATION, "before\n").answer("rsyslogd -N1", 1, "", words).bench(wanted().step());
        let error = wanted().apply(&bench.context()).await.expect_err("it is refused").to_string();
        assert!(error.contains("error during parsing"), "{error}");
        assert_eq!(bench.text(CONFIGURATION).as_deref(), Some("before\n"));
        assert!(!bench.ran().contains(&"systemctl restart rsyslog".to_owned()));
    }

    #[test]
    fn each_protocol_has_its_words() {
        let by = |protocol| SendLogs { protocol, ..wanted() }.configuration();
        assert!(by(SyslogProtocol::Udp).contains("protocol=\"udp\""));
        let tls = by(SyslogProtocol::Tls);
        assert!(tls.contains("protocol=\"tcp\"") && tls.contains("PermittedPeers=\"10.1.0.9\""), "{tls}");
        assert!(!by(SyslogProtocol::Tcp).contains("StreamDriver"));
    }
}
