//! One connection to a node, over which many commands run at once.

use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dip_core::provider::{ErrorKind, Output, ProviderError};
use russh::client::{self, AuthResult, Handle, Msg};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, ChannelWriteHalf, Disconnect};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::host_key::Pins;
use super::{Login, Target};

/// The longest that a connection may take to be made, login included. A node in its boot answers late or not at all.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest that a node may take to open one more session on a connection that stands.
const OPEN: Duration = Duration::from_secs(10);

/// A node whose power was cut says nothing: after three of these pauses without an answer it is taken for gone.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// OpenSSH refuses more than 10 sessions on one connection (`MaxSessions`), and it counts those that have just ended and not
/// been cleared away: half of them may be at work.
const SESSIONS: usize = 5;

/// The pause after which a refused session is asked for again.
const REFUSED: Duration = Duration::from_millis(50);

/// A connection that is logged in.
pub(super) struct Connection {
    handle: Handle<Greeter>,
    sessions: Semaphore,
    abandoned: mpsc::UnboundedSender<ChannelWriteHalf<Msg>>,
    /// Whether a session was ever abandoned: OpenSSH counts it until its command ends, which may be never.
    crowded: AtomicBool,
    closer: JoinHandle<()>,
}

/// Why a command did not end.
pub(super) enum Failed {
    /// It was never sent: it may be sent again over another connection.
    NotSent(Box<dyn StdError + Send + Sync>),
    /// It was sent; whether it ran is not known.
    Lost(&'static str),
    /// The node opens no further session now.
    Busy(russh::Error),
    /// The node runs no commands for this user.
    Refused,
}

impl Connection {
    /// Connects, compares the host key and logs in.
    pub(super) async fn open(target: &Target, action: &str) -> Result<Self, ProviderError> {
        let fail = |kind| ProviderError::new(kind, "ssh", action);
        let pins = target.host_keys.pins(&target.address, target.port).map_err(|error| {
            fail(ErrorKind::Denied).because(error).advise(format!("give the host key of {}", target.node))
        })?;
        let greeting = Arc::new(Mutex::new(Greeting::default()));
        let attempt = timeout(CONNECT, greet(target, &pins, &greeting));
        let result = attempt.await.unwrap_or_else(|_| Err(GreetError::Slow));
        let greeting = greeting.lock().unwrap_or_else(PoisonError::into_inner);
        let error = match result {
            Ok(handle) => return Ok(Self::over(handle)),
            Err(error) => error,
        };
        if let Some(shown) = &greeting.refused {
            return Err(fail(ErrorKind::Denied).advise(format!(
                "{target} shows the host key {shown}, expected is {}; if the node was installed anew, put its new key into the site file, otherwise find out who answers there",
                pins.expected()
            )));
        }
        // pam_nologin: the system is on its way up or down and lets only root in.
        if greeting.banner.contains("pam_nologin") || greeting.banner.contains("not permitted to log in yet") {
            return Err(fail(ErrorKind::Busy).advise(format!("{target} is still booting")));
        }
        Err(match error {
            GreetError::Denied => fail(ErrorKind::Denied)
                .advise(format!("{target} refuses the {}; check `user` and the secret", target.login.noun())),
            GreetError::Slow => {
                fail(ErrorKind::Unreachable).advise(format!("{target} did not answer within {CONNECT:?}"))
            }
            GreetError::Ssh(error @ russh::Error::NoCommonAlgo { .. }) => fail(ErrorKind::Denied)
                .because(error)
                .advise(format!("{target} has no host key of the kind that is expected ({})", pins.expected())),
            GreetError::Ssh(error @ russh::Error::Version) => fail(ErrorKind::Unexpected)
                .because(error)
                .advise(format!("what answers at {target} does not speak SSH; check the port")),
            // All else ends the connection before anything was asked: a node in its boot does so too.
            GreetError::Ssh(error) => {
                fail(ErrorKind::Unreachable).because(error).advise(format!("{target} ended the connection"))
            }
            GreetError::Tcp(error) => {
                fail(ErrorKind::Unreachable).because(error).advise(format!("{target} is not reached"))
            }
        })
    }

    fn over(handle: Handle<Greeter>) -> Self {
        let (abandoned, mut left) = mpsc::unbounded_channel::<ChannelWriteHalf<Msg>>();
        let closer = tokio::spawn(async move {
            while let Some(session) = left.recv().await {
                // A connection that is gone has closed its sessions.
                let _ = session.close().await;
            }
        });
        Self { handle, sessions: Semaphore::new(SESSIONS), abandoned, crowded: AtomicBool::new(false), closer }
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Opens a session; one that is refused is asked for again, because others end.
    async fn session(&self) -> Result<Channel<Msg>, Failed> {
        let last = Instant::now() + OPEN;
        loop {
            match timeout_at(last, self.handle.channel_open_session()).await {
                Ok(Ok(channel)) => return Ok(channel),
                Ok(Err(error @ russh::Error::ChannelOpenFailure(_))) if Instant::now() + REFUSED >= last => {
                    return Err(Failed::Busy(error));
                }
                // What is abandoned there does not end soon: another connection has room.
                Ok(Err(error @ russh::Error::ChannelOpenFailure(_))) if self.crowded.load(Ordering::Relaxed) => {
                    return Err(Failed::NotSent(error.into()));
                }
                Ok(Err(russh::Error::ChannelOpenFailure(_))) => sleep(REFUSED).await,
                Ok(Err(error)) => return Err(Failed::NotSent(error.into())),
                Err(slow) => return Err(Failed::NotSent(slow.into())),
            }
        }
    }

    /// Runs a line by the user's shell and waits for its end.
    ///
    /// # Cancel safety
    /// The session is closed. The command is cut off from its output and not killed: to kill half of an installation is worse.
    pub(super) async fn run(&self, line: &str, input: Option<&[u8]>) -> Result<Output, Failed> {
        let _permit = self.sessions.acquire().await.map_err(|closed| Failed::NotSent(closed.into()))?;
        let (mut read, write) = self.session().await?.split();
        let mut session = Session { write: Some(write), connection: self };
        let output = {
            let Some(write) = &session.write else { return Err(Failed::Lost("the session is closed")) };
            write.exec(true, line).await.map_err(|error| Failed::NotSent(error.into()))?;
            let feed = async {
                // A command that does not read all of its input is no failure; its exit status tells.
                if let Some(bytes) = input {
                    let _ = write.data_bytes(bytes.to_vec()).await;
                }
                let _ = write.eof().await;
            };
            tokio::pin!(feed);
            let mut fed = false;
            let mut ended = Ended::default();
            loop {
                let message = tokio::select! {
                    () = &mut feed, if !fed => { fed = true; continue }
                    message = read.wait() => message,
                };
                match message {
                    None | Some(ChannelMsg::Close) => break,
                    Some(ChannelMsg::Failure) => return Err(Failed::Refused),
                    Some(message) => ended.take(message),
                }
            }
            ended
        };
        session.write = None;
        output.output().ok_or(Failed::Lost("the connection was lost before the command ended"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.closer.abort();
    }
}

/// A session that is closed also when its command is abandoned: a node has few of them.
struct Session<'a> {
    write: Option<ChannelWriteHalf<Msg>>,
    connection: &'a Connection,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let Some(write) = self.write.take() {
            self.connection.crowded.store(true, Ordering::Relaxed);
            // Fails only where the connection is gone, and the session with it.
            let _ = self.connection.abandoned.send(write);
        }
    }
}

/// What a command has told so far.
#[derive(Default)]
struct Ended {
    how: Option<Option<i32>>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Ended {
    fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::Data { data } => self.stdout.extend_from_slice(&data),
            // 1 is standard error (RFC 4254, section 5.2); no other is defined.
            ChannelMsg::ExtendedData { data, ext: 1 } => self.stderr.extend_from_slice(&data),
            ChannelMsg::ExitStatus { exit_status } => self.how = Some(i32::try_from(exit_status).ok()),
            ChannelMsg::ExitSignal { .. } => self.how = Some(None),
            _ => {}
        }
    }

    fn output(self) -> Option<Output> {
        let status = self.how?;
        Some(Output { status, stdout: self.stdout, stderr: self.stderr })
    }
}

enum GreetError {
    Tcp(std::io::Error),
    Ssh(russh::Error),
    Denied,
    Slow,
}

impl From<russh::Error> for GreetError {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

async fn greet(target: &Target, pins: &Pins, greeting: &Arc<Mutex<Greeting>>) -> Result<Handle<Greeter>, GreetError> {
    let config = client::Config {
        preferred: pins.preferred(),
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..client::Config::default()
    };
    let socket = TcpStream::connect((target.address.as_str(), target.port)).await.map_err(GreetError::Tcp)?;
    socket.set_nodelay(true).map_err(GreetError::Tcp)?;
    let greeter = Greeter { pins: pins.clone(), greeting: Arc::clone(greeting) };
    let mut handle = client::connect_stream(Arc::new(config), socket, greeter).await?;
    let result = match &target.login {
        Login::Key(key) => {
            let hash = if key.algorithm().is_rsa() {
                // A server that does not tell takes SHA-256, which is older than SHA-512 in no server.
                Some(handle.best_supported_rsa_hash().await?.flatten().unwrap_or(HashAlg::Sha256))
            } else {
                None
            };
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
            handle.authenticate_publickey(target.user.as_str(), key).await?
        }
        Login::Password(password) => handle.authenticate_password(target.user.as_str(), password.expose()).await?,
    };
    match result {
        AuthResult::Success => Ok(handle),
        AuthResult::Failure { .. } => {
            // The refusal is what counts, whether or not the node still hears the farewell.
            let _ = handle.disconnect(Disconnect::ByApplication, "", "").await;
            Err(GreetError::Denied)
        }
    }
}

/// What a node said before it let us in.
#[derive(Default)]
struct Greeting {
    refused: Option<String>,
    banner: String,
}

struct Greeter {
    pins: Pins,
    greeting: Arc<Mutex<Greeting>>,
}

impl Greeter {
    fn is_known(&self, key: &PublicKey) -> bool {
        let known = self.pins.accept(key);
        if !known {
            let shown = key.fingerprint(HashAlg::Sha256).to_string();
            self.greeting.lock().unwrap_or_else(PoisonError::into_inner).refused = Some(shown);
        }
        known
    }
}

impl client::Handler for Greeter {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.is_known(key),
            // Never asked for; a certificate would move the trust from this key to whoever signed it.
            PublicKeyOrCertificate::Certificate(_) => false,
        })
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut client::Session) -> Result<(), russh::Error> {
        self.greeting.lock().unwrap_or_else(PoisonError::into_inner).banner.push_str(banner);
        Ok(())
    }
}
