//! Machines that boot by what the proxy DHCP server says, beside a dnsmasq that gives addresses and knows of no boot: SeaBIOS with iPXE, and
//! OVMF with its own clients for PXE and for HTTP. And by what Kea says over DHCPv6.

#[cfg(feature = "kea")]
#[path = "netboot/kea.rs"]
mod kea;

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
    macro_rules! trials {
        ($($test:ident)*) => { vec![$(dip_lab::trial(stringify!($test), &[Requirement::Netboot], $test)),*] };
    }
    let mut trials = trials! {
        a_machine_with_bios_runs_what_the_proxy_names
        a_machine_that_shall_not_boot_from_the_network_goes_on_to_its_disk
        a_machine_that_the_dhcp_server_sends_to_port_4011_runs_what_is_named_there
        a_machine_with_uefi_runs_what_the_proxy_names
        a_machine_with_uefi_loads_over_http_what_the_proxy_names
    };
    #[cfg(feature = "kea")]
    trials.extend(kea::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

async fn a_machine_with_bios_runs_what_the_proxy_names() -> Result<(), LabError> {
    let lab = start(DhcpServer::Untouched).await?;
    let questions = is_booted(&lab, BootFirmware::Bios, Netboot::HOST, beside(&lab)?).await?;
    assert_eq!(questions, [(ClientArchitecture::Bios, Asks::Ipxe)]);
    assert!(lab.log()?.contains(&format!("/{SCRIPT} to ")), "it came from the host: {}", lab.log()?);
    Ok(())
}

async fn a_machine_that_shall_not_boot_from_the_network_goes_on_to_its_disk() -> Result<(), LabError> {
    let lab = start(DhcpServer::Untouched).await?;
    let (said, questions) = boot(&lab, BootFirmware::Bios, "02:b0:07:00:00:09", Netboot::HOST, beside(&lab)?).await?;
    assert_eq!(questions, [(ClientArchitecture::Bios, Asks::Ipxe)], "the proxy was asked");
    let place = |what| said.find(what).unwrap_or_else(|| panic!("it does not say {what}: {said}"));
    assert!(place("Nothing to boot") < place("Booting from Hard Disk"), "{said}");
    Ok(())
}

/// On the DHCP server's own machine, where port 67 is taken.
async fn a_machine_that_the_dhcp_server_sends_to_port_4011_runs_what_is_named_there() -> Result<(), LabError> {
    let lab = start(DhcpServer::NamesPxe).await?;
    let unheard = open(lab.server(), Ipv4Addr::LOCALHOST, 0)?;
    let proxy = [unheard, open(lab.server(), Ipv4Addr::UNSPECIFIED, 4011)?];
    let questions = is_booted(&lab, BootFirmware::Bios, Segment::ADDRESS, proxy).await?;
    assert_eq!(questions, [(ClientArchitecture::Bios, Asks::Ipxe)]);
    Ok(())
}

async fn a_machine_with_uefi_runs_what_the_proxy_names() -> Result<(), LabError> {
    let lab = start(DhcpServer::Untouched).await?;
    let questions = is_booted(&lab, BootFirmware::Uefi, Netboot::HOST, beside(&lab)?).await?;
    // The firmware loads iPXE, and that its script.
    let wanted = [(ClientArchitecture::UefiX64, Asks::Firmware), (ClientArchitecture::UefiX64, Asks::Ipxe)];
    assert_eq!(questions, wanted);
    Ok(())
}

async fn a_machine_with_uefi_loads_over_http_what_the_proxy_names() -> Result<(), LabError> {
    let lab = start(DhcpServer::Untouched).await?;
    let questions = is_booted(&lab, BootFirmware::UefiHttp, Netboot::HOST, beside(&lab)?).await?;
    let wanted = [(ClientArchitecture::HttpX64, Asks::Firmware), (ClientArchitecture::UefiX64, Asks::Ipxe)];
    assert_eq!(questions, wanted);
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Firmware,
    Ipxe,
}

type Question = (ClientArchitecture, Asks);

#[derive(Default)]
struct Desk {
    /// Each kind once, however often it was asked again.
    questions: Mutex<Vec<Question>>,
}

#[async_trait]
impl BootDesk for Desk {
    async fn boot(&self, question: &BootQuestion) -> Option<BootAnswer> {
        let asks = if question.ipxe { Asks::Ipxe } else { Asks::Firmware };
        let question_of = (question.architecture, asks);
        let mut questions = self.questions.lock().expect("nobody panicked");
        if !questions.contains(&question_of) {
            questions.push(question_of);
        }
        let file = match question_of {
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

/// Boots the machine that the desk knows, which runs the script, and tells who asked for what.
async fn is_booted(
    lab: &Netboot,
    firmware: BootFirmware,
    own: Ipv4Addr,
    sockets: [UdpSocket; 2],
) -> Result<Vec<Question>, LabError> {
    let (said, questions) = boot(lab, firmware, MAC, own, sockets).await?;
    assert!(said.contains(&format!("{MARK} {MAC}")), "{said}\n{}", lab.log()?);
    Ok(questions)
}

/// Boots a machine beside a proxy of this address and on these sockets; gives what the machine said, and who asked the proxy.
async fn boot(
    lab: &Netboot,
    firmware: BootFirmware,
    mac: &str,
    own: Ipv4Addr,
    [dhcp, binl]: [UdpSocket; 2],
) -> Result<(String, Vec<Question>), LabError> {
    let desk = Arc::new(Desk::default());
    let proxy = ProxyDhcp::new(own, Arc::clone(&desk) as _);
    let said = tokio::select! {
        said = lab.boot(firmware, mac) => said?,
        ended = proxy.serve(&dhcp, &binl) => panic!("the proxy ended: {ended:?}"),
    };
    let questions = desk.questions.lock().expect("nobody panicked").clone();
    Ok((said, questions))
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
