//! netconfd behind OpenSSH under trial, with a candidate configuration and without one; OpenSSH's own client tells what really
//! came of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::hardware::VlanId;
use dip_core::id::{SiteName, SwitchName};
use dip_core::operation::Check;
use dip_core::provider::{ErrorKind, sentence};
use dip_core::secret::Secret;
use dip_core::site::{Lag, Port};
use dip_lab::{NetconfTarget as Datastore, Netconfd, Requirement, SshKey};
use dip_network::conformance::{self, SwitchHarness};
use dip_network::provider::{LearnedMac, MlagPair, Neighbour, Switch};
use dip_network::providers::netconf::{Netconf, NetconfLogin, NetconfTarget, PinnedKey};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};

use crate::openvswitch::is;
use crate::{step, wait};

struct Rig {
    server: Mutex<Netconfd>,
    target: NetconfTarget,
    wrong: NetconfTarget,
    key: std::path::PathBuf,
    host_key: String,
    provider: Arc<Netconf>,
    ports: AtomicU16,
}

pub(crate) async fn trials() -> Vec<Trial> {
    let mut all = of(Datastore::Candidate, "netconf").await;
    all.extend(of(Datastore::Running, "netconf without candidate").await);
    all
}

async fn of(datastore: Datastore, name: &'static str) -> Vec<Trial> {
    on_server(name, Requirement::Netconfd.check(), Rig::start(datastore), |rig| {
        let mut trials = conformance::switch(Arc::clone(&rig) as Arc<dyn SwitchHarness>);
        trials.extend(trials_of! {rig;
            the_step_sets_the_port_and_another_client_sees_it
            what_others_configured_is_left_alone
            an_aggregation_of_another_site_is_a_conflict
            another_host_key_is_refused
            a_switch_that_restarted_is_reached_again
        });
        if datastore == Datastore::Candidate {
            trials.extend(trials_of! {rig;
                a_lock_of_somebody_else_is_waited_for_and_told
                a_change_that_cuts_dip_off_is_taken_back_by_the_switch
                the_step_changes_the_port_that_dip_comes_through_and_confirms
                the_switch_is_saved_by_the_step
            });
        }
        trials
    })
    .await
}

impl Rig {
    async fn start(datastore: Datastore) -> Result<Self, Failure> {
        let server = Netconfd::start(datastore).await?;
        let login = |key: &SshKey| -> Result<_, Failure> {
            let text = Secret::new(std::fs::read_to_string(&key.private)?);
            NetconfLogin::key(&text).ok_or_else(|| "the lab makes keys".into())
        };
        let target = NetconfTarget {
            host: server.addr.ip().to_string(),
            port: server.addr.port(),
            user: "root".to_owned(),
            login: login(&server.key)?,
            host_key: PinnedKey::parse(&server.host_key.fingerprint).ok_or("the lab makes keys")?,
        };
        let wrong = NetconfTarget { login: login(&server.wrong_key)?, ..target.clone() };
        let pair = MlagPair::new(&us()?, &SwitchName::new("sw1")?, &SwitchName::new("sw2")?);
        Ok(Self {
            key: server.key.private.clone(),
            host_key: server.host_key.public.clone(),
            server: Mutex::new(server),
            provider: Arc::new(Netconf::new(target.clone()).of_pair(pair)),
            target,
            wrong,
            ports: AtomicU16::new(0),
        })
    }

    fn fresh(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.ports.fetch_add(1, Ordering::Relaxed))
    }

    async fn edit(&self, config: &str) -> Result<(), Failure> {
        let server = self.server.lock().await;
        Ok(wait(server.edit(config))?)
    }

    /// The part of the running configuration between the name of an interface and the next one.
    async fn told(&self, interface: &str) -> Result<String, Failure> {
        let server = self.server.lock().await;
        let all = wait(server.running())?;
        let from = all.split_once(&format!("<name>{interface}</name>")).ok_or("no such interface")?.1;
        let part = from.split("</interface>").next().unwrap_or_default();
        Ok(part.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    async fn port_with(&self, description: Option<&str>, vlans: &str) -> Result<String, Failure> {
        let port = self.fresh("p");
        let said = description.map(|text| format!("<description>{text}</description>")).unwrap_or_default();
        self.edit(&format!(
            r#"<interfaces xmlns="http://openconfig.net/yang/interfaces"><interface><name>{port}</name><config><name>{port}</name><mtu>1500</mtu>{said}</config><ethernet xmlns="http://openconfig.net/yang/interfaces/ethernet"><config><auto-negotiate>true</auto-negotiate></config><switched-vlan xmlns="http://openconfig.net/yang/vlan"><config>{vlans}</config></switched-vlan></ethernet></interface></interfaces>"#
        ))
        .await?;
        Ok(port)
    }

    /// The settings of a site file for this switch.
    fn settings(&self, address: SocketAddr) -> serde_json::Value {
        let key = format!("file:{}", self.key.display());
        json!({"address": address.to_string(), "user": "root", "key": key, "host_key": self.host_key})
    }

    fn address(&self) -> Result<SocketAddr, Failure> {
        Ok(SocketAddr::new(self.target.host.parse()?, self.target.port))
    }
}

#[async_trait]
impl SwitchHarness for Rig {
    fn switch(&self) -> Arc<dyn Switch> {
        Arc::clone(&self.provider) as Arc<dyn Switch>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Switch>> {
        Some(Arc::new(Netconf::new(self.wrong.clone())))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Switch>> {
        // Nobody listens on port 1 (tcpmux).
        Some(Arc::new(Netconf::new(NetconfTarget { port: 1, ..self.target.clone() })))
    }

    async fn access_port(&self, vlan: VlanId) -> Result<String, Failure> {
        let vlans = format!("<interface-mode>ACCESS</interface-mode><access-vlan>{vlan}</access-vlan>");
        self.port_with(None, &vlans).await
    }

    async fn trunk_port(&self, vlans: &[VlanId]) -> Result<Option<String>, Failure> {
        let carried: String = vlans.iter().map(|vlan| format!("<trunk-vlans>{vlan}</trunk-vlans>")).collect();
        self.port_with(None, &format!("<interface-mode>TRUNK</interface-mode>{carried}")).await.map(Some)
    }

    async fn marked_port(&self, vlan: VlanId, owner: &SiteName) -> Result<Option<String>, Failure> {
        let vlans = format!("<interface-mode>ACCESS</interface-mode><access-vlan>{vlan}</access-vlan>");
        self.port_with(Some(&format!("theirs [dip-site={owner}]")), &vlans).await.map(Some)
    }

    fn aggregation(&self) -> String {
        self.fresh("Port-Channel")
    }

    fn peer(&self) -> Option<SwitchName> {
        SwitchName::new("sw2").ok()
    }

    async fn learn(&self) -> Result<LearnedMac, Failure> {
        self.edit(
            r#"<network-instances xmlns="http://openconfig.net/yang/network-instance"><network-instance><name>default</name><fdb><mac-table><entries><entry><mac-address>52:54:00:00:00:77</mac-address><vlan>20</vlan><interface><interface-ref><state><interface>p7</interface></state></interface-ref></interface></entry></entries></mac-table></fdb></network-instance></network-instances>"#,
        )
        .await?;
        Ok(LearnedMac { mac: "52:54:00:00:00:77".parse()?, vlan: VlanId::try_from(20).ok(), port: "p7".to_owned() })
    }

    async fn hear(&self) -> Result<Neighbour, Failure> {
        self.edit(
            r#"<lldp xmlns="http://openconfig.net/yang/lldp"><interfaces><interface><name>p7</name><neighbors><neighbor><id>1</id><state><system-name>n9</system-name><chassis-id>52:54:00:00:00:77</chassis-id><port-id>52:54:00:00:00:78</port-id><port-description>eth1</port-description></state></neighbor></neighbors></interface></interfaces></lldp>"#,
        )
        .await?;
        let told = |text: &str| Some(text.to_owned());
        Ok(Neighbour {
            local: "p7".to_owned(),
            system: told("n9"),
            chassis: told("52:54:00:00:00:77"),
            port: told("52:54:00:00:00:78"),
            port_description: told("eth1"),
        })
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

fn us() -> Result<SiteName, Failure> {
    Ok(SiteName::new("conformance")?)
}

async fn the_step_sets_the_port_and_another_client_sees_it(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    let site = step::with_switch(step::site()?, "netconf", rig.settings(rig.address()?), &port)?;
    let (providers, steps) = (step::connect(&site)?, step::propose(&site)?);
    let [set] = steps.as_slice() else { return Err(format!("{steps:?} is not one step").into()) };
    step::bring_about(set, &providers).await?;
    let told = rig.told(&port).await?;
    for part in ["<access-vlan>20</access-vlan>", "<description>[dip-site=conformance]</description>"] {
        is(&format!("that {part} is in {told}"), &told.contains(part).to_string(), "true")?;
    }
    match step::check(set, &providers).await? {
        Check::Holds(_) => Ok(()),
        other => Err(format!("a second run would change it: {other:?}").into()),
    }
}

async fn what_others_configured_is_left_alone(rig: &Rig) -> Result<(), Failure> {
    let (port, other) = (rig.access_port(999.try_into()?).await?, rig.access_port(998.try_into()?).await?);
    let before = rig.told(&other).await?;
    rig.switch().set_port(&port, &Port::access(20.try_into()?), &us()?).await?;
    is("the other port", &rig.told(&other).await?, &before)?;
    let told = rig.told(&port).await?;
    is("that it keeps what dip knows nothing of", &told.contains("<auto-negotiate>true<").to_string(), "true")
}

async fn an_aggregation_of_another_site_is_a_conflict(rig: &Rig) -> Result<(), Failure> {
    let (port, member) = (rig.access_port(999.try_into()?).await?, rig.access_port(998.try_into()?).await?);
    let lag = Some(Lag { name: rig.aggregation(), lacp: Default::default(), peer: None });
    let wanted = Port { lag, ..Port::access(20.try_into()?) };
    rig.switch().set_port(&member, &wanted, &SiteName::new("elsewhere")?).await?;
    for (port, wanted) in [(&port, &wanted), (&member, &Port::access(20.try_into()?))] {
        let before = rig.told(port).await?;
        let error = rig.switch().set_port(port, wanted, &us()?).await.expect_err("it is theirs");
        is("the kind", &error.kind().to_string(), &ErrorKind::Conflict.to_string())?;
        is("the port", &rig.told(port).await?, &before)?;
    }
    Ok(())
}

async fn another_host_key_is_refused(rig: &Rig) -> Result<(), Failure> {
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    let host_key = PinnedKey::parse(other).ok_or("it is a key")?;
    let switch = Netconf::new(NetconfTarget { host_key, ..rig.target.clone() });
    let error = switch.port("p0").await.expect_err("somebody else answers");
    is("the kind", &error.kind().to_string(), &ErrorKind::Denied.to_string())?;
    is("that it is told", &sentence(&error).contains("shows the host key SHA256:").to_string(), "true")
}

async fn a_switch_that_restarted_is_reached_again(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    rig.switch().port(&port).await?;
    wait(rig.server.lock().await.restart())?;
    // It starts without any configuration.
    let error = rig.switch().port(&port).await.expect_err("it forgot the port");
    is("the kind", &error.kind().to_string(), &ErrorKind::NotFound.to_string())?;
    let port = rig.access_port(999.try_into()?).await?;
    rig.switch().set_port(&port, &Port::access(20.try_into()?), &us()?).await?;
    Ok(())
}

async fn a_lock_of_somebody_else_is_waited_for_and_told(rig: &Rig) -> Result<(), Failure> {
    let (port, other) = (rig.access_port(999.try_into()?).await?, rig.access_port(998.try_into()?).await?);
    // A change that is not confirmed holds the locks.
    let confirmed =
        Netconf::new(rig.target.clone()).abilities().await?.confirmed.map_err(|absent| absent.to_string())?;
    let wanted = Port::access(20.try_into()?);
    let pending = confirmed.begin(&port, &wanted, &us()?, Duration::from_secs(60)).await?;
    let error = rig.switch().set_port(&other, &wanted, &us()?).await.expect_err("somebody else holds the lock");
    is("the kind", &error.kind().to_string(), &ErrorKind::Busy.to_string())?;
    is("that it is told", &error.to_string().contains("holds the lock").to_string(), "true")?;
    // It ends within the time that dip waits for it.
    let owner = us()?;
    let confirm = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        pending.confirm().await
    };
    let (set, confirmed) = tokio::join!(rig.provider.set_port(&other, &wanted, &owner), confirm);
    confirmed?;
    Ok(set?)
}

/// A relay that can be cut.
async fn relay(to: SocketAddr) -> Result<(SocketAddr, watch::Sender<bool>), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let (cut, is_cut) = watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut is_cut = is_cut.clone();
            if *is_cut.borrow() {
                continue;
            }
            tokio::spawn(async move {
                let mut server = TcpStream::connect(to).await?;
                tokio::select! {
                    // The cut first: what is sent after it must not slip through.
                    biased;
                    // Both ends stay open and hear nothing, as when a cable is pulled.
                    () = async { drop(is_cut.wait_for(|cut| *cut).await) } => {}
                    done = copy_bidirectional(&mut client, &mut server) => drop(done?),
                }
                while is_cut.changed().await.is_ok() {}
                Ok::<_, std::io::Error>((client, server))
            });
        }
    });
    Ok((addr, cut))
}

async fn a_change_that_cuts_dip_off_is_taken_back_by_the_switch(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    let before = rig.told(&port).await?;
    let (addr, cut) = relay(rig.address()?).await?;
    let target = NetconfTarget { host: addr.ip().to_string(), port: addr.port(), ..rig.target.clone() };
    let confirmed = Netconf::new(target).abilities().await?.confirmed.map_err(|absent| absent.to_string())?;
    let pending = confirmed.begin(&port, &Port::access(20.try_into()?), &us()?, Duration::from_secs(4)).await?;
    let told = rig.told(&port).await?;
    is("that the change came about", &told.contains("<access-vlan>20<").to_string(), "true")?;
    // The change cuts dip off in the middle: its confirmation reaches nobody.
    cut.send_replace(true);
    let confirm = tokio::spawn(pending.confirm());
    // netconfd looks at its clock only when nobody has asked it anything for a while, and other trials ask: it is left alone in
    // between, and given more than one chance.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(6)).await;
        if rig.told(&port).await? == before {
            break;
        }
    }
    is("the port", &rig.told(&port).await?, &before)?;
    let error = confirm.await?.expect_err("nobody heard it");
    is("the kind", &error.kind().to_string(), &ErrorKind::Unreachable.to_string())?;
    // Once the session is dead at the switch's end too, its candidate is free again.
    drop(cut);
    Ok(rig.switch().set_port(&port, &Port::access(20.try_into()?), &us()?).await?)
}

async fn the_step_changes_the_port_that_dip_comes_through_and_confirms(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    let mut site = step::with_switch(step::site()?, "netconf", rig.settings(rig.address()?), &port)?;
    let wanted = Port { safety: dip_core::site::Safety::Confirmed, ..Port::access(20.try_into()?) };
    site.ports.insert(format!("sw1/{port}").parse()?, wanted);
    let (providers, steps) = (step::connect(&site)?, step::propose(&site)?);
    step::bring_about(steps.first().ok_or("one step")?, &providers).await?;
    Ok(())
}

async fn the_switch_is_saved_by_the_step(rig: &Rig) -> Result<(), Failure> {
    let port = rig.access_port(999.try_into()?).await?;
    let mut settings = rig.settings(rig.address()?);
    settings["save"] = json!(true);
    let site = step::with_switch(step::site()?, "netconf", settings, &port)?;
    let (providers, steps) = (step::connect(&site)?, step::propose(&site)?);
    let [set, save] = steps.as_slice() else { return Err(format!("{steps:?} are not two steps").into()) };
    step::bring_about(set, &providers).await?;
    step::bring_about(save, &providers).await?;
    Ok(())
}
