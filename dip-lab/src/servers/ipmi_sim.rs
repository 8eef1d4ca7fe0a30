//! A BMC that speaks IPMI 2.0: `ipmi_sim` of OpenIPMI, one process for each, because two in one process crash.
//!
//! It knows cipher suite 3 and not 17. It has one thread: a request that is sent again while the power hook
//! runs is done twice. Boot flags read back without the EFI and persistent bits.

use std::fmt;
use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::command::run;
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::free_port;
use crate::requirement::Requirement;
use crate::servers::fru;
use crate::servers::node_directory::NodeDirectory;
use crate::servers::segment::make_executable;

const SDRS: &str = include_str!("../files/bmc.sdrs");
const LAN_HOOK: &str = include_str!("../files/lancontrol");

/// A user of a BMC.
#[derive(Clone, PartialEq, Eq)]
pub struct BmcUser {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl BmcUser {
    /// The administrator of every BMC of the lab, unless a test says otherwise.
    pub fn admin() -> Self {
        Self { name: "admin".to_owned(), password: "secret".to_owned() }
    }
}

impl fmt::Debug for BmcUser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("BmcUser").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What the chassis commands of a BMC act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chassis {
    /// The node, by its hook: a shell for each command, which takes most of the time of a short one.
    Node,
    /// Nothing: it is off, and says so by itself. For benches, which are to measure those who ask.
    Nothing,
}

/// What the BMC says about itself and its node.
#[derive(Debug, Clone)]
pub struct IpmiSimConfig {
    /// The name of the node.
    pub name: String,
    /// Where it listens (UDP); `None` is a free port of 127.0.0.1.
    pub addr: Option<SocketAddr>,
    /// The administrator. There is also the operator `oper` with the password `operpw`.
    pub admin: BmcUser,
    /// The serial number in the FRU inventory.
    pub serial: String,
    /// The system GUID as 32 hexadecimal digits.
    pub guid: String,
    /// Where the machine's serial port is served by TCP, for its console; `None` is a machine without one.
    pub console: Option<SocketAddr>,
    /// What its chassis commands act on.
    pub chassis: Chassis,
}

impl IpmiSimConfig {
    /// A BMC on a free port, whose serial number and GUID come from the name.
    pub fn named(name: &str) -> Self {
        let guid =
            name.bytes().fold(0x1d1b_0000_u128, |sum, byte| sum.wrapping_mul(0x0100_0193_0000_01b3) ^ u128::from(byte));
        Self {
            name: name.to_owned(),
            addr: None,
            admin: BmcUser::admin(),
            serial: format!("SN-{name}"),
            guid: format!("{guid:032x}"),
            console: None,
            chassis: Chassis::Node,
        }
    }
}

/// A running `ipmi_sim`.
#[derive(Debug)]
pub struct IpmiSim {
    /// Where it listens (UDP).
    pub addr: SocketAddr,
    /// The administrator.
    pub admin: BmcUser,
    node: NodeDirectory,
    daemon: Option<Daemon>,
}

impl IpmiSim {
    /// Starts the BMC of a node and waits until it answers.
    ///
    /// # Errors
    /// If a program is missing or `ipmi_sim` does not start.
    pub async fn start(config: IpmiSimConfig, node: &NodeDirectory) -> Result<Self, LabError> {
        Requirement::Ipmi.check()?;
        let addr = config.addr.map_or_else(free_port, Ok)?;
        let scratch = node.scratch();
        let dir = node.dir().display();
        let name = &config.name;
        let state = scratch.within("state")?;
        // ipmi_sim looks for its sensor records at this very place.
        let store = scratch.within(&format!("state/ipmi_sim/{name}"))?.path("sdr.20.main");
        let source = scratch.write("bmc.sdrs", SDRS)?;
        run("sdrcomp", ["-o".as_ref(), store.as_os_str(), source.as_os_str()]).await?;
        // Raw readings: 32 °C, 12.033 V, 4096 rpm.
        for (sensor, raw) in [("temperature", "32\n"), ("voltage", "191\n"), ("fan", "3\n")] {
            scratch.write(sensor, raw)?;
        }
        for (name, product, serial) in [
            ("fru.bin", "Simulated Node", config.serial.clone()),
            ("psu.bin", "Simulated PSU 800W", format!("PSU-{}", config.serial)),
        ] {
            let file = scratch.path(name);
            let inventory = fru::inventory("DIP Lab", product, &serial);
            std::fs::write(&file, inventory).map_err(|source| LabError::file("write", &file, source))?;
        }
        let lan_hook = scratch.write("lancontrol", LAN_HOOK)?;
        make_executable(&lan_hook)?;
        scratch.write("lan.conf", &lan_conf(&config, addr, node))?;
        scratch.write("bmc.emu", &emulation(&dir.to_string()))?;
        drop(state);
        let mut sim = Self { addr, admin: config.admin, node: node.clone(), daemon: None };
        sim.restart().await?;
        Ok(sim)
    }

    /// Starts the BMC again on the same address; the node goes on as it is.
    ///
    /// # Errors
    /// If `ipmi_sim` does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let dir = self.node.dir();
        let mut line = daemon_command(None, "ipmi_sim");
        line.arg("-n")
            .arg("-c")
            .arg(dir.join("lan.conf"))
            .arg("-f")
            .arg(dir.join("bmc.emu"))
            .arg("-s")
            .arg(dir.join("state"));
        let mut daemon = Daemon::spawn(self.node.scratch(), "ipmi_sim", line)?;
        daemon.ready(|| async { answers(self.addr).await }).await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Stops the BMC and not the node.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// The node behind the BMC.
    pub fn node(&self) -> &NodeDirectory {
        &self.node
    }

    /// Asks the BMC with `ipmitool` as administrator, cipher suite 3.
    ///
    /// # Errors
    /// If `ipmitool` fails.
    pub async fn ipmitool(&self, words: &[&str]) -> Result<String, LabError> {
        self.ipmitool_as(&self.admin.name, &self.admin.password, words).await
    }

    /// Asks the BMC with `ipmitool` as another user, cipher suite 3.
    ///
    /// # Errors
    /// If `ipmitool` fails.
    pub async fn ipmitool_as(&self, user: &str, password: &str, words: &[&str]) -> Result<String, LabError> {
        let (host, port) = (self.addr.ip().to_string(), self.addr.port().to_string());
        let fixed = ["-I", "lanplus", "-C", "3", "-H", &host, "-p", &port, "-U", user, "-P", password];
        run("ipmitool", fixed.iter().chain(words)).await
    }
}

/// What the BMC consists of: its sensors with their thresholds, and the inventories of the machine and its power supply.
fn emulation(dir: &str) -> String {
    const ALL: &str = "000111111000000 000111111000000 000111111000000 000111111000000";
    let analog = |number: u8, kind: u8, file: &str, thresholds: &str| {
        format!(
            "sensor_add 0x20 0 {number} {kind:#04x} 0x01 poll 1000 file \"{dir}/{file}\"\n\
             sensor_set_threshold 0x20 0 {number} settable {thresholds}\n\
             sensor_set_event_support 0x20 0 {number} enable scanning per-state {ALL}\n"
        )
    };
    [
        "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nsel_enable 0x20 1000 0x0a\n\
         sensor_add 0x20 0 0 35 0x6f event-only\n\
         sensor_set_event_support 0x20 0 0 enable scanning per-state 000000000001111 000000000000000 000000000001111 000000000000000\n",
        &analog(1, 0x01, "temperature", "111000 0xa0 0x90 0x70 00 00 00"),
        &analog(2, 0x02, "voltage", "000111 00 00 00 0xb0 0xa8 0xa0"),
        &analog(3, 0x04, "fan", "000000 00 00 00 00 00 00"),
        "sensor_add 0x20 0 4 0x08 0x6f\n\
         sensor_set_event_support 0x20 0 4 enable scanning per-state 000000000001111 000000000000000 000000000001111 000000000000000\n\
         sensor_set_bit_clr_rest 0x20 0 4 0 1\n",
        &format!("mc_add_fru_data 0x20 0 256 file 0 \"{dir}/fru.bin\"\nmc_add_fru_data 0x20 1 256 file 0 \"{dir}/psu.bin\"\n"),
        "mc_enable 0x20\n",
    ]
    .concat()
}

fn lan_conf(config: &IpmiSimConfig, addr: SocketAddr, node: &NodeDirectory) -> String {
    let IpmiSimConfig { name, admin, guid, console, chassis, .. } = config;
    let dir = node.dir().display();
    let mut text = format!(
        "name \"{name}\"\nset_working_mc 0x20\n  startlan 1\n    addr {} {}\n    priv_limit admin\n",
        addr.ip(),
        addr.port()
    );
    for level in ["callback", "user", "operator", "admin"] {
        let _ = writeln!(text, "    allowed_auths_{level} none md2 md5 straight");
    }
    let console = console.map(|port| format!("  sol \"tcp:{port}\" 115200\n")).unwrap_or_default();
    let chassis = match chassis {
        Chassis::Node => format!("  chassis_control \"{} {dir}\"\n", node.hook().display()),
        Chassis::Nothing => String::new(),
    };
    let _ = write!(
        text,
        "    guid {guid}\n    lan_config_program \"{dir}/lancontrol {dir}\"\n  endlan\n{console}{chassis}  \
         user 1 true \"\" \"test\" user 10 none md2 md5 straight\n  \
         user 2 true \"{}\" \"{}\" admin 10 none md2 md5 straight\n  \
         user 3 true \"oper\" \"operpw\" operator 10 none md2 md5 straight\n",
        admin.name, admin.password
    );
    text
}

/// Sends Get Channel Authentication Capabilities without a session (IPMI 2.0, 22.13) and waits for any answer.
async fn answers(addr: SocketAddr) -> bool {
    const ASK: [u8; 23] = [
        0x06, 0x00, 0xff, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x20, 0x18, 0xc8, 0x81,
        0x00, 0x38, 0x8e, 0x04, 0xb5,
    ];
    let ask = async {
        let socket = tokio::net::UdpSocket::bind((addr.ip(), 0)).await?;
        socket.connect(addr).await?;
        socket.send(&ASK).await?;
        let mut answer = [0; 64];
        socket.recv(&mut answer).await
    };
    matches!(tokio::time::timeout(std::time::Duration::from_millis(200), ask).await, Ok(Ok(1..)))
}
