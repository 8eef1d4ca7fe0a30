//! One `ipmi_sim` process in a directory of its own.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use dip_firmware::ipmi::{IpmiClient, Options};

pub(crate) const USER: &str = "admin";
pub(crate) const PASSWORD: &str = "secret";
pub(crate) const GUID: &str = "00112233445566778899aabbccddeeff";

/// The first program that the trials need and that is not there.
pub(crate) fn missing_programs() -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &&str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    ["ipmi_sim", "ipmitool"]
        .into_iter()
        .find(|program| !is_there(program))
}

/// An address at which nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("it is bound")
}

pub(crate) struct Sim {
    dir: PathBuf,
    addr: SocketAddr,
    process: Child,
}

impl Sim {
    pub(crate) async fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "dip-ipmi-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::SeqCst)
        );
        let dir = std::env::temp_dir().join(name);
        let addr = free_address();
        write_files(&dir, addr);
        let mut sim = Self {
            process: spawn(&dir),
            dir,
            addr,
        };
        sim.answers().await;
        sim
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends the process and starts it again: its sessions are lost, the machine runs on.
    pub(crate) async fn restart(&mut self) {
        self.stop();
        self.process = spawn(&self.dir);
        self.answers().await;
    }

    /// Power commands take this long from now on.
    pub(crate) fn slow_down(&self, time: Duration) {
        fs::write(self.dir.join("slow"), time.as_secs_f64().to_string())
            .expect("the directory is ours");
    }

    /// What the BMC did to the machine, in order.
    pub(crate) fn events(&self) -> Vec<String> {
        let log = fs::read_to_string(self.dir.join("events.log")).unwrap_or_default();
        // Setting the boot device is an act upon the BMC, not upon the machine.
        log.lines()
            .filter(|line| !line.starts_with("boot "))
            .map(str::to_owned)
            .collect()
    }

    /// The process that is the machine.
    pub(crate) fn machine(&self) -> Option<u32> {
        fs::read_to_string(self.dir.join("pid"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    pub(crate) fn machine_runs(&self) -> bool {
        let stat = self
            .machine()
            .and_then(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok());
        // A process that was killed may stay a zombie for a while.
        stat.is_some_and(|stat| !stat.contains(") Z "))
    }

    /// The output of `ipmitool` for this BMC.
    pub(crate) fn ipmitool(&self, arguments: &[&str]) -> String {
        let output = Command::new("ipmitool")
            .args([
                "-I",
                "lanplus",
                "-C",
                "3",
                "-H",
                "127.0.0.1",
                "-p",
                &self.addr.port().to_string(),
            ])
            .args(["-U", USER, "-P", PASSWORD])
            .args(arguments)
            .output()
            .expect("ipmitool starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until it answers.
    async fn answers(&mut self) {
        let credentials = super::super::credentials();
        let second = Duration::from_secs(1);
        let options = Options::default()
            .with_resend_after(Duration::from_millis(20))
            .with_deadlines(second, second);
        let started = Instant::now();
        loop {
            match IpmiClient::connect(self.addr, &credentials, options).await {
                Ok(client) => return client.close().await.expect("it closes the session"),
                Err(error) if started.elapsed() > 10 * second => {
                    panic!("ipmi_sim does not come up: {error}")
                }
                Err(_) => {}
            }
            if let Some(status) = self.process.try_wait().expect("it is our child") {
                panic!("ipmi_sim ended with {status}");
            }
        }
    }

    fn stop(&mut self) {
        // Killed already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop();
        // The machine is off for good after this, whatever the trial left.
        let _ = Command::new(self.dir.join("chassis"))
            .args(["set", "power", "0"])
            .output();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn spawn(dir: &Path) -> Child {
    let log = fs::File::create(dir.join("sim.log")).expect("the directory is ours");
    Command::new("ipmi_sim")
        .arg("-n")
        .args([
            Path::new("-c"),
            &dir.join("lan.conf"),
            Path::new("-f"),
            &dir.join("bmc.emu"),
        ])
        .args([Path::new("-s"), &dir.join("state")])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file can be shared"))
        .stderr(log)
        .spawn()
        .expect("ipmi_sim is installed")
}

fn write_files(dir: &Path, addr: SocketAddr) {
    fs::create_dir_all(dir.join("state/ipmi_sim/bmc"))
        .expect("the temporary directory is writable");
    let place = dir.display();
    let write = |name: &str, contents: &[u8]| {
        fs::write(dir.join(name), contents).expect("the directory is ours")
    };
    write("fru.bin", &inventory());
    write("chassis", CHASSIS.as_bytes());
    fs::set_permissions(dir.join("chassis"), fs::Permissions::from_mode(0o755))
        .expect("the file is ours");
    write(
        "bmc.emu",
        format!(
            "mc_setbmc 0x20\n\
             mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\n\
             mc_add_fru_data 0x20 0 256 file 0 \"{place}/fru.bin\"\n\
             mc_enable 0x20\n"
        )
        .as_bytes(),
    );
    write(
        "lan.conf",
        format!(
            "name \"bmc\"\n\
             set_working_mc 0x20\n\
             startlan 1\n\
             addr {} {}\n\
             priv_limit admin\n\
             allowed_auths_callback none md2 md5 straight\n\
             allowed_auths_user none md2 md5 straight\n\
             allowed_auths_operator none md2 md5 straight\n\
             allowed_auths_admin none md2 md5 straight\n\
             guid {GUID}\n\
             endlan\n\
             chassis_control \"{place}/chassis\"\n\
             user 1 true \"\" \"test\" user 10 none md2 md5 straight\n\
             user 2 true \"{USER}\" \"{PASSWORD}\" admin 10 none md2 md5 straight\n\
             user 3 true \"oper\" \"operpw\" operator 10 none md2 md5 straight\n",
            addr.ip(),
            addr.port()
        )
        .as_bytes(),
    );
}

/// Chassis control: the machine is a `sleep`. `ipmi_sim` waits for this script and does nothing else meanwhile.
const CHASSIS: &str = r#"#!/bin/sh
dir=$(dirname "$0"); op=$1; shift
alive() { [ -s "$dir/pid" ] && read -r _ _ s _ <"/proc/$(cat "$dir/pid")/stat" 2>/dev/null && [ "$s" != Z ]; }
on() { alive || { setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >"$dir/pid"; }; }
off() { alive && kill -9 "$(cat "$dir/pid")"; rm -f "$dir/pid"; }
if [ "$op" = set ]; then
    echo "$*" >>"$dir/events.log"
    [ -s "$dir/slow" ] && sleep "$(cat "$dir/slow")"
fi
case $op in
get) for p; do case $p in
    power) if alive; then echo power:1; else echo power:0; fi ;;
    boot) if [ -s "$dir/boot" ]; then echo "boot:$(cat "$dir/boot")"; else echo boot:none; fi ;;
    *) exit 1 ;;
    esac; done ;;
set) case $1 in
    power) if [ "$2" = 1 ]; then on; else off; fi ;;
    reset) off; on ;;
    shutdown) alive && kill -15 "$(cat "$dir/pid")" ;;
    boot) echo "$2" >"$dir/boot" ;;
    identify) ;;
    *) exit 1 ;;
    esac ;;
esac
exit 0
"#;

fn inventory() -> Vec<u8> {
    let field = |text: &str| [&[0xC0 | text.len() as u8], text.as_bytes()].concat();
    let fields = |head: &[u8], texts: &[&str]| {
        let mut area = vec![1, 0];
        area.extend(head);
        area.extend(texts.iter().flat_map(|text| field(text)));
        area.push(0xC1);
        area.resize((area.len() + 1).next_multiple_of(8) - 1, 0);
        area[1] = ((area.len() + 1) / 8) as u8;
        area.push(checksum(&area));
        area
    };
    let chassis = fields(&[0x17], &["CP-1", "CS-1"]);
    let board = fields(&[0, 0, 0, 0], &["ACME", "Board 7", "BS-77", "BP-1", ""]);
    let product = fields(&[0], &["ACME", "Server 9", "PN-5", "v2", "SN-123", "", ""]);
    let at_board = 1 + chassis.len() / 8;
    let at_product = at_board + board.len() / 8;
    let mut bytes = vec![1, 0, 1, at_board as u8, at_product as u8, 0, 0];
    bytes.push(checksum(&bytes));
    bytes.extend([chassis, board, product].concat());
    bytes.resize(256, 0);
    bytes
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0u8, |sum, byte| sum.wrapping_add(*byte))
        .wrapping_neg()
}
