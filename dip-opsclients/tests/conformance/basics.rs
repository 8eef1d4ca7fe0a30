//! The time, the resolver and the metrics of a node.

use std::time::Duration;

use dip_core::conformance::{Failure, Verdict};
use dip_core::fact::opsclients::{CLOCK, METRICS, RESOLVER};
use dip_core::operation::Check;
use serde_json::json;

use crate::lab::{Lab, must, n1};

pub(crate) async fn a_node_follows_the_site_time(lab: &Lab) -> Result<Verdict, Failure> {
    let server = lab.time().address.to_string();
    let bench = lab.bench(&server, json!({"time": {"service": "time", "control_clock": false}}))?;
    let facts = bench.comes_true().await?;
    let source = facts.read::<String>(&CLOCK.of(&n1()))?;
    must(source.as_deref() == Some(&server), || format!("the fact says {source:?}"))?;
    // Seen by the server itself.
    let clients = lab.time().ssh("chronyc -n -c clients").await?;
    must(clients.contains(&lab.node().address.to_string()), || format!("the server's clients are {clients:?}"))?;
    let enabled = lab.node().ssh("systemctl is-enabled chrony").await?;
    must(enabled.trim() == "enabled", || enabled)?;
    Ok(Verdict::Passed)
}

pub(crate) async fn a_server_that_is_not_there_is_not_followed(lab: &Lab) -> Result<Verdict, Failure> {
    // The host's router answers no NTP.
    let nobody = lab.bind.addr.ip().to_string();
    let bench = lab.bench(&nobody, json!({"time": {"service": "time", "control_clock": false}}))?;
    match bench.settle(Duration::from_secs(5)).await? {
        Check::Differs(diff) if diff.to_string() == format!("clock follows nobody → follows {nobody}") => {
            Ok(Verdict::Passed)
        }
        other => Err(format!("nobody answers there, and it tells {other:?}").into()),
    }
}

pub(crate) async fn a_node_finds_its_own_name_through_the_site_resolver(lab: &Lab) -> Result<Verdict, Failure> {
    let server = lab.bind.addr.ip().to_string();
    let bench = lab.bench("10.0.0.1", json!({"resolver": {"servers": [server], "search": ["lab.test"]}}))?;
    let facts = bench.comes_true().await?;
    let name = facts.read::<String>(&RESOLVER.of(&n1()))?;
    must(name.as_deref() == Some("n1.lab.test"), || format!("the fact says {name:?}"))?;
    let seen = lab.node().ssh("getent hosts n1").await?;
    must(seen.starts_with(&lab.node().address.to_string()), || format!("the short name is {seen:?}"))?;
    Ok(Verdict::Passed)
}

pub(crate) async fn a_name_that_is_not_registered_is_told(lab: &Lab) -> Result<Verdict, Failure> {
    let server = lab.bind.addr.ip().to_string();
    let registered = format!("n1.lab.test 60 A {}", lab.node().address);
    lab.bind.update(&["delete n1.lab.test A"]).await?;
    let bench = lab.bench("10.0.0.1", json!({"resolver": {"servers": [server], "search": ["lab.test"]}}))?;
    let unknown = bench.settle(Duration::ZERO).await?;
    lab.bind.update(&[&format!("add {registered}")]).await?;
    let wanted = format!("+ address of n1.lab.test {}", lab.node().address);
    match unknown {
        Check::Differs(diff) if diff.to_string() == wanted => Ok(Verdict::Passed),
        other => Err(format!("the name is gone, and it tells {other:?}").into()),
    }
}

pub(crate) async fn a_node_serves_its_metrics_to_others(lab: &Lab) -> Result<Verdict, Failure> {
    let bench = lab.bench("10.0.0.1", json!({"metrics": {"port": 9177}}))?;
    let facts = bench.comes_true().await?;
    let address = facts.read::<String>(&METRICS.of(&n1()))?.ok_or("there is no fact")?;
    must(address == format!("{}:9177", lab.node().address), || address.clone())?;
    // Asked for from outside, as a monitoring server does.
    let text = fetch(&address).await?;
    must(text.contains("node_boot_time_seconds"), || text.chars().take(200).collect())?;
    Ok(Verdict::Passed)
}

async fn fetch(address: &str) -> Result<String, Failure> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(crate) async fn a_node_with_systemd_resolved_finds_its_name_by_that(lab: &Lab) -> Result<Verdict, Failure> {
    let server = lab.bind.addr.ip().to_string();
    let settings = json!({"servers": [server], "search": ["lab.test"], "client": "systemd_resolved"});
    let facts = lab.bench("10.0.0.1", json!({"resolver": settings}))?.comes_true().await?;
    let name = facts.read::<String>(&RESOLVER.of(&n1()))?;
    must(name.as_deref() == Some("n1.lab.test"), || format!("the fact says {name:?}"))?;
    let seen = lab.node().ssh("cat /etc/resolv.conf; getent hosts n1").await?;
    must(seen.contains("nameserver 127.0.0.53") && seen.contains(&lab.node().address.to_string()), || seen)?;
    // Left out, it is what the node has from now on.
    let bench = lab.bench("10.0.0.1", json!({"resolver": {"servers": [server], "search": ["lab.test"]}}))?;
    match bench.check().await? {
        Check::Holds(_) => {}
        other => return Err(format!("the node uses it, and without a choice it is {other:?}").into()),
    }
    lab.node().ssh("systemctl disable --now systemd-resolved && rm /etc/resolv.conf").await?;
    Ok(Verdict::Passed)
}

/// Debian lets nobody have chrony beside it: what needs chrony comes before.
pub(crate) async fn a_node_that_has_systemd_timesyncd_alone_follows_by_it(lab: &Lab) -> Result<Verdict, Failure> {
    let exchange = "dpkg --purge chrony && dpkg --install /opt/lab/systemd-timesyncd_*.deb && systemctl disable --now systemd-timesyncd";
    lab.node().ssh(exchange).await?;
    let server = lab.time().address.to_string();
    let bench = lab.bench(&server, json!({"time": {"service": "time", "control_clock": false}}))?;
    let source = bench.comes_true().await?.read::<String>(&CLOCK.of(&n1()))?;
    must(source.as_deref() == Some(&server), || format!("the fact says {source:?}"))?;
    let clients = lab.time().ssh("chronyc -n -c clients").await?;
    must(clients.contains(&lab.node().address.to_string()), || format!("the server's clients are {clients:?}"))?;
    let nobody = lab.bind.addr.ip().to_string();
    let bench = lab.bench(&nobody, json!({"time": {"service": "time", "control_clock": false}}))?;
    match bench.settle(Duration::from_secs(5)).await? {
        Check::Differs(diff) if diff.to_string() == format!("clock follows nobody → follows {nobody}") => {
            Ok(Verdict::Passed)
        }
        other => Err(format!("nobody answers there, and it tells {other:?}").into()),
    }
}
