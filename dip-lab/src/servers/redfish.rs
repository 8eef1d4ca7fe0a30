//! BMCs that speak Redfish: the emulator of sushy-tools with power that is real.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cache::Cache;
use crate::certificate::Authority;
use crate::command::{output, run};
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::ipmi_sim::BmcUser;
use crate::servers::node_directory::NodeDirectory;

const LAUNCHER: &str = include_str!("../files/redfish.py");

/// Whether the emulator speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP.
    Off,
    /// HTTPS with a certificate that it signed itself, see [`SushyEmulator::certificate`].
    SelfSigned,
    /// HTTPS with a certificate that a root of its own signed, see [`SushyEmulator::root`].
    SignedByRoot,
}

/// A system of the emulator.
#[derive(Debug, Clone)]
pub struct RedfishSystem {
    /// The name, which is an alias of the UUID.
    pub name: String,
    /// The UUID, by which the emulator knows the system.
    pub uuid: String,
    /// The serial number.
    pub serial: String,
    /// The hardware address of its network card.
    pub mac: String,
    /// Its power.
    pub node: NodeDirectory,
}

/// A running emulator.
#[derive(Debug)]
pub struct SushyEmulator {
    /// Its TCP address.
    pub addr: SocketAddr,
    /// The user that it asks for (HTTP basic).
    pub admin: BmcUser,
    /// Its certificate (PEM), if it speaks TLS.
    pub certificate: Option<PathBuf>,
    /// The root that signed its certificate (PEM), if one did.
    pub root: Option<PathBuf>,
    /// The SHA-256 fingerprint of its certificate: 64 hexadecimal digits, if it speaks TLS.
    pub certificate_fingerprint: Option<String>,
    systems: Vec<RedfishSystem>,
    daemon: Option<Daemon>,
    scratch: Scratch,
}

impl SushyEmulator {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If sushy-tools is missing or the emulator does not start.
    pub async fn start(systems: Vec<RedfishSystem>, tls: Tls) -> Result<Self, LabError> {
        Requirement::Redfish.check()?;
        Self::start_in(&Scratch::temporary()?, free_port()?, systems, tls).await
    }

    pub(crate) async fn start_in(
        scratch: &Scratch,
        addr: SocketAddr,
        systems: Vec<RedfishSystem>,
        tls: Tls,
    ) -> Result<Self, LabError> {
        let scratch = scratch.within("redfish")?;
        let admin = BmcUser::admin();
        let (certificate, root) = match tls {
            Tls::Off => (None, None),
            Tls::SelfSigned => (Some(certify(&scratch, addr).await?), None),
            Tls::SignedByRoot => {
                let authority = Authority::make(&scratch).await?;
                let signed = authority.sign(&scratch, addr.ip()).await?;
                (Some(signed.certificate), Some(authority.root))
            }
        };
        let certificate_fingerprint = match &certificate {
            None => None,
            Some(file) => Some(fingerprint(file).await?),
        };
        write_configuration(&scratch, addr, &systems, certificate.is_some())?;
        let hash = "import bcrypt,sys; print(bcrypt.hashpw(sys.argv[1].encode(), bcrypt.gensalt(rounds=4)).decode())";
        let mut line = std::process::Command::new(Cache::open().python_program("python"));
        line.args(["-c", hash, &admin.password]);
        let hash = output(line).await?;
        scratch.write("htpasswd", &format!("{}:{}\n", admin.name, hash.trim()))?;
        scratch.write("redfish.py", LAUNCHER)?;
        let mut emulator =
            Self { addr, admin, certificate, root, certificate_fingerprint, systems, daemon: None, scratch };
        emulator.restart().await?;
        Ok(emulator)
    }

    /// Starts it again on the same address.
    ///
    /// # Errors
    /// If the emulator does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let mut line = daemon_command(None, Cache::open().python_program("python"));
        line.arg(self.scratch.path("redfish.py")).arg("--config").arg(self.scratch.path("emulator.conf"));
        let mut daemon = Daemon::spawn(&self.scratch, "sushy-emulator", line)?;
        daemon.ready(|| async { accepts(self.addr).await }).await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Stops it; the nodes go on as they are.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// The service root's URL without a path: `http://127.0.0.1:8000`.
    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// The systems.
    pub fn systems(&self) -> &[RedfishSystem] {
        &self.systems
    }

    /// Asks it with `curl` as administrator: the words are the options before the path.
    ///
    /// # Errors
    /// If the answer is not a success.
    pub async fn curl(&self, words: &[&str], path: &str) -> Result<String, LabError> {
        let url = format!("{}{path}", self.url());
        let user = format!("{}:{}", self.admin.name, self.admin.password);
        let certificate = self.root.as_ref().or(self.certificate.as_ref()).map(|file| file.display().to_string());
        let mut line = vec!["-sSf", "--max-time", "20", "-u", &user];
        if let Some(file) = &certificate {
            line.extend(["--cacert", file]);
        }
        line.extend(words);
        line.push(&url);
        run("curl", line).await
    }
}

/// A storage controller with two disks in each system, and no volume.
const STORAGE: &str = "\
SUSHY_EMULATOR_STORAGE = {it['uuid']: [{'Id': '1', 'Name': 'RAID controller', 'StorageControllers': [{'MemberId': '0', 'Name': 'RAID controller', 'SpeedGbps': 12}], 'Drives': ['32ADF365C6C1B7BD', '32ADF365C6C1B7C3']}] for it in SUSHY_EMULATOR_FAKE_SYSTEMS}
SUSHY_EMULATOR_DRIVES = {(it['uuid'], '1'): [{'Id': id, 'Name': 'Disk', 'CapacityBytes': 480000000000, 'Protocol': 'SAS'} for id in ['32ADF365C6C1B7BD', '32ADF365C6C1B7C3']] for it in SUSHY_EMULATOR_FAKE_SYSTEMS}
SUSHY_EMULATOR_VOLUMES = {(it['uuid'], '1'): [] for it in SUSHY_EMULATOR_FAKE_SYSTEMS}
";

fn write_configuration(
    scratch: &Scratch,
    addr: SocketAddr,
    systems: &[RedfishSystem],
    tls: bool,
) -> Result<(), LabError> {
    let list: Vec<_> = systems
        .iter()
        .map(|system| {
            json!({
                "uuid": system.uuid, "name": system.name, "serial": system.serial, "power_state": "Off",
                "nics": [{ "mac": system.mac, "ip": "0.0.0.0" }], "dir": system.node.dir(),
            })
        })
        .collect();
    let systems = scratch.write("systems.json", &json!(list).to_string())?;
    let dir = scratch.dir().display();
    // The file is Python.
    let mut conf = format!(
        "import json\nSUSHY_EMULATOR_LISTEN_IP = '{}'\nSUSHY_EMULATOR_LISTEN_PORT = {}\nSUSHY_EMULATOR_AUTH_FILE = '{dir}/htpasswd'\n\
         SUSHY_EMULATOR_STATE_DIR = '{}'\nSUSHY_EMULATOR_FAKE_DRIVER = True\nSUSHY_EMULATOR_FEATURE_SET = 'full'\n\
         SUSHY_EMULATOR_FAKE_SYSTEMS = json.load(open('{}'))\n{STORAGE}",
        addr.ip(),
        addr.port(),
        scratch.within("state")?.dir().display(),
        systems.display()
    );
    if tls {
        conf.push_str(&format!(
            "SUSHY_EMULATOR_SSL_CERT = '{dir}/cert.pem'\nSUSHY_EMULATOR_SSL_KEY = '{dir}/key.pem'\n"
        ));
    }
    scratch.write("emulator.conf", &conf)?;
    Ok(())
}

async fn certify(scratch: &Scratch, addr: SocketAddr) -> Result<PathBuf, LabError> {
    let (key, cert) = (scratch.path("key.pem"), scratch.path("cert.pem"));
    let name = format!("subjectAltName=IP:{}", addr.ip());
    let words = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=dip-lab-bmc",
        "-addext",
        &name,
    ];
    let mut line = crate::command::command("openssl");
    line.args(words).arg("-keyout").arg(&key).arg("-out").arg(&cert);
    output(line).await?;
    Ok(cert)
}

async fn fingerprint(certificate: &Path) -> Result<String, LabError> {
    let words = ["x509", "-noout", "-fingerprint", "-sha256", "-in"].map(std::ffi::OsStr::new);
    let told = run("openssl", words.into_iter().chain([certificate.as_os_str()])).await?;
    let digits = told.trim().split_once('=').map(|(_, digits)| digits.replace(':', "").to_lowercase());
    digits.ok_or_else(|| LabError::answer("openssl", told))
}
