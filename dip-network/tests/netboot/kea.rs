//! Machines that boot over IPv6 by what Kea tells them of a reservation: OVMF with its own clients for PXE and for HTTP.

use std::net::IpAddr;
use std::path::Path;

use dip_core::id::SiteName;
use dip_core::secret::LocalSecrets;
use dip_lab::{BootFirmware, LabError, Netboot, Requirement};
use dip_network::provider::{BootClient, BootFiles, ClientArchitecture, Dhcp, Reservation};
use dip_network::providers::kea::Kea;
use dip_network::settings::KeaSettings;
use libtest_mimic::Trial;
use serde_json::json;

use crate::{MARK, SCRIPT};

/// One that a maker gave: Kea reads no other out of a link-local address.
const MAC: &str = "00:16:3e:06:00:01";
const ADDRESS: &str = "fd77::b007";
/// By what the firmware asks: [`Netboot::UUID`] as SMBIOS keeps it, the first three groups backwards (RFC 6355; SMBIOS 3.6, section 7.2.1).
const DUID: &str = "00:04:33:22:11:00:55:44:77:66:88:99:aa:bb:cc:dd:ee:ff";

pub(crate) fn trials() -> Vec<Trial> {
    const NEEDS: &[Requirement] = &[Requirement::Netboot, Requirement::Kea];
    vec![
        dip_lab::trial("a_machine_with_uefi_loads_over_ipv6_what_kea_tells", NEEDS, loads_over_tftp),
        dip_lab::trial("a_machine_with_uefi_loads_over_http_and_ipv6_what_kea_tells", NEEDS, loads_over_http),
    ]
}

async fn loads_over_tftp() -> Result<(), LabError> {
    let log = booted(BootFirmware::UefiV6, Some(DUID)).await?;
    assert!(log.contains(&format!("{} to {ADDRESS}", Netboot::IPXE_EFI)), "it came by TFTP over IPv6: {log}");
    Ok(())
}

/// Its reservation is by its MAC address, which Kea learns from its link-local address.
async fn loads_over_http() -> Result<(), LabError> {
    let log = booted(BootFirmware::UefiHttp, None).await?;
    // All that the web server tells of a request.
    let asked = log.lines().any(|line| line.contains(ADDRESS) && line.ends_with("response:200"));
    assert!(asked && !log.contains(&format!("/{} to ", Netboot::IPXE_EFI)), "it came by HTTP over IPv6: {log}");
    Ok(())
}

/// Boots a machine that Kea knows over DHCPv6 alone; what the host of the files was asked for. Over DHCPv4 somebody else tells iPXE its
/// script, for iPXE asks over DHCPv6 only where a router says so.
async fn booted(firmware: BootFirmware, duid: Option<&str>) -> Result<String, LabError> {
    let script = format!("#!ipxe\necho {MARK} ${{net0/mac}}\nsleep 1\nreboot\n");
    let lab = Netboot::start_with_kea(&[(SCRIPT, &script)]).await?;
    let kea = lab.kea().expect("it was started with one");
    let mut config = kea.config().await?;
    let test = "substring(option[77].hex,-4,4) == 'iPXE'";
    // Firmware that loads over HTTP tries IPv4 first, for a minute where it hears of no URL, and gives up at once where there is no file.
    let gone = format!("http://{}/gone.efi", Netboot::HOST);
    config["Dhcp4"]["client-classes"] = json!([
        {"name": "script", "test": test, "boot-file-name": SCRIPT, "next-server": Netboot::HOST},
        {"name": "http", "test": "option[93].hex == 0x0010", "boot-file-name": gone, "option-data": [
            {"name": "vendor-class-identifier", "data": "HTTPClient", "always-send": true},
            {"name": "boot-file-name", "data": gone, "always-send": true},
        ]},
    ]);
    kea.command("config-set", config).await?;
    reserve(kea, duid).await;
    let said = lab.boot(firmware, MAC).await?;
    assert!(said.contains(&format!("{MARK} {MAC}")), "{said}\n{}", lab.log()?);
    lab.log()
}

async fn reserve(kea: &dip_lab::Kea, duid: Option<&str>) {
    let (user, password) = dip_lab::Kea::LOGIN;
    let file = kea.file.with_file_name("agent-password");
    std::fs::write(&file, password).expect("the lab's directory can be written");
    let [dhcp4, dhcp6] = kea.control.clone().map(Some);
    let settings = KeaSettings {
        backend: None,
        dhcp4,
        dhcp6,
        user: Some(user.to_owned()),
        password: Some(format!("file:{}", file.display()).parse().expect("a reference")),
        tls_ca: None,
        tls_certificate: None,
        tls_key: None,
        hosts_database: None,
        networks: Vec::new(),
        boot: None,
    };
    let files = [
        (ClientArchitecture::UefiX64, Netboot::IPXE_EFI.to_owned()),
        (ClientArchitecture::HttpX64, format!("http://[{}]/{}", Netboot::HOST6, Netboot::IPXE_EFI)),
    ];
    let files = files.map(|(architecture, file)| (BootClient::Firmware(architecture), file));
    let wanted = Reservation {
        mac: MAC.parse().expect("a MAC address"),
        addresses: vec![ADDRESS.parse::<IpAddr>().expect("an address")],
        host_name: None,
        duid: duid.map(|duid| duid.parse().expect("a DUID")),
        boot: Some(BootFiles::new(Netboot::HOST6, files).expect("they can be told")),
    };
    let provider = Kea::new(&settings, &LocalSecrets::new(Path::new("/"))).expect("settings of the lab");
    provider.reserve(&wanted, &SiteName::new("netboot").expect("a name")).await.expect("it is free");
}
