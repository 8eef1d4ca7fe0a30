//! Configuration agents: Ansible against the node, Puppet on it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::fact::opsclients::{AGENT, AGENT_FACTS};
use dip_core::operation::Check;
use dip_core::provider::Host;
use dip_core::secret::Secret;
use dip_lab::Requirement;
use dip_opsclients::conformance::{AgentHarness, config_agent};
use dip_opsclients::provider::{ConfigAgent, Managed};
use dip_opsclients::providers::{Ansible, AnsibleLogin, Catalogue, Elevation, Puppet};
use serde_json::{Value, json};

use crate::lab::{Lab, must, n1, node_name};

const PLAYBOOK: &str = "- hosts: all
  gather_facts: false
  tasks:
    - name: a file with what the site knows
      ansible.builtin.copy:
        dest: /etc/trial-ansible
        content: \"{{ dip.name }} {{ colour }}\\n\"
";

const BROKEN_PLAYBOOK: &str = "- hosts: all
  gather_facts: false
  tasks:
    - name: something that cannot be
      ansible.builtin.command: /usr/bin/no-such-program
";

const MANIFEST: &str = "file { '/etc/trial-puppet':
  content => \"${facts['dip']['name']} ${facts['dip']['vars']['colour']}\\n\",
}
";

const BROKEN_MANIFEST: &str = "exec { '/bin/sh -c \"echo nothing works; exit 3\"': logoutput => true }\n";

pub(crate) fn colour() -> BTreeMap<String, String> {
    BTreeMap::from([("colour".to_owned(), "blue".to_owned())])
}

pub(crate) fn managed(lab: &Lab) -> Managed {
    Managed {
        node: node_name("n1"),
        name: "n1.lab.test".to_owned(),
        address: lab.node().address.into(),
        site: "lab".to_owned(),
        rack: None,
        profiles: Vec::new(),
        vars: colour(),
    }
}

fn known_hosts(lab: &Lab) -> Result<PathBuf, Failure> {
    let path = lab.files.join("known_hosts");
    std::fs::write(&path, format!("{} {}\n", lab.node().address, lab.node().host_key.public))?;
    Ok(path)
}

fn written(lab: &Lab, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = lab.files.join(name);
    std::fs::write(&path, text)?;
    Ok(path)
}

/// The conformance lists of both.
pub(crate) fn conformance(lab: &Arc<Lab>) -> Result<Vec<Trial>, Failure> {
    let known_hosts = known_hosts(lab)?;
    let ansible = |name: &str, text: &str| {
        let login = AnsibleLogin {
            user: "root".to_owned(),
            elevation: Elevation::None,
            key: Secret::new(std::fs::read_to_string(&lab.node().client_key.private)?),
            known_hosts: known_hosts.clone(),
        };
        Ok::<Arc<dyn ConfigAgent>, Failure>(Arc::new(Ansible::new(written(lab, name, text)?, login)))
    };
    let puppet = |name: &str, text: &str| {
        let agent = Puppet::new(Catalogue::Manifest(written(lab, name, text)?));
        Ok::<Arc<dyn ConfigAgent>, Failure>(Arc::new(agent))
    };
    let host = lab.host(lab.node())?;
    let mut away = managed(lab);
    // Nobody answers at the last address of the lab's network.
    let [a, b, c, _] = lab.node().address.octets();
    away.address = std::net::Ipv4Addr::new(a, b, c, 254).into();
    let of_ansible = Harness {
        host: host.clone(),
        managed: managed(lab),
        file: "/etc/trial-ansible",
        sound: ansible("sound.yml", PLAYBOOK)?,
        broken: (ansible("broken.yml", BROKEN_PLAYBOOK)?, "no-such-program"),
        unreadable: ansible("unreadable.yml", "- hosts: all\n  task: [\n")?,
        dead: Some((ansible("sound.yml", PLAYBOOK)?, away)),
        known_fact: "ansible_kernel",
    };
    let of_puppet = Harness {
        host,
        managed: managed(lab),
        file: "/etc/trial-puppet",
        sound: puppet("sound.pp", MANIFEST)?,
        broken: (puppet("broken.pp", BROKEN_MANIFEST)?, "instead of one of [0]"),
        unreadable: puppet("unreadable.pp", "file { '/etc/x':\n")?,
        dead: None,
        known_fact: "os",
    };
    let ansible = match Requirement::Ansible.check() {
        Ok(()) => named("ansible", of_ansible),
        Err(missing) => {
            vec![Trial::new("all_trials", move || async move { not_installed(missing.to_string()) }).on("ansible")]
        }
    };
    Ok(ansible.into_iter().chain(named("puppet", of_puppet)).collect())
}

/// The conformance list of one product.
pub(crate) fn named(product: &str, harness: Harness) -> Vec<Trial> {
    config_agent(Arc::new(harness)).into_iter().map(|trial| trial.on(product)).collect()
}

pub(crate) struct Harness {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) managed: Managed,
    pub(crate) file: &'static str,
    pub(crate) sound: Arc<dyn ConfigAgent>,
    pub(crate) broken: (Arc<dyn ConfigAgent>, &'static str),
    pub(crate) unreadable: Arc<dyn ConfigAgent>,
    pub(crate) dead: Option<(Arc<dyn ConfigAgent>, Managed)>,
    pub(crate) known_fact: &'static str,
}

#[async_trait]
impl AgentHarness for Harness {
    fn host(&self) -> Arc<dyn Host> {
        self.host.clone()
    }

    fn managed(&self) -> Managed {
        self.managed.clone()
    }

    fn file(&self) -> String {
        self.file.to_owned()
    }

    fn sound(&self) -> Arc<dyn ConfigAgent> {
        self.sound.clone()
    }

    fn broken(&self) -> (Arc<dyn ConfigAgent>, &'static str) {
        self.broken.clone()
    }

    fn unreadable(&self) -> Arc<dyn ConfigAgent> {
        self.unreadable.clone()
    }

    fn dead(&self) -> Option<(Arc<dyn ConfigAgent>, Managed)> {
        self.dead.clone()
    }

    fn known_fact(&self) -> &'static str {
        self.known_fact
    }
}

pub(crate) async fn a_playbook_brings_a_node_to_order_and_a_failure_is_the_steps_own(
    lab: &Lab,
) -> Result<Verdict, Failure> {
    if let Err(missing) = Requirement::Ansible.check() {
        return not_installed(missing.to_string());
    }
    let service = |playbook: PathBuf| {
        let key = format!("file:{}", lab.node().client_key.private.display());
        Ok::<_, Failure>(
            json!({"config": {"kind": "ansible", "playbook": playbook, "key": key, "known_hosts": known_hosts(lab)?}}),
        )
    };
    let settings = json!({"agent": {"service": "config", "vars": colour()}});
    let sound = service(written(lab, "site.yml", PLAYBOOK)?)?;
    let facts = lab.bench_with(sound, settings.clone())?.is_done_at_once().await?;
    must(facts.read::<String>(&AGENT.of(&n1()))?.as_deref() == Some("Ansible"), || "no fact".to_owned())?;
    let told = facts.read::<BTreeMap<String, Value>>(&AGENT_FACTS.of(&n1()))?.unwrap_or_default();
    must(told.get("ansible_distribution") == Some(&json!("Debian")), || format!("{told:?}"))?;
    let broken = lab.bench_with(service(written(lab, "bad.yml", BROKEN_PLAYBOOK)?)?, settings)?;
    match broken.apply().await {
        Ok(applied) => Err(format!("the playbook cannot be run, and it is {applied:?}").into()),
        Err(error) => {
            let words = error.to_string();
            must(words.starts_with("`Ansible` failed on n1: something that cannot be: "), || words.clone())?;
            must(words.contains("no-such-program"), || words)?;
            Ok(Verdict::Passed)
        }
    }
}

pub(crate) async fn a_manifest_brings_a_node_to_order(lab: &Lab) -> Result<Verdict, Failure> {
    let service = json!({"config": {"kind": "puppet", "manifest": written(lab, "site.pp", MANIFEST)?}});
    let settings = json!({"agent": {"service": "config", "vars": colour()}});
    let bench = lab.bench_with(service, settings)?;
    let facts = bench.is_done_at_once().await?;
    let told = facts.read::<BTreeMap<String, Value>>(&AGENT_FACTS.of(&n1()))?.unwrap_or_default();
    must(told.get("os").is_some_and(|os| os["name"] == "Debian"), || format!("{told:?}"))?;
    lab.node().ssh("rm /etc/trial-puppet").await?;
    match bench.check().await? {
        Check::Differs(diff) if diff.to_string().contains("File[/etc/trial-puppet]") => Ok(Verdict::Passed),
        other => Err(format!("the file is gone, and it tells {other:?}").into()),
    }
}
