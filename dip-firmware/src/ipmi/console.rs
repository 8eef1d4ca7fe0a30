//! A machine's serial console over a session of its own (§15, §24).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::bmc::IpmiBmc;
use super::client::IpmiClient;
use super::console_pump::{Line, Pump};
use super::error::IpmiError;
use super::opcode::Opcode;
use super::options::Resend;

const ACTIVATE: Opcode = Opcode::raw(0x06, 0x48);
pub(super) const DEACTIVATE: Opcode = Opcode::raw(0x06, 0x49);
/// Payload type SOL, its first instance, and no more (§24.2).
pub(super) const SOL_1: [u8; 6] = [0x01, 0x01, 0, 0, 0, 0];
/// As [`SOL_1`], encrypted and signed (§24.1).
const SOL_1_PROTECTED: [u8; 6] = [0x01, 0x01, 0xC0, 0, 0, 0];
/// Bytes between the caller and the task that talks with the BMC, each way.
const PIPE: usize = 4096;

/// An open console: what is written goes to the machine's serial port, and what comes from there is read.
///
/// Dropping it gives the console back without waiting; [`close`](Self::close) waits. Reading gives the error that ended it, and
/// the end of the stream where the BMC has taken the console away.
pub struct SolConsole {
    pipe: DuplexStream,
    ended: Arc<Mutex<Option<IpmiError>>>,
    wants_break: Arc<Notify>,
    /// `None` once it has ended.
    pump: Option<JoinHandle<()>>,
    peer: SocketAddr,
}

impl IpmiBmc {
    /// Opens the serial console, in a session of its own.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state); class `Busy` where somebody else has it.
    pub async fn console(&self) -> Result<SolConsole, IpmiError> {
        let client = self.session.connect().await?;
        let activated = client.request(ACTIVATE, &SOL_1_PROTECTED, Resend::Never).await;
        let reply = activated.map_err(|error| busy(&client, error))?;
        let short = || IpmiError::Malformed {
            addr: client.peer().into(),
            command: ACTIVATE,
            what: "the activation of the console has fewer than 8 bytes",
        };
        // Four auxiliary bytes, then how much the BMC takes in one payload.
        let limit = reply.get(4..8).and_then(|sizes| sizes.first_chunk()).ok_or_else(short)?;
        let line = Line { sequence: Arc::clone(&self.console_sequence), ..Line::default() };
        Ok(SolConsole::new(client, u16::from_le_bytes(*limit), line))
    }

    /// Ends whoever's console it is.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn end_console(&self) -> Result<(), IpmiError> {
        match self.request(DEACTIVATE, &SOL_1, Resend::Allowed).await {
            // 80h: it is not active.
            Err(IpmiError::Completion { code, .. }) if code.value() == 0x80 => Ok(()),
            other => other.map(drop),
        }
    }
}

/// 80h: it is active in another session (§24.1).
fn busy(client: &IpmiClient, error: IpmiError) -> IpmiError {
    match error {
        IpmiError::Completion { code, .. } if matches!(code.value(), 0x80 | 0x82) => {
            IpmiError::ConsoleTaken { addr: client.peer().into() }
        }
        other => other,
    }
}

impl SolConsole {
    fn new(client: IpmiClient, limit: u16, line: Line) -> Self {
        let (pipe, far) = tokio::io::duplex(PIPE);
        let ended = Arc::<Mutex<Option<IpmiError>>>::default();
        let peer = client.peer();
        let pump = Pump::new(client, limit, far, line.clone());
        let pump = tokio::spawn({
            let ended = Arc::clone(&ended);
            async move {
                if let Err(error) = pump.run().await {
                    *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            }
        });
        Self { pipe, ended, wants_break: line.wants_break, pump: Some(pump), peer }
    }

    /// Sends a break, as for the magic keys of a Linux console.
    pub fn send_break(&self) {
        self.wants_break.notify_one();
    }

    /// Sends what was written, gives the console back and waits until the BMC has confirmed it.
    ///
    /// # Errors
    /// Why the console had ended before.
    pub async fn close(self) -> Result<(), IpmiError> {
        drop(self.pipe);
        if let Some(pump) = self.pump {
            // A task that panicked has nothing to tell.
            let _ = pump.await;
        }
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

impl SolConsole {
    /// Why it ended, of one whose task lets go of the pipe: `None` where the BMC took it away.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Error>> {
        // The pipe ends before the task has said why.
        if let Some(pump) = &mut self.pump {
            let _ = ready!(Pin::new(pump).poll(cx));
            self.pump = None;
        }
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        Poll::Ready(ended.map(|error| io::Error::new(io::ErrorKind::ConnectionAborted, error)))
    }
}

impl AsyncRead for SolConsole {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.pipe).poll_read(cx, buf))?;
        if buf.filled().len() == before
            && buf.remaining() > 0
            && let Some(error) = ready!(self.poll_end(cx))
        {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SolConsole {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.pipe).poll_write(cx, buf)) {
            Err(broken) if broken.kind() == io::ErrorKind::BrokenPipe => {
                Poll::Ready(Err(ready!(self.poll_end(cx)).unwrap_or(broken)))
            }
            other => Poll::Ready(other),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

impl fmt::Debug for SolConsole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SolConsole").field("peer", &self.peer).finish_non_exhaustive()
    }
}
