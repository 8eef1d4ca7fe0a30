//! The layer itself: which hosts it connects and which steps it proposes.

use dip_core::fact::FactRegistry;
use dip_core::fact::network::cabling;
use dip_core::fact::os::{ANSWERS, FILES, HOST_NAME, KERNEL_SETTINGS, PACKAGES, USERS};
use dip_core::id::LayerId;
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Node, NodeState, SettingsSchema, Site};
use dip_core::step::{Boot, Environment, Step};

use crate::settings::{self, OsSettings, Wipe, settings_of};
use crate::steps::{AwaitAnswer, InstallPackages, MakeUsers, SetHostName, SetKernelSettings, WipeDisks, WriteFiles};

/// Layer 3, operating system: what runs on a node before anything is put on top.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsLayer;

impl Layer for OsLayer {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&ANSWERS, "The node's installed system answers and runs commands; its kernel's boot id.");
        known.declare(&HOST_NAME, "The host name that the node tells of itself.");
        known.declare(&FILES, "The files of the profile are in place; how many.");
        known.declare(&KERNEL_SETTINGS, "The kernel settings of the profile hold, now and after a reboot; how many.");
        known.declare(&USERS, "The users of the profile exist with their keys; their names.");
        known.declare(&PACKAGES, "The packages of the profile are installed; their names.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<AwaitAnswer>();
        known.register::<SetHostName>();
        known.register::<WriteFiles>();
        known.register::<SetKernelSettings>();
        known.register::<MakeUsers>();
        known.register::<InstallPackages>();
        known.register::<WipeDisks>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    #[cfg_attr(not(feature = "ssh"), allow(unused_variables))]
    fn connect(&self, site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        #[cfg(feature = "ssh")]
        {
            let errors = crate::providers::ssh::connect(site, secrets, providers);
            if !errors.is_empty() {
                return Err(errors);
            }
        }
        Ok(())
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let mut steps = Vec::new();
        let mut notes = Vec::new();
        for node in site.ready_nodes() {
            match settings_of(node) {
                Ok(Some(settings)) => propose_for(node, &settings, &mut steps, &mut notes),
                Ok(None) => {}
                Err(error) => {
                    let text = format!("the settings `os` of node `{}` cannot be read: {error}", node.name);
                    notes.push(Note { text, origin: node.settings.origin("os").or(node.origin.as_ref()).cloned() });
                }
            }
        }
        let absent = site.nodes.values().filter(|node| node.state == NodeState::Absent && wipes(node));
        notes.extend(absent.filter_map(|node| {
            let text = format!("`os.wipe` of node `{}`: {}", node.name, WipeDisks::new(node).err()?);
            Some(Note { text, origin: node.settings.origin("os.wipe").or(node.origin.as_ref()).cloned() })
        }));
        if notes.is_empty() { Ok(steps) } else { Err(notes) }
    }

    /// What a node's system was, goes with its disks.
    fn remove(&self, site: &Site, step: &Step) -> Option<Step> {
        let AwaitAnswer { node, .. } = step.call.as_operation()?;
        let node = site.nodes.get(&node).filter(|node| wipes(node))?;
        let wipe = WipeDisks::new(node).ok()?;
        Some(wipe.step().origin(node.settings.origin("os.wipe").or(node.origin.as_ref()).cloned()))
    }

    fn enter(&self, site: &Site, boot: &Boot) -> Vec<Step> {
        let Some(node) = site.nodes.get(&boot.node) else { return Vec::new() };
        let managed = node.state == NodeState::Ready && matches!(settings_of(node), Ok(Some(_)));
        if boot.to == Environment::Installed && managed {
            let answer = AwaitAnswer { node: node.name.clone(), ordinal: boot.ordinal };
            vec![match node.bmc {
                Some(_) => answer.step(boot),
                None => answer.step_by_hand(boot, cabling(node)),
            }]
        } else {
            Vec::new()
        }
    }
}

fn wipes(node: &Node) -> bool {
    matches!(settings_of(node), Ok(Some(OsSettings { wipe: Wipe::WhenAbsent, .. })))
}

fn propose_for(node: &Node, settings: &OsSettings, steps: &mut Vec<Step>, notes: &mut Vec<Note>) {
    let origin = |path: &str| node.settings.origin(path).or(node.origin.as_ref()).cloned();
    let mut keep = |path: &str, step: Result<Step, String>| match step {
        Ok(step) => steps.push(step.origin(origin(path))),
        Err(why) => notes.push(Note { text: format!("`{path}` of node `{}`: {why}", node.name), origin: origin(path) }),
    };
    let name = &node.name;
    keep("os", Ok(SetHostName { node: name.clone(), host_name: name.to_string() }.step()));
    if !settings.files.is_empty() {
        keep("os.files", WriteFiles::new(name, &settings.files).map(|files| files.step()));
    }
    if !settings.sysctl.is_empty() {
        keep("os.sysctl", SetKernelSettings::new(name, &settings.sysctl).map(|values| values.step()));
    }
    if !settings.users.is_empty() {
        keep("os.users", MakeUsers::new(name, &settings.users).map(|users| users.step()));
    }
    if !settings.packages.is_empty() {
        keep("os.packages", InstallPackages::new(name, &settings.packages).map(|packages| packages.step()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{node, site};
    use dip_core::id::NodeName;
    use dip_core::provider::sentence;
    use dip_core::secret::{Secret, SecretError, SecretRef};
    use dip_core::site::{Format, Lock, Source};
    use serde_json::json;

    fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    #[test]
    fn an_empty_os_asks_for_the_name_alone() {
        let site = site([node("n1", Some(json!({}))), node("n2", None)]);
        let steps = OsLayer.propose(&site, &Observed::new()).expect("nothing is wrong");
        assert_eq!(names(&steps), ["os.set_host_name node/n1"]);
    }

    #[test]
    fn every_setting_asks_for_its_step() {
        let os = json!({"files": [{"path": "/etc/motd", "content": "hi\n"}], "sysctl": {"vm.swappiness": "10"},
            "users": {"ops": {}}, "packages": ["chrony"]});
        let steps = OsLayer.propose(&site([node("n1", Some(os))]), &Observed::new()).expect("nothing is wrong");
        assert_eq!(
            names(&steps),
            [
                "os.set_host_name node/n1",
                "os.write_files node/n1",
                "os.set_kernel_settings node/n1",
                "os.make_users node/n1",
                "os.install_packages node/n1"
            ]
        );
    }

    #[test]
    fn a_site_file_asks_for_its_steps_by_a_profile() {
        let text = "version: 1
site: lab
profiles:
  base:
    os:
      ssh: {user: admin, become: sudo, key: env:KEY, port: 2222}
      sysctl: {vm.swappiness: 10}
      files: [{path: /etc/motd, content: \"hi\\n\", mode: 0600}]
      users: {ops: {shell: /bin/sh}}
nodes:
  n1: {profile: base, os: {ssh: {address: n1.example, host_key: nothing}}}
";
        let sources = [Source::new("site.yaml", Format::Yaml, text)];
        let site = Site::parse(&sources, &OsLayer.settings(), &Lock::default()).expect("the site file is right").site;
        let steps = OsLayer.propose(&site, &Observed::new()).expect("nothing is wrong");
        assert_eq!(
            names(&steps),
            [
                "os.set_host_name node/n1",
                "os.write_files node/n1",
                "os.set_kernel_settings node/n1",
                "os.make_users node/n1"
            ]
        );
        assert_eq!(
            steps[2].origin.as_ref().map(ToString::to_string).as_deref(),
            Some("site.yaml:7:7 (profile `base`)")
        );
        let settings = settings_of(&site.nodes["n1"]).expect("it can be read").expect("it is there");
        let ssh = settings.ssh.expect("it says how it is reached");
        assert_eq!(
            (ssh.user.as_deref(), ssh.address.as_deref(), ssh.port),
            (Some("admin"), Some("n1.example"), Some(2222))
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let os = json!({"files": [{"path": "etc/motd", "content": ""}], "packages": ["--purge"], "users": {"a b": {}}});
        let notes =
            OsLayer.propose(&site([node("n1", Some(os))]), &Observed::new()).expect_err("three things are wrong");
        let text: Vec<_> = notes.iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), 3, "{text:?}");
        assert!(text[0].contains("`os.files` of node `n1`"), "{text:?}");
    }

    #[test]
    fn a_boot_into_the_system_waits_for_its_answer_and_one_into_off_does_not() {
        let site = site([node("n1", Some(json!({})))]);
        let node = NodeName::new("n1").expect("a name");
        let boot = Boot { node, from: None, to: Environment::Installed, ordinal: 2 };
        assert_eq!(names(&OsLayer.enter(&site, &boot)), ["os.await_answer node/n1#2"]);
        assert!(OsLayer.enter(&site, &Boot { to: Environment::Off, ..boot }).is_empty());
    }

    struct NoSecrets;
    impl Secrets for NoSecrets {
        fn resolve(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
            Err(SecretError::Env(reference.clone()))
        }
    }

    #[cfg(feature = "ssh")]
    #[test]
    fn ssh_without_a_host_key_address_or_secret_is_told_all_at_once() {
        let site = site([node("n1", Some(json!({"ssh": {"key": "env:KEY"}})))]);
        let errors = OsLayer.connect(&site, &NoSecrets, &mut Providers::new()).expect_err("three things are missing");
        let text: Vec<_> = errors.iter().map(|error| sentence(error)).collect();
        assert_eq!(errors.len(), 3, "{text:?}");
        assert!(text.iter().any(|text| text.contains("`host_key` or `known_hosts`")), "{text:?}");
    }
}
