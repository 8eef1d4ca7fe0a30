//! A real login to a node's SSH server, from the node itself: a key that counts for two minutes, and no trust but in the authority.

use std::time::Duration;

use dip_core::operation::OperationError;
use dip_core::provider::Command;
use ssh_key::getrandom::SysRng;
use ssh_key::rand_core::UnwrapErr;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use crate::node::Node;
use crate::provider::{SshAuthority, SshHolder, SshWish};

/// As long as a slow machine may take to log in.
const LIFETIME: Duration = Duration::from_secs(120);

/// The private key comes on standard input and lies in memory (`/run`) for the time of the login.
const SCRIPT: &str = r#"umask 077
dir=$(mktemp -d /run/dip-login.XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
cat >"$dir/id" && printf '%s\n' "$1" >"$dir/id-cert.pub" && printf '@cert-authority * %s\n' "$2" >"$dir/known" || exit 1
port=$(/usr/sbin/sshd -T | sed -n 's/^port //p' | head -n 1)
ssh -F none -i "$dir/id" -o CertificateFile="$dir/id-cert.pub" -o IdentitiesOnly=yes -o IdentityAgent=none \
    -o UserKnownHostsFile="$dir/known" -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes -o HostKeyAlias="$3" \
    -o HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com -o PreferredAuthentications=publickey -o BatchMode=yes \
    -o ConnectTimeout=10 -o LogLevel=ERROR -p "${port:-22}" "$4@localhost" true"#;

/// A login that must work.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    /// The name for which the host certificate must be.
    pub(super) host: &'a str,
}

/// Logs in; the words of `ssh` where it does not work.
pub(super) async fn attempt(
    node: &Node,
    authority: &dyn SshAuthority,
    login: &Login<'_>,
) -> Result<Result<(), String>, OperationError> {
    let odd = |error: ssh_key::Error| OperationError::Impossible(format!("a key for a login cannot be made: {error}"));
    let key = PrivateKey::random(&mut UnwrapErr(SysRng), Algorithm::Ed25519).map_err(odd)?;
    let wish = SshWish {
        key: key.public_key().to_openssh().map_err(odd)?,
        holder: SshHolder::User,
        principals: vec![login.user.to_owned()],
        lifetime: LIFETIME,
    };
    let certificate = authority.sign(&wish).await?;
    let private = key.to_openssh(LineEnding::LF).map_err(odd)?;
    let command = Command::new("sh")
        .args(["-c", SCRIPT, "sh", &certificate, authority.public_key(), login.host, login.user])
        .input(private.as_bytes());
    let output = node.run(&command).await?;
    if output.succeeded() {
        return Ok(Ok(()));
    }
    let words = output.error_text().replace('\n', "; ");
    Ok(Err(if words.is_empty() { "fails".to_owned() } else { words }))
}
