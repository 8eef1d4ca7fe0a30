//! Puppet with a server, on another host than the node.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::fact::opsclients::{AGENT, AGENT_FACTS};
use dip_core::operation::{Applied, Check};
use dip_core::provider::ErrorKind;
use dip_lab::{PuppetServer, Requirement};
use dip_opsclients::provider::ConfigAgent;
use dip_opsclients::providers::{Catalogue, Puppet};
use serde_json::{Value, json};

use crate::agents::{Harness, colour, managed, named};
use crate::lab::{Lab, must, n1};
use crate::prepared::{Ground, Prepared, refused};

const SERVER: &str = "puppet.lab.test";

const MANIFEST: &str = r#"node 'n1.lab.test' {
  file { '/etc/trial-puppet-server':
    content => "${facts['dip']['name']} ${facts['dip']['vars']['colour']}\n",
  }
}"#;

/// Runs well on the server, and not on the node.
const BROKEN: &str = r#"exec { '/bin/sh -c "echo nothing works; exit 3"': logoutput => true }"#;

/// The server cannot read it.
const UNREADABLE: &str = "file { '/etc/x':";

/// Waits for the server; the reason why there is none.
async fn server(lab: &Lab) -> Result<Option<Verdict>, Failure> {
    if let Err(missing) = Requirement::PuppetServer.check() {
        return not_installed(missing.to_string()).map(Some);
    }
    let server = PuppetServer::on(lab.server());
    server.ready().await?;
    for (environment, text) in [("production", MANIFEST), ("broken", BROKEN), ("unreadable", UNREADABLE)] {
        server.write_manifest(environment, text).await?;
    }
    let line = format!("{} {SERVER}", lab.server().address);
    lab.node().ssh(&format!("grep -qF '{line}' /etc/hosts || echo '{line}' >>/etc/hosts")).await?;
    Ok(None)
}

/// Puppet with the server, in an environment; whether dip signs there.
fn agent(lab: &Lab, name: &str, environment: &str, signer: Signer) -> Result<Puppet, Failure> {
    let signer = match signer {
        Signer::Dip => Some(lab.host(lab.server())?),
        Signer::SomebodyElse => None,
    };
    Ok(Puppet::new(Catalogue::Server { name: name.to_owned(), environment: Some(environment.to_owned()), signer }))
}

#[derive(Clone, Copy)]
enum Signer {
    Dip,
    SomebodyElse,
}

/// The conformance list.
pub(crate) fn conformance(lab: &Arc<Lab>) -> Result<Vec<Trial>, Failure> {
    let with = |environment: &str| -> Result<Arc<dyn ConfigAgent>, Failure> {
        let agent = agent(lab, SERVER, environment, Signer::Dip)?;
        Ok(Arc::new(Prepared { ground: Server(lab.clone()), agent }))
    };
    let dead = agent(lab, &lab.router().to_string(), "production", Signer::Dip)?;
    let harness = Harness {
        host: lab.host(lab.node())?,
        managed: managed(lab),
        file: "/etc/trial-puppet-server",
        sound: with("production")?,
        broken: (with("broken")?, "instead of one of [0]"),
        unreadable: with("unreadable")?,
        dead: Some((Arc::new(dead), managed(lab))),
        known_fact: "os",
    };
    match Requirement::PuppetServer.check() {
        Ok(()) => Ok(named("puppet_server", harness)),
        Err(missing) => {
            let trial = Trial::new("all_trials", move || async move { not_installed(missing.to_string()) });
            Ok(vec![trial.on("puppet_server")])
        }
    }
}

struct Server(Arc<Lab>);

#[async_trait]
impl Ground for Server {
    async fn prepare(&self) -> Result<(), Failure> {
        server(&self.0).await.map(drop)
    }
}

/// Both forget each other.
async fn strangers(lab: &Lab) -> Result<(), Failure> {
    lab.node().ssh("rm -rf /var/lib/puppet/ssl /etc/facter/facts.d/dip.json /etc/trial-puppet-server").await?;
    lab.server().ssh("puppetserver ca clean --certname n1.lab.test || true").await?;
    Ok(())
}

pub(crate) async fn a_node_that_a_puppet_server_does_not_know_is_signed_for_and_gets_its_catalogue(
    lab: &Lab,
) -> Result<Verdict, Failure> {
    if let Some(verdict) = server(lab).await? {
        return Ok(verdict);
    }
    strangers(lab).await?;
    let service = |environment: &str| json!({"config": {"kind": "puppet", "server": SERVER, "server_node": "n3", "environment": environment}});
    let settings = json!({"agent": {"service": "config", "vars": colour()}});
    let bench = lab.bench_with(service("production"), settings.clone())?;
    match bench.check().await? {
        Check::Differs(diff) if diff.to_string().contains("certificate of n1.lab.test") => {}
        other => return Err(format!("nobody has signed for the node, and it is {other:?}").into()),
    }
    // A look makes no key and asks for nothing.
    let listed = lab.server().ssh("puppetserver ca list --certname n1.lab.test 2>&1 || true").await?;
    must(listed.contains("Missing Certificates"), || format!("after a look the server has {listed}"))?;
    must(bench.apply().await? == Applied::Done, || "it is not done at once".to_owned())?;
    let Check::Holds(facts) = bench.check().await? else { return Err("it was done, and does not hold".into()) };
    must(facts.read::<String>(&AGENT.of(&n1()))?.as_deref() == Some("Puppet"), || "no fact".to_owned())?;
    let told = facts.read::<BTreeMap<String, Value>>(&AGENT_FACTS.of(&n1()))?.unwrap_or_default();
    must(told.get("os").is_some_and(|os| os["name"] == "Debian"), || format!("{told:?}"))?;
    let written = lab.node().ssh("cat /etc/trial-puppet-server").await?;
    must(written.trim() == "n1.lab.test blue", || written.clone())?;
    match lab.bench_with(service("broken"), settings)?.apply().await {
        Ok(applied) => Err(format!("a resource cannot be made, and it is {applied:?}").into()),
        Err(error) => {
            let words = error.to_string();
            must(words.starts_with("`Puppet` failed on n1: Main/Exec["), || words.clone())?;
            must(words.contains("returned 3 instead of one of [0]"), || words)?;
            Ok(Verdict::Passed)
        }
    }
}

pub(crate) async fn what_a_puppet_server_refuses_is_told_with_what_to_do(lab: &Lab) -> Result<Verdict, Failure> {
    if let Some(verdict) = server(lab).await? {
        return Ok(verdict);
    }
    strangers(lab).await?;
    let (node, host) = (managed(lab), lab.host(lab.node())?);
    let production = agent(lab, SERVER, "production", Signer::Dip)?;

    // Nobody signs: who should is told.
    let unsigned = agent(lab, SERVER, "production", Signer::SomebodyElse)?.run(&node, &*host).await;
    refused(unsigned, ErrorKind::Denied, &["puppetserver ca sign --certname n1.lab.test", "server_node"])?;

    // Another machine has asked under the node's name.
    strangers(lab).await?;
    let line = format!("{} {SERVER}", lab.server().address);
    let other = format!(
        "echo '{line}' >>/etc/hosts; rm -rf /var/lib/puppet/ssl
         puppet ssl submit_request --server {SERVER} --certname n1.lab.test"
    );
    lab.time().ssh(&other).await?;
    let asked = production.run(&node, &*host).await;
    refused(asked, ErrorKind::Conflict, &["the server was asked with ", "and the node asks with", "ca clean"])?;

    // The server has signed for it: the node is not let in with what is another's.
    lab.server().ssh("puppetserver ca sign --certname n1.lab.test").await?;
    let signed = production.run(&node, &*host).await;
    let advice = "puppetserver ca clean --certname n1.lab.test";
    refused(signed, ErrorKind::Conflict, &["the server has signed ", "not for the node's key", advice])?;

    // What was advised helps.
    lab.server().ssh(advice).await?;
    let recap = production.run(&node, &*host).await?;
    must(recap.failed.is_empty(), || format!("{recap:?}"))?;

    // An environment that is not there is not exchanged for another.
    let nowhere = agent(lab, SERVER, "nowhere", Signer::Dip)?.run(&node, &*host).await;
    refused(nowhere, ErrorKind::Invalid, &["Environment 'nowhere' not found on server"])?;

    // The server takes the node's certificate back.
    lab.server().ssh("puppetserver ca revoke --certname n1.lab.test").await?;
    let revoked = production.run(&node, &*host).await;
    refused(revoked, ErrorKind::Denied, &["alert certificate", "puppet ssl clean --certname n1.lab.test"])?;

    // A server of another authority has the name.
    lab.node().ssh("openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -out /var/lib/puppet/ssl/certs/ca.pem -subj /CN=other").await?;
    let other = production.run(&node, &*host).await;
    refused(other, ErrorKind::Denied, &["certificate verify failed", "new authority"])?;
    strangers(lab).await?;
    Ok(Verdict::Passed)
}
