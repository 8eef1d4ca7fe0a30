//! Where a service is reached: a host, and a port where it is not the usual one.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::parsed::domain;

/// A host name or an IP address, with an optional port from 1 to 65535: `dns.example`, `10.1.0.5:53`, `fd00::5`, `[fd00::5]:53`. An IPv6
/// address stands in brackets where a port follows (RFC 3986, section 3.2.2).
///
/// ```
/// use dip_core::site::Endpoint;
/// let endpoint: Endpoint = "fd00::5".parse()?;
/// assert_eq!((endpoint.host(), endpoint.port()), ("fd00::5", None));
/// assert_eq!(endpoint.with_port(53), "[fd00::5]:53");
/// # Ok::<(), dip_core::site::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: Option<u16>,
}

/// A text is no [`Endpoint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address or host name with an optional port, for example `10.1.0.5:53`")]
pub struct EndpointError(String);

impl Endpoint {
    /// The host name or the address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where one is said.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// As `host:port` with its own port or the usual one, as sockets take it.
    #[must_use]
    pub fn with_port(&self, usual: u16) -> String {
        Self { port: self.port.or(Some(usual)), ..self.clone() }.to_string()
    }

    /// As it stands in a URL: an IPv6 address has brackets there also without a port.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port.is_none() && self.host.contains(':') { format!("[{}]", self.host) } else { self.to_string() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => f.write_str(&self.host),
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        read(text).ok_or_else(|| EndpointError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Endpoint> {
    let endpoint = |host: &str, port| Some(Endpoint { host: host.to_owned(), port });
    if text.parse::<IpAddr>().is_ok() {
        return endpoint(text, None);
    }
    if let Some((host, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return endpoint(host, if after.is_empty() { None } else { Some(number(after.strip_prefix(':')?)?) });
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    // A host that is all digits and dots is an address, or a mistyped one, and not a name.
    let numeric = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if numeric { host.parse::<IpAddr>().ok().map(drop) } else { domain(host).ok() }?;
    endpoint(host, port.map_or(Some(None), |port| number(port).map(Some))?)
}

fn number(port: &str) -> Option<u16> {
    port.parse().ok().filter(|number| *number > 0 && !port.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_addresses_are_read_with_and_without_a_port() {
        for (text, host, port, whole) in [
            ("10.1.0.5", "10.1.0.5", None, "10.1.0.5:53"),
            ("10.1.0.5:99", "10.1.0.5", Some(99), "10.1.0.5:99"),
            ("dns.example", "dns.example", None, "dns.example:53"),
            ("dns.example:99", "dns.example", Some(99), "dns.example:99"),
            ("localhost", "localhost", None, "localhost:53"),
            ("fd00::5", "fd00::5", None, "[fd00::5]:53"),
            ("[fd00::5]", "fd00::5", None, "[fd00::5]:53"),
            ("[fd00::5]:99", "fd00::5", Some(99), "[fd00::5]:99"),
        ] {
            let endpoint: Endpoint = text.parse().expect(text);
            assert_eq!((endpoint.host(), endpoint.port()), (host, port));
            assert_eq!(endpoint.with_port(53), whole);
            assert_eq!(endpoint.authority().parse().as_ref(), Ok(&endpoint), "brackets change nothing");
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint), "what is written is read again");
        }
    }

    #[test]
    fn what_is_none_is_told() {
        for text in [
            "",
            ":53",
            "a:b",
            "a:0",
            "a:65536",
            "a:+53",
            "10.1.0:53",
            "10.1.0.5:",
            "[fd00::5",
            "[dns.example]:53",
            "[fd00::5]53",
            "fd00::5:99999",
            "a b",
            "http://dns.example",
            "a:1:2",
        ] {
            let error = text.parse::<Endpoint>().expect_err(text);
            assert!(error.to_string().starts_with(&format!("`{text}` is not an address or host name")), "{error}");
        }
    }
}
