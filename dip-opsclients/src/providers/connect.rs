//! From the kinds in a site file to providers. Kinds that this layer does not know are left to others.

use std::path::Path;
use std::sync::Arc;

use dip_core::certificate::connect_authorities;
use dip_core::id::NodeName;
use dip_core::layer::{ConnectError, Unusable};
use dip_core::provider::{Host, Providers};
use dip_core::secret::Secrets;
use dip_core::site::{Driver, Site};
use dip_core::subject::Subject;

use super::ansible::{AnsibleLogin, Elevation};
use super::puppet::Catalogue;
use super::salt::States;
use super::{Ansible, Cinc, Puppet, ReceiverFile, Salt, SshKeyAuthority};
use crate::provider::{ConfigAgent, LogReceiver, SshAuthority};
use crate::settings::{
    ANSIBLE, AnsibleSettings, CINC, CincSettings, PUPPET, PuppetSettings, SALT, SSH_AUTHORITY, SYSLOG, SaltSettings,
    SshAuthoritySettings, SyslogSettings,
};

/// Registers those that need no host of the site, and tells all that is wrong.
pub(crate) fn connect(site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Vec<ConnectError> {
    let mut errors = connect_authorities(site, secrets, providers);
    for service in site.services.values() {
        let (subject, driver) = (Subject::service(&service.name), &service.driver);
        let made = match driver.kind.as_str() {
            SSH_AUTHORITY => ssh_authority(driver, secrets).map(|authority| {
                if let Some(authority) = authority {
                    providers.insert::<dyn SshAuthority>(&subject, authority);
                }
            }),
            ANSIBLE => ansible(driver, secrets).map(|agent| providers.insert::<dyn ConfigAgent>(&subject, agent)),
            CINC => cinc(driver).map(|agent| providers.insert::<dyn ConfigAgent>(&subject, agent)),
            // Those are made beside the hosts of the site; here it is told what is wrong with them.
            PUPPET => puppet(driver, &|_| None).map(drop),
            SALT => salt(driver, &|_| None).map(drop),
            _ => continue,
        };
        if let Err(why) = made {
            errors.push(ConnectError::service(service, why));
        }
    }
    errors
}

/// Registers those that act on a host of the site, once the hosts are there.
pub(crate) fn combine(site: &Site, providers: &mut Providers) {
    let hosts = providers.clone();
    let host = |node: &NodeName| hosts.find::<dyn Host>(&Subject::node(node)).ok();
    for service in site.services_of(&[SYSLOG, PUPPET, SALT]) {
        let (subject, driver) = (Subject::service(&service.name), &service.driver);
        // What is wrong with a service was told by `connect`.
        match driver.kind.as_str() {
            SYSLOG => {
                if let Some(receiver) = receiver(driver, &host) {
                    providers.insert::<dyn LogReceiver>(&subject, receiver);
                }
            }
            PUPPET => {
                if let Ok(agent) = puppet(driver, &host) {
                    providers.insert::<dyn ConfigAgent>(&subject, agent);
                }
            }
            SALT => {
                if let Ok(agent) = salt(driver, &host) {
                    providers.insert::<dyn ConfigAgent>(&subject, agent);
                }
            }
            _ => {}
        }
    }
}

type HostOf<'a> = dyn Fn(&NodeName) -> Option<Arc<dyn Host>> + 'a;

fn receiver(driver: &Driver, host: &HostOf<'_>) -> Option<Arc<dyn LogReceiver>> {
    let seen_in = driver.read::<SyslogSettings>().ok()?.seen_in?;
    match &seen_in.node {
        Some(node) => Some(Arc::new(ReceiverFile::on(host(node)?, &seen_in.path))),
        None => Some(Arc::new(ReceiverFile::here(&seen_in.path))),
    }
}

fn ssh_authority(driver: &Driver, secrets: &dyn Secrets) -> Result<Option<Arc<dyn SshAuthority>>, Unusable> {
    let Some(key) = driver.read::<SshAuthoritySettings>()?.key else { return Ok(None) };
    let key = secrets.resolve(&key)?;
    let authority = SshKeyAuthority::new(&key).map_err(|error| Unusable::Setting(error.to_string()))?;
    Ok(Some(Arc::new(authority)))
}

fn ansible(driver: &Driver, secrets: &dyn Secrets) -> Result<Arc<dyn ConfigAgent>, Unusable> {
    let settings = driver.read::<AnsibleSettings>()?;
    exists(&settings.playbook)?;
    let login = AnsibleLogin {
        user: settings.user.unwrap_or_else(|| "root".to_owned()),
        elevation: if settings.r#become == Some(true) { Elevation::Sudo } else { Elevation::None },
        key: secrets.resolve(&settings.key)?,
        known_hosts: settings.known_hosts,
    };
    Ok(Arc::new(Ansible::new(settings.playbook, login)))
}

fn puppet(driver: &Driver, host: &HostOf<'_>) -> Result<Arc<dyn ConfigAgent>, Unusable> {
    let settings = driver.read::<PuppetSettings>()?;
    let catalogue = match (settings.server, settings.manifest) {
        (Some(name), None) => Catalogue::Server {
            name,
            environment: settings.environment,
            signer: settings.server_node.as_ref().and_then(host),
        },
        (None, Some(manifest)) => {
            exists(&manifest)?;
            Catalogue::Manifest(manifest)
        }
        _ => return Err(Unusable::Setting("it needs either a `server` or a `manifest`".to_owned())),
    };
    Ok(Arc::new(Puppet::new(catalogue)))
}

fn salt(driver: &Driver, host: &HostOf<'_>) -> Result<Arc<dyn ConfigAgent>, Unusable> {
    let settings = driver.read::<SaltSettings>()?;
    let states = match (settings.master, settings.states) {
        (Some(name), None) => States::Master { name, keeper: settings.master_node.as_ref().and_then(host) },
        (None, Some(states)) => {
            exists(&states)?;
            States::Directory(states)
        }
        _ => return Err(Unusable::Setting("it needs either a `master` or a directory of `states`".to_owned())),
    };
    Ok(Arc::new(Salt::new(states)))
}

fn cinc(driver: &Driver) -> Result<Arc<dyn ConfigAgent>, Unusable> {
    let settings = driver.read::<CincSettings>()?;
    exists(&settings.cookbooks)?;
    let program = settings.program.unwrap_or_else(|| "cinc-client".to_owned());
    Ok(Arc::new(Cinc::new(program, settings.cookbooks, settings.run_list)))
}

fn exists(path: &Path) -> Result<(), Unusable> {
    if path.exists() { Ok(()) } else { Err(Unusable::Setting(format!("{} is not there", path.display()))) }
}
