//! One BMC of the lab and the machine behind it.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use dip_lab::{IpmiSim, IpmiSimConfig, NodeDirectory};

/// The administrator of the lab's BMCs.
pub(crate) const USER: &str = "admin";
pub(crate) const PASSWORD: &str = "secret";

/// An address at which nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("it is bound")
}

pub(crate) struct Sim {
    bmc: IpmiSim,
    config: IpmiSimConfig,
    machine: NodeDirectory,
}

impl Sim {
    pub(crate) async fn start() -> Self {
        Self::with(IpmiSimConfig::named("n1")).await
    }

    /// A machine whose serial port is served at `serial_port`.
    pub(crate) async fn with_console(serial_port: SocketAddr) -> Self {
        Self::with(IpmiSimConfig { console: Some(serial_port), ..IpmiSimConfig::named("n1") }).await
    }

    async fn with(config: IpmiSimConfig) -> Self {
        let machine = NodeDirectory::idle("n1").expect("the temporary directory is writable");
        let bmc = IpmiSim::start(config.clone(), &machine).await.expect("the BMC starts");
        Self { bmc, config, machine }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.bmc.addr
    }

    /// The system GUID, as hexadecimal digits.
    pub(crate) fn guid(&self) -> &str {
        &self.config.guid
    }

    pub(crate) fn serial(&self) -> &str {
        &self.config.serial
    }

    /// Ends the process and starts it again: its sessions are lost, the machine runs on.
    pub(crate) async fn restart(&mut self) {
        self.machine_stands_alone().await;
        self.bmc.restart().await.expect("the BMC starts again");
    }

    /// Ends the process.
    pub(crate) fn stop(&mut self) {
        self.bmc.stop();
    }

    /// Power commands take this long from now on, and the BMC does nothing else meanwhile.
    pub(crate) fn slow_down(&self, time: Duration) {
        let hook = self.machine.dir().join("chassiscontrol");
        let quick = self.machine.dir().join("chassiscontrol.quick");
        fs::rename(&hook, &quick).expect("the directory is ours");
        let seconds = time.as_secs_f64();
        let script = format!("#!/bin/sh\n[ \"$2\" = set ] && sleep {seconds}\nexec {} \"$@\"\n", quick.display());
        fs::write(&hook, script).expect("the directory is ours");
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }

    /// What the BMC did to the machine, in order.
    pub(crate) fn events(&self) -> Vec<String> {
        let mut commands = self.machine.commands();
        // Setting the boot device is an act upon the BMC, not upon the machine.
        commands.retain(|command| !command.starts_with("boot "));
        commands
    }

    /// The process that is the machine, while it is on.
    pub(crate) fn machine(&self) -> Option<i32> {
        self.machine.pid()
    }

    /// Waits until a machine that was just switched on has left the BMC's process group, with which it would be ended.
    async fn machine_stands_alone(&self) {
        while let Some(pid) = self.machine() {
            match fs::read_to_string(format!("/proc/{pid}/comm")) {
                Ok(name) if name.trim() != "sleep" => tokio::time::sleep(Duration::from_millis(5)).await,
                _ => return,
            }
        }
    }

    /// The output of `ipmitool` for another user of this BMC.
    pub(crate) async fn ipmitool_as(&self, user: &str, password: &str, words: &[&str]) -> String {
        self.bmc.ipmitool_as(user, password, words).await.expect("ipmitool understands")
    }

    /// The output of `ipmitool` for this BMC.
    pub(crate) async fn ipmitool(&self, words: &[&str]) -> String {
        self.bmc.ipmitool(words).await.expect("ipmitool understands")
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // A late command could switch the machine on again.
        self.bmc.stop();
        // The lab knows a machine by its script's name, which an idle one gives up; the hook knows it by its process id.
        let dir = self.machine.dir();
        let off = Command::new(dir.join("chassiscontrol")).arg(dir).args(["set", "power", "0"]).status();
        if !off.is_ok_and(|status| status.success()) {
            self.machine.pull_the_plug();
        }
    }
}
