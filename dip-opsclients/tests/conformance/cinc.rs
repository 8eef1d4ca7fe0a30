//! Ohai on the node, and Cinc or Chef Infra Client where somebody has brought a package of it.
//!
//! No registry that the setup asks has either. `DIP_CINC_PACKAGE` names the package for Debian 12; docs/clients.md says more.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::expect::ignored;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::fact::opsclients::AGENT_FACTS;
use dip_core::operation::Check;
use dip_core::provider::{ErrorKind, FileContent};
use dip_lab::Requirement;
use dip_opsclients::provider::{ConfigAgent, Recap};
use dip_opsclients::providers::Cinc;
use serde_json::{Value, json};

use crate::agents::{Harness, colour, managed, named};
use crate::lab::{Lab, must, n1};
use crate::prepared::{Ground, Prepared, refused};

const MISSING: &str =
    "`DIP_CINC_PACKAGE` names no package of Cinc or Chef; no registry has one, so it is fetched by hand";

const SOUND: &str = r##"file '/etc/trial-cinc' do
  content "#{node['dip']['name']} #{node['dip']['vars']['colour']}\n"
end
"##;

const BROKEN: &str = r"execute 'something that cannot be' do
  command 'echo nothing works; exit 3'
end
";

const SYNTAX: &str = "file '/etc/trial-cinc' do\n";

/// Resources within one of our own, of which the last fails.
const NESTED: &str = r"provides :trial_nested
unified_mode true
action :create do
  file '/etc/trial-nested' do
    content 'x'
  end
  execute 'deep' do
    command 'echo deep words >&2; exit 4'
  end
end
";

/// A failure that counts for nothing, a command that prints what looks like a log, a file that a notification writes at the end.
const ODD: &str = r#"execute 'may fail' do
  command 'exit 3'
  ignore_failure true
end
execute 'prints' do
  command 'printf "  * file[x] action create\n    - create\n{\n"; touch /etc/trial-odd'
  live_stream true
  creates '/etc/trial-odd'
  notifies :create, 'file[/etc/trial-told]', :delayed
end
file '/etc/trial-told' do
  content node['dip']['vars'].keys.sort.join(' ')
  action :nothing
end
file '/etc/trial-vars' do
  content node['dip']['vars'].keys.sort.join(' ')
end
"#;

/// The package, and the program in it.
#[derive(Debug, Clone)]
struct Package {
    path: PathBuf,
    program: String,
}

impl Package {
    /// The one that the variable names, if it is set.
    fn named() -> Result<Option<Self>, Failure> {
        let Some(path) = std::env::var_os("DIP_CINC_PACKAGE").map(PathBuf::from) else { return Ok(None) };
        let told = std::process::Command::new("dpkg-deb").arg("--field").arg(&path).arg("Package").output()?;
        must(told.status.success(), || {
            format!("{} is no package: {}", path.display(), String::from_utf8_lossy(&told.stderr))
        })?;
        let name = String::from_utf8(told.stdout)?;
        Ok(Some(Self { path, program: format!("{}-client", name.trim()) }))
    }

    async fn install(&self, lab: &Lab) -> Result<(), Failure> {
        if lab.node().ssh(&format!("command -v {}", self.program)).await.is_ok() {
            return Ok(());
        }
        let content = FileContent { bytes: std::fs::read(&self.path)?, mode: 0o644 };
        lab.host(lab.node())?.write("/root/cinc.deb", &content).await?;
        lab.node().ssh("dpkg --install /root/cinc.deb && rm /root/cinc.deb").await?;
        Ok(())
    }
}

/// The program is on the node.
struct OnNode {
    lab: Arc<Lab>,
    package: Package,
}

#[async_trait]
impl Ground for OnNode {
    async fn prepare(&self) -> Result<(), Failure> {
        self.package.install(&self.lab).await
    }
}

/// A directory with one cookbook.
fn cookbook(lab: &Lab, name: &str, files: &[(&str, &str)]) -> Result<PathBuf, Failure> {
    let cookbooks = lab.files.join(format!("cinc-{name}"));
    let metadata = format!("name '{name}'\nversion '1.0.0'\n");
    for (path, text) in files.iter().copied().chain([("metadata.rb", &*metadata)]) {
        let path = cookbooks.join(name).join(path);
        std::fs::create_dir_all(path.parent().ok_or("a file lies somewhere")?)?;
        std::fs::write(path, text)?;
    }
    Ok(cookbooks)
}

fn recipe(lab: &Lab, program: &str, name: &str, text: &str) -> Result<Cinc, Failure> {
    let cookbooks = cookbook(lab, name, &[("recipes/default.rb", text)])?;
    Ok(Cinc::new(program.to_owned(), cookbooks, vec![format!("recipe[{name}]")]))
}

/// The conformance list.
pub(crate) fn conformance(lab: &Arc<Lab>) -> Result<Vec<Trial>, Failure> {
    let Some(package) = Package::named()? else {
        return Ok(vec![Trial::new("all_trials", || async { ignored(MISSING) }).on("cinc")]);
    };
    let given = |name: &str, text: &str| -> Result<Arc<dyn ConfigAgent>, Failure> {
        let agent = recipe(lab, &package.program, name, text)?;
        Ok(Arc::new(Prepared { ground: OnNode { lab: lab.clone(), package: package.clone() }, agent }))
    };
    let harness = Harness {
        host: lab.host(lab.node())?,
        managed: managed(lab),
        file: "/etc/trial-cinc",
        sound: given("sound", SOUND)?,
        broken: (given("broken", BROKEN)?, "STDOUT: nothing works"),
        unreadable: given("syntax", SYNTAX)?,
        dead: None,
        known_fact: "platform",
    };
    Ok(named("cinc", harness))
}

pub(crate) async fn what_ohai_knows_of_a_node_comes_back(lab: &Lab) -> Result<Verdict, Failure> {
    if let Err(missing) = Requirement::Ohai.check() {
        return not_installed(missing.to_string());
    }
    let cinc = recipe(lab, "no-such-client", "sound", SOUND)?;
    let (node, host) = (managed(lab), lab.host(lab.node())?);
    let facts = cinc.facts(&node, &*host).await?;
    must(facts.get("platform") == Some(&json!("debian")), || format!("{facts:?}"))?;
    must(facts.get("ipaddress") == Some(&json!(lab.address(lab.node()))), || format!("{facts:?}"))?;
    must(facts.contains_key("kernel_release") && facts.contains_key("memory_total"), || format!("{facts:?}"))?;
    refused(cinc.run(&node, &*host).await, ErrorKind::Unsupported, &["no-such-client", "install"])?;
    lab.node().ssh("rm -rf /etc/dip/cinc").await?;
    Ok(Verdict::Passed)
}

pub(crate) async fn cookbooks_bring_a_node_to_order(lab: &Lab) -> Result<Verdict, Failure> {
    let Some(package) = Package::named()? else { return ignored(MISSING) };
    package.install(lab).await?;
    lab.node().ssh("rm -rf /etc/dip/cinc /etc/trial-cinc").await?;
    let cookbooks = cookbook(lab, "sound", &[("recipes/default.rb", SOUND)])?;
    let service = json!({"config": {
        "kind": "cinc", "cookbooks": cookbooks, "run_list": ["recipe[sound]"], "program": package.program,
    }});
    let bench = lab.bench_with(service, json!({"agent": {"service": "config", "vars": colour()}}))?;
    let facts = bench.is_done_at_once().await?;
    let told = facts.read::<BTreeMap<String, Value>>(&AGENT_FACTS.of(&n1()))?.unwrap_or_default();
    must(told.get("platform") == Some(&json!("debian")), || format!("{told:?}"))?;
    lab.node().ssh("rm /etc/trial-cinc").await?;
    match bench.check().await? {
        Check::Differs(diff) if diff.to_string() == "file[/etc/trial-cinc] action create" => Ok(Verdict::Passed),
        other => Err(format!("the file is gone, and it tells {other:?}").into()),
    }
}

pub(crate) async fn what_cinc_says_is_told_apart_from_what_it_runs(lab: &Lab) -> Result<Verdict, Failure> {
    let Some(package) = Package::named()? else { return ignored(MISSING) };
    package.install(lab).await?;
    let (mut node, host) = (managed(lab), lab.host(lab.node())?);

    // What the site says no more is not left over from the run before.
    let odd = recipe(lab, &package.program, "odd", ODD)?;
    node.vars.insert("shade".to_owned(), "light".to_owned());
    let recap = odd.run(&node, &*host).await?;
    let changed =
        ["execute[prints] action run", "file[/etc/trial-vars] action create", "file[/etc/trial-told] action create"];
    let changed: Vec<String> = changed.map(str::to_owned).into();
    must(recap == Recap { changed, failed: Vec::new() }, || format!("{recap:?}"))?;
    node.vars.remove("shade");
    let recap = odd.run(&node, &*host).await?;
    must(recap.changed == ["file[/etc/trial-vars] action create"], || format!("{recap:?}"))?;
    let vars = lab.node().ssh("cat /etc/trial-vars").await?;
    must(vars == "colour", || format!("it still has {vars}"))?;

    let files = [("resources/nested.rb", NESTED), ("recipes/default.rb", "trial_nested 'one'\n")];
    let nested = cookbook(lab, "nested", &files)?;
    let of = |run_list: &str| Cinc::new(package.program.clone(), nested.clone(), vec![run_list.to_owned()]);
    let recap = of("recipe[nested]").run(&node, &*host).await?;
    must(recap.changed == ["file[/etc/trial-nested] action create"], || format!("{recap:?}"))?;
    let failed: Vec<_> = recap.failed.iter().map(|failed| failed.what.as_str()).collect();
    must(failed == ["execute[deep] action run"], || format!("{recap:?}"))?;
    must(recap.failed[0].words.ends_with("; STDERR: deep words"), || format!("{recap:?}"))?;

    for (run_list, words) in [
        ("recipe[nested::absent]", "could not find recipe absent for cookbook nested"),
        ("recipe[absent]", "No such cookbook: absent"),
        ("role[absent]", "nonexistent roles: absent"),
    ] {
        refused(of(run_list).run(&node, &*host).await, ErrorKind::Invalid, &[words])?;
    }
    lab.node().ssh("rm -rf /etc/dip/cinc /var/cache/dip/cinc /etc/trial-{odd,told,vars,nested}").await?;
    Ok(Verdict::Passed)
}
