//! Proxy DHCP: boot questions are answered beside a DHCP server that nobody may touch (PXE 2.1, sections 2.2.1 and 2.2.3; RFC 4578).
//!
//! The DHCP server goes on to give addresses. A client that wants to boot from the network hears both, and joins what they say.
//!
//! ```no_run
//! use std::net::Ipv4Addr;
//! use std::sync::Arc;
//! use async_trait::async_trait;
//! use dip_network::proxy::{BootAnswer, BootDesk, BootQuestion, ClientArchitecture, ProxyDhcp};
//! use tokio::net::UdpSocket;
//!
//! struct Desk;
//! #[async_trait]
//! impl BootDesk for Desk {
//!     async fn boot(&self, question: &BootQuestion) -> Option<BootAnswer> {
//!         let file = match question.architecture {
//!             ClientArchitecture::Bios => "undionly.kpxe",
//!             ClientArchitecture::UefiX64 => "ipxe.efi",
//!             _ => return None,
//!         };
//!         Some(BootAnswer { server: Ipv4Addr::new(10, 0, 0, 5), file: file.to_owned() })
//!     }
//! }
//!
//! # async fn example() -> std::io::Result<()> {
//! let dhcp = UdpSocket::bind(("0.0.0.0", 67)).await?;
//! dhcp.set_broadcast(true)?;
//! // The clients' interface: an answer to all else leaves by the default route.
//! dhcp.bind_device(Some(b"eno1"))?;
//! let binl = UdpSocket::bind(("0.0.0.0", 4011)).await?;
//! ProxyDhcp::new(Ipv4Addr::new(10, 0, 0, 5), Arc::new(Desk)).serve(&dhcp, &binl).await
//! # }
//! ```

mod answer;
mod question;
mod server;

pub use crate::provider::ClientArchitecture;
pub use question::BootQuestion;
pub use server::{BootAnswer, BootDesk, ProxyDhcp};

/// A question of a client, as a fuzzer asks it: read and answered.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz(bytes: &[u8]) {
    use std::net::Ipv4Addr;
    for port in [question::Port::Dhcp, question::Port::Binl] {
        if let Some(asked) = question::Asked::read(bytes, port) {
            let boot = BootAnswer { server: Ipv4Addr::LOCALHOST, file: "a".repeat(bytes.len()) };
            std::hint::black_box(answer::write(&asked, &boot, Ipv4Addr::LOCALHOST)).ok();
        }
    }
}
