//! Machines that boot by what the proxy DHCP server says, beside a dnsmasq that gives addresses and knows of no boot: SeaBIOS with iPXE, and
//! OVMF with its own clients for PXE and for HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dip_lab::{BootFirmware, DhcpServer, LabError, Namespace, Netboot, Requirement, Segment};
use dip_network::proxy::{BootAnswer, BootDesk, BootQuestion, ClientArchitecture, ProxyDhcp};
use libtest_mimic::Arguments;
use tokio::net::UdpSocket;

const MAC: &str = "02:b0:07:00:00:01";
const SCRIPT: &str = "dip.ipxe";
/// What the script says.
const MARK: &str = "dip: the script was run by";

fn main() -> ExitCode {
    const NEEDS: &[Requirement] = &[Requirement::Netboot];
    let trials = vec![
        dip_lab::trial("a_machine_with_bios_runs_what_the_proxy_names", NEEDS, bios),
        dip_lab::trial("a_machine_that_the_dhcp_server_sends_to_port_4011_runs_what_is_named_there", NEEDS, port_4011),
        dip_lab::trial("a_machine_with_uefi_runs_what_the_proxy_names", NEEDS, uefi),
        dip_lab::trial("a_machine_with_uefi_loads_over_http_what_the_proxy_names", NEEDS, http),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

async fn bios() -> Result<(), LabError> {
    let lab = start(DhcpServer::Untouched).await?;
    let questions = boot(&lab, BootFirmware::Bios, Netboot::HOST, beside(&lab)?).await?;
    assert_eq!(questions, [(ClientArchitecture::Bios, Asks::Ipxe)]);
    assert!(lab.log()?.contains(&format!("/{SCRIPT} to ")), "it came from the host: {}", lab.log()?);
    Ok(())
}

/// On the DHCP server's own machine, where port 67 is taken.
async fn port_4011() -> Result<(), LabError> {
    let lab = start(DhcpServer::NamesPxe).await?;
    let unheard = open(lab.server(), Ipv4Addr::LOCALHOST, 0)?;
    let proxy = [unheard, open(lab.server(), Ipv4Addr::UNSPECIFIED, 4011)?];
    let questions = boot(&lab, BootFirmware::Bios, Segment::ADDRESS, proxy).await?;
    assert_eq!(questions, [(ClientArchitecture::Bios, Asks::Ipxe)]);
    Ok(())
}

async fn uefi() -> Result<(), LabError> {
    let lab = start(DhcpServer::Untouched).await?;
    let questions = boot(&lab, BootFirmware::Uefi, Netboot::HOST, beside(&lab)?).await?;
    // The firmware loads iPXE, and that its script.
    let wanted = [(ClientArchitecture::UefiX64, Asks::Firmware), (ClientArchitecture::UefiX64, Asks::Ipxe)];
    assert_eq!(questions, wanted);
    Ok(())
}

async fn http() -> Result<(), LabError> {
    let lab = start(DhcpServer::Untouched).await?;
    let questions = boot(&lab, BootFirmware::UefiHttp, Netboot::HOST, beside(&lab)?).await?;
    let wanted = [(ClientArchitecture::HttpX64, Asks::Firmware), (ClientArchitecture::UefiX64, Asks::Ipxe)];
    assert_eq!(questions, wanted);
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Firmware,
    Ipxe,
}

#[derive(Default)]
struct Desk {
    /// Each kind once, however often it was asked again.
    questions: Mutex<Vec<(ClientArchitecture, Asks)>>,
}

#[async_trait]
impl BootDesk for Desk {
    async fn boot(&self, question: &BootQuestion) -> Option<BootAnswer> {
        let asks = if question.ipxe { Asks::Ipxe } else { Asks::Firmware };
        let mut questions = self.questions.lock().expect("nobody panicked");
        if !questions.contains(&(question.architecture, asks)) {
            questions.push((question.architecture, asks));
        }
        let file = match (question.architecture, asks) {
            _ if question.mac.to_string() != MAC => return None,
            (_, Asks::Ipxe) => SCRIPT.to_owned(),
            (ClientArchitecture::UefiX64, _) => Netboot::IPXE_EFI.to_owned(),
            (ClientArchitecture::HttpX64, _) => format!("http://{}/{}", Netboot::HOST, Netboot::IPXE_EFI),
            _ => return None,
        };
        Some(BootAnswer { server: Netboot::HOST, file })
    }
}

async fn start(server: DhcpServer) -> Result<Netboot, LabError> {
    // The last octets leave the serial port while it sleeps.
    let script = format!("#!ipxe\necho {MARK} ${{net0/mac}}\nsleep 1\nreboot\n");
    Netboot::start(server, &[(SCRIPT, &script)]).await
}

/// Boots a machine with a proxy of this address and on these sockets, and tells who asked it.
async fn boot(
    lab: &Netboot,
    firmware: BootFirmware,
    own: Ipv4Addr,
    [dhcp, binl]: [UdpSocket; 2],
) -> Result<Vec<(ClientArchitecture, Asks)>, LabError> {
    let desk = Arc::new(Desk::default());
    let proxy = ProxyDhcp::new(own, Arc::clone(&desk) as _);
    let said = tokio::select! {
        said = lab.boot(firmware, MAC) => said?,
        ended = proxy.serve(&dhcp, &binl) => panic!("the proxy ended: {ended:?}"),
    };
    assert!(said.contains(&format!("{MARK} {MAC}")), "{said}\n{}", lab.log()?);
    Ok(desk.questions.lock().expect("nobody panicked").clone())
}

/// The sockets of a proxy on a machine of its own.
fn beside(lab: &Netboot) -> Result<[UdpSocket; 2], LabError> {
    let dhcp = open(lab.host(), Ipv4Addr::UNSPECIFIED, 67)?;
    dhcp.set_broadcast(true).expect("it is a socket");
    // Its broadcasts else go where the machine's default route leads, and this one has none.
    dhcp.bind_device(Some(Netboot::INTERFACE.as_bytes())).expect("the interface is there");
    Ok([dhcp, open(lab.host(), Ipv4Addr::UNSPECIFIED, 4011)?])
}

fn open(machine: &Namespace, address: Ipv4Addr, port: u16) -> Result<UdpSocket, LabError> {
    let socket = machine.bind(SocketAddr::from((address, port)))?;
    socket.set_nonblocking(true).expect("it is a socket");
    Ok(UdpSocket::from_std(socket).expect("within a runtime"))
}
