//! One `dhcp-host` entry: as dnsmasq reads it, and as we write it.
//!
//! Source: `dnsmasq(8)`, `--dhcp-host` and `--dhcp-hostsdir`; comments as in its configuration file (`#` after white space).

use std::net::IpAddr;

use dip_core::hardware::{Duid, MacAddr};
use dip_core::id::SiteName;
use dip_core::provider::Holder;

use crate::provider::Reservation;

const MARK: &str = "# dip: site=";

/// What an entry holds; parts that do not matter to us (tags, other client ids, lease times) are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) macs: Vec<MacAddr>,
    /// Client ids that are DUIDs, which stand beside the MAC address.
    pub(super) duids: Vec<Duid>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) host_name: Option<String>,
}

/// Reads a line of a hosts file or of a configuration file; `None` for a line that is no entry.
pub(super) fn read(line: &str) -> Option<Entry> {
    let line = strip_comment(line).trim();
    let line = match line.split_once('=') {
        Some((key, rest)) if key.trim().trim_start_matches("--") == "dhcp-host" => rest,
        // Any other setting of a configuration file; its addresses reserve nothing.
        Some(_) => return None,
        None => line,
    };
    let mut entry = Entry { macs: Vec::new(), duids: Vec::new(), addresses: Vec::new(), host_name: None };
    for word in line.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        if let Some(mac) = read_mac(word) {
            entry.macs.push(mac);
        } else if let Some(client) = word.strip_prefix("id:") {
            entry.duids.extend(client.parse::<Duid>());
        } else if let Some(address) = read_address(word) {
            entry.addresses.push(address);
        } else if is_host_name(word) {
            entry.host_name = Some(word.to_owned());
        }
    }
    (!entry.macs.is_empty() || !entry.addresses.is_empty()).then_some(entry)
}

fn strip_comment(line: &str) -> &str {
    let mut after_space = true;
    for (index, character) in line.char_indices() {
        if character == '#' && after_space {
            return line.get(..index).unwrap_or(line);
        }
        after_space = character.is_whitespace();
    }
    line
}

fn read_mac(word: &str) -> Option<MacAddr> {
    // `1-52:54:...` names the hardware type first; a wildcard octet reserves for no one interface.
    let octets = match word.split_once('-') {
        Some((kind, octets)) if octets.contains(':') && kind.chars().all(|c| c.is_ascii_hexdigit()) => octets,
        _ => word,
    };
    octets.parse().ok()
}

fn read_address(word: &str) -> Option<IpAddr> {
    match word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => inside.split('/').next()?.parse().ok().map(IpAddr::V6),
        None => word.parse().ok().map(IpAddr::V4),
    }
}

/// Whether dnsmasq reads this word as a host name, and not as a lease time, a keyword or a tag.
pub(super) fn is_host_name(word: &str) -> bool {
    let is_time = word.strip_suffix(['s', 'm', 'h', 'd', 'w', 'S', 'M', 'H', 'D', 'W']).unwrap_or(word);
    let is_time = is_time.chars().all(|c| c.is_ascii_digit());
    !is_time
        && !["infinite", "ignore"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
        && word.len() <= 63
        && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.ends_with(|c: char| c.is_ascii_alphanumeric())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// The site in an owner's mark line.
pub(super) fn read_owner(line: &str) -> Option<SiteName> {
    SiteName::new(line.strip_prefix(MARK)?.trim_end()).ok()
}

/// Whether a line holds one entry for one interface and nothing that dip would lose by writing it anew: no tag, no lease time.
pub(super) fn is_plain(line: &str) -> bool {
    let Some(entry) = read(line) else { return false };
    let line = strip_comment(line).trim();
    let line = line.split_once('=').map_or(line, |(_, rest)| rest);
    let words = line.split(',').map(str::trim).filter(|word| !word.is_empty()).count();
    let [mac] = entry.macs[..] else { return false };
    let Entry { duids, addresses, host_name, .. } = entry;
    let plain = words == 1 + duids.len() + addresses.len() + usize::from(host_name.is_some());
    let one = if duids.len() > 1 { return false } else { duids.into_iter().next() };
    let has_client = one.is_some();
    // Other client identifiers than the DUID of an IPv6 address are not written again.
    plain && has_client == (Reservation { mac, addresses, host_name, duid: one, boot: None }).needed_duid().is_some()
}

/// The text of a file of ours; one that was given up carries no mark.
pub(super) fn write(reservation: &Reservation, owner: &Holder) -> String {
    let mut addresses = reservation.addresses.clone();
    addresses.sort_unstable();
    addresses.dedup();
    let mut line = reservation.mac.to_string();
    if let Some(duid) = reservation.needed_duid() {
        line.push_str(&format!(",id:{duid}"));
    }
    for address in &addresses {
        match address {
            IpAddr::V4(v4) => line.push_str(&format!(",{v4}")),
            IpAddr::V6(v6) => line.push_str(&format!(",[{v6}]")),
        }
    }
    if let Some(name) = &reservation.host_name {
        line.push(',');
        line.push_str(name);
    }
    match owner {
        Holder::Nobody => format!("{line}\n"),
        Holder::Site(site) => format!("{MARK}{site}\n{line}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(line: &str) -> Entry {
        read(line).unwrap_or_else(|| panic!("`{line}` is an entry"))
    }

    #[test]
    fn what_we_write_is_what_we_read() {
        let reservation = Reservation {
            mac: "52:54:00:00:00:01".parse().expect("a MAC address"),
            addresses: vec!["10.1.0.11".parse().expect("an address"), "fd00::11".parse().expect("an address")],
            host_name: Some("n1".to_owned()),
            duid: None,
            boot: None,
        };
        let owner = SiteName::new("lab").expect("a name");
        assert_eq!(write(&reservation, &Holder::Nobody), "52:54:00:00:00:01,10.1.0.11,[fd00::11],n1\n");
        let text = write(&reservation, &Holder::Site(owner.clone()));
        assert_eq!(text, "# dip: site=lab\n52:54:00:00:00:01,10.1.0.11,[fd00::11],n1\n");
        let by_duid = Reservation { duid: "00:04:53:1a".parse().ok(), ..reservation.clone() };
        assert_eq!(write(&by_duid, &Holder::Nobody), "52:54:00:00:00:01,id:00:04:53:1a,10.1.0.11,[fd00::11],n1\n");
        assert_eq!(entry(&write(&by_duid, &Holder::Nobody)).duids.as_slice(), by_duid.duid.as_slice());
        let mut lines = text.lines();
        assert_eq!(lines.next().and_then(read_owner), Some(owner));
        let read = entry(lines.next().expect("a second line"));
        assert_eq!(read.macs, [reservation.mac]);
        assert_eq!(read.addresses, reservation.addresses);
        assert_eq!(read.host_name, reservation.host_name);
    }

    #[test]
    fn entries_of_people_are_read_in_all_their_forms() {
        let odd = entry("dhcp-host=set:red,01-52:54:00:00:00:02 , 10.1.0.12,infinite,web # the web server");
        assert_eq!(odd.macs.len(), 1);
        assert_eq!(odd.addresses, ["10.1.0.12".parse::<IpAddr>().expect("an address")]);
        assert_eq!(odd.host_name.as_deref(), Some("web"));
        let two = entry("52:54:00:00:00:03,52:54:00:00:00:04,[fd00::3/128],12h");
        assert_eq!((two.macs.len(), two.addresses.len(), two.host_name), (2, 1, None));
        let no_mac = entry("id:01:02:03,10.1.0.13");
        assert_eq!((no_mac.macs.len(), no_mac.addresses.len()), (0, 1));
    }

    #[test]
    fn a_line_that_says_more_than_dip_keeps_is_not_plain() {
        for line in ["52:54:00:00:00:03,10.1.0.13,web # mine", "dhcp-host=52:54:00:00:00:03,[fd00::3]"] {
            assert!(is_plain(line), "{line}");
        }
        for line in ["52:54:00:00:00:03,set:red,10.1.0.13", "52:54:00:00:00:03,10.1.0.13,12h", "id:01,10.1.0.13", ""] {
            assert!(!is_plain(line), "{line}");
        }
        let enterprise = "00:02:00:00:ab:11:01";
        assert!(is_plain(&format!("52:54:00:00:00:03,id:{enterprise},[fd00::3]")));
        for clients in ["id:01:52:54:00:00:00:03".to_owned(), format!("id:{enterprise},id:00:02:00:00:ab:11:02")] {
            assert!(!is_plain(&format!("52:54:00:00:00:03,{clients},10.1.0.13,web")), "{clients}");
        }
    }

    #[test]
    fn other_settings_reserve_nothing() {
        for line in
            ["dhcp-range=10.1.0.1,10.1.0.9", "dhcp-option=option:router,10.1.0.1", "#52:54:00:00:00:05,10.1.0.5", ""]
        {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn a_word_that_dnsmasq_takes_for_something_else_is_no_host_name() {
        for word in ["5m", "10", "infinite", "ignore", "a_b", "a.b", "-a", "a,b", ""] {
            assert!(!is_host_name(word), "{word}");
        }
        assert!(is_host_name("r1-n3"));
    }

    proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(line in ".*") {
            let _ = (read(&line), read_owner(&line));
        }
    }
}
