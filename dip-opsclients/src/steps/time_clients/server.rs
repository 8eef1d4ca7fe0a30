//! A time server as a site file writes it.

use dip_core::site::Endpoint;
use serde::{Deserialize, Serialize};

/// An NTP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its address or host name.
    pub host: String,
    /// Its port, where it is not 123.
    pub port: Option<u16>,
}

impl Server {
    /// Reads `10.1.0.3`, `10.1.0.3:1123`, `fd00::3`, `[fd00::3]:1123`, `ntp.example`, `ntp.example:1123`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is not an NTP server; write an address or a host name, with a port where it is not 123")
        };
        let endpoint: Endpoint = text.parse().map_err(|_| wrong())?;
        Ok(Self { host: endpoint.host().to_owned(), port: endpoint.port() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_addresses_and_names_with_and_without_a_port() {
        let read = |text| Server::parse(text).map(|server| (server.host, server.port));
        assert_eq!(read("fd00::3"), Ok(("fd00::3".to_owned(), None)));
        assert_eq!(read("[fd00::3]:1123"), Ok(("fd00::3".to_owned(), Some(1123))));
        assert_eq!(read("10.1.0.3:1123"), Ok(("10.1.0.3".to_owned(), Some(1123))));
        assert!(read("ntp.example iburst\nallow all").is_err());
        assert!(read("").is_err());
    }
}
