//! Hardware vocabulary: addresses, numbers and states that have a type, a range and one way to write them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text is not the hardware value that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}, for example `{example}`")]
pub struct HardwareError {
    text: String,
    what: &'static str,
    example: &'static str,
}

impl HardwareError {
    pub(super) fn new(text: &str, what: &'static str, example: &'static str) -> Self {
        Self { text: text.to_owned(), what, example }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(super) use as_text;

/// A number of hexadecimal digits and nothing else: the library's parser takes a sign too.
fn hex(part: &str) -> Option<u16> {
    part.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(part, 16).ok()).flatten()
}

/// Two hexadecimal digits.
pub(super) fn hex_octet(part: &str) -> Option<u8> {
    if part.len() == 2 { hex(part).and_then(|number| u8::try_from(number).ok()) } else { None }
}

/// A 48-bit IEEE 802 MAC address, written `52:54:00:12:34:56` (`-` between the octets is read too).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddr {
    type Err = HardwareError;

    fn from_str(text: &str) -> Result<Self, HardwareError> {
        let wrong = || HardwareError::new(text, "a MAC address", "52:54:00:12:34:56");
        let mut octets = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            *octet = parts.next().and_then(hex_octet).ok_or_else(wrong)?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(Self(octets)) }
    }
}

as_text!(MacAddr);

/// A PCI address, written `0000:3b:00.1`. Two ports of one card may share it: a MAC address tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    domain: u16,
    bus: u8,
    device: u8,
    function: u8,
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.device, self.function)
    }
}

impl FromStr for PciAddress {
    type Err = HardwareError;

    fn from_str(text: &str) -> Result<Self, HardwareError> {
        let parse = || {
            let (rest, function) = text.rsplit_once('.')?;
            let (rest, device) = rest.rsplit_once(':')?;
            let (domain, bus) = rest.split_once(':').unwrap_or(("0000", rest));
            let octet = |part: &str| hex(part).and_then(|number| u8::try_from(number).ok());
            let address = Self {
                domain: hex(domain)?,
                bus: octet(bus)?,
                device: octet(device).filter(|device| *device < 32)?,
                function: octet(function).filter(|function| *function < 8)?,
            };
            Some(address)
        };
        parse().ok_or_else(|| HardwareError::new(text, "a PCI address", "0000:3b:00.1"))
    }
}

as_text!(PciAddress);

/// An IEEE 802.1Q VLAN id, 1 to 4094.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct VlanId(u16);

impl VlanId {
    /// The number, 1 to 4094.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// A number is not a VLAN id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a VLAN id; they go from 1 to 4094")]
pub struct VlanError(u16);

impl TryFrom<u16> for VlanId {
    type Error = VlanError;

    fn try_from(number: u16) -> Result<Self, VlanError> {
        if (1..=4094).contains(&number) { Ok(Self(number)) } else { Err(VlanError(number)) }
    }
}

impl From<VlanId> for u16 {
    fn from(vlan: VlanId) -> Self {
        vlan.0
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of VLANs, written as their numbers and ranges: `5-8 20`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VlanSet(BTreeSet<VlanId>);

impl VlanSet {
    /// The VLANs in their order.
    pub fn iter(&self) -> impl Iterator<Item = VlanId> {
        self.0.iter().copied()
    }

    /// Whether a VLAN is in it.
    #[must_use]
    pub fn contains(&self, vlan: VlanId) -> bool {
        self.0.contains(&vlan)
    }

    /// Adds a VLAN; `false` where it was there.
    pub fn insert(&mut self, vlan: VlanId) -> bool {
        self.0.insert(vlan)
    }

    /// Takes a VLAN out.
    pub fn remove(&mut self, vlan: VlanId) {
        self.0.remove(&vlan);
    }

    /// Whether there is none in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<VlanId> for VlanSet {
    fn from_iter<T: IntoIterator<Item = VlanId>>(vlans: T) -> Self {
        Self(vlans.into_iter().collect())
    }
}

impl fmt::Display for VlanSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut vlans = self.iter().map(VlanId::number).peekable();
        let mut space = "";
        while let Some(first) = vlans.next() {
            let mut last = first;
            while let Some(next) = vlans.next_if_eq(&(last + 1)) {
                last = next;
            }
            if first == last {
                write!(f, "{space}{first}")?
            } else {
                write!(f, "{space}{first}-{last}")?
            }
            space = " ";
        }
        Ok(())
    }
}

/// The largest packet that a link lets through, in bytes, without the Ethernet header: 68 (RFC 791, section 3.2) to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Mtu(u16);

impl Mtu {
    /// The smallest.
    pub const MIN: u16 = 68;

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u16 {
        self.0
    }
}

/// A number is not an MTU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an MTU; they go from 68 to 65535")]
pub struct MtuError(u16);

impl TryFrom<u16> for Mtu {
    type Error = MtuError;

    fn try_from(bytes: u16) -> Result<Self, MtuError> {
        if bytes >= Self::MIN { Ok(Self(bytes)) } else { Err(MtuError(bytes)) }
    }
}

impl From<Mtu> for u16 {
    fn from(mtu: Mtu) -> Self {
        mtu.0
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a chassis has power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    /// Powered on.
    On,
    /// Powered off.
    Off,
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

/// Where a machine boots from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootDevice {
    /// The system disk.
    Disk,
    /// The network: PXE or HTTP boot.
    Network,
    /// A (virtual) optical drive.
    Cdrom,
    /// The firmware's own setup.
    Setup,
    /// Whatever the firmware's own order says: no override is set.
    Default,
}

impl fmt::Display for BootDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Disk => "disk",
            Self::Network => "network",
            Self::Cdrom => "cdrom",
            Self::Setup => "setup",
            Self::Default => "default",
        })
    }
}

/// Who a machine is, as its management controller tells it; what it does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The maker.
    pub manufacturer: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The chassis or system serial number.
    pub serial: Option<String>,
    /// The system UUID, in the canonical lower-case form.
    pub uuid: Option<String>,
    /// The serial number of the main board, where it is told apart from the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board_serial: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_octet_is_two_digits_and_no_sign() {
        for wrong in
            ["02:00:00:00:00:+5", "02:00:00:00:00:-5", "02:00:00:00:00", "02:00:00:00:00:5", "02:00:00:00:00:05:06"]
        {
            assert!(wrong.parse::<MacAddr>().is_err(), "{wrong}");
        }
        assert_eq!("02-00-00-00-00-fF".parse::<MacAddr>().expect("one"), MacAddr([2, 0, 0, 0, 0, 0xFF]));
        for wrong in ["0000:+b:00.1", "+000:3b:00.1", "0000:3b:00.+1", "0000:3b:20.1", "0000:3b:00.8"] {
            assert!(wrong.parse::<PciAddress>().is_err(), "{wrong}");
        }
        assert_eq!("3b:00.1".parse::<PciAddress>().expect("one").to_string(), "0000:3b:00.1");
    }
}
