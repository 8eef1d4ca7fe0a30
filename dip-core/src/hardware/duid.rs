//! By what a DHCPv6 client calls itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::MacAddr;
use super::vocabulary::{HardwareError, as_text, hex_octet};

/// A DHCP unique identifier (RFC 8415, section 11), written `00:04:53:1a:...`: two octets that say its type, and 1 to 128 that it consists of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duid(Vec<u8>);

/// Two octets of type, and at least one more.
const SHORTEST: usize = 3;
/// Two octets of type, and 128 (RFC 8415, section 11.1).
const LONGEST: usize = 130;

impl Duid {
    /// A DUID of octets, its type first; `None` where there are too few or too many.
    #[must_use]
    pub fn new(octets: &[u8]) -> Option<Self> {
        (SHORTEST..=LONGEST).contains(&octets.len()).then(|| Self(octets.to_vec()))
    }

    /// Its octets, its type first.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The Ethernet interface that it is made of: type 3 is the link-layer address alone, type 1 that and a time (RFC 8415, sections 11.2
    /// and 11.4; hardware type 1 is Ethernet).
    #[must_use]
    pub fn mac(&self) -> Option<MacAddr> {
        let tail = match self.0.as_slice() {
            [0, 3, 0, 1, tail @ ..] | [0, 1, 0, 1, _, _, _, _, tail @ ..] => tail,
            _ => return None,
        };
        tail.try_into().ok().map(MacAddr)
    }
}

impl fmt::Display for Duid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for Duid {
    type Err = HardwareError;

    fn from_str(text: &str) -> Result<Self, HardwareError> {
        let octets: Option<Vec<u8>> = text.split(':').map(hex_octet).collect();
        octets
            .and_then(|octets| Self::new(&octets))
            .ok_or_else(|| HardwareError::new(text, "a DUID", "00:04:53:1a:6c:2e:00:11:22:33"))
    }
}

as_text!(Duid);

#[cfg(test)]
mod tests {
    use super::*;

    fn duid(text: &str) -> Duid {
        text.parse().expect("a DUID")
    }

    #[test]
    fn a_duid_is_read_as_it_is_written() {
        assert_eq!(duid("00:04:53:1A").to_string(), "00:04:53:1a");
        assert_eq!(Duid::new(&[0, 4, 1]), Some(duid("00:04:01")));
        for wrong in ["", "00:04", "00:04:5", "00:04:+5", "000453", "00:04:zz", "00-04-53", &vec!["00"; 131].join(":")]
        {
            assert!(wrong.parse::<Duid>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_that_is_made_of_an_ethernet_address_tells_it() {
        let mac = Some(MacAddr([2, 0, 0, 0, 0, 9]));
        assert_eq!(duid("00:03:00:01:02:00:00:00:00:09").mac(), mac);
        assert_eq!(duid("00:01:00:01:2a:2b:2c:2d:02:00:00:00:00:09").mac(), mac);
        for other in
            ["00:04:00:01:02:00:00:00:00:09", "00:03:00:06:02:00:00:00:00:09", "00:03:00:01:02:00:00:00:00:09:00"]
        {
            assert_eq!(duid(other).mac(), None, "{other}");
        }
    }
}
