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

const MAC: &str = "02:b0:07:00:06:01";
const ADDRESS: &str = "fd77::b007";

pub(crate) fn trials() -> Vec<Trial> {
    const NEEDS: &[Requirement] = &[Requirement::Netboot, Requirement::Kea];
    vec![
        dip_lab::trial("a_machine_with_uefi_loads_over_ipv6_what_kea_tells", NEEDS, loads_over_tftp),
        dip_lab::trial("a_machine_with_uefi_loads_over_http_and_ipv6_what_kea_tells", NEEDS, loads_over_http),
    ]
}

async fn loads_over_tftp() -> Result<(), LabError> {
    let log = booted(BootFirmware::UefiV6).await?;
    assert!(log.contains(&format!("{} to {ADDRESS}", Netboot::IPXE_EFI)), "it came by TFTP over IPv6: {log}");
    Ok(())
}

async fn loads_over_http() -> Result<(), LabError> {
    let log = booted(BootFirmware::UefiHttp).await?;
    let asked = log.lines().any(|line| line.contains(ADDRESS) && line.contains(Netboot::IPXE_EFI));
    assert!(asked, "it came by HTTP over IPv6: {log}");
    Ok(())
}

/// Boots a machine that Kea knows over DHCPv6 alone; what the host of the files was asked for. Over DHCPv4 somebody else tells iPXE its
/// script, for iPXE asks over DHCPv6 only where a router says so.
async fn booted(firmware: BootFirmware) -> Result<String, LabError> {
    let script = format!("#!ipxe\necho {MARK} ${{net0/mac}}\nsleep 1\nreboot\n");
    let lab = Netboot::start_with_kea(&[(SCRIPT, &script)]).await?;
    let kea = lab.kea().expect("it was started with one");
    let mut config = kea.command("config-get", json!({})).await?;
    let test = "substring(option[77].hex,-4,4) == 'iPXE'";
    config["Dhcp4"]["client-classes"] =
        json!([{"name": "script", "test": test, "boot-file-name": SCRIPT, "next-server": Netboot::HOST}]);
    kea.command("config-set", config).await?;
    reserve(kea).await;
    let said = lab.boot(firmware, MAC).await?;
    assert!(said.contains(&format!("{MARK} {MAC}")), "{said}\n{}", lab.log()?);
    lab.log()
}

async fn reserve(kea: &dip_lab::Kea) {
    let (user, password) = dip_lab::Kea::LOGIN;
    let file = kea.file.with_file_name("agent-password");
    std::fs::write(&file, password).expect("the lab's directory can be written");
    let agent = Some(format!("http://{}/", kea.control));
    let settings = KeaSettings {
        dhcp4: agent.clone(),
        dhcp6: agent,
        user: Some(user.to_owned()),
        password: Some(format!("file:{}", file.display()).parse().expect("a reference")),
        tls_ca: None,
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
        duid: None,
        boot: Some(BootFiles::new(Netboot::HOST6, files).expect("they can be told")),
    };
    let provider = Kea::new(&settings, &LocalSecrets::new(Path::new("/"))).expect("settings of the lab");
    provider.reserve(&wanted, &SiteName::new("netboot").expect("a name")).await.expect("it is free");
}
