//! What is true of machines and cables is true in the sandbox, whoever asks.

use std::time::Duration;

use dip_core::hardware::VlanId;
use dip_core::id::{NicName, NodeName, ServiceName};
use dip_core::layer::{Layer, Layers};
use dip_core::provider::{Command, ErrorKind, Host, ProviderError};
use dip_core::site::{Format, Lock, Site, Source};
use dip_core::subject::Subject;
use dip_network::provider::{Held, PortState, Reservation};
use dip_sandbox::{Fault, Sandbox, datacenter};

fn site() -> Site {
    let layers = Layers::new()
        .with(dip_network::NetworkLayer)
        .with(dip_firmware::FirmwareLayer)
        .with(dip_os::OsLayer)
        .with(dip_opsclients::OpsClientsLayer)
        .with(dip_apps::AppsLayer)
        .with(dip_opsmgmt::OpsMgmtLayer);
    let source = Source::new("site.yaml", Format::Yaml, datacenter(2, 1));
    let resolved =
        Site::parse(&[source], &layers.settings().merge(dip_cluster::ClusterLayer.settings()), &Lock::default());
    resolved.unwrap_or_else(|faults| panic!("the generated site file has faults:\n{faults}")).site
}

fn node() -> NodeName {
    NodeName::new("r1-n1").expect("a name")
}

/// Sees to it that the node's port is in its VLAN and its address is reserved.
fn cable(site: &Site, sandbox: &Sandbox) {
    let nic = &site.nodes[&node()].nics[&NicName::new("eth0").expect("a name")];
    let vlan = VlanId::try_from(20).expect("a VLAN");
    sandbox.by_hand().move_port(nic.link.as_ref().expect("it is cabled"), vlan);
    let reservation = Reservation {
        mac: nic.mac.expect("it has a MAC address"),
        addresses: nic.addresses.iter().map(|address| address.address).collect(),
        host_name: None,
        duid: None,
        boot: None,
    };
    sandbox.by_hand().write_reservation(&ServiceName::new("dhcp").expect("a name"), Held { reservation, owner: None });
}

async fn ask(sandbox: &Sandbox) -> Result<String, ProviderError> {
    let host = sandbox.providers().find::<dyn Host>(&Subject::node(&node())).expect("every node has one");
    host.run(&Command::new("hostname")).await.map(|output| output.text())
}

fn is_unreachable(answer: &Result<String, ProviderError>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unreachable)
}

#[test]
fn a_node_answers_only_with_power_after_its_boot_in_its_vlan_and_with_an_address() {
    let site = site();
    let sandbox = Sandbox::new(&site, 1);
    sandbox.block_on(async {
        assert!(is_unreachable(&ask(&sandbox).await), "it has no power");
        sandbox.by_hand().power_on(&node());
        assert!(is_unreachable(&ask(&sandbox).await), "it boots");
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(is_unreachable(&ask(&sandbox).await), "its port is in no VLAN of the site, and it has no address");
        cable(&site, &sandbox);
        assert_eq!(ask(&sandbox).await.expect("nothing is missing now"), "localhost");
        let link = site.nodes[&node()].nics.values().next().and_then(|nic| nic.link.clone()).expect("it is cabled");
        let elsewhere = PortState::access(None);
        sandbox.by_hand().set_port(&link, elsewhere);
        assert!(is_unreachable(&ask(&sandbox).await), "its port is in no VLAN");
    });
}

#[test]
fn a_node_that_dies_at_a_time_answers_before_and_not_after() {
    let site = site();
    let sandbox = Sandbox::new(&site, 1);
    cable(&site, &sandbox);
    sandbox.inject_at(Duration::from_secs(1000), Fault::HostDies { node: node() });
    sandbox.block_on(async {
        sandbox.by_hand().power_on(&node());
        tokio::time::sleep(Duration::from_secs(900)).await;
        assert!(ask(&sandbox).await.is_ok());
        tokio::time::sleep(Duration::from_secs(200)).await;
        assert!(is_unreachable(&ask(&sandbox).await));
        assert_eq!(sandbox.log().last().map(|incident| incident.at), Some(Duration::from_secs(1000)));
    });
}

#[test]
fn a_program_that_the_system_does_not_have_is_said_to_be_missing() {
    let site = site();
    let sandbox = Sandbox::new(&site, 1);
    cable(&site, &sandbox);
    sandbox.block_on(async {
        sandbox.by_hand().power_on(&node());
        tokio::time::sleep(Duration::from_secs(600)).await;
        let host = sandbox.providers().find::<dyn Host>(&Subject::node(&node())).expect("every node has one");
        let output = host.run(&Command::new("frobnicate").arg("--all")).await.expect("the node answers");
        assert_eq!((output.status, output.error_text().as_str()), (Some(127), "frobnicate: command not found"));
    });
}
