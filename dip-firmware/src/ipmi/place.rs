//! Where a BMC is asked.

use std::fmt;
use std::net::SocketAddr;

/// Where a BMC is asked: over the network, or from its own machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `/dev/ipmi0` and so on, by number: the BMC of the machine that this program runs on.
    Device(u8),
    /// Its address and UDP port.
    Lan(SocketAddr),
}

impl From<SocketAddr> for Place {
    fn from(addr: SocketAddr) -> Self {
        Self::Lan(addr)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(number) => write!(f, "/dev/ipmi{number}"),
            Self::Lan(addr) => addr.fmt(f),
        }
    }
}
