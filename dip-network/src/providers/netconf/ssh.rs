//! The way to a switch: SSH with a host key that is known beforehand, and the subsystem `netconf` (RFC 6242, section 3).

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dip_core::provider::sentence;
use dip_core::secret::{Secret, Secrets};
use dip_core::site::{Endpoint, EndpointError};
use russh::client::{self, AuthResult, Handle, Msg};
use russh::keys::ssh_key::{Algorithm, Fingerprint};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate, decode_secret_key};
use russh::{ChannelMsg, ChannelStream, Preferred};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::settings::NetconfSettings;

/// The port that IANA gave to NETCONF over SSH (RFC 6242, section 7).
const DEFAULT_PORT: u16 = 830;

/// The longest that a connection may take to be made, login and subsystem included; a management CPU is slow at cryptography.
const CONNECT: Duration = Duration::from_secs(15);

/// A switch that was cut off says nothing: after three of these pauses without an answer it is taken for gone.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// A switch over SSH.
#[derive(Debug, Clone)]
pub struct NetconfTarget {
    /// Its address or host name.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// What the user logs in with.
    pub login: NetconfLogin,
    /// The host key that it must show.
    pub host_key: PinnedKey,
}

impl NetconfTarget {
    /// The switch that settings describe; why not, as a sentence, where they contradict themselves.
    pub(crate) fn of(settings: &NetconfSettings, secrets: &dyn Secrets) -> Result<Self, String> {
        let resolve = |reference| secrets.resolve(reference).map_err(|error| sentence(&error));
        let login = match (&settings.key, &settings.password) {
            (Some(key), None) => NetconfLogin::key(&resolve(key)?).ok_or_else(|| {
                format!(
                    "`key` ({key}) is no private key that can be read; it must be unencrypted, of OpenSSH or PKCS#8"
                )
            })?,
            (None, Some(password)) => NetconfLogin::Password(resolve(password)?),
            _ => return Err("say either `key` or `password`".to_owned()),
        };
        let host_key = PinnedKey::parse(&settings.host_key).ok_or_else(|| {
            format!(
                "`{}` is no host key; write its fingerprint (`SHA256:...`, as `ssh-keygen -lf` shows it) or the key itself",
                settings.host_key
            )
        })?;
        let address: Endpoint = settings.address.parse().map_err(|error: EndpointError| error.to_string())?;
        let port = address.port().unwrap_or(DEFAULT_PORT);
        Ok(Self { host: address.host().to_owned(), port, user: settings.user.clone(), login, host_key })
    }
}

impl fmt::Display for NetconfTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "{}@[{}]:{}", self.user, self.host, self.port)
        } else {
            write!(f, "{}@{}:{}", self.user, self.host, self.port)
        }
    }
}

/// What a user logs in with.
#[derive(Clone)]
pub enum NetconfLogin {
    /// A private key.
    Key(Arc<PrivateKey>),
    /// A password.
    Password(Secret),
}

impl NetconfLogin {
    /// Reads a private key; `None` where the text is none, or is encrypted. The parser's own error may quote what it could not
    /// read.
    #[must_use]
    pub fn key(text: &Secret) -> Option<Self> {
        decode_secret_key(text.expose(), None).ok().map(|key| Self::Key(Arc::new(key)))
    }

    const fn noun(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Password(_) => "password",
        }
    }
}

impl fmt::Debug for NetconfLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(..)", self.noun())
    }
}

/// The host key of a switch. There is no trust on first use.
#[derive(Debug, Clone)]
pub enum PinnedKey {
    /// A key with this fingerprint.
    Fingerprint(Fingerprint),
    /// This key.
    Key(Box<PublicKey>),
}

impl PinnedKey {
    /// Reads `SHA256:...` or `ssh-ed25519 AAAA...`; `None` where the text is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with("SHA256:") {
            return text.parse().ok().map(Self::Fingerprint);
        }
        PublicKey::from_openssh(text).ok().map(|key| Self::Key(Box::new(key)))
    }

    fn accepts(&self, shown: &PublicKey) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => shown.fingerprint(fingerprint.algorithm()) == *fingerprint,
            // A comment is no part of a key.
            Self::Key(key) => shown.key_data() == key.key_data(),
        }
    }

    /// A switch with several host keys must show the one that can be compared.
    fn preferred(&self) -> Preferred {
        let Self::Key(key) = self else { return Preferred::DEFAULT };
        let algorithms = match key.algorithm() {
            // An RSA key signs with SHA-2 today, whatever its own type is called.
            Algorithm::Rsa { .. } => {
                [HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }).to_vec()
            }
            other => vec![other],
        };
        Preferred { key: Cow::Owned(algorithms), ..Preferred::DEFAULT }
    }
}

impl fmt::Display for PinnedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprint(fingerprint) => fingerprint.fmt(f),
            Self::Key(key) => key.fingerprint(HashAlg::Sha256).fmt(f),
        }
    }
}

/// A connection whose subsystem `netconf` runs.
pub(super) struct Connection {
    pub(super) stream: ChannelStream<Msg>,
    handle: Handle<Greeter>,
}

impl Connection {
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// There is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0} is not reached")]
    Tcp(String, #[source] io::Error),
    #[error("{0} did not answer within {CONNECT:?}")]
    Slow(String),
    #[error("{0} ended the connection")]
    Ssh(String, #[source] russh::Error),
    #[error("{target} shows the host key {shown}, expected is {expected}; find out who answers there")]
    HostKey { target: String, shown: String, expected: String },
    #[error("{target} refuses the {noun}; check `user` and the secret")]
    Login { target: String, noun: &'static str },
    #[error("{0} offers no subsystem `netconf` to this user; switch NETCONF over SSH on")]
    NoSubsystem(String),
}

/// Connects, compares the host key, logs in and starts the subsystem.
pub(super) async fn connect(target: &NetconfTarget) -> Result<Connection, ConnectError> {
    let refused = Arc::new(Mutex::new(None));
    let result = timeout(CONNECT, attempt(target, &refused)).await;
    let result = result.unwrap_or_else(|_| Err(ConnectError::Slow(target.to_string())));
    let refused = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
    match refused {
        Some(shown) => {
            Err(ConnectError::HostKey { target: target.to_string(), shown, expected: target.host_key.to_string() })
        }
        None => result,
    }
}

async fn attempt(target: &NetconfTarget, refused: &Arc<Mutex<Option<String>>>) -> Result<Connection, ConnectError> {
    let tcp = |error| ConnectError::Tcp(target.to_string(), error);
    let ssh = |error| ConnectError::Ssh(target.to_string(), error);
    let config = client::Config {
        preferred: target.host_key.preferred(),
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..client::Config::default()
    };
    let socket = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(tcp)?;
    socket.set_nodelay(true).map_err(tcp)?;
    let greeter = Greeter { pinned: target.host_key.clone(), refused: Arc::clone(refused) };
    let mut handle = client::connect_stream(Arc::new(config), socket, greeter).await.map_err(ssh)?;
    let result = match &target.login {
        NetconfLogin::Key(key) => {
            let hash = if key.algorithm().is_rsa() {
                let told = handle.best_supported_rsa_hash().await.map_err(ssh)?;
                // A server that does not tell takes SHA-256, which is older than SHA-512 in no server.
                Some(told.flatten().unwrap_or(HashAlg::Sha256))
            } else {
                None
            };
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
            handle.authenticate_publickey(target.user.as_str(), key).await.map_err(ssh)?
        }
        NetconfLogin::Password(password) => {
            handle.authenticate_password(target.user.as_str(), password.expose()).await.map_err(ssh)?
        }
    };
    if !matches!(result, AuthResult::Success) {
        return Err(ConnectError::Login { target: target.to_string(), noun: target.login.noun() });
    }
    let mut channel = handle.channel_open_session().await.map_err(ssh)?;
    channel.request_subsystem(true, "netconf").await.map_err(ssh)?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(Connection { stream: channel.into_stream(), handle }),
            Some(ChannelMsg::WindowAdjusted { .. }) => {}
            _ => return Err(ConnectError::NoSubsystem(target.to_string())),
        }
    }
}

/// Compares the host key.
struct Greeter {
    pinned: PinnedKey,
    refused: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Greeter {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        // A certificate is never asked for; it would move the trust from this key to whoever signed it.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let known = self.pinned.accepts(key);
        if !known {
            let shown = key.fingerprint(HashAlg::Sha256).to_string();
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    const PRINT: &str = "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn a_key_is_known_by_itself_and_by_its_fingerprint() {
        let key = |text: &str| PublicKey::from_openssh(text).expect("a key");
        for text in [KEY, PRINT, &format!("{KEY} root@sw1")] {
            let pinned = PinnedKey::parse(text).expect("a host key");
            assert!(pinned.accepts(&key(KEY)) && !pinned.accepts(&key(OTHER)), "{text}");
            assert_eq!(pinned.to_string(), PRINT);
        }
        assert!(PinnedKey::parse("SHA256:").is_none() && PinnedKey::parse("yes").is_none());
    }

    #[test]
    fn nothing_shows_a_secret() {
        let secret = Secret::new("correct horse".to_owned());
        assert!(NetconfLogin::key(&secret).is_none());
        assert_eq!(format!("{:?}", NetconfLogin::Password(secret)), "password(..)");
    }
}
