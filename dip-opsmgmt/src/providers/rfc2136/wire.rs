//! Signed DNS messages over one TCP connection (RFC 1035 section 4.2.2, TSIG by RFC 8945).
//!
//! One request at a time on a connection of its own: nothing runs in the background, and dropping the call drops the connection.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hickory_proto::op::Message;
use hickory_proto::rr::TSigner;
use hickory_proto::rr::rdata::tsig::TsigError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than a busy server takes to write its journal, shorter than an attempt at a step.
const PATIENCE: Duration = Duration::from_secs(8);

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

    /// Signs and sends a message, and gives the answer to it, whose signature was verified.
    pub(super) async fn ask(&mut self, message: Message) -> Result<Message, WireError> {
        let mut answers = self.ask_until(message, |_| true).await?;
        answers.pop().ok_or_else(|| WireError::Malformed("there is no answer".to_owned()))
    }

    /// Signs and sends a message, and gives the answers to it up to the last one (RFC 5936 section 2.2), each with its
    /// signature verified.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "rfc2136", server = self.server, action = %message.metadata.op_code))]
    pub(super) async fn ask_until(
        &mut self,
        mut message: Message,
        mut is_last: impl FnMut(&Message) -> bool,
    ) -> Result<Vec<Message>, WireError> {
        let malformed = |error: &dyn std::fmt::Display| WireError::Malformed(error.to_string());
        // A clock before 1970 is told by the server as BADTIME.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let mut verifier =
            message.finalize(self.key, now).map_err(|error| malformed(&error))?.ok_or(WireError::Unsigned)?;
        let mut request = Some(message.to_vec().map_err(|error| malformed(&error))?);
        let mut answers = Vec::new();
        loop {
            let bytes = match timeout(PATIENCE, self.exchange(request.take())).await {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(source)) => return Err(WireError::Broken { server: self.server.to_owned(), source }),
                Err(_) => return Err(WireError::Slow { server: self.server.to_owned() }),
            };
            let answer = Message::from_vec(&bytes).map_err(|error| malformed(&error))?;
            verified(&answer, message.id)?;
            verifier.verify(&bytes).map_err(|_| WireError::Unsigned)?;
            let last = is_last(&answer);
            answers.push(answer);
            if last {
                return Ok(answers);
            }
        }
    }

    /// Sends a request, where there is one, and reads a message.
    async fn exchange(&mut self, request: Option<Vec<u8>>) -> std::io::Result<Vec<u8>> {
        if let Some(request) = request {
            let length = u16::try_from(request.len()).map_err(|_| {
                std::io::Error::new(std::io::ErrorKind::InvalidInput, "a message holds at most 65535 bytes")
            })?;
            let mut framed = length.to_be_bytes().to_vec();
            framed.extend_from_slice(&request);
            self.stream.write_all(&framed).await?;
        }
        let mut answer = vec![0; usize::from(self.stream.read_u16().await?)];
        self.stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}

/// Whether a message answers the request, and what the server says of the request's signature.
fn verified(answer: &Message, request: u16) -> Result<(), WireError> {
    if answer.id != request {
        return Err(WireError::Malformed("the answer is to another question".to_owned()));
    }
    match answer.signature().and_then(|signature| signature.data.error.as_ref()) {
        Some(TsigError::BadKey) => Err(WireError::UnknownKey),
        Some(TsigError::BadSig | TsigError::BadTrunc) => Err(WireError::WrongSecret),
        Some(TsigError::BadTime) => Err(WireError::WrongTime),
        Some(TsigError::Unknown(_)) | None => Ok(()),
    }
}
