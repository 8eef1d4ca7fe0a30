//! From a node's settings to its steps.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use dip_core::certificate::{AUTHORITY, CertificateName, Lifetime};
use dip_core::id::{LayerId, ServiceName};
use dip_core::layer::Note;
use dip_core::site::{Node, Site};
use dip_core::step::Step;
use serde::de::DeserializeOwned;

use crate::provider::Managed;
use crate::settings::{
    ANSIBLE, AgentSettings, CINC, CertificateSettings, LoggingSettings, MemcachedSettings, MetricsSettings, NTP,
    NtpSettings, OpsClientsSettings, PUPPET, PackageProxySettings, Reach, ResolverSettings, SALT, SSH_AUTHORITY,
    SYSLOG, SshSettings, SyslogProtocol, SyslogSettings, TimeSettings,
};
use crate::steps::{
    Clock, FollowTime, HoldCertificate, RunAgent, RunMemcached, SendLogs, ServeMetrics, TrustSsh, UsePackageProxy,
    UseResolver,
};

/// The port that the node exporter has everywhere.
const METRICS_PORT: u16 = 9100;

/// As many resolvers as the C library asks; it leaves out all after them without a word (resolv.conf(5)).
const RESOLVERS: usize = 3;

/// The port that memcached has everywhere, and the memory that it takes by itself.
const MEMCACHED_PORT: u16 = 11211;
const MEMCACHED_MEMORY: u32 = 64;

/// Certificates count for a quarter, and are replaced when a third of that is left.
const DAYS: u32 = 90;
const RENEW_BEFORE: u32 = 30;

/// The steps of all nodes, or all that is wrong with their settings.
pub(crate) fn propose(site: &Site) -> Result<Vec<Step>, Vec<Note>> {
    let mut steps = Vec::new();
    let mut notes = Vec::new();
    let mut files = Files::default();
    for node in site.ready_nodes() {
        let settings = match node.settings.read::<OpsClientsSettings>(LayerId::OpsClients) {
            Ok(settings) => settings.unwrap_or_default(),
            Err(error) => {
                notes.push(note(node, "opsclients", &format!("it cannot be read: {error}")));
                continue;
            }
        };
        let mut keep = |path: &str, step: Option<Result<Step, String>>| match step {
            Some(Ok(step)) => steps.push(step.origin(node.settings.origin(path).or(node.origin.as_ref()).cloned())),
            Some(Err(why)) => notes.push(note(node, path, &why)),
            None => {}
        };
        keep("opsclients.time", settings.time.map(|time| follow_time(site, node, &time)));
        keep("opsclients.resolver", settings.resolver.map(|resolver| use_resolver(site, node, resolver)));
        keep("opsclients.metrics", settings.metrics.map(|metrics| serve_metrics(node, &metrics)));
        keep("opsclients.logging", settings.logging.map(|logging| send_logs(site, node, &logging, &mut files)));
        keep("opsclients.ssh", settings.ssh.map(|ssh| trust_ssh(site, node, ssh)));
        keep("opsclients.certificate", settings.certificate.map(|wanted| hold_certificate(site, node, wanted)));
        keep("opsclients.package_proxy", settings.package_proxy.map(|proxy| use_package_proxy(node, &proxy)));
        keep("opsclients.memcached", settings.memcached.map(|wanted| run_memcached(node, &wanted)));
        keep("opsclients.agent", settings.agent.map(|agent| run_agent(site, node, agent)));
    }
    if notes.is_empty() { Ok(steps) } else { Err(notes) }
}

fn note(node: &Node, path: &str, why: &str) -> Note {
    let origin = node.settings.origin(path).or(node.origin.as_ref()).cloned();
    Note { text: format!("`{path}` of node `{}`: {why}", node.name), origin }
}

/// The time servers that a node follows by the site file, for those to whom it is handed over; none where it does not say.
#[must_use]
pub fn time_servers(site: &Site, node: &Node) -> Vec<String> {
    // What cannot be read is told by `propose`, with its place in the site file.
    let settings = node.settings.read::<OpsClientsSettings>(LayerId::OpsClients).ok().flatten();
    let time = settings.and_then(|settings| settings.time);
    let ntp = |time: TimeSettings| service::<NtpSettings>(site, &time.service, NTP).ok();
    time.and_then(ntp).map_or_else(Vec::new, |ntp| ntp.servers)
}

/// Where a node serves its metrics by the site file, for those who scrape it without dip; none where it does not say.
#[must_use]
pub fn metrics_address(node: &Node) -> Option<SocketAddr> {
    let settings = node.settings.read::<OpsClientsSettings>(LayerId::OpsClients).ok().flatten()?;
    Some(SocketAddr::new(node.address()?, settings.metrics?.port.unwrap_or(METRICS_PORT)))
}

/// The settings of a service, which must be of a kind.
fn service<T: DeserializeOwned>(site: &Site, name: &ServiceName, kind: &str) -> Result<T, String> {
    is_of(site, name, &[kind])?;
    let driver = &site.services[name].driver;
    driver.read().map_err(|error| format!("service `{name}` cannot be read: {error}"))
}

fn is_of(site: &Site, name: &ServiceName, kinds: &[&str]) -> Result<(), String> {
    let kind = site.services.get(name).map(|service| service.driver.kind.as_str());
    if kind.is_some_and(|kind| kinds.contains(&kind)) {
        return Ok(());
    }
    let kinds: Vec<_> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
    Err(format!("service `{name}` is not of kind {}", kinds.join(" or ")))
}

fn address(node: &Node, what_for: &str) -> Result<IpAddr, String> {
    node.address().ok_or_else(|| format!("the node has no address {what_for}; give one to its primary interface"))
}

fn follow_time(site: &Site, node: &Node, time: &TimeSettings) -> Result<Step, String> {
    let ntp = service::<NtpSettings>(site, &time.service, NTP)?;
    let clock = if time.control_clock == Some(false) { Clock::Watched } else { Clock::Set };
    Ok(FollowTime::new(&node.name, &ntp.servers, clock)?.by(time.client)?.step())
}

fn use_resolver(site: &Site, node: &Node, resolver: ResolverSettings) -> Result<Step, String> {
    if resolver.servers.is_empty() || resolver.servers.len() > RESOLVERS {
        return Err(format!("it has {} servers; a node asks one to {RESOLVERS}", resolver.servers.len()));
    }
    let address = address(node, "that its name could resolve to")?;
    let name = site.host_name(node);
    let ResolverSettings { servers, search, client } = resolver;
    Ok(UseResolver { node: node.name.clone(), servers, search, name, address, client }.step())
}

fn serve_metrics(node: &Node, metrics: &MetricsSettings) -> Result<Step, String> {
    let address = address(node, "where its metrics could be asked for")?;
    let address = SocketAddr::new(address, metrics.port.unwrap_or(METRICS_PORT));
    Ok(ServeMetrics { node: node.name.clone(), address }.step())
}

/// Files that settings name, each read once for all nodes.
type Files = BTreeMap<PathBuf, Result<String, String>>;

fn send_logs(site: &Site, node: &Node, logging: &LoggingSettings, files: &mut Files) -> Result<Step, String> {
    let syslog = service::<SyslogSettings>(site, &logging.service, SYSLOG)?;
    let protocol = syslog.protocol.unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if syslog.host.is_empty() || !syslog.host.chars().all(plain) {
        return Err(format!("`{}` is not a receiver of logs; write an address or a host name", syslog.host));
    }
    let anchors = match (protocol, &syslog.ca) {
        (SyslogProtocol::Tls, Some(path)) => Some(files.entry(path.clone()).or_insert_with(|| read(path)).clone()?),
        (SyslogProtocol::Tls, None) => {
            return Err(format!("service `{}` speaks `tls` and names no `ca` by which it is known", logging.service));
        }
        _ => None,
    };
    let port = syslog.port.unwrap_or(if protocol == SyslogProtocol::Tls { 6514 } else { 514 });
    let (service, host) = (logging.service.clone(), syslog.host);
    Ok(SendLogs { node: node.name.clone(), service, host, port, protocol, anchors }.step())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

fn trust_ssh(site: &Site, node: &Node, ssh: SshSettings) -> Result<Step, String> {
    is_of(site, &ssh.authority, &[SSH_AUTHORITY])?;
    let user = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let login = ssh.login.unwrap_or_else(|| "root".to_owned());
    if let Some(odd) =
        ssh.authorized_keys.keys().chain([&login]).find(|name| !user(name) || name.starts_with(['.', '-']))
    {
        return Err(format!("`{odd}` is not a name of a user"));
    }
    let mut keys = ssh.authorized_keys.iter().flat_map(|(user, keys)| keys.iter().map(move |key| (user, key)));
    if let Some((user, odd)) = keys.find(|(_, key)| key.contains('\n') || key.split_whitespace().count() < 2) {
        return Err(format!("`{odd}` is not one public key of user `{user}`, for example `ssh-ed25519 AAAA...`"));
    }
    let mut names = vec![site.host_name(node), node.name.to_string()];
    names.extend(node.addresses().map(|address| address.address.to_string()));
    names.dedup();
    let lifetime = lifetime(ssh.days, ssh.renew_before)?;
    let (days, renew_before) = (lifetime.days(), lifetime.renew_before());
    let (node, authority, keys) = (node.name.clone(), ssh.authority, ssh.authorized_keys);
    Ok(TrustSsh { node, authority, names, keys, days, renew_before, login }.step())
}

fn hold_certificate(site: &Site, node: &Node, wanted: CertificateSettings) -> Result<Step, String> {
    is_of(site, &wanted.authority, &[AUTHORITY])?;
    let name = site.host_name(node);
    let name = name.parse().map_err(|error| format!("`{name}` cannot stand in a certificate: {error}"))?;
    let addresses = node.addresses().map(|address| CertificateName::Address(address.address));
    let names = std::iter::once(name).chain(addresses).collect();
    let lifetime = lifetime(wanted.days, wanted.renew_before)?;
    let (days, renew_before) = (lifetime.days(), lifetime.renew_before());
    let (authority, reload) = (wanted.authority, wanted.reload);
    Ok(HoldCertificate { node: node.name.clone(), authority, names, days, renew_before, reload }.step())
}

fn lifetime(days: Option<u32>, renew_before: Option<u32>) -> Result<Lifetime, String> {
    let days = days.unwrap_or(DAYS);
    Lifetime::new(days, renew_before.unwrap_or(RENEW_BEFORE.min(days / 3))).map_err(|error| error.to_string())
}

fn use_package_proxy(node: &Node, proxy: &PackageProxySettings) -> Result<Step, String> {
    Ok(UsePackageProxy::new(&node.name, &proxy.url)?.step())
}

fn run_memcached(node: &Node, wanted: &MemcachedSettings) -> Result<Step, String> {
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    if wanted.reach == Reach::Network {
        addresses.push(address(node, "where its memcached could be asked")?);
    }
    let port = wanted.port.unwrap_or(MEMCACHED_PORT);
    let memory = wanted.memory.unwrap_or(MEMCACHED_MEMORY);
    Ok(RunMemcached { node: node.name.clone(), addresses, port, memory }.step())
}

fn run_agent(site: &Site, node: &Node, agent: AgentSettings) -> Result<Step, String> {
    is_of(site, &agent.service, &[ANSIBLE, PUPPET, SALT, CINC])?;
    if let Some(odd) = agent.vars.keys().find(|name| *name == "dip" || name.starts_with("ansible_")) {
        return Err(format!("`{odd}` is set by dip itself; give the variable another name"));
    }
    let managed = Managed {
        node: node.name.clone(),
        name: site.host_name(node),
        address: address(node, "where its agent could be asked")?,
        site: site.name.to_string(),
        rack: node.rack.clone(),
        profiles: node.profiles.clone(),
        vars: agent.vars,
    };
    Ok(RunAgent { service: agent.service, managed }.step())
}
