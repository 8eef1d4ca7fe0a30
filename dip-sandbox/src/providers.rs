//! From the parts of the simulated datacenter to providers by subject.

use std::sync::Arc;

use dip_apps::provider::Workload;
use dip_apps::providers::etcd::Etcd;
use dip_cluster::provider::Membership;
use dip_core::id::NodeName;
use dip_core::provider::{AddressPool, Host, Power, Providers, Silences};
use dip_core::secret::{Secret, SecretRef};
use dip_core::site::Node;
use dip_core::subject::Subject;
use dip_firmware::Underway;
use dip_firmware::hygiene::{Keyed, Keyring};
use dip_firmware::provider::Bmc;
use dip_network::provider::{Dhcp, Pdu, Switch};
use dip_opsmgmt::provider::{Alerts, Cmdb, Dns, Monitor};

use crate::line::{Access, CONTROLLER, Latency, Line, QUICK};
use crate::servers::{SandboxAlerts, SandboxBmc, SandboxCmdb, SandboxDhcp, SandboxDns, SandboxHost};
use crate::servers::{SandboxMembership, SandboxMonitor, SandboxPdu, SandboxPool, SandboxSwitch};
use crate::world::{LOCKOUT_AFTER, World, factory_password};

/// The line to the controller of a node.
fn bmc(world: &Arc<World>, node: &NodeName, access: Access) -> SandboxBmc {
    let line = Line::new(world, Subject::node(node), "sandbox BMC", CONTROLLER, access);
    SandboxBmc::new(line, node.clone())
}

/// The BMC of a node as somebody who logs in with a password: by Redfish where it is of a maker.
pub(crate) fn bmc_as(
    world: &Arc<World>,
    node: &NodeName,
    access: Access,
    login: Option<(&str, &Secret)>,
) -> Arc<dyn Bmc> {
    #[cfg(feature = "models")]
    if let Some(model) = world.model(node) {
        let user = world.site.nodes.get(node).and_then(|node| node.bmc.as_ref()).map(|bmc| bmc.user.as_str());
        // Whose password nobody knows is let in by any.
        let nothing = Secret::new(String::new());
        let (user, password) = login.unwrap_or((user.unwrap_or_default(), &nothing));
        return crate::modelled::client(world, node, access, model, user, password);
    }
    let bmc = bmc(world, node, access);
    Arc::new(match login {
        Some((user, password)) => bmc.as_user(user, password),
        None => bmc,
    })
}

/// The keyring of a controller whose password dip keeps. Its factory's is known, as from a manifest.
fn keyed(world: &Arc<World>, node: &Node, given: Access) -> Option<Keyring> {
    let access = node.bmc.as_ref().filter(|access| matches!(access.password, SecretRef::Store(_)))?;
    let (at, name, user) = (Arc::clone(world), node.name.clone(), access.user.clone());
    let making = move |password: &Secret| Ok(bmc_as(&at, &name, given, Some((&user, password))));
    let factory = Some(factory_password(&node.name));
    let store = world.secrets.clone();
    let after = LOCKOUT_AFTER;
    Some(Keyring::new(&access.user, access.password.clone(), store, factory, after, Box::new(making)))
}

/// Providers of every trait for everything in the site.
pub(crate) fn all(world: &Arc<World>, access: Access) -> Providers {
    let mut providers = Providers::new();
    let line = |subject: &Subject, provider: &'static str, latency: Latency| {
        Line::new(world, subject.clone(), provider, latency, access)
    };
    for name in world.switch_names() {
        let subject = Subject::switch(name);
        let switch = SandboxSwitch::new(line(&subject, "sandbox switch", QUICK), name.clone());
        providers.insert::<dyn Switch>(&subject, Arc::new(switch));
    }
    for name in world.site.pdus.keys() {
        let subject = Subject::pdu(name);
        let pdu = SandboxPdu::new(line(&subject, "sandbox PDU", CONTROLLER), name.clone());
        providers.insert::<dyn Pdu>(&subject, Arc::new(pdu));
    }
    for name in world.dhcp_names() {
        let subject = Subject::service(name);
        let dhcp = SandboxDhcp::new(line(&subject, "sandbox DHCP", QUICK), name.clone());
        providers.insert::<dyn Dhcp>(&subject, Arc::new(dhcp));
    }
    for name in world.dns_names() {
        let subject = Subject::service(name);
        let dns = SandboxDns::new(line(&subject, "sandbox DNS", QUICK), name.clone());
        providers.insert::<dyn Dns>(&subject, Arc::new(dns));
    }
    for name in world.cmdb_names() {
        let subject = Subject::service(name);
        let cmdb = SandboxCmdb::new(line(&subject, "sandbox CMDB", QUICK), name.clone());
        providers.insert::<dyn Cmdb>(&subject, Arc::new(cmdb));
        let pool = SandboxPool::new(line(&subject, "sandbox CMDB", QUICK), name.clone());
        providers.insert::<dyn AddressPool>(&subject, Arc::new(pool));
    }
    dip_opsmgmt::providers::beside(&world.site, &mut providers);
    dip_network::providers::whereabouts(&world.site, &mut providers);
    dip_network::providers::beside(&world.site, &mut providers);
    for name in world.monitor_names() {
        let subject = Subject::service(name);
        let monitor = SandboxMonitor::new(line(&subject, "sandbox monitoring", QUICK), name.clone());
        providers.insert::<dyn Monitor>(&subject, Arc::new(monitor));
    }
    for name in world.alarm_names() {
        let subject = Subject::service(name);
        let alerts = Arc::new(SandboxAlerts::new(line(&subject, "sandbox Alertmanager", QUICK), name.clone()));
        providers.insert::<dyn Alerts>(&subject, Arc::clone(&alerts) as Arc<dyn Alerts>);
        providers.insert::<dyn Silences>(&Subject::alerts(&world.site.name), alerts);
    }
    for (name, node) in &world.site.nodes {
        let subject = Subject::node(name);
        if node.bmc.is_some() {
            match keyed(world, node, access) {
                Some(keyring) => {
                    let keyring = Arc::new(keyring);
                    let keyed = Keyed::new(Arc::clone(&keyring)).expect("clients of the sandbox can always be made");
                    providers.insert::<Keyring>(&subject, keyring);
                    providers.insert::<dyn Power>(&subject, Arc::new(keyed.clone()));
                    providers.insert::<dyn Bmc>(&subject, Arc::new(keyed));
                }
                None => {
                    let bmc = bmc_as(world, name, access, None);
                    if let Some(power) = bmc.power() {
                        providers.insert::<dyn Power>(&subject, power);
                    }
                    providers.insert::<dyn Bmc>(&subject, bmc);
                }
            }
            providers.insert::<Underway>(&subject, Arc::default());
        }
        let host = SandboxHost::new(line(&subject, "sandbox host", QUICK), name.clone());
        providers.insert::<dyn Host>(&subject, Arc::new(host));
    }
    for (name, cluster) in world.site.clusters.iter().filter(|(_, cluster)| !cluster.is_handed_over()) {
        let subject = Subject::cluster(name);
        let members = cluster.members.values().flatten().cloned().collect();
        let membership = SandboxMembership::new(line(&subject, "sandbox etcd", QUICK), name.clone(), members);
        providers.insert::<dyn Membership>(&subject, Arc::new(membership));
        // The real provider, on simulated hosts: it acts through commands and files only.
        match Etcd::of(&world.site, cluster, &providers) {
            Ok(etcd) => providers.insert::<dyn Workload>(&subject, Arc::new(etcd)),
            Err(error) => tracing::warn!(cluster = %name, %error, "no workload is simulated"),
        }
    }
    providers
}
