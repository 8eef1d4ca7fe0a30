//! The log of a node, at a receiver that is an rsyslog on the other host.

use std::time::Duration;

use dip_core::conformance::{Failure, Verdict};
use dip_core::fact::opsclients::LOGGING;
use dip_core::operation::{Check, Gap};
use serde_json::{Value, json};

use crate::lab::{Lab, must, n1};
use crate::trust::authority;

/// A receiver by TCP that files all messages of others.
const RECEIVER: &str = r#"cat >/etc/rsyslog.d/lab.conf <<'END'
module(load="imtcp")
input(type="imtcp" port="514" ruleset="remote")
ruleset(name="remote") { action(type="omfile" file="/var/log/remote.log" fileCreateMode="0644") }
END
touch /var/log/remote.log && systemctl enable --now rsyslog && systemctl restart rsyslog"#;

/// The same by TLS (port 6514), with a certificate of the lab's authority.
const TLS_RECEIVER: &str = r#"cat >/etc/rsyslog.d/lab.conf <<'END'
global(DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="/etc/lab/ca.pem"
       DefaultNetstreamDriverCertFile="/etc/lab/logs.pem" DefaultNetstreamDriverKeyFile="/etc/lab/logs.key")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" port="6514" ruleset="remote")
ruleset(name="remote") { action(type="omfile" file="/var/log/remote.log" fileCreateMode="0644") }
END
systemctl restart rsyslog"#;

fn service(lab: &Lab, more: Value) -> Value {
    let mut service = json!({
        "kind": "syslog",
        "host": lab.time().address.to_string(),
        "seen_in": {"node": "n2", "path": "/var/log/remote.log"},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        service[key] = value.clone();
    }
    json!({ "logs": service })
}

fn settings() -> Value {
    json!({"logging": {"service": "logs"}})
}

pub(crate) async fn a_message_of_the_node_is_seen_at_the_receiver(lab: &Lab) -> Result<Verdict, Failure> {
    lab.time().ssh(RECEIVER).await?;
    let facts = lab.bench_with(service(lab, json!({})), settings())?.comes_true().await?;
    let at = facts.read::<String>(&LOGGING.of(&n1()))?;
    must(at == Some(format!("{}:514", lab.time().address)), || format!("the fact says {at:?}"))?;
    // What others say arrives too.
    lab.node().ssh("logger -t somebody 'a word of somebody'").await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seen = lab.time().ssh("cat /var/log/remote.log").await?;
    must(seen.contains("a word of somebody") && seen.contains("dip-n1-"), || seen)?;
    Ok(Verdict::Passed)
}

pub(crate) async fn a_message_by_tls_is_seen_at_the_receiver(lab: &Lab) -> Result<Verdict, Failure> {
    let (_, pem) = authority(lab).await?;
    let host = lab.host(lab.time())?;
    let name = lab.time().address.to_string();
    let make = format!(
        "mkdir -p /etc/lab && cd /etc/lab && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout logs.key -out logs.pem -CA ca.pem -CAkey ca.key -subj /CN={name} -addext subjectAltName=DNS:{name},IP:{name} -addext basicConstraints=critical,CA:FALSE -days 2"
    );
    for (path, from) in [("/etc/lab/ca.pem", lab.files.join("ca.pem")), ("/etc/lab/ca.key", lab.files.join("ca.key"))] {
        let content = dip_core::provider::FileContent { bytes: std::fs::read(from)?, mode: 0o600 };
        host.write(path, &content).await?;
    }
    lab.time().ssh(&make).await?;
    lab.time().ssh(TLS_RECEIVER).await?;
    must(pem.contains("BEGIN CERTIFICATE"), || pem.clone())?;
    let tls = service(lab, json!({"protocol": "tls", "ca": lab.files.join("ca.pem")}));
    let facts = lab.bench_with(tls, settings())?.comes_true().await?;
    let at = facts.read::<String>(&LOGGING.of(&n1()))?;
    must(at == Some(format!("{}:6514", lab.time().address)), || format!("the fact says {at:?}"))?;
    Ok(Verdict::Passed)
}

pub(crate) async fn a_receiver_that_is_away_and_one_that_cannot_be_read_are_told(
    lab: &Lab,
) -> Result<Verdict, Failure> {
    lab.time().ssh(RECEIVER).await?;
    lab.bench_with(service(lab, json!({})), settings())?.comes_true().await?;
    lab.time().ssh("systemctl stop syslog.socket rsyslog").await?;
    let bench = lab.bench_with(service(lab, json!({})), settings())?;
    let away = bench.check().await?;
    let Check::Differs(diff) = away else { return Err(format!("the receiver is away, and it tells {away:?}").into()) };
    must(diff.to_string().ends_with("not seen → seen"), || diff.to_string())?;
    lab.time().ssh("systemctl start syslog.socket rsyslog").await?;
    let elsewhere = service(lab, json!({"seen_in": {"node": "n2", "path": "/var/log/nothing.log"}}));
    let unseen = lab.bench_with(elsewhere, settings())?.check().await?;
    let Check::Unknown(Gap::Unobservable(why)) = unseen else {
        return Err(format!("the file is not there, and it tells {unseen:?}").into());
    };
    must(why.contains("was not seen: ") && why.contains("No such file"), || why.to_string())?;
    Ok(Verdict::Passed)
}
