//! A host object: what dip writes into it, and what it reads out of one.

use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dip_core::hardware::MacAddr;
use dip_core::id::SiteName;
use dip_core::provider::Holder;

use super::super::host_name;
use super::boot;
use super::message::{Pairs, pair, value};
use crate::provider::{BootFiles, Reservation};

/// Begins the name of each object that carries a site's mark.
const MARK: &str = "dip.";
/// Parts a host name in the name of an object from what is before it; no host name begins a label of its own with two letters and `-`.
const HOST: &str = ".h-";
/// Parts the boot files in the name of an object from what is before them; neither they nor what follows them has such a part.
const BOOT: &str = ".b";
/// dhcpd's number of Ethernet (RFC 1700, "Hardware Type").
const ETHERNET: u32 = 1;

/// A host as OMAPI tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) handle: u32,
    pub(super) name: String,
    pub(super) mac: Option<MacAddr>,
    pub(super) addresses: Vec<Ipv4Addr>,
}

/// What an object's name says where it carries a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) site: SiteName,
    pub(super) mac: MacAddr,
    pub(super) host_name: Option<String>,
    pub(super) boot: Option<BootFiles>,
}

/// An answer that is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Odd {
    #[error("a host without a name")]
    NoName,
    #[error("a host with an address of a length that IPv4 does not have")]
    Address,
}

impl Host {
    pub(super) fn read(handle: u32, pairs: &Pairs) -> Result<Self, Odd> {
        // dhcpd sends the name as C keeps it; it is ASCII where it stands in a file.
        let name = value(pairs, "name").ok_or(Odd::NoName)?;
        let name = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
        let mac = value(pairs, "hardware-address").and_then(|octets| Some(MacAddr(octets.try_into().ok()?)));
        let octets = value(pairs, "ip-address").unwrap_or_default();
        let addresses = octets.chunks(4).map(|four| <[u8; 4]>::try_from(four).map(Ipv4Addr::from));
        let addresses = addresses.collect::<Result<_, _>>().map_err(|_| Odd::Address)?;
        Ok(Self { handle, name, mac, addresses })
    }

    pub(super) fn marked(&self) -> Option<Marked> {
        Marked::read(&self.name)
    }

    pub(super) fn holder(&self) -> Holder {
        Holder::from(self.marked().map(|marked| marked.site))
    }

    /// Whether it is what dip would write.
    pub(super) fn says(&self, wanted: &Reservation, owner: &SiteName) -> bool {
        let address = |address: &IpAddr| matches!(address, IpAddr::V4(v4) if self.addresses == [*v4]);
        self.name == object_name(wanted, &Holder::Site(owner.clone()))
            && self.mac == Some(wanted.mac)
            && !wanted.addresses.is_empty()
            && wanted.addresses.iter().all(address)
    }
}

impl Marked {
    pub(super) fn read(name: &str) -> Option<Self> {
        let (name, host_name) = match name.rsplit_once(HOST) {
            Some((name, host)) if host_name::is_label(host) => (name, Some(host.to_owned())),
            // A site may be called so.
            _ => (name, None),
        };
        let (name, boot) = match name.rsplit_once(BOOT).and_then(|(name, boot)| Some((name, files(boot)?))) {
            Some((name, boot)) => (name, Some(boot)),
            None => (name, None),
        };
        let (site, mac) = name.strip_prefix(MARK)?.rsplit_once(".m")?;
        Some(Self { site: SiteName::new(site).ok()?, mac: undashed(mac)?, host_name, boot })
    }
}

/// How an object is called: `dip.lab.m525400000101.h-n1`; `n1-525400000101` where it carries no mark. Its boot files stand in the name too,
/// for OMAPI tells nobody what statements a host has.
pub(super) fn object_name(reservation: &Reservation, holder: &Holder) -> String {
    let mac = reservation.mac.to_string().replace(':', "");
    let Holder::Site(site) = holder else {
        return format!("{}-{mac}", reservation.host_name.as_deref().unwrap_or("host"));
    };
    let mut name = format!("{MARK}{site}.m{mac}");
    if let Some(boot) = reservation.told_boot() {
        let told = serde_json::to_vec(&boot).expect("plain data");
        name.push_str(&format!("{BOOT}{}", URL_SAFE_NO_PAD.encode(told)));
    }
    if let Some(host) = &reservation.host_name {
        name.push_str(&format!("{HOST}{host}"));
    }
    name
}

/// The boot files in a name.
fn files(told: &str) -> Option<BootFiles> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(told).ok()?).ok()
}

/// What a host is made of. dhcpd executes the statements whenever a message of the client is answered.
pub(super) fn pairs(reservation: &Reservation, address: Ipv4Addr, holder: &Holder) -> Pairs {
    let mut pairs = vec![
        pair("name", object_name(reservation, holder)),
        pair("hardware-address", reservation.mac.0),
        pair("hardware-type", ETHERNET.to_be_bytes()),
        pair("ip-address", address.octets()),
    ];
    if holder.site().is_some() {
        pairs.push(pair("dhcp-client-identifier", index(address)));
    }
    let name = reservation.host_name.iter().map(|host| format!("option host-name \"{host}\";"));
    let statements: Vec<String> = name.chain(reservation.told_boot().as_ref().map(boot::statements)).collect();
    if !statements.is_empty() {
        pairs.push(pair("statements", statements.join(" ")));
    }
    pairs
}

/// By what a host is looked up by its interface.
pub(super) fn by_mac(mac: MacAddr) -> Pairs {
    vec![pair("hardware-address", mac.0), pair("hardware-type", ETHERNET.to_be_bytes())]
}

/// By what a host with a mark is looked up by its address: OMAPI itself looks at leases there, not at hosts.
pub(super) fn by_address(address: Ipv4Addr) -> Pairs {
    vec![pair("dhcp-client-identifier", index(address))]
}

/// The client identifier that stands for an address. A client's begins with the number of a kind of hardware or with 255 (RFC 4361), not with a letter.
fn index(address: Ipv4Addr) -> String {
    format!("dip-address-{address}")
}

fn undashed(mac: &str) -> Option<MacAddr> {
    if mac.len() != 12 || !mac.is_ascii() {
        return None;
    }
    let octets: Vec<&str> = (0..6).map(|at| &mac[2 * at..2 * at + 2]).collect();
    octets.join(":").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(host_name: Option<&str>) -> Reservation {
        Reservation {
            mac: "52:54:00:00:01:01".parse().expect("a MAC address"),
            addresses: vec!["10.0.0.1".parse().expect("an address")],
            host_name: host_name.map(str::to_owned),
            duid: None,
            boot: None,
        }
    }

    fn files() -> Option<BootFiles> {
        serde_json::from_str(r#"{"server": "10.0.0.5", "bios": "a.b.kpxe", "http_x64": "http://a/b"}"#).ok()
    }

    #[test]
    fn the_name_of_an_object_tells_site_interface_and_host() {
        for site in ["lab", "a.m525400000199", "x.h-y", "r_1"] {
            for (host, boot) in [(None, None), (Some("n1"), files()), (Some("h-n1"), None), (None, files())] {
                let (site, wanted) = (SiteName::new(site).expect("a name"), Reservation { boot, ..reservation(host) });
                let name = object_name(&wanted, &Holder::Site(site.clone()));
                let marked =
                    Marked { site, mac: wanted.mac, host_name: wanted.host_name.clone(), boot: wanted.boot.clone() };
                assert_eq!(Marked::read(&name), Some(marked), "{name}");
                assert_eq!(Marked::read(&object_name(&wanted, &Holder::Nobody)), None);
            }
        }
        for name in
            ["printer", "dip.lab", "dip.lab.m52", "dip.lab.m52540000010g", "dip..m525400000101", "dip.m525400000101"]
        {
            assert_eq!(Marked::read(name), None, "{name}");
        }
    }

    #[test]
    fn a_host_is_read_from_what_it_is_made_of() {
        let wanted = reservation(Some("n1"));
        let site = SiteName::new("lab").expect("a name");
        let made = pairs(&wanted, Ipv4Addr::new(10, 0, 0, 1), &Holder::Site(site.clone()));
        let host = Host::read(7, &made).expect("it is a host");
        assert!(host.says(&wanted, &site));
        assert!(!host.says(&reservation(Some("n2")), &site));
        assert_eq!(host.holder(), Holder::Site(site));
        assert_eq!(Host::read(7, &vec![pair("name", "a"), pair("ip-address", [1, 2, 3])]), Err(Odd::Address));
        assert_eq!(Host::read(7, &Pairs::new()), Err(Odd::NoName));
    }
}
