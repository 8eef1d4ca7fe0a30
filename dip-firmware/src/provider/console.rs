//! The serial console of a machine, over the network.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use tokio::io::{AsyncRead, AsyncWrite};

/// An open console: what is written goes to the machine's serial port, what comes from there is read. Dropping it gives the console
/// back.
pub trait ConsoleStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ConsoleStream for T {}

/// The serial console of one machine (IPMI 2.0, section 15: serial over LAN).
///
/// # Contract
/// One user at a time: where somebody else holds it, `open` is [`ErrorKind::Busy`](dip_core::provider::ErrorKind::Busy) and takes
/// nothing away; `take` ends the other's.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Console: Send + Sync {
    /// Opens the console.
    async fn open(&self) -> Result<Box<dyn ConsoleStream>, ProviderError>;

    /// Ends whoever's console it is, and opens it.
    async fn take(&self) -> Result<Box<dyn ConsoleStream>, ProviderError>;
}
