//! A connection to dhcpd's OMAPI, with its key.

use std::io;
use std::time::Duration;

use dip_core::provider::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::failure::Failure;
use super::host::Host;
use super::message::{GREETING, Message, Operation, Pairs, Received, number, pair, value};
use crate::settings::KeyAlgorithm;

/// dhcpd answers in milliseconds, and stands still while it writes its lease file anew, which takes some seconds with 100,000 leases.
const PATIENCE: Duration = Duration::from_secs(15);

/// ISC's results (`isc/result.h`, and `omapip/result.h`, whose class is 6 and counts from 6 · 2^16; before dhcpd 4.2 from 36).
const SUCCESS: u32 = 0;
const EXISTS: u32 = 18;
const NOT_FOUND: u32 = 23;
const DHCP: [u32; 2] = [6 << 16, 36];
const KEY_CONFLICT: u32 = 7;
const MULTIPLE: u32 = 6;
const BAD_KEY: [u32; 3] = [9, 10, 11];

/// Where a dhcpd answers, and the key that it takes.
pub(super) struct Target {
    /// With its port.
    pub(super) address: String,
    pub(super) key: String,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) secret: Vec<u8>,
}

/// A connection on which the key is known.
pub(super) struct Session<'t> {
    target: &'t Target,
    stream: TcpStream,
    key: u32,
    next: u32,
    read: Vec<u8>,
}

/// What dhcpd answers.
#[derive(Debug)]
enum Reply {
    Object(u32, Pairs),
    Status(u32, String),
}

impl<'t> Session<'t> {
    /// Connects and shows the key by its name; whether its secret is right is seen by the first request.
    pub(super) async fn open(target: &'t Target) -> Result<Self, Failure> {
        let opened = async {
            let stream = TcpStream::connect(&target.address).await.map_err(|error| target.away(&error))?;
            // A request is one small packet, and its answer is waited for.
            stream.set_nodelay(true).ok();
            let mut session = Self { target, stream, key: 0, next: 1, read: Vec::new() };
            session.greet().await?;
            let object = vec![pair("name", &target.key), pair("algorithm", target.algorithm.name())];
            match session.exchange(Operation::Open, 0, vec![pair("type", "authenticator")], object).await? {
                Reply::Object(key, _) if key != 0 => session.key = key,
                // It is looked up by name and algorithm; another result is that it is not the one of `omapi-key`.
                _ => return Err(target.bad_key()),
            }
            Ok(session)
        };
        timeout(PATIENCE, opened).await.unwrap_or_else(|_| Err(target.silent()))
    }

    /// A host by what stands in it.
    pub(super) async fn host(&mut self, by: Pairs) -> Result<Option<Host>, Failure> {
        match self.ask(Operation::Open, 0, vec![pair("type", "host")], by).await? {
            Reply::Object(handle, pairs) => match Host::read(handle, &pairs) {
                Ok(host) => Ok(Some(host)),
                Err(odd) => Err(self.target.unexpected(&odd.to_string())),
            },
            Reply::Status(NOT_FOUND, _) => Ok(None),
            reply => Err(self.target.refused(&reply)),
        }
    }

    /// Makes a host; one that is found by what it is made of is a conflict.
    pub(super) async fn make(&mut self, host: Pairs) -> Result<(), Failure> {
        let yes = 1_u32.to_be_bytes();
        let about = vec![pair("type", "host"), pair("create", yes), pair("exclusive", yes)];
        match self.ask(Operation::Open, 0, about, host).await? {
            Reply::Object(..) => Ok(()),
            reply => Err(self.target.refused(&reply)),
        }
    }

    /// Removes a host; one that is gone already is no error.
    pub(super) async fn remove(&mut self, host: &Host) -> Result<(), Failure> {
        match self.ask(Operation::Delete, host.handle, Vec::new(), Vec::new()).await? {
            Reply::Status(SUCCESS | NOT_FOUND, _) => Ok(()),
            reply => Err(self.target.refused(&reply)),
        }
    }

    /// The state and the address of an interface's lease, where it has one and no more: dhcpd does not tell several.
    pub(super) async fn lease(&mut self, by: Pairs) -> Result<Option<(u32, Vec<u8>)>, Failure> {
        match self.ask(Operation::Open, 0, vec![pair("type", "lease")], by).await? {
            Reply::Object(_, pairs) => {
                let (state, address) = (value(&pairs, "state").and_then(number), value(&pairs, "ip-address"));
                Ok(state.zip(address.map(<[u8]>::to_vec)))
            }
            Reply::Status(NOT_FOUND, _) => Ok(None),
            Reply::Status(result, _) if of_dhcp(result) == Some(MULTIPLE) => Ok(None),
            reply => Err(self.target.refused(&reply)),
        }
    }

    async fn ask(&mut self, operation: Operation, handle: u32, about: Pairs, object: Pairs) -> Result<Reply, Failure> {
        let exchange = timeout(PATIENCE, self.exchange(operation, handle, about, object)).await;
        exchange.unwrap_or_else(|_| Err(self.target.silent()))
    }

    async fn greet(&mut self) -> Result<(), Failure> {
        let mut theirs = [0; GREETING.len()];
        let exchange = async {
            self.stream.write_all(&GREETING).await?;
            self.stream.read_exact(&mut theirs).await
        };
        exchange.await.map_err(|error| self.target.away(&error))?;
        if theirs == GREETING { Ok(()) } else { Err(self.target.unexpected("a greeting of something else")) }
    }

    async fn exchange(
        &mut self,
        operation: Operation,
        handle: u32,
        about: Pairs,
        object: Pairs,
    ) -> Result<Reply, Failure> {
        let target = self.target;
        let message = Message { key: self.key, operation, handle, number: self.next, answers: 0, about, object };
        self.next = self.next.wrapping_add(1);
        let bytes = match self.key {
            0 => message.write(0, |_| Vec::new()),
            _ => message.write(target.algorithm.length(), |signed| target.algorithm.sign(&target.secret, signed)),
        };
        self.stream.write_all(&bytes).await.map_err(|error| target.away(&error))?;
        loop {
            let received = self.receive().await?;
            // What answers something else is none of this request's business.
            if received.message.answers != message.number {
                continue;
            }
            return match received.message.operation {
                Operation::Update => Ok(Reply::Object(received.message.handle, received.message.object)),
                Operation::Status => {
                    let result = received.message.about("result").and_then(number);
                    let result = result.ok_or_else(|| target.unexpected("a status without a result"))?;
                    let words = received.message.about("message").unwrap_or_default();
                    Ok(Reply::Status(result, String::from_utf8_lossy(words).into_owned()))
                }
                other => Err(target.unexpected(&format!("{other:?} as an answer"))),
            };
        }
    }

    /// The next message; it must be signed where ours are, but for the one that refuses the key.
    async fn receive(&mut self) -> Result<Received, Failure> {
        let target = self.target;
        loop {
            match Message::read(&self.read) {
                Ok(Some(received)) => {
                    let (signed, signature) =
                        (&self.read[received.signed.clone()], &self.read[received.signature.clone()]);
                    let trusted = self.key == 0
                        || target.algorithm.verify(&target.secret, signed, signature)
                        || signature.is_empty() && received.message.refuses_the_key();
                    if !trusted {
                        let advice = "see who answers there: it does not have the key's secret";
                        return Err(Failure::new(
                            ErrorKind::Denied,
                            format!("an answer from {} is not signed with the key `{}`", target.address, target.key),
                        )
                        .advise(advice));
                    }
                    self.read.drain(..received.signature.end);
                    return Ok(received);
                }
                Ok(None) => {}
                Err(malformed) => return Err(target.unexpected(&malformed.to_string())),
            }
            match self.stream.read_buf(&mut self.read).await {
                Ok(0) => return Err(target.away(&io::ErrorKind::ConnectionReset.into())),
                Ok(_) => {}
                Err(error) => return Err(target.away(&error)),
            }
        }
    }
}

impl Message {
    fn refuses_the_key(&self) -> bool {
        let result = self.about("result").and_then(number).and_then(of_dhcp);
        self.operation == Operation::Status && result.is_some_and(|result| BAD_KEY.contains(&result))
    }
}

fn of_dhcp(result: u32) -> Option<u32> {
    DHCP.into_iter().find_map(|first| result.checked_sub(first))
}

impl Target {
    fn away(&self, error: &io::Error) -> Failure {
        let why = format!("no connection to OMAPI at {}: {error}", self.address);
        Failure::new(ErrorKind::Unreachable, why).advise("start dhcpd, give it an `omapi-port`, or correct `address`")
    }

    fn silent(&self) -> Failure {
        let why = format!("dhcpd at {} did not answer within {} seconds", self.address, PATIENCE.as_secs());
        Failure::new(ErrorKind::Unreachable, why).advise("see what keeps dhcpd busy, or whether it listens there")
    }

    fn unexpected(&self, what: &str) -> Failure {
        let why = format!("{} answers something that is not OMAPI: {what}", self.address);
        Failure::new(ErrorKind::Unexpected, why).advise("see whether dhcpd listens there")
    }

    fn refused(&self, reply: &Reply) -> Failure {
        let Reply::Status(result, words) = reply else { return self.unexpected("an object that was not asked for") };
        let words = if words.is_empty() { String::new() } else { format!(" ({words})") };
        match of_dhcp(*result) {
            Some(code) if BAD_KEY.contains(&code) => self.bad_key(),
            Some(KEY_CONFLICT) => Failure::new(ErrorKind::Conflict, format!("another host has a part of it{words}")),
            _ if *result == EXISTS => {
                Failure::new(ErrorKind::Conflict, format!("there is a host with its name or address already{words}"))
            }
            _ => Failure::new(ErrorKind::Invalid, format!("dhcpd refuses it with result {result}{words}")),
        }
    }

    fn bad_key(&self) -> Failure {
        let why = format!("dhcpd at {} refuses the key `{}`, its algorithm or its secret", self.address, self.key);
        let advice = "compare `key`, `algorithm` and `secret` with the `omapi-key` of dhcpd.conf";
        Failure::new(ErrorKind::Denied, why).advise(advice)
    }
}
