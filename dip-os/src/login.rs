//! How others log in to a node, for those to whom it is handed over.

use dip_core::report::handoff::Login;
use dip_core::secret::SecretRef;
use dip_core::site::Node;

use crate::settings::{Become, settings_of};

/// How the installed system of a node is reached by the site file; `None` where it does not say, or the node has no address.
/// The key is named only where it is a file; a password and a key in an environment variable never leave the site file.
#[must_use]
pub fn login(node: &Node) -> Option<Login> {
    // What cannot be read at all is told by `propose`, with its place in the site file.
    let ssh = settings_of(node).ok().flatten()?.ssh?;
    Some(Login {
        address: ssh.address_of(node)?,
        port: ssh.port(),
        user: ssh.user().to_owned(),
        becomes_root: ssh.r#become == Some(Become::Sudo),
        key: match ssh.key {
            Some(SecretRef::File(path)) => Some(path),
            Some(SecretRef::Env(_) | SecretRef::Store(_)) | None => None,
        },
    })
}
