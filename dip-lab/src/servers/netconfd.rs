//! A NETCONF server: netconfd of yuma123 behind the subsystem of an OpenSSH server. It keeps configurations and acts on nothing.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::command::command;
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::hosts::SshKey;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// The modules that it serves: written for tests, with the paths of OpenConfig.
const MODULES: [(&str, &str); 7] = [
    ("openconfig-interfaces", include_str!("yang/openconfig-interfaces.yang")),
    ("openconfig-if-ethernet", include_str!("yang/openconfig-if-ethernet.yang")),
    ("openconfig-if-aggregate", include_str!("yang/openconfig-if-aggregate.yang")),
    ("openconfig-vlan", include_str!("yang/openconfig-vlan.yang")),
    ("openconfig-lacp", include_str!("yang/openconfig-lacp.yang")),
    ("openconfig-lldp", include_str!("yang/openconfig-lldp.yang")),
    ("openconfig-network-instance", include_str!("yang/openconfig-network-instance.yang")),
];

/// What ends a message of NETCONF 1.0 (RFC 6242, section 4.3).
const END: &str = "]]>]]>";

/// How long netconfd may take to read the client's hello.
const READ_ALONE: Duration = Duration::from_millis(100);

/// How long a foreign client may take.
const CLIENT: Duration = Duration::from_secs(20);

/// Where changes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetconfTarget {
    /// In a candidate configuration that is committed; commits can be confirmed, and there is a startup configuration.
    Candidate,
    /// In the running configuration, which is all that there is.
    Running,
}

/// A running server.
#[derive(Debug)]
pub struct Netconfd {
    /// Where its SSH server listens.
    pub addr: SocketAddr,
    /// The host key that its SSH server shows.
    pub host_key: SshKey,
    /// The key by which `root` logs in.
    pub key: SshKey,
    /// A key that opens nothing.
    pub wrong_key: SshKey,
    target: NetconfTarget,
    netconfd: Option<Daemon>,
    sshd: Option<Daemon>,
    scratch: Scratch,
}

impl Netconfd {
    /// Starts a server without any configuration.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or a daemon does not start.
    pub async fn start(target: NetconfTarget) -> Result<Self, LabError> {
        Requirement::Netconfd.check()?;
        let scratch = Scratch::temporary()?.within("nc")?;
        let addr = free_port()?;
        let [host_key, key, wrong_key] = ["host", "root", "wrong"].map(|name| scratch.path(&format!("{name}_key")));
        let mut server = Self {
            addr,
            host_key: SshKey::generate(&host_key).await?,
            key: SshKey::generate(&key).await?,
            wrong_key: SshKey::generate(&wrong_key).await?,
            target,
            netconfd: None,
            sshd: None,
            scratch,
        };
        for (name, text) in MODULES {
            server.scratch.write(&format!("yang/{name}.yang"), text)?;
        }
        server.start_netconfd().await?;
        server.start_sshd().await?;
        Ok(server)
    }

    async fn start_netconfd(&mut self) -> Result<(), LabError> {
        let socket = self.scratch.path("nc.sock");
        let mut line = daemon_command(None, "netconfd");
        // It keeps its startup configuration under the home of its user.
        line.env("HOME", self.scratch.dir()).env_remove("YUMA_HOME").current_dir(self.scratch.dir());
        line.arg(format!("--modpath={}:/usr/share/yuma/modules", self.scratch.path("yang").display()));
        line.args(MODULES.map(|(name, _)| format!("--module={name}")));
        line.arg(format!("--ncxserver-sockname={}", socket.display()))
            .arg(format!("--port={}", self.addr.port()))
            .args(["--no-startup", "--superuser=root", "--access-control=off", "--log-level=info"]);
        line.args(match self.target {
            NetconfTarget::Candidate => ["--target=candidate", "--with-startup=true"],
            NetconfTarget::Running => ["--target=running", "--with-startup=false"],
        });
        let mut daemon = Daemon::spawn(&self.scratch, "netconfd", line)?;
        daemon.ready(|| async { tokio::net::UnixStream::connect(&socket).await.is_ok() }).await?;
        self.netconfd = Some(daemon);
        Ok(())
    }

    async fn start_sshd(&mut self) -> Result<(), LabError> {
        // OpenSSH drops its privileges into this directory, which the package makes at boot.
        std::fs::create_dir_all("/run/sshd").map_err(|source| LabError::file("create", "/run/sshd", source))?;
        let authorized = self.scratch.write("authorized_keys", &format!("{}\n", self.key.public))?;
        let config = format!(
            "Port {}\nListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nPermitRootLogin prohibit-password\nStrictModes no\nUsePAM no\nPidFile none\nSubsystem netconf \"/usr/sbin/netconf-subsystem --ncxserver-sockname={}@{}\"\n",
            self.addr.port(),
            self.addr.ip(),
            self.host_key.private.display(),
            authorized.display(),
            self.addr.port(),
            self.scratch.path("nc.sock").display(),
        );
        let config = self.scratch.write("sshd_config", &config)?;
        let mut line = daemon_command(None, "sshd");
        line.args(["-D", "-e", "-f"]).arg(config);
        let mut daemon = Daemon::spawn(&self.scratch, "sshd", line)?;
        daemon.ready(|| async { accepts(self.addr).await }).await?;
        self.sshd = Some(daemon);
        Ok(())
    }

    /// Stops the NETCONF server and starts it again, without any configuration; the SSH server goes on.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.netconfd = None;
        let _ = std::fs::remove_file(self.scratch.path("nc.sock"));
        self.start_netconfd().await
    }

    /// Changes the configuration as another client would: the content of `<config>`.
    ///
    /// # Errors
    /// If the client cannot be run, or the server refuses.
    pub async fn edit(&self, config: &str) -> Result<(), LabError> {
        let (target, commit) = match self.target {
            NetconfTarget::Candidate => ("<candidate/>", Some("<commit/>")),
            NetconfTarget::Running => ("<running/>", None),
        };
        let edit = format!("<edit-config><target>{target}</target><config>{config}</config></edit-config>");
        self.ask(std::iter::once(edit.as_str()).chain(commit)).await.map(|_| ())
    }

    /// The running configuration, as another client is told it.
    ///
    /// # Errors
    /// If the client cannot be run, or the server refuses.
    pub async fn running(&self) -> Result<String, LabError> {
        self.ask(["<get-config><source><running/></source></get-config>"].into_iter()).await
    }

    /// Sends requests by OpenSSH's client, in NETCONF 1.0, and gives all answers.
    async fn ask(&self, requests: impl Iterator<Item = &str>) -> Result<String, LabError> {
        const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
        let hello = "<capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities>";
        let rpc = |(id, request)| format!("<rpc xmlns=\"{BASE}\" message-id=\"{id}\">{request}</rpc>");
        let requests = requests.chain(["<close-session/>"]).enumerate().map(rpc);
        let requests = std::iter::once(format!("<hello xmlns=\"{BASE}\">{hello}</hello>")).chain(requests);
        let mut line = command("ssh");
        line.args(["-q", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i"])
            .arg(&self.key.private)
            .args(["-p", &self.addr.port().to_string(), "-s", &format!("root@{}", self.addr.ip()), "netconf"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let failed = |reason: String| LabError::Command { command: "ssh -s netconf".to_owned(), reason };
        let mut client = tokio::process::Command::from(line);
        let mut client = client.kill_on_drop(true).spawn().map_err(|source| failed(source.to_string()))?;
        let mut told = Vec::new();
        let talk = async {
            let pipes = client.stdin.take().zip(client.stdout.take());
            let (mut input, mut output) = pipes.ok_or(std::io::ErrorKind::BrokenPipe)?;
            // One after the other: netconfd loses a request that arrives together with another one. The answer to the first, the
            // client's hello, is the server's own, which comes unasked: only time tells that the client's was read.
            for (request, answers) in requests.zip(1..) {
                if answers == 2 {
                    tokio::time::sleep(READ_ALONE).await;
                }
                input.write_all(format!("{request}{END}\n").as_bytes()).await?;
                while told.windows(END.len()).filter(|window| *window == END.as_bytes()).count() < answers {
                    if output.read_buf(&mut told).await? == 0 {
                        return Err(std::io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
            // Its end is not waited for: some subsystems outlive the session by a minute.
            Ok::<_, std::io::Error>(())
        };
        let done = tokio::time::timeout(CLIENT, talk).await;
        let told = String::from_utf8_lossy(&told).into_owned();
        done.map_err(|_| failed(format!("it still ran after {CLIENT:?}, having said: {told}")))?
            .map_err(|error| failed(error.to_string()))?;
        let answers = told.split_once("</hello>").map(|(_, answers)| answers.to_owned());
        match answers {
            Some(answers) if !answers.contains("<rpc-error>") => Ok(answers),
            _ => Err(LabError::answer("netconfd", told)),
        }
    }
}
