//! A segment where machines boot from the network: by what somebody says beside the DHCP server, dnsmasq that gives addresses and knows of no
//! boot, or by what Kea says. A host of its own has the files.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use crate::command::output_within;
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::namespace::Namespace;
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::dnsmasq::Dnsmasq;
use crate::servers::kea::Kea;
use crate::servers::kea_release::KeaRelease;
use crate::servers::segment::Segment;

/// Emulation is slow, and the machine has others to serve: the slowest client is through in 30 s where it is idle.
const LIMIT: Duration = Duration::from_secs(300);

const ITS_OWN: &str = "dnsmasq was started on a segment of its own";
const OVMF_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const OVMF_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// What a machine has to boot from the network by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootFirmware {
    /// SeaBIOS, with iPXE in the ROM of the network card.
    Bios,
    /// OVMF with its own client for PXE.
    Uefi,
    /// The same, over IPv6 alone.
    UefiV6,
    /// OVMF with its own client for HTTP boot.
    UefiHttp,
}

/// What the DHCP server has to do with boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DhcpServer {
    /// Nothing: nobody may touch it.
    Untouched,
    /// It calls itself `PXEClient` (option 60), which sends clients to port 4011 of its own machine.
    NamesPxe,
}

/// The DHCP server whose segment it is.
#[derive(Debug)]
enum Dhcp {
    Dnsmasq(Box<Dnsmasq>),
    Kea(Box<Kea>),
}

/// The segment with its servers.
#[derive(Debug)]
pub struct Netboot {
    dhcp: Dhcp,
    host: Namespace,
    files: Daemon,
    web: Daemon,
    scratch: Scratch,
}

impl Netboot {
    /// The host that has the files, by TFTP and HTTP.
    pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
    /// The same in IPv6.
    pub const HOST6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 2);
    /// The UUID of each machine with UEFI.
    pub const UUID: &'static str = "00112233-4455-6677-8899-aabbccddeeff";
    /// The host's interface.
    pub const INTERFACE: &'static str = "eth0";
    /// iPXE as a program of UEFI that talks by the firmware's own network driver.
    pub const IPXE_EFI: &'static str = "snponly.efi";

    /// Starts it. The host has [`IPXE_EFI`](Self::IPXE_EFI) and these files: name and text.
    ///
    /// # Errors
    /// If something is missing, the user is not root, or a server does not start.
    pub async fn start(server: DhcpServer, texts: &[(&str, &str)]) -> Result<Self, LabError> {
        Requirement::Netboot.check()?;
        let dhcp = Dnsmasq::start_with(match server {
            DhcpServer::Untouched => "",
            DhcpServer::NamesPxe => "dhcp-option-force=60,PXEClient\n",
        })
        .await?;
        Self::start_on(Dhcp::Dnsmasq(Box::new(dhcp)), texts).await
    }

    /// The same with Kea as the DHCP server, of both families.
    ///
    /// # Errors
    /// If something is missing, the user is not root, or a server does not start.
    pub async fn start_with_kea(texts: &[(&str, &str)]) -> Result<Self, LabError> {
        Requirement::Netboot.check()?;
        Self::start_on(Dhcp::Kea(Box::new(Kea::start(KeaRelease::V2_2).await?)), texts).await
    }

    async fn start_on(dhcp: Dhcp, texts: &[(&str, &str)]) -> Result<Self, LabError> {
        let scratch = Scratch::temporary()?;
        let host = dhcp.segment().station(Self::HOST).await?;
        let root = scratch.within("files")?;
        for (name, text) in texts {
            root.write(name, text)?;
        }
        let (ipxe, here) = (Path::new("/usr/lib/ipxe").join(Self::IPXE_EFI), root.path(Self::IPXE_EFI));
        fs::copy(&ipxe, here).map_err(|source| LabError::file("copy", ipxe, source))?;
        // iPXE looks for routers of IPv6 for 13 s before it asks for a file, where none tells of itself.
        let conf = format!(
            "port=0\ninterface={}\nexcept-interface=lo\nbind-interfaces\nenable-tftp\ntftp-root={}\nenable-ra\n\
             dhcp-range=fd77::,ra-only,64\ndhcp-leasefile={}\npid-file={}\nuser=root\n",
            Self::INTERFACE,
            root.dir().display(),
            scratch.path("leases").display(),
            scratch.path("pid").display(),
        );
        let conf = scratch.write("files.conf", &conf)?;
        let mut line = daemon_command(Some(&host), "dnsmasq");
        line.arg("-k").arg("-C").arg(conf).arg("--log-facility=-");
        let mut files = Daemon::spawn(&scratch, "files", line)?;
        files.ready(|| async { scratch.path("pid").exists() }).await?;
        let mut line = daemon_command(Some(&host), "busybox");
        line.args(["httpd", "-f", "-v", "-p", "80", "-h"]).arg(root.dir());
        let mut web = Daemon::spawn(&scratch, "web", line)?;
        root.write("ready", "")?;
        let look = ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1/ready"];
        web.ready(|| async { host.run("busybox", &look).await.is_ok() }).await?;
        Ok(Self { dhcp, host, files, web, scratch })
    }

    /// The Kea that it was started with.
    pub fn kea(&self) -> Option<&Kea> {
        match &self.dhcp {
            Dhcp::Kea(kea) => Some(kea),
            Dhcp::Dnsmasq(_) => None,
        }
    }

    /// The host that has the files.
    pub fn host(&self) -> &Namespace {
        &self.host
    }

    /// The machine of the DHCP server.
    pub fn server(&self) -> &Namespace {
        self.segment().namespace()
    }

    /// What the host's servers were asked for, line by line, in their own words.
    ///
    /// # Errors
    /// If they told nothing.
    pub fn log(&self) -> Result<String, LabError> {
        Ok(self.files.log()? + &self.web.log()?)
    }

    /// Switches a machine with this hardware address on, lets it boot from the network alone, and gives what it said on its serial port when it
    /// has switched itself off.
    ///
    /// # Errors
    /// If it cannot be started, or does not end.
    pub async fn boot(&self, firmware: BootFirmware, mac: &str) -> Result<String, LabError> {
        let segment = self.segment();
        let tap = segment.tap().await?;
        let mut line = segment.namespace().command("timeout");
        // It ends with this process group if the test is cut off, and by itself if the machine hangs.
        line.arg(LIMIT.as_secs().to_string()).arg("qemu-system-x86_64");
        line.args(["-accel", "tcg", "-m", "256", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"]);
        line.args(["-netdev", &format!("tap,id=net0,ifname={tap},script=no,downscript=no")]);
        let mut card = format!("virtio-net-pci,netdev=net0,mac={mac},bootindex=1");
        match firmware {
            // The texts of the BIOS and of what it starts go to the serial port; where nothing boots it starts anew, which ends QEMU.
            BootFirmware::Bios => drop(line.args(["-machine", "pc,graphics=off", "-boot", "reboot-timeout=1"])),
            BootFirmware::Uefi | BootFirmware::UefiV6 | BootFirmware::UefiHttp => {
                let variables = self.scratch.path(&format!("{tap}.vars"));
                let from = Path::new(OVMF_VARIABLES);
                fs::copy(from, &variables).map_err(|source| LabError::file("copy", from, source))?;
                line.args(["-machine", "q35", "-uuid", Self::UUID]);
                line.args(["-drive", &flash(Path::new(OVMF_CODE), ",readonly=on")]);
                line.args(["-drive", &flash(&variables, "")]);
                // Without the card's ROM, which is iPXE too: the firmware's own client is to boot.
                card += ",romfile=";
                // It would try PXE for two minutes first.
                let (v4, v6) = match firmware {
                    BootFirmware::Uefi => ("y", "y"),
                    BootFirmware::UefiV6 => ("n", "y"),
                    _ => ("n", "n"),
                };
                for (version, pxe) in [("IPv4", v4), ("IPv6", v6)] {
                    line.args(["-fw_cfg", &format!("name=opt/org.tianocore/{version}PXESupport,string={pxe}")]);
                }
            }
        }
        line.args(["-device", &card]);
        output_within(line, LIMIT + Duration::from_secs(10)).await
    }

    fn segment(&self) -> &Segment {
        self.dhcp.segment()
    }
}

impl Dhcp {
    fn segment(&self) -> &Segment {
        match self {
            Self::Dnsmasq(dnsmasq) => dnsmasq.segment().expect(ITS_OWN),
            Self::Kea(kea) => kea.segment(),
        }
    }
}

/// A chip of OVMF's flash memory, in QEMU's words.
fn flash(file: &Path, more: &str) -> String {
    format!("if=pflash,format=raw,file={}{more}", file.display())
}
