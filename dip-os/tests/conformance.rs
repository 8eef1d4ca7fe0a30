//! The SSH provider and the steps of this layer on a real host: systemd in a container, reached over its own network.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed, run_as_tests};
use dip_core::id::{LayerId, NodeName, SiteName};
use dip_core::layer::Layer;
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, OperationError, Operations};
use dip_core::provider::{Command, ErrorKind, FileContent, Host, Providers, sentence};
use dip_core::secret::{LocalSecrets, Secret};
use dip_core::site::{Node, NodeSettings, NodeState, Site};
use dip_core::step::{Boot, Environment, Step};
use dip_core::subject::Subject;
use dip_core::testing::assignment;
use dip_lab::{Hosts, Requirement};
use dip_os::OsLayer;
use dip_os::conformance::{HostHarness, host};
use dip_os::providers::ssh::{Elevation, HostKeys, Login, Ssh, Target};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A key that no host lets in, and a host key that no host has; made for this test and used nowhere.
const STRANGER: &str = "-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACADF/Ee5kbKZ4Kt1WSWMViAY/G2FQWKVNG0NaNIbzPm+AAAAIjWp7jU1qe4
1AAAAAtzc2gtZWQyNTUxOQAAACADF/Ee5kbKZ4Kt1WSWMViAY/G2FQWKVNG0NaNIbzPm+A
AAAECh2jhdxKq9qM7yUmCuao9FOx45qQl6+QkYakLKxNBK7wMX8R7mRspngq3VZJYxWIBj
8bYVBYpU0bQ1o0hvM+b4AAAAAAECAwQF
-----END OPENSSH PRIVATE KEY-----
";
const NO_HOST_KEY: &str = "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a test can start a runtime");
    if let Err(missing) = Requirement::Hosts.check() {
        let why = missing.to_string();
        return run_as_tests(&runtime, vec![Trial::new("ssh", move || async { not_installed(why) })]);
    }
    // Started here and not by a trial: one host serves all of them.
    let lab = match runtime.block_on(Hosts::start(1)) {
        Ok(hosts) => Arc::new(Lab { hosts }),
        Err(error) => {
            let why = sentence(&error);
            return run_as_tests(&runtime, vec![Trial::new("ssh", move || async { Err(why.into()) })]);
        }
    };
    let mut trials: Vec<_> = host(lab.clone()).into_iter().map(|trial| trial.on("ssh")).collect();
    macro_rules! steps {
        ($($name:ident),* $(,)?) => {
            $({
                let lab = lab.clone();
                trials.push(Trial::new(stringify!($name), move || async move { $name(&lab).await }).on("steps"));
            })*
        };
    }
    steps![
        every_step_comes_true_and_then_holds,
        a_package_that_cannot_be_had_fails_in_the_words_of_apt,
        a_known_hosts_file_serves_as_well_as_a_key,
        a_password_and_an_rsa_key_let_in_too,
        what_a_plain_user_may_not_do_is_denied,
        a_user_becomes_root_by_sudo_only_where_sudo_is,
        a_command_on_a_node_that_falls_silent_ends_as_unreachable,
        a_node_that_boots_is_waited_for_and_the_connection_is_made_again,
    ];
    let outcome = run_as_tests(&runtime, trials);
    // The hosts are stopped by their drop.
    drop(lab);
    outcome
}

struct Lab {
    hosts: Hosts,
}

impl Lab {
    fn one(&self) -> Result<&dip_lab::Host, Failure> {
        self.hosts.hosts().first().ok_or_else(|| "there is no host".into())
    }

    fn target(&self) -> Result<Target, Failure> {
        let host = self.one()?;
        Ok(Target {
            node: "n1".to_owned(),
            address: host.address.to_string(),
            port: 22,
            user: "root".to_owned(),
            login: Login::key(&Secret::new(std::fs::read_to_string(&host.client_key.private)?))?,
            host_keys: HostKeys::parse(&host.host_key.fingerprint)?,
            elevation: Elevation::None,
        })
    }

    /// The site of one node, with this `os` beside its `ssh`.
    fn site(&self, os: Value) -> Result<Site, Failure> {
        let host = self.one()?;
        let mut os = os;
        os["ssh"] = json!({
            "address": host.address.to_string(),
            "key": format!("file:{}", host.client_key.private.display()),
            "host_key": host.host_key.public,
        });
        Ok(site(os))
    }
}

fn node_name() -> NodeName {
    NodeName::new("n1").expect("a name")
}

fn site(os: Value) -> Site {
    let node = Node {
        name: node_name(),
        state: NodeState::Ready,
        rack: None,
        profiles: Vec::new(),
        serial: None,
        bmc: None,
        nics: BTreeMap::new(),
        outlets: Vec::new(),
        disks: BTreeMap::new(),
        settings: NodeSettings { layers: BTreeMap::from([(LayerId::Os, os)]), origins: BTreeMap::new() },
        origin: None,
    };
    let mut site = Site::new(SiteName::new("lab").expect("a name"));
    site.nodes.insert(node.name.clone(), node);
    site
}

#[async_trait]
impl HostHarness for Lab {
    async fn host(&self) -> Result<Arc<dyn Host>, Failure> {
        Ok(Arc::new(Ssh::new(self.target()?)))
    }

    fn directory(&self) -> String {
        "/var/lib/trials".to_owned()
    }

    async fn with_wrong_key(&self) -> Result<Option<Arc<dyn Host>>, Failure> {
        let login = Login::key(&Secret::new(STRANGER.to_owned()))?;
        Ok(Some(Arc::new(Ssh::new(Target { login, ..self.target()? }))))
    }

    async fn with_wrong_host_key(&self) -> Result<Option<Arc<dyn Host>>, Failure> {
        let host_keys = HostKeys::parse(NO_HOST_KEY)?;
        Ok(Some(Arc::new(Ssh::new(Target { host_keys, ..self.target()? }))))
    }

    async fn dead(&self) -> Result<Arc<dyn Host>, Failure> {
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = Ipv4Addr::LOCALHOST.to_string();
        Ok(Arc::new(Ssh::new(Target { address, port, ..self.target()? })))
    }

    fn signalled(&self) -> Option<Command> {
        Some(Command::new("sh").args(["-c", "kill -9 $$"]))
    }

    fn slow(&self) -> Option<Command> {
        Some(Command::new("sleep").arg("90"))
    }
}

/// A step with all that it needs to be looked at and carried out.
struct Bench {
    operations: Operations,
    providers: Providers,
    cancel: CancellationToken,
}

impl Bench {
    fn new(site: &Site) -> Result<Self, Failure> {
        let mut operations = Operations::default();
        OsLayer.operations(&mut operations);
        let mut providers = Providers::new();
        let secrets = LocalSecrets::new(std::path::Path::new("/"));
        OsLayer.connect(site, &secrets, &mut providers).map_err(|errors| format!("{errors:?}"))?;
        Ok(Self { operations, providers, cancel: CancellationToken::new() })
    }

    fn host(&self) -> Result<Arc<dyn Host>, Failure> {
        Ok(self.providers.find::<dyn Host>(&Subject::node(&node_name()))?)
    }

    async fn check(&self, step: &Step) -> Result<Check, OperationError> {
        let assignment = assignment(step);
        let cx = Context::new(&assignment, &self.providers, &self.cancel);
        self.operations.load(&step.call)?.check(&cx).await
    }

    async fn apply(&self, step: &Step) -> Result<Applied, OperationError> {
        let assignment = assignment(step);
        let cx = Context::new(&assignment, &self.providers, &self.cancel);
        self.operations.load(&step.call)?.apply(&cx).await
    }
}

fn proposed(site: &Site) -> Result<Vec<Step>, Failure> {
    OsLayer.propose(site, &Observed::new()).map_err(|notes| format!("{notes:?}").into())
}

async fn every_step_comes_true_and_then_holds(lab: &Lab) -> Result<Verdict, Failure> {
    let site = lab
        .site(json!({
            "files": [{"path": "/etc/motd", "content": "built by dip\n"}, {"path": "/etc/dip/secretive", "content": "x", "mode": "0600"}],
            "sysctl": {"net.ipv4.ip_forward": "1", "net.ipv4.ip_local_port_range": "20000 60000"},
            "users": {"ops": {"groups": ["adm", "builders"], "shell": "/bin/sh",
                              "keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti ops@site"]}},
            "packages": ["openssh-server", "iproute2"],
        }))?;
    let bench = Bench::new(&site)?;
    let steps = proposed(&site)?;
    for step in &steps {
        let packages = step.name.as_str().contains("packages");
        match bench.check(step).await? {
            // These are in the image already.
            Check::Holds(_) if packages => continue,
            Check::Differs(_) if !packages => {}
            other => return Err(format!("{}: a new host cannot be {other:?}", step.name).into()),
        }
        // Twice is once.
        for _ in 0..2 {
            if bench.apply(step).await? != Applied::Done {
                return Err(format!("{} is not done at once", step.name).into());
            }
        }
        match bench.check(step).await? {
            Check::Holds(facts) if step.gives.iter().all(|key| facts.contains(key)) => {}
            other => return Err(format!("{} is carried out and tells {other:?}", step.name).into()),
        }
    }
    // Seen by another client than ours.
    let seen = lab
        .one()?
        .ssh("hostname; cat /etc/hostname /etc/motd /proc/sys/net/ipv4/ip_forward; stat -c %a /etc/dip/secretive; id -nG ops; stat -c '%U %a' /home/ops/.ssh/authorized_keys; wc -l </home/ops/.ssh/authorized_keys")
        .await?;
    let wanted = "n1\nn1\nbuilt by dip\n1\n600\nops adm builders\nops 644\n1\n";
    if seen.trim_end() == wanted.trim_end() {
        Ok(Verdict::Passed)
    } else {
        Err(format!("the host tells {seen:?}").into())
    }
}

async fn a_package_that_cannot_be_had_fails_in_the_words_of_apt(lab: &Lab) -> Result<Verdict, Failure> {
    let site = lab.site(json!({"packages": ["dip-no-such-package"]}))?;
    let bench = Bench::new(&site)?;
    let steps = proposed(&site)?;
    let step = steps.last().ok_or("no step")?;
    let Check::Differs(diff) = bench.check(step).await? else { return Err("it cannot be installed".into()) };
    if diff.to_string() != "+ package dip-no-such-package" {
        return Err(format!("{diff}").into());
    }
    match bench.apply(step).await {
        Err(OperationError::Command { output, .. }) if output.contains("Unable to locate package") => {
            Ok(Verdict::Passed)
        }
        other => Err(format!("{other:?}").into()),
    }
}

async fn a_known_hosts_file_serves_as_well_as_a_key(lab: &Lab) -> Result<Verdict, Failure> {
    let host = lab.one()?;
    let file = host.node().dir().join("trial_known_hosts");
    let connect = async |line: String| -> Result<_, Failure> {
        std::fs::write(&file, line)?;
        let target = Target { host_keys: HostKeys::KnownHosts(file.clone()), ..lab.target()? };
        Ok(Ssh::new(target).run(&Command::new("true")).await)
    };
    connect(format!("{} {}\n", host.address, host.host_key.public)).await??;
    match connect(
        "10.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti\n".to_owned(),
    )
    .await?
    {
        Err(error) if error.kind() == ErrorKind::Denied && error.to_string().contains("none is listed") => {
            Ok(Verdict::Passed)
        }
        other => Err(format!("a host that is not listed must be refused: {other:?}").into()),
    }
}

/// A user without any rights, with a password that is made for this trial.
async fn plain_user(lab: &Lab, name: &str) -> Result<Target, Failure> {
    lab.one()?
        .ssh(&format!("id {name} 2>/dev/null || useradd -m {name}; echo {name}:{name}-password | chpasswd"))
        .await?;
    let login = Login::Password(Secret::new(format!("{name}-password")));
    Ok(Target { user: name.to_owned(), login, ..lab.target()? })
}

async fn a_password_and_an_rsa_key_let_in_too(lab: &Lab) -> Result<Verdict, Failure> {
    let target = plain_user(lab, "walter").await?;
    let output = Ssh::new(target.clone()).run(&Command::new("id").arg("-un")).await?;
    if output.text() != "walter" {
        return Err(format!("by password: {output:?}").into());
    }
    let wrong = Target { login: Login::Password(Secret::new("other".to_owned())), ..target.clone() };
    match Ssh::new(wrong).run(&Command::new("true")).await {
        Err(error) if error.kind() == ErrorKind::Denied && error.to_string().contains("refuses the password") => {}
        other => return Err(format!("a wrong password must be refused: {other:?}").into()),
    }
    let make = "mkdir -p ~walter/.ssh; cd ~walter/.ssh; rm -f k k.pub; ssh-keygen -q -t rsa -b 2048 -N '' -f k; cp k.pub authorized_keys; chown -R walter: .; cat k";
    let key = lab.one()?.ssh(make).await?;
    let output = Ssh::new(Target { login: Login::key(&Secret::new(key))?, ..target })
        .run(&Command::new("id").arg("-un"))
        .await?;
    if output.text() == "walter" { Ok(Verdict::Passed) } else { Err(format!("by RSA key: {output:?}").into()) }
}

async fn what_a_plain_user_may_not_do_is_denied(lab: &Lab) -> Result<Verdict, Failure> {
    let host = Ssh::new(plain_user(lab, "paula").await?);
    let content = FileContent { bytes: b"x".to_vec(), mode: 0o644 };
    let read = host.read("/etc/shadow").await.err();
    let write = host.write("/etc/paula", &content).await.err();
    let remove = host.remove("/etc/passwd").await.err();
    for (what, error) in [("read", read), ("write", write), ("remove", remove)] {
        if error.as_ref().map(|error| error.kind()) != Some(ErrorKind::Denied) {
            return Err(format!("{what}: {error:?}").into());
        }
    }
    Ok(Verdict::Passed)
}

async fn a_user_becomes_root_by_sudo_only_where_sudo_is(lab: &Lab) -> Result<Verdict, Failure> {
    let elevated = Ssh::new(Target { elevation: Elevation::Sudo, ..lab.target()? });
    let has_sudo = lab.one()?.ssh("command -v sudo").await.is_ok();
    let output = elevated.run(&Command::new("true")).await?;
    // Without sudo the shell must tell that it is missing: the command must not run without it.
    if output.succeeded() == has_sudo { Ok(Verdict::Passed) } else { Err(format!("{output:?}").into()) }
}

/// Takes the network from the host, which only a boot gives back.
async fn a_command_on_a_node_that_falls_silent_ends_as_unreachable(lab: &Lab) -> Result<Verdict, Failure> {
    let host = Ssh::new(lab.target()?);
    let cut = "sleep 1; ip link set eth0 down; sleep 90";
    let command = Command::new("sh").args(["-c", cut]);
    // No packet tells that the node is gone: only that it answers no more.
    let result = tokio::time::timeout(Duration::from_secs(40), host.run(&command)).await;
    lab.one()?.power_off().await?;
    lab.one()?.node().switch_on().await?;
    match result {
        Ok(Err(error)) if error.kind() == ErrorKind::Unreachable => {}
        other => return Err(format!("it must be unreachable: {other:?}").into()),
    }
    // The same host serves again when the node is back.
    let patience = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        match host.run(&Command::new("true")).await {
            Ok(_) => return Ok(Verdict::Passed),
            Err(error) if tokio::time::Instant::now() > patience => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// The last trial: it switches the host off and on.
async fn a_node_that_boots_is_waited_for_and_the_connection_is_made_again(lab: &Lab) -> Result<Verdict, Failure> {
    let site = lab.site(json!({}))?;
    let bench = Bench::new(&site)?;
    let boot = Boot { node: node_name(), from: None, to: Environment::Installed, ordinal: 1 };
    let steps = OsLayer.enter(&site, &boot);
    let step = steps.first().ok_or("no step")?;
    let Check::Holds(before) = bench.check(step).await? else { return Err("the host is on and must answer".into()) };
    let lab_host = lab.one()?;
    lab_host.power_off().await?;
    match bench.check(step).await? {
        Check::Differs(diff) if diff.to_string() == "node does not answer → answers" => {}
        other => return Err(format!("the host is off and tells {other:?}").into()),
    }
    let Applied::Watch { .. } = bench.apply(step).await? else { return Err("it must be watched for".into()) };
    lab_host.node().switch_on().await?;
    let patience = tokio::time::Instant::now() + Duration::from_secs(60);
    let after = loop {
        match bench.check(step).await? {
            Check::Holds(after) => break after,
            other if tokio::time::Instant::now() > patience => return Err(format!("after a minute: {other:?}").into()),
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    };
    // Containers share the kernel and its boot id with the machine, so that only its presence can be tried here.
    let key = step.gives.first().ok_or("no fact")?;
    if !(before.contains(key) && after.contains(key)) {
        return Err("the boot id is missing".into());
    }
    let output = bench.host()?.run(&Command::new("hostname")).await?;
    if output.succeeded() { Ok(Verdict::Passed) } else { Err(format!("{output:?}").into()) }
}
