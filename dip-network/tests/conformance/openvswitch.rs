//! Open vSwitch under trial; `ovs-vsctl` tells what really came of it.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::hardware::VlanId;
use dip_core::id::{SiteName, SwitchName};
use dip_core::operation::Check;
use dip_core::provider::{ErrorKind, sentence};
use dip_core::site::{Lag, Port};
use dip_lab::{Ovs, Requirement};
use dip_network::conformance::{self, SwitchHarness};
use dip_network::provider::{LearnedMac, MlagPair, Neighbour, Switch};
use dip_network::providers::openvswitch::{OpenVSwitch, OvsdbAddress};
use serde_json::json;
use tokio::sync::Mutex;

use crate::{step, wait};

const SERVER: &str = "openvswitch";
const BRIDGE: &str = "br0";

struct Rig {
    ovs: Mutex<Ovs>,
    address: String,
    provider: Arc<OpenVSwitch>,
    ports: AtomicU16,
}

pub(crate) async fn trials() -> Vec<Trial> {
    on_server(SERVER, Requirement::OpenVSwitch.check(), Rig::start(), |rig| {
        let mut trials = conformance::switch(Arc::clone(&rig) as Arc<dyn SwitchHarness>);
        trials.extend(trials_of! {rig;
            the_step_sets_the_port_and_ovs_vsctl_sees_it
            other_columns_of_the_port_are_left_alone
            an_aggregation_of_another_site_is_a_conflict
            ovs_vsctl_sees_trunks_and_aggregations
            an_mtu_that_the_interface_does_not_take_is_told
            a_port_of_another_bridge_is_not_found
            the_unix_socket_serves_as_well
            a_restarted_database_is_reached_again
            a_switch_that_does_not_follow_its_database_is_told
            a_wrong_address_is_told_before_anything_runs
        });
        trials
    })
    .await
}

impl Rig {
    async fn start() -> Result<Self, Failure> {
        let ovs = Ovs::start().await?;
        ovs.add_bridge(BRIDGE).await?;
        let address = format!("tcp:{}", ovs.db);
        let pair = MlagPair::new(&SiteName::new("conformance")?, &SwitchName::new("sw1")?, &SwitchName::new("sw2")?);
        let provider = Arc::new(OpenVSwitch::new(address.parse()?, Some(BRIDGE.to_owned())).of_pair(pair));
        Ok(Self { ovs: Mutex::new(ovs), address, provider, ports: AtomicU16::new(0) })
    }

    async fn vsctl(&self, words: &[&str]) -> Result<String, Failure> {
        let ovs = self.ovs.lock().await;
        Ok(wait(ovs.vsctl(words))?)
    }
}

#[async_trait]
impl SwitchHarness for Rig {
    fn switch(&self) -> Arc<dyn Switch> {
        Arc::clone(&self.provider) as Arc<dyn Switch>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Switch>> {
        None
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Switch>> {
        // Nobody listens on port 1 (tcpmux).
        let address = OvsdbAddress::Tcp { host: "127.0.0.1".to_owned(), port: 1 };
        Some(Arc::new(OpenVSwitch::new(address, None)))
    }

    async fn access_port(&self, vlan: VlanId) -> Result<String, Failure> {
        let port = format!("p{}", self.ports.fetch_add(1, Ordering::Relaxed));
        let ovs = self.ovs.lock().await;
        wait(ovs.add_internal_port(BRIDGE, &port, vlan.number()))?;
        Ok(port)
    }

    async fn trunk_port(&self, vlans: &[VlanId]) -> Result<Option<String>, Failure> {
        let port = self.access_port(vlans.first().copied().ok_or("a trunk has VLANs")?).await?;
        let carried = vlans.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        self.vsctl(&["clear", "port", &port, "tag", "--", "set", "port", &port, &format!("trunks={carried}")]).await?;
        Ok(Some(port))
    }

    async fn marked_port(&self, vlan: VlanId, owner: &SiteName) -> Result<Option<String>, Failure> {
        let port = self.access_port(vlan).await?;
        self.vsctl(&["set", "port", &port, &format!("external_ids:dip-site={owner}")]).await?;
        Ok(Some(port))
    }

    fn aggregation(&self) -> String {
        format!("bond{}", self.ports.fetch_add(1, Ordering::Relaxed))
    }

    fn peer(&self) -> Option<SwitchName> {
        SwitchName::new("sw2").ok()
    }

    async fn learn(&self) -> Result<LearnedMac, Failure> {
        Err("Open vSwitch does not tell what it learned".into())
    }

    async fn hear(&self) -> Result<Neighbour, Failure> {
        Err("Open vSwitch does not tell whom it hears".into())
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

async fn the_step_sets_the_port_and_ovs_vsctl_sees_it(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    let settings = json!({"address": rig.address, "bridge": BRIDGE});
    let site = step::with_switch(step::site()?, "openvswitch", settings, &port)?;
    let (providers, steps) = (step::connect(&site)?, step::propose(&site)?);
    let [tag] = steps.as_slice() else { return Err(format!("{steps:?} is not one step").into()) };
    step::bring_about(tag, &providers).await?;
    let told = rig.vsctl(&["get", "port", &port, "tag", "vlan_mode", "external_ids"]).await?;
    is("what ovs-vsctl tells", &told, "20\naccess\n{dip-site=conformance}")?;

    // Drift made by hand is seen and mended.
    rig.vsctl(&["set", "port", &port, "tag=999"]).await?;
    step::bring_about(tag, &providers).await?;
    is("the tag", &rig.vsctl(&["get", "port", &port, "tag"]).await?, "20")?;
    match step::check(tag, &providers).await? {
        Check::Holds(_) => Ok(()),
        other => Err(format!("a second run would change it: {other:?}").into()),
    }
}

async fn other_columns_of_the_port_are_left_alone(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    rig.vsctl(&["set", "port", &port, "external_ids:rack=r1", "other_config:keep=yes"]).await?;
    rig.switch().set_port(&port, &Port::access(20.try_into()?), &SiteName::new("conformance")?).await?;
    let told = rig.vsctl(&["get", "port", &port, "external_ids", "other_config"]).await?;
    is("what ovs-vsctl tells", &told, "{dip-site=conformance, rack=r1}\n{keep=yes}")
}

async fn an_aggregation_of_another_site_is_a_conflict(rig: &Rig) -> Result<(), Failure> {
    let (port, member) = (rig.access_port(999.try_into()?).await?, rig.access_port(998.try_into()?).await?);
    let bond = rig.aggregation();
    let lag = Some(Lag { name: bond.clone(), lacp: Default::default(), peer: None });
    let wanted = Port { lag, ..Port::access(20.try_into()?) };
    rig.switch().set_port(&member, &wanted, &SiteName::new("elsewhere")?).await?;
    let before = rig.switch().port(&port).await?;
    let error = rig.switch().set_port(&port, &wanted, &SiteName::new("conformance")?).await.expect_err("it is theirs");
    is("the kind", &error.kind().to_string(), &ErrorKind::Conflict.to_string())?;
    is("the port", &format!("{:?}", rig.switch().port(&port).await?), &format!("{before:?}"))?;
    // Nor is a member of theirs taken out.
    let plain = Port::access(20.try_into()?);
    let error = rig.switch().set_port(&member, &plain, &SiteName::new("conformance")?).await.expect_err("it is theirs");
    is("the kind", &error.kind().to_string(), &ErrorKind::Conflict.to_string())
}

async fn ovs_vsctl_sees_trunks_and_aggregations(rig: &Rig) -> Result<(), Failure> {
    let owner = SiteName::new("conformance")?;
    let (first, second) = (rig.access_port(999.try_into()?).await?, rig.access_port(998.try_into()?).await?);
    let bond = rig.aggregation();
    let native = Some(dip_core::site::Native { vlan: 7.try_into()?, frames: dip_core::site::NativeFrames::Tagged });
    let tagged = [5, 6].into_iter().map(VlanId::try_from).collect::<Result<_, _>>()?;
    let lag = Some(Lag { name: bond.clone(), lacp: Default::default(), peer: None });
    let description = Some("to n1".to_owned());
    let vlans = Some(dip_core::site::PortVlans::Trunk { native, tagged });
    let wanted = Port { vlans, lag, description, ..Port::default() };
    for port in [&first, &second] {
        rig.switch().set_port(port, &wanted, &owner).await?;
    }
    let told =
        rig.vsctl(&["get", "port", &bond, "tag", "trunks", "vlan_mode", "lacp", "bond_mode", "external_ids"]).await?;
    is("the bond", &told, "7\n[5, 6]\nnative-tagged\nactive\nbalance-tcp\n{dip-site=conformance}")?;
    let told = rig.vsctl(&["get", "interface", &first, "external_ids"]).await?;
    is("its first member", &told, "{description=\"to n1\", dip-site=conformance}")?;
    let ports = rig.vsctl(&["list-ports", BRIDGE]).await?;
    let has = |name: &str| ports.lines().any(|line| line == name).to_string();
    is("that the members have no ports of their own", &format!("{} {}", has(&first), has(&bond)), "false true")?;
    is("the interfaces", &rig.vsctl(&["list-ifaces", BRIDGE]).await?.contains(&first).to_string(), "true")?;
    // With its last member the bond is gone.
    for port in [&first, &second] {
        rig.switch().set_port(port, &Port::access(20.try_into()?), &owner).await?;
        is("the tag", &rig.vsctl(&["get", "port", port, "tag"]).await?, "20")?;
        is("its description", &rig.vsctl(&["get", "port", port, "external_ids:description"]).await?, "\"to n1\"")?;
    }
    is("the bond", &rig.vsctl(&["--if-exists", "get", "port", &bond, "tag"]).await?, "")
}

async fn an_mtu_that_the_interface_does_not_take_is_told(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    let wanted = Port { mtu: 65535.try_into().ok(), ..Port::default() };
    match rig.switch().set_port(&port, &wanted, &SiteName::new("conformance")?).await {
        // Some kernels take it for a tap.
        Ok(()) => is("the MTU", &rig.vsctl(&["get", "interface", &port, "mtu"]).await?, "65535"),
        Err(error) => {
            is("the kind", &error.kind().to_string(), &ErrorKind::Invalid.to_string())?;
            is("that it is told", &error.to_string().contains("does not take the MTU 65535").to_string(), "true")
        }
    }
}

async fn a_port_of_another_bridge_is_not_found(rig: &Rig) -> Result<(), Failure> {
    {
        let ovs = rig.ovs.lock().await;
        wait(ovs.add_bridge("br1"))?;
        wait(ovs.add_internal_port("br1", "q0", 999))?;
    }
    let error = rig.switch().port("q0").await.expect_err("br0 has no q0");
    is("the kind", &error.kind().to_string(), &ErrorKind::NotFound.to_string())?;
    let everywhere = OpenVSwitch::new(rig.address.parse()?, None);
    is("the VLAN", &format!("{:?}", everywhere.port("q0").await?.vlan.map(VlanId::number)), "Some(999)")
}

async fn the_unix_socket_serves_as_well(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    // The lab offers TCP; a relay makes a Unix socket of it.
    let path = std::env::temp_dir().join(format!("dip-network-{}.sock", std::process::id()));
    let listener = tokio::net::UnixListener::bind(&path)?;
    let server = rig.address.trim_start_matches("tcp:").to_owned();
    let relay = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await?;
        let mut server = tokio::net::TcpStream::connect(server).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await
    });
    let switch = OpenVSwitch::new(format!("unix:{}", path.display()).parse()?, None);
    let set = switch.set_port(&port, &Port::access(21.try_into()?), &SiteName::new("conformance")?).await;
    std::fs::remove_file(&path)?;
    drop(switch);
    set?;
    relay.await??;
    is("the tag", &rig.vsctl(&["get", "port", &port, "tag"]).await?, "21")
}

async fn a_restarted_database_is_reached_again(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    let switch = rig.switch();
    switch.port(&port).await?;
    let mut ovs = rig.ovs.lock().await;
    ovs.stop_database();
    let error = switch.port(&port).await.expect_err("its database is stopped");
    is("the kind", &error.kind().to_string(), &ErrorKind::Unreachable.to_string())?;
    wait(ovs.restart_database())?;
    // The first call after it finds whatever connection was kept gone.
    switch.port(&port).await?;
    wait(ovs.restart_database())?;
    switch.set_port(&port, &Port::access(22.try_into()?), &SiteName::new("conformance")?).await?;
    is("the tag", &wait(ovs.vsctl(&["get", "port", &port, "tag"]))?, "22")
}

async fn a_switch_that_does_not_follow_its_database_is_told(_: &Rig) -> Result<(), Failure> {
    // A database without ovs-vswitchd: it takes every change, and no frame is ever switched by it.
    let directory = std::env::temp_dir().join(format!("dip-network-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let (file, socket) = (directory.join("conf.db"), directory.join("db.sock"));
    let database = format!("--db=unix:{}", socket.display());
    run("ovsdb-tool", &["create", &file.display().to_string(), "/usr/share/openvswitch/vswitch.ovsschema"]).await?;
    let mut server = tokio::process::Command::new("ovsdb-server")
        .arg(&file)
        .arg(format!("--remote=punix:{}", socket.display()))
        .arg(format!("--unixctl={}", directory.join("ctl").display()))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let tried = async {
        let add = [
            &database,
            "--no-wait",
            "--retry",
            "--timeout=10",
            "--",
            "init",
            "--",
            "add-br",
            "b",
            "--",
            "add-port",
            "b",
            "p",
        ];
        run("ovs-vsctl", &add).await?;
        let switch = OpenVSwitch::new(format!("unix:{}", socket.display()).parse()?, None);
        let set = switch.set_port("p", &Port::access(20.try_into()?), &SiteName::new("conformance")?).await;
        let tag = run("ovs-vsctl", &[&database, "--no-wait", "get", "port", "p", "tag"]).await?;
        Ok::<_, Failure>((set, tag, switch.port("p").await))
    }
    .await;
    server.kill().await?;
    std::fs::remove_dir_all(&directory)?;
    let (set, tag, look) = tried?;
    is("the tag in the database", &tag, "20")?;
    for error in [set.expect_err("nobody follows"), look.map(|_| ()).expect_err("nobody follows")] {
        is("the kind", &error.kind().to_string(), &ErrorKind::Busy.to_string())?;
        is("that it names the daemon", &error.to_string().contains("is ovs-vswitchd running?").to_string(), "true")?;
    }
    Ok(())
}

async fn run(program: &str, words: &[&str]) -> Result<String, Failure> {
    let output = tokio::process::Command::new(program).args(words).output().await?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn a_wrong_address_is_told_before_anything_runs(_: &Rig) -> Result<(), Failure> {
    let site = step::with_switch(step::site()?, "openvswitch", json!({"address": "ssl:10.0.0.1:6640"}), "p0")?;
    let error = step::connect(&site).expect_err("TLS is not offered");
    is(
        "the error",
        &sentence(&*error),
        "switch `sw1` cannot be used: `ssl:10.0.0.1:6640` is not the address of an OVSDB server: TLS is not offered; \
         write `tcp:10.0.9.1:6640` or `unix:/run/openvswitch/db.sock`",
    )
}

pub(crate) fn is(what: &str, found: &str, wanted: &str) -> Result<(), Failure> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is `{found}` and should be `{wanted}`").into()) }
}
