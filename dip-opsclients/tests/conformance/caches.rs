//! A package proxy and a memcached.

use std::time::Duration;

use dip_core::conformance::{Failure, Verdict, not_installed};
use dip_core::fact::opsclients::{MEMCACHED, PACKAGE_PROXY};
use dip_core::operation::Check;
use dip_lab::{Requirement, Tinyproxy};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::lab::{Lab, must, n1};

pub(crate) async fn a_node_asks_a_package_proxy(lab: &Lab) -> Result<Verdict, Failure> {
    if let Err(missing) = Requirement::Tinyproxy.check() {
        return not_installed(missing.to_string());
    }
    let proxy = Tinyproxy::start(lab.bind.addr.ip()).await?;
    let url = format!("http://{}", proxy.addr);
    let settings = json!({"package_proxy": {"url": url}});
    let facts = lab.bench_with(json!({}), settings.clone())?.comes_true().await?;
    must(facts.read::<String>(&PACKAGE_PROXY.of(&n1()))? == Some(url), || "the fact says otherwise".to_owned())?;
    // What apt fetches, it fetches through the proxy: the node's own metrics, which were turned on before.
    let fetch =
        format!("/usr/lib/apt/apt-helper download-file http://{}:9177/metrics /root/fetched", lab.node().address);
    lab.node().ssh(&format!("{fetch} && grep -q node_boot_time_seconds /root/fetched && rm /root/fetched")).await?;
    drop(proxy);
    must(lab.node().ssh(&fetch).await.is_err(), || "the proxy is away, and apt fetches all the same".to_owned())?;
    match lab.bench_with(json!({}), settings)?.check().await? {
        Check::Differs(diff) if diff.to_string().ends_with("no answer → answers") => {}
        other => return Err(format!("the proxy is away, and it tells {other:?}").into()),
    }
    lab.node().ssh("rm /etc/apt/apt.conf.d/95dip-proxy").await?;
    Ok(Verdict::Passed)
}

pub(crate) async fn a_node_runs_a_memcached(lab: &Lab) -> Result<Verdict, Failure> {
    let settings = json!({"memcached": {"port": 11311, "memory": 32, "reach": "network"}});
    let facts = lab.bench_with(json!({}), settings)?.comes_true().await?;
    let version = facts.read::<String>(&MEMCACHED.of(&n1()))?.ok_or("there is no fact")?;
    // Asked from outside, as an application does: what is kept there comes back.
    let mut stream = tokio::net::TcpStream::connect((lab.address(lab.node()), 11311)).await?;
    stream.write_all(b"set colour 0 60 4\r\nblue\r\nget colour\r\nstats\r\nquit\r\n").await?;
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut text)).await??;
    let told = text.contains("STORED") && text.contains("blue") && text.contains(&format!("STAT version {version}"));
    must(told && text.contains("STAT limit_maxbytes 33554432"), || text)?;
    Ok(Verdict::Passed)
}
