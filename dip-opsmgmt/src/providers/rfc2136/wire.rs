//! Signed DNS messages over one TCP connection (RFC 1035 section 4.2.2, TSIG by RFC 8945).
//!
//! Nothing runs in the background, and dropping a call drops its connection.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hickory_proto::ProtoError;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::tsig::TsigError;
use hickory_proto::rr::{TSigVerifier, TSigner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::timeout;

/// Longer than a busy server takes to write its journal, shorter than an attempt at a step.
const PATIENCE: Duration = Duration::from_secs(8);

/// So many questions are on the way at once: BIND reads 23 ahead on a connection, then waits until answers are taken.
const AHEAD: usize = 20;

/// Why there is no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("no connection to {server}")]
    Connect { server: String, source: std::io::Error },
    #[error("the connection to {server} broke")]
    Broken { server: String, source: std::io::Error },
    #[error("{server} did not answer within {PATIENCE:?}")]
    Slow { server: String },
    #[error("the server does not know the key (TSIG BADKEY)")]
    UnknownKey,
    #[error("the server does not accept the signature: the secret is not the one that it has (TSIG BADSIG)")]
    WrongSecret,
    #[error("the clocks of dip and of the server are more than five minutes apart (TSIG BADTIME)")]
    WrongTime,
    #[error("the answer carries no valid signature of the key")]
    Unsigned,
    #[error("the server answered {0} without a signature")]
    Refused(ResponseCode),
    #[error("a message holds at most 65,535 bytes")]
    TooLarge,
    #[error("the message does not follow the protocol: {0}")]
    Malformed(String),
}

/// A connection to a server.
pub(super) struct Connection<'a> {
    stream: TcpStream,
    server: &'a str,
    key: &'a TSigner,
}

impl<'a> Connection<'a> {
    pub(super) async fn open(server: &'a str, key: &'a TSigner) -> Result<Self, WireError> {
        match timeout(PATIENCE, TcpStream::connect(server)).await {
            Ok(Ok(stream)) => Ok(Self { stream, server, key }),
            Ok(Err(source)) => Err(WireError::Connect { server: server.to_owned(), source }),
            Err(_) => Err(WireError::Slow { server: server.to_owned() }),
        }
    }

    /// A connection that was open already.
    pub(super) const fn over(stream: TcpStream, server: &'a str, key: &'a TSigner) -> Self {
        Self { stream, server, key }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Signs and sends messages, and gives the answer to each in their order, its signature verified.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "rfc2136", server = self.server, messages = messages.len()))]
    pub(super) async fn ask_all(&mut self, messages: Vec<Message>) -> Result<Vec<Message>, WireError> {
        let mut all: Vec<Option<Message>> = vec![None; messages.len()];
        let mut messages = messages.into_iter().enumerate();
        loop {
            let mut bytes = Vec::new();
            let mut open = HashMap::new();
            for (number, mut message) in messages.by_ref().take(AHEAD) {
                // Two questions on the way at once need two ids.
                while open.contains_key(&message.id) {
                    message.metadata.id = message.metadata.id.wrapping_add(1);
                }
                let verifier = self.sign(&mut message, &mut bytes)?;
                open.insert(message.id, (number, verifier));
            }
            if open.is_empty() {
                break;
            }
            // What others send with these is signed too before any of it goes: Knot takes what has come into one transaction.
            yield_now().await;
            self.timely(async |stream| stream.write_all(&bytes).await).await?;
            while !open.is_empty() {
                let bytes = self.timely(receive).await?;
                let answer = Message::from_vec(&bytes).map_err(|error| malformed(&error))?;
                let (number, mut verifier) = open
                    .remove(&answer.id)
                    .ok_or_else(|| WireError::Malformed("the answer is to another question".to_owned()))?;
                verified(&answer)?;
                verifier.verify(&bytes).map_err(|_| WireError::Unsigned)?;
                all[number] = Some(answer);
            }
        }
        Ok(all.into_iter().flatten().collect())
    }

    /// Signs and sends a message, and gives the answers to it up to the last one (RFC 5936 section 2.2), each with its
    /// signature verified.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "rfc2136", server = self.server, action = %message.metadata.op_code))]
    pub(super) async fn ask_until(
        &mut self,
        mut message: Message,
        mut is_last: impl FnMut(&Message) -> bool + Send,
    ) -> Result<Vec<Message>, WireError> {
        let mut bytes = Vec::new();
        let mut verifier = self.sign(&mut message, &mut bytes)?;
        self.timely(async |stream| stream.write_all(&bytes).await).await?;
        let mut answers = Vec::new();
        loop {
            let bytes = self.timely(receive).await?;
            let answer = Message::from_vec(&bytes).map_err(|error| malformed(&error))?;
            if answer.id != message.id {
                return Err(WireError::Malformed("the answer is to another question".to_owned()));
            }
            verified(&answer)?;
            verifier.verify(&bytes).map_err(|_| WireError::Unsigned)?;
            let last = is_last(&answer);
            answers.push(answer);
            if last {
                return Ok(answers);
            }
        }
    }

    /// Signs a message, and puts it at the end of `bytes` with its length before it.
    fn sign(&self, message: &mut Message, bytes: &mut Vec<u8>) -> Result<TSigVerifier, WireError> {
        // A clock before 1970 is told by the server as BADTIME.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let verifier = message.finalize(self.key, now).map_err(unwritten)?.ok_or(WireError::Unsigned)?;
        let signed = message.to_vec().map_err(unwritten)?;
        let length = u16::try_from(signed.len()).map_err(|_| WireError::TooLarge)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&signed);
        Ok(verifier)
    }

    async fn timely<T>(&mut self, act: impl AsyncFnOnce(&mut TcpStream) -> std::io::Result<T>) -> Result<T, WireError> {
        match timeout(PATIENCE, act(&mut self.stream)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(source)) => Err(WireError::Broken { server: self.server.to_owned(), source }),
            Err(_) => Err(WireError::Slow { server: self.server.to_owned() }),
        }
    }
}

async fn receive(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn unwritten(error: ProtoError) -> WireError {
    match error {
        ProtoError::MaxBufferSizeExceeded(_) | ProtoError::NotAllRecordsWritten { .. } => WireError::TooLarge,
        error => malformed(&error),
    }
}

fn malformed(error: &dyn std::fmt::Display) -> WireError {
    WireError::Malformed(error.to_string())
}

/// What the server says of the request's signature.
fn verified(answer: &Message) -> Result<(), WireError> {
    match answer.signature().and_then(|signature| signature.data.error.as_ref()) {
        Some(TsigError::BadKey) => Err(WireError::UnknownKey),
        Some(TsigError::BadSig | TsigError::BadTrunc) => Err(WireError::WrongSecret),
        Some(TsigError::BadTime) => Err(WireError::WrongTime),
        Some(TsigError::Unknown(_)) | None => {
            let code = answer.response_code;
            // A server that has no zone, takes no such key, or fails, need not sign that (RFC 8945 section 5.2).
            let refused = !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain);
            if refused && answer.signature().is_none() { Err(WireError::Refused(code)) } else { Ok(()) }
        }
    }
}
