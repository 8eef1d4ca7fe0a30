//! Salt, with states of the site and with a master on another host than the node.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::fact::opsclients::AGENT_FACTS;
use dip_core::operation::{Applied, Check};
use dip_core::provider::ErrorKind;
use dip_lab::{Requirement, SaltMaster};
use dip_opsclients::provider::ConfigAgent;
use dip_opsclients::providers::{Salt, States};
use serde_json::{Value, json};

use crate::agents::{Harness, colour, managed, named};
use crate::lab::{Lab, must, n1};
use crate::prepared::{Ground, Prepared, refused};

const MASTER: &str = "salt.lab.test";

const SOUND: &str = "a file with what the site knows:
  file.managed:
    - name: /etc/trial-salt
    - contents: \"{{ grains['dip']['name'] }} {{ grains['dip']['vars']['colour'] }}\"
";

const BROKEN: &str = "something that cannot be:\n  cmd.run:\n    - name: echo nothing works; exit 3\n";

const UNREADABLE: &str = "a: [\n";

fn top(states: &str) -> String {
    format!("base:\n  '*': [{states}]\n")
}

/// A master that gives every minion these states.
struct Gives {
    lab: Arc<Lab>,
    states: &'static str,
}

#[async_trait]
impl Ground for Gives {
    async fn prepare(&self) -> Result<(), Failure> {
        master(&self.lab, self.states).await
    }
}

async fn master(lab: &Lab, states: &str) -> Result<(), Failure> {
    let master = SaltMaster::on(lab.server());
    master.start().await?;
    for (name, text) in [("sound", SOUND), ("broken", BROKEN), ("unreadable", UNREADABLE), ("top", &*top(states))] {
        master.write_states(name, text).await?;
    }
    let line = format!("{} {MASTER}", lab.server().address);
    lab.node().ssh(&format!("grep -qF '{line}' /etc/hosts || echo '{line}' >>/etc/hosts")).await?;
    Ok(())
}

/// Salt with the master; whether dip accepts keys there.
fn with_master(lab: &Lab, name: &str, keeper: Keeper) -> Result<Salt, Failure> {
    let keeper = match keeper {
        Keeper::Dip => Some(lab.host(lab.server())?),
        Keeper::SomebodyElse => None,
    };
    Ok(Salt::new(States::Master { name: name.to_owned(), keeper }))
}

#[derive(Clone, Copy)]
enum Keeper {
    Dip,
    SomebodyElse,
}

/// Salt with a directory of these states and a top file.
fn masterless(lab: &Lab, name: &str, text: &str) -> Result<Arc<dyn ConfigAgent>, Failure> {
    let directory = lab.files.join(format!("salt-{name}"));
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("top.sls"), top(name))?;
    std::fs::write(directory.join(format!("{name}.sls")), text)?;
    Ok(Arc::new(Salt::new(States::Directory(directory))))
}

/// The conformance lists, without a master and with one.
pub(crate) fn conformance(lab: &Arc<Lab>) -> Result<Vec<Trial>, Failure> {
    if let Err(missing) = Requirement::Salt.check() {
        return Ok(vec![
            Trial::new("all_trials", move || async move { not_installed(missing.to_string()) }).on("salt"),
        ]);
    }
    let given = |states: &'static str| -> Result<Arc<dyn ConfigAgent>, Failure> {
        let agent = with_master(lab, MASTER, Keeper::Dip)?;
        Ok(Arc::new(Prepared { ground: Gives { lab: lab.clone(), states }, agent }))
    };
    let alone = Harness {
        host: lab.host(lab.node())?,
        managed: managed(lab),
        file: "/etc/trial-salt",
        sound: masterless(lab, "sound", SOUND)?,
        broken: (masterless(lab, "broken", BROKEN)?, "nothing works"),
        unreadable: masterless(lab, "unreadable", UNREADABLE)?,
        dead: None,
        known_fact: "saltversion",
    };
    let with_master = Harness {
        host: lab.host(lab.node())?,
        managed: managed(lab),
        file: "/etc/trial-salt",
        sound: given("sound")?,
        broken: (given("broken")?, "nothing works"),
        unreadable: given("unreadable")?,
        // Nothing listens there.
        dead: Some((Arc::new(with_master(lab, &lab.router().to_string(), Keeper::Dip)?), managed(lab))),
        known_fact: "saltversion",
    };
    Ok(named("salt", alone).into_iter().chain(named("salt_master", with_master)).collect())
}

/// Both forget each other.
async fn strangers(lab: &Lab) -> Result<(), Failure> {
    lab.node().ssh("rm -rf /etc/salt /etc/trial-salt").await?;
    lab.server().ssh("salt-key -y -d n1.lab.test").await?;
    Ok(())
}

pub(crate) async fn a_minion_is_accepted_at_its_master_and_gets_its_states(lab: &Lab) -> Result<Verdict, Failure> {
    if let Err(missing) = Requirement::Salt.check() {
        return not_installed(missing.to_string());
    }
    master(lab, "sound").await?;
    strangers(lab).await?;
    let service = json!({"config": {"kind": "salt", "master": MASTER, "master_node": "n3"}});
    let bench = lab.bench_with(service, json!({"agent": {"service": "config", "vars": colour()}}))?;
    match bench.check().await? {
        Check::Differs(diff) if diff.to_string().contains("key of n1.lab.test") => {}
        other => return Err(format!("nobody has accepted the node, and it is {other:?}").into()),
    }
    // A look asks the master for nothing.
    let listed = lab.server().ssh("salt-key --out=json -L").await?;
    must(!listed.contains("n1.lab.test"), || format!("after a look the master has {listed}"))?;
    must(bench.apply().await? == Applied::Done, || "it is not done at once".to_owned())?;
    let Check::Holds(facts) = bench.check().await? else { return Err("it was done, and does not hold".into()) };
    let told = facts.read::<BTreeMap<String, Value>>(&AGENT_FACTS.of(&n1()))?.unwrap_or_default();
    must(told.get("os") == Some(&json!("Debian")), || format!("{told:?}"))?;
    let written = lab.node().ssh("cat /etc/trial-salt").await?;
    must(written.trim() == "n1.lab.test blue", || written.clone())?;
    master(lab, "broken").await?;
    match bench.apply().await {
        Ok(applied) => Err(format!("a state cannot be, and it is {applied:?}").into()),
        Err(error) => {
            let words = error.to_string();
            must(words.starts_with("`Salt` failed on n1: something that cannot be: "), || words.clone())?;
            must(words.contains("nothing works"), || words)?;
            Ok(Verdict::Passed)
        }
    }
}

pub(crate) async fn what_a_salt_master_refuses_is_told_with_what_to_do(lab: &Lab) -> Result<Verdict, Failure> {
    if let Err(missing) = Requirement::Salt.check() {
        return not_installed(missing.to_string());
    }
    master(lab, "sound").await?;
    strangers(lab).await?;
    let (node, host) = (managed(lab), lab.host(lab.node())?);
    let salt = with_master(lab, MASTER, Keeper::Dip)?;

    // Nobody accepts: who should is told.
    let alone = with_master(lab, MASTER, Keeper::SomebodyElse)?.run(&node, &*host).await;
    refused(alone, ErrorKind::Denied, &["salt-key -a n1.lab.test", "master_node"])?;

    // Somebody else has asked under the node's name.
    lab.node().ssh("rm -rf /etc/salt/pki").await?;
    let advice = "salt-key -d n1.lab.test";
    let asked = salt.run(&node, &*host).await;
    refused(asked, ErrorKind::Conflict, &["the master has the key ", "under this name, and the node has ", advice])?;

    // The master has accepted another: the node is not let in instead.
    lab.server().ssh("salt-key -y -a n1.lab.test").await?;
    let accepted = salt.run(&node, &*host).await;
    refused(accepted, ErrorKind::Conflict, &["the master has the key ", advice])?;

    // What was advised helps.
    lab.server().ssh(&advice.replace("-d", "-y -d")).await?;
    let recap = salt.run(&node, &*host).await?;
    must(recap.failed.is_empty(), || format!("{recap:?}"))?;

    // The master rejects the key that it had.
    lab.server().ssh("salt-key -y --include-all -r n1.lab.test").await?;
    let rejected = salt.run(&node, &*host).await;
    refused(rejected, ErrorKind::Denied, &["rejected this minion's public key", advice])?;
    strangers(lab).await?;
    Ok(Verdict::Passed)
}
