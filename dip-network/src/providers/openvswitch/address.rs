//! Where an OVSDB server listens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use dip_core::site::Endpoint;

/// The port that IANA gave to OVSDB (RFC 7047, section 6).
const DEFAULT_PORT: u16 = 6640;

/// The address of an OVSDB server, written as Open vSwitch does: `tcp:10.0.9.1:6640`, `tcp:[fd00::1]:6640`, `unix:/run/openvswitch/db.sock`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OvsdbAddress {
    /// Over TCP.
    Tcp {
        /// The host name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// Over a Unix socket of this machine.
    Unix(PathBuf),
}

/// A text is not the address of an OVSDB server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not the address of an OVSDB server: {why}; write `tcp:10.0.9.1:6640` or `unix:/run/openvswitch/db.sock`"
)]
pub struct AddressError {
    text: String,
    why: &'static str,
}

impl FromStr for OvsdbAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = |why| AddressError { text: text.to_owned(), why };
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("unix", _)) => Err(wrong("the path of a socket is absolute")),
            Some(("ssl", _)) => Err(wrong("TLS is not offered")),
            Some(("tcp", place)) => {
                let place: Endpoint = place.parse().map_err(|_| wrong("it names no host, or a port that is none"))?;
                Ok(Self::Tcp { host: place.host().to_owned(), port: place.port().unwrap_or(DEFAULT_PORT) })
            }
            _ => Err(wrong("it does not start with `tcp:` or `unix:`")),
        }
    }
}

impl fmt::Display for OvsdbAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_open_vswitch_writes_them() {
        for (text, again) in [
            ("tcp:10.0.9.1:6641", "tcp:10.0.9.1:6641"),
            ("tcp:sw1.lab.example", "tcp:sw1.lab.example:6640"),
            ("tcp:[fd00::1]:6641", "tcp:[fd00::1]:6641"),
            ("tcp:[fd00::1]", "tcp:[fd00::1]:6640"),
            ("unix:/run/openvswitch/db.sock", "unix:/run/openvswitch/db.sock"),
        ] {
            assert_eq!(text.parse::<OvsdbAddress>().map(|address| address.to_string()).as_deref(), Ok(again));
        }
    }

    #[test]
    fn what_is_no_address_is_told_with_the_reason() {
        for text in [
            "",
            "10.0.9.1:6640",
            "tcp:",
            "tcp::6640",
            "tcp:a:b",
            "tcp:a:0",
            "tcp:[fd00::1",
            "unix:db.sock",
            "ssl:a:6640",
        ] {
            let error = text.parse::<OvsdbAddress>().expect_err(text);
            assert!(error.to_string().contains("write `tcp:"), "{error}");
        }
    }
}
