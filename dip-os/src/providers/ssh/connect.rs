//! From the settings of nodes to their hosts.

use std::sync::Arc;

use dip_core::layer::{ConnectError, Unusable};
use dip_core::provider::{Host, Providers};
use dip_core::secret::{Secret, SecretRef, Secrets};
use dip_core::site::{Node, Site};
use dip_core::subject::Subject;

use super::{Elevation, HostKeys, Login, Ssh, Target};
use crate::settings::{Become, SshSettings, settings_of};

/// Registers a host for every node that says how it is reached.
pub(crate) fn connect(site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Vec<ConnectError> {
    let mut errors = Vec::new();
    for node in site.ready_nodes() {
        // What cannot be read at all is told by `propose`, with its place in the site file.
        let Ok(Some(settings)) = settings_of(node) else { continue };
        let Some(ssh) = settings.ssh else { continue };
        match target(node, &ssh, secrets) {
            Ok(target) => providers.insert::<dyn Host>(&Subject::node(&node.name), Arc::new(Ssh::new(target))),
            Err(mut wrong) => errors.append(&mut wrong),
        }
    }
    errors
}

fn target(node: &Node, ssh: &SshSettings, secrets: &dyn Secrets) -> Result<Target, Vec<ConnectError>> {
    let mut errors = Vec::new();
    let user = format!("`os.ssh` of node `{}`", node.name);
    let origin = node.settings.origin("os.ssh").or(node.origin.as_ref());
    let unusable = |why: Unusable| ConnectError::new(user.clone(), origin, why);
    let wrong = |why: String| unusable(Unusable::Setting(why));
    let resolve = |reference: &SecretRef| -> Result<Secret, ConnectError> {
        secrets.resolve(reference).map_err(|error| unusable(error.into()))
    };

    let address = ssh.address_of(node);
    if address.is_none() {
        errors.push(wrong("the node has no address; give its primary interface one, or say `address` here".to_owned()));
    }
    let login = match (&ssh.key, &ssh.password) {
        (Some(key), None) => {
            resolve(key).and_then(|text| Login::key(&text).map_err(|error| wrong(format!("`key` ({key}): {error}"))))
        }
        (None, Some(password)) => resolve(password).map(Login::Password),
        _ => Err(wrong("say either `key` or `password`".to_owned())),
    };
    let host_keys = match (&ssh.host_key, &ssh.known_hosts) {
        (Some(text), None) => HostKeys::parse(text).map_err(|error| wrong(error.to_string())),
        (None, Some(path)) => Ok(HostKeys::KnownHosts(path.clone())),
        _ => Err(wrong(
            "say either `host_key` or `known_hosts`: a node is spoken to only when its host key is known beforehand"
                .to_owned(),
        )),
    };
    match (address, login, host_keys) {
        (Some(address), Ok(login), Ok(host_keys)) => Ok(Target {
            node: node.name.to_string(),
            address,
            port: ssh.port(),
            user: ssh.user().to_owned(),
            login,
            host_keys,
            elevation: match ssh.r#become {
                None => Elevation::None,
                Some(Become::Sudo) => Elevation::Sudo,
            },
        }),
        (_, login, host_keys) => {
            errors.extend(login.err());
            errors.extend(host_keys.err());
            Err(errors)
        }
    }
}
