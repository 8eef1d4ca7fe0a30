//! Each server of the lab is started and asked by somebody else's client.

use std::process::ExitCode;

use dip_lab::{
    Bind, BindConfig, Chrony, Datacenter, Dnsmasq, Etcd, Hosts, IpmiSim, IpmiSimConfig, Kea, KeaRelease, LabError,
    LldpSegment, NetconfTarget, Netconfd, NodeDirectory, Ovs, PduConfig, PowerState, Prometheus, RedfishSystem,
    Requirement, SnmpPdu, SushyEmulator, Tls, Zone, trial,
};

type Told = Result<(), LabError>;

fn main() -> ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = vec![
        trial("bind_serves_takes_updates_and_comes_back", &[Requirement::Bind], bind),
        trial("dnsmasq_gives_a_reserved_address_to_a_real_client", &[Requirement::Dnsmasq], dnsmasq),
        trial("kea_gives_an_address_from_its_pool_to_a_real_client", &[Requirement::Kea], || kea(KeaRelease::V2_2)),
        trial("kea_3_gives_an_address_from_its_pool_to_a_real_client", &[Requirement::Kea3], || kea(KeaRelease::V3_0)),
        trial("chrony_tells_the_time", &[Requirement::Chrony], chrony),
        trial("an_lldpd_hears_another_one", &[Requirement::Lldpd], lldpd),
        trial(
            "netconfd_keeps_what_a_client_commits_and_forgets_it_when_it_starts_anew",
            &[Requirement::Netconfd],
            netconfd,
        ),
        trial("a_port_of_open_vswitch_changes_its_vlan", &[Requirement::OpenVSwitch], ovs),
        trial("ipmi_power_is_a_process", &[Requirement::Ipmi], ipmi),
        trial("an_outlet_of_a_pdu_switches_a_process", &[Requirement::Snmp], pdu),
        trial("redfish_and_ipmi_switch_the_same_node", &[Requirement::Ipmi, Requirement::Redfish], redfish),
        trial("etcd_survives_the_loss_of_one_of_three", &[Requirement::Etcd], etcd),
        trial("prometheus_scrapes_a_target_from_a_file", &[Requirement::Prometheus], prometheus),
        trial(
            "hosts_boot_and_answer_ssh_with_their_own_key",
            &[Requirement::Hosts, Requirement::Bind, Requirement::Chrony],
            hosts,
        ),
        trial("a_host_of_the_datacenter_gets_its_reservation_once_its_port_is_right", Datacenter::NEEDS, datacenter),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn expect(true_or_not: bool, what: &str, seen: impl std::fmt::Debug) -> Told {
    match true_or_not {
        true => Ok(()),
        false => Err(LabError::Answer { server: what.to_owned(), answer: format!("{seen:?}") }),
    }
}

async fn bind() -> Told {
    let config =
        BindConfig { zones: vec![Zone::empty("lab.test").with("www 60 IN A 192.0.2.1")], ..BindConfig::default() };
    let mut bind = Bind::start(config).await?;
    let www = bind.dig(&["www.lab.test", "A"]).await?;
    expect(www.trim() == "192.0.2.1", "the first record", &www)?;
    bind.update(&["add mail.lab.test 60 A 192.0.2.2"]).await?;
    let zone = bind.transfer("lab.test").await?;
    expect(zone.contains("mail.lab.test."), "the transfer after an update", &zone)?;
    bind.stop();
    expect(bind.dig(&["www.lab.test", "+tries=1", "+time=1"]).await.is_err(), "a stopped server", "an answer")?;
    bind.restart().await?;
    let mail = bind.dig(&["mail.lab.test", "A"]).await?;
    expect(mail.trim() == "192.0.2.2", "the record after a restart", &mail)
}

async fn dnsmasq() -> Told {
    let dnsmasq = Dnsmasq::start().await?;
    write(&dnsmasq.hosts_dir.join("n1"), "02:5d:1b:77:00:01,10.77.1.1,n1\n")?;
    let lease = dnsmasq.lease("02:5d:1b:77:00:01").await?;
    expect(lease.as_ref().is_some_and(|lease| lease.address.octets() == [10, 77, 1, 1]), "the reserved lease", &lease)?;
    expect(lease.as_ref().is_some_and(|lease| lease.host_name.as_deref() == Some("n1")), "the host name", &lease)?;
    expect(dnsmasq.leases()?.contains("10.77.1.1"), "the lease file", dnsmasq.leases()?)?;
    dnsmasq.reload()?;
    let lease = dnsmasq.lease("02:5d:1b:77:00:02").await?;
    expect(
        lease.as_ref().is_some_and(|lease| (100..200).contains(&lease.address.octets()[2])),
        "a dynamic lease",
        &lease,
    )
}

async fn kea(release: KeaRelease) -> Told {
    let kea = Kea::start(release).await?;
    let lease = kea.lease("02:5d:1b:77:00:03").await?;
    expect(
        lease.as_ref().is_some_and(|lease| (100..200).contains(&lease.address.octets()[2])),
        "a lease of the pool",
        &lease,
    )
}

async fn chrony() -> Told {
    let mut chrony = Chrony::start().await?;
    let tracking = chrony.chronyc(&["tracking"]).await?;
    expect(tracking.contains("Stratum         : 8"), "tracking", &tracking)?;
    let query = chrony.query().await?;
    expect(query.contains("System clock wrong by"), "a client's query", &query)?;
    chrony.stop();
    expect(chrony.chronyc(&["tracking"]).await.is_err(), "a stopped server", "an answer")?;
    chrony.restart().await
}

async fn lldpd() -> Told {
    let segment = LldpSegment::start("sw1", "p7", "n1", "52:54:00:00:00:01").await?;
    let told = segment.switch.lldpcli(&["show", "neighbors"]).await?;
    expect(told.contains("mac 52:54:00:00:00:01"), "what the switch hears", &told)?;
    let told = segment.node.lldpcli(&["show", "neighbors"]).await?;
    expect(told.contains("ifname p7"), "what the node hears", &told)
}

async fn netconfd() -> Told {
    for target in [NetconfTarget::Candidate, NetconfTarget::Running] {
        let mut server = Netconfd::start(target).await?;
        let lacp = "<lacp xmlns=\"http://openconfig.net/yang/lacp\"><interfaces><interface><name>po7</name></interface></interfaces></lacp>";
        server.edit(lacp).await?;
        expect(server.running().await?.contains("po7"), "what runs", target)?;
        let wrong = server.edit("<lacp xmlns=\"http://openconfig.net/yang/lacp\"><speed/></lacp>").await;
        expect(wrong.is_err(), "what the model does not know", target)?;
        server.restart().await?;
        expect(!server.running().await?.contains("po7"), "what runs after a start", target)?;
    }
    Ok(())
}

async fn ovs() -> Told {
    let ovs = Ovs::start().await?;
    ovs.add_bridge("sw1").await?;
    ovs.add_internal_port("sw1", "p1", 999).await?;
    expect(ovs.port_vlan("p1").await? == Some(999), "the first VLAN", ovs.port_vlan("p1").await?)?;
    ovs.vsctl(&["set", "port", "p1", "tag=100"]).await?;
    expect(ovs.port_vlan("p1").await? == Some(100), "the second VLAN", ovs.port_vlan("p1").await?)
}

async fn ipmi() -> Told {
    let node = NodeDirectory::idle("n1")?;
    let mut bmc = IpmiSim::start(IpmiSimConfig::named("n1"), &node).await?;
    expect(node.power() == PowerState::Off, "power at first", node.power())?;
    bmc.ipmitool(&["chassis", "power", "on"]).await?;
    expect(node.power() == PowerState::On, "power after on", node.power())?;
    let status = bmc.ipmitool(&["chassis", "power", "status"]).await?;
    expect(status.contains("is on"), "the status", &status)?;
    bmc.ipmitool(&["chassis", "bootdev", "pxe"]).await?;
    expect(node.boot_device().is_some_and(|device| device.0 == "pxe"), "the boot device", node.boot_device())?;
    let fru = bmc.ipmitool(&["fru", "print", "0"]).await?;
    expect(fru.contains("SN-n1"), "the FRU inventory", &fru)?;
    // The BMC may be restarted while its node is on, on the same port.
    bmc.restart().await?;
    expect(node.power() == PowerState::On, "power after a restart of the BMC", node.power())?;
    let pid = node.pid();
    bmc.ipmitool(&["chassis", "power", "off"]).await?;
    expect(node.power() == PowerState::Off, "power after off", node.power())?;
    expect(pid.is_some_and(ended), "the process of a node that is off", pid)?;
    expect(node.commands().iter().any(|command| command == "power 0"), "the log of commands", node.commands())
}

async fn pdu() -> Told {
    let node = NodeDirectory::idle("n1")?;
    let plugged = [(2, node.clone())].into();
    let object_id = "1.3.6.1.4.1.13742.6";
    let mut pdu = SnmpPdu::start(PduConfig { product: "raritan-pdu2", object_id, outlets: 4, plugged }).await?;
    expect(node.power() == PowerState::On, "power at first", node.power())?;
    let state = "1.3.6.1.4.1.13742.6.4.1.2.1.3.1.2";
    let told = pdu.get(state).await?;
    expect(told.trim() == "7", "the state of the outlet", &told)?;
    let command = "1.3.6.1.4.1.13742.6.4.1.2.1.2.1.2";
    let refused = pdu.set(SnmpPdu::READ_COMMUNITY, command, 0).await;
    expect(refused.is_err() && node.power() == PowerState::On, "a write by a reader", refused)?;
    pdu.set(SnmpPdu::COMMUNITY, command, 0).await?;
    expect(node.power() == PowerState::Off, "power after off", node.power())?;
    pdu.restart().await?;
    let told = pdu.get(state).await?;
    expect(told.trim() == "8", "the state of the outlet after a restart", &told)
}

async fn redfish() -> Told {
    let node = NodeDirectory::idle("n1")?;
    let bmc = IpmiSim::start(IpmiSimConfig::named("n1"), &node).await?;
    let uuid = "1d1b0000-0000-4000-8000-000000000001";
    let system = RedfishSystem {
        name: "n1".to_owned(),
        uuid: uuid.to_owned(),
        serial: "SN-7".to_owned(),
        mac: "02:5d:1b:00:00:01".to_owned(),
        node: node.clone(),
    };
    let emulator = SushyEmulator::start(vec![system], Tls::SelfSigned).await?;
    let path = format!("/redfish/v1/Systems/{uuid}");
    let seen = emulator.curl(&[], &path).await?;
    expect(seen.contains("SN-7") && seen.contains("\"Off\""), "the system", &seen)?;
    let post = ["-X", "POST", "-H", "Content-Type: application/json", "-d", r#"{"ResetType": "On"}"#];
    emulator.curl(&post, &format!("{path}/Actions/ComputerSystem.Reset")).await?;
    let status = bmc.ipmitool(&["chassis", "power", "status"]).await?;
    expect(status.contains("is on"), "the other BMC", &status)?;
    let boot = r#"{"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}}"#;
    emulator.curl(&["-X", "PATCH", "-H", "Content-Type: application/json", "-d", boot], &path).await?;
    expect(node.boot_device().is_some_and(|device| device.0 == "pxe"), "the boot device", node.boot_device())?;
    let seen = emulator.curl(&[], &path).await?;
    expect(seen.contains("\"Once\""), "the boot override", &seen)?;
    bmc.ipmitool(&["chassis", "power", "off"]).await?;
    let seen = emulator.curl(&[], &path).await?;
    expect(
        seen.contains("\"PowerState\":\"Off\"") || seen.contains("\"PowerState\": \"Off\""),
        "power after off",
        &seen,
    )?;
    let anonymous = std::process::Command::new("curl").args(["-skf", &format!("{}{path}", emulator.url())]).status();
    expect(anonymous.is_ok_and(|status| !status.success()), "a client without a password", "an answer")
}

async fn etcd() -> Told {
    let mut cluster = Etcd::start(3).await?;
    cluster.etcdctl(&["put", "key", "one"]).await?;
    cluster.stop(2);
    cluster.etcdctl(&["put", "key", "two"]).await?;
    cluster.restart(2).await?;
    let value = cluster.etcdctl(&["get", "--print-value-only", "key"]).await?;
    expect(value.trim() == "two", "the value", &value)
}

async fn prometheus() -> Told {
    let prometheus = Prometheus::start().await?;
    let targets = format!(r#"[{{"targets": ["{}"], "labels": {{"node": "n1"}}}}]"#, prometheus.addr);
    write(&prometheus.targets_dir.join("n1.json"), &targets)?;
    let url = format!("http://{}/api/v1/query?query=up", prometheus.addr);
    let mut seen = String::new();
    for _ in 0..150 {
        let answer = std::process::Command::new("curl").args(["-sS", &url]).output();
        seen = answer.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default();
        if seen.contains("\"n1\"") && seen.contains(",\"1\"]") {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    expect(false, "the target after 15 s", seen)
}

async fn hosts() -> Told {
    let hosts = Hosts::start(2).await?;
    for host in hosts.hosts() {
        let init = host.ssh("ps -o comm= -p 1; cat /etc/hostname; systemctl is-enabled chrony etcd; true").await?;
        expect(init.lines().eq(["systemd", "unnamed", "disabled", "disabled"]), "a fresh host", &init)?;
    }
    let [first, second] = hosts.hosts() else { return expect(false, "the hosts", hosts.hosts().len()) };
    first.ssh(&format!("ping -c 1 -W 2 {}", second.address)).await?;
    let time = Chrony::start_at((hosts.router, 123).into()).await?;
    let names = BindConfig {
        addr: Some((hosts.router, 53).into()),
        zones: vec![Zone::empty("lab.test").with("www 60 IN A 192.0.2.1")],
        ..BindConfig::default()
    };
    let names = Bind::start(names).await?;
    first
        .ssh(&format!(
            "rm -f /etc/resolv.conf; echo nameserver {} >/etc/resolv.conf; getent hosts www.lab.test",
            names.addr.ip()
        ))
        .await?;
    first.ssh(&format!("timeout 20 chronyd -Q 'server {} iburst' 'cmdport 0'", time.addr.ip())).await?;
    // What happens to a service of one host does not reach the other.
    for host in [first, second] {
        host.ssh("systemctl start chrony").await?;
    }
    first.ssh("timeout 10 systemctl stop chrony").await?;
    let others = second.ssh("systemctl is-active chrony && systemctl status chrony").await?;
    expect(others.contains("/usr/sbin/chronyd"), "chrony on the second host", &others)?;
    first.ssh("sysctl -q -w net.ipv4.ip_forward=1").await?;
    first.ssh("touch /root/kept").await?;
    first.power_off().await?;
    expect(first.ssh("true").await.is_err(), "a host that is off", "an answer")?;
    first.power_on().await?;
    first.ssh("test -e /root/kept").await?;
    // A reboot from within is the same boot again, and a soft power-off ends it.
    first.ssh("touch /run/before; systemctl reboot").await.ok();
    for _ in 0..300 {
        if first.ssh("test ! -e /run/before").await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    first.ssh("test ! -e /run/before").await?;
    first.node().shut_down().await?;
    for _ in 0..300 {
        if first.node().power() == PowerState::Off {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    expect(false, "a host that was shut down", first.node().power())
}

async fn datacenter() -> Told {
    let lab = Datacenter::up().await?;
    for (node, number) in lab.layout.nodes.iter().zip(1..) {
        write(&lab.layout.dhcp_hosts_dir.join(&node.name), &format!("{},{},{}\n", node.mac, node.address, node.name))?;
        let port = lab.ovs.port_vlan(&node.port).await?;
        expect(port == Some(lab.layout.wrong_vlan), "the first VLAN", port)?;
        lab.ovs.vsctl(&["set", "port", &node.port, &format!("tag={}", lab.layout.vlan)]).await?;
        match lab.ipmi.get(number - 1) {
            Some(bmc) => bmc.ipmitool(&["chassis", "power", "on"]).await.map(drop)?,
            None => {
                let post = ["-X", "POST", "-H", "Content-Type: application/json", "-d", r#"{"ResetType": "On"}"#];
                let path = format!("/redfish/v1/Systems/{}/Actions/ComputerSystem.Reset", node.uuid);
                lab.redfish.curl(&post, &path).await.map(drop)?;
            }
        }
    }
    for host in &lab.hosts {
        host.wait_for_ssh().await?;
    }
    let leases = lab.dnsmasq.leases()?;
    expect(lab.layout.nodes.iter().all(|node| leases.contains(&node.address.to_string())), "the leases", &leases)?;
    // A stream that checksums badly would not come through.
    let Some(first) = lab.host("n1") else { return expect(false, "the hosts", "no n1") };
    let bytes = first.ssh("head -c 2000000 /dev/zero").await?;
    expect(bytes.len() == 2_000_000, "two megabytes over SSH", bytes.len())?;
    // Another VLAN, and the host is not reached any more.
    let port = &lab.layout.nodes[0].port;
    lab.ovs.vsctl(&["set", "port", port, &format!("tag={}", lab.layout.wrong_vlan)]).await?;
    expect(first.ssh("true").await.is_err(), "a host in the wrong VLAN", "an answer")
}

/// A zombie that nobody has reaped yet has ended too.
fn ended(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

fn write(file: &std::path::Path, text: &str) -> Told {
    std::fs::write(file, text).map_err(|source| LabError::File { action: "write", path: file.to_path_buf(), source })
}

/// Tests of other crates hand these futures to a runtime with several threads.
#[allow(dead_code, reason = "it is enough that it compiles")]
fn futures_can_move_between_threads() {
    fn moves<T: Send>(_: T) {}
    moves(Bind::start(BindConfig::default()));
    moves(Chrony::start());
    moves(Datacenter::up());
    moves(Dnsmasq::start());
    moves(Etcd::start(3));
    moves(Hosts::start(1));
    moves(Kea::start(KeaRelease::V2_2));
    moves(Ovs::start());
    moves(Prometheus::start());
    moves(SushyEmulator::start(Vec::new(), Tls::Off));
}
