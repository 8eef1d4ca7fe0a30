//! Records as this layer knows them. Names are in lower case, without a dot at their end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The type of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    A,
    Aaaa,
    Cname,
    Ptr,
    Srv,
    Txt,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Cname(String),
    Ptr(String),
    Srv { priority: u16, weight: u16, port: u16, target: String },
    Txt(String),
}

/// A record of a zone. One of a type that this layer does not know has no data; it still uses its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) data: Option<Data>,
}

impl Kind {
    /// Records of this type, and of no other.
    pub(crate) const fn alone(self) -> &'static [Self] {
        match self {
            Self::A => &[Self::A],
            Self::Aaaa => &[Self::Aaaa],
            Self::Cname => &[Self::Cname],
            Self::Ptr => &[Self::Ptr],
            Self::Srv => &[Self::Srv],
            Self::Txt => &[Self::Txt],
        }
    }
}

#[cfg(feature = "powerdns")]
impl Kind {
    /// As it stands in zone files.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Ptr => "PTR",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }
}

impl Data {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::A(_) => Kind::A,
            Self::Aaaa(_) => Kind::Aaaa,
            Self::Cname(_) => Kind::Cname,
            Self::Ptr(_) => Kind::Ptr,
            Self::Srv { .. } => Kind::Srv,
            Self::Txt(_) => Kind::Txt,
        }
    }

    pub(crate) const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::A(address) => Some(IpAddr::V4(*address)),
            Self::Aaaa(address) => Some(IpAddr::V6(*address)),
            _ => None,
        }
    }
}

impl From<IpAddr> for Data {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::A(address),
            IpAddr::V6(address) => Self::Aaaa(address),
        }
    }
}

/// Where the reverse name of an address stands (RFC 1035 section 3.5, RFC 3596 section 2.5).
pub(crate) fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let mut name = String::with_capacity(72);
            for octet in address.octets().iter().rev() {
                for digit in [octet & 0xf, octet >> 4] {
                    name.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
                    name.push('.');
                }
            }
            name + "ip6.arpa"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_reverse_name_in_the_zones_of_arpa() {
        let of = |text: &str| reverse_name(text.parse().expect("an address"));
        assert_eq!(of("10.1.2.3"), "3.2.1.10.in-addr.arpa");
        assert_eq!(
            of("2001:db8::567:89ab"),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
