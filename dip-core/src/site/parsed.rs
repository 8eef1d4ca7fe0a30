//! Reads the values that stand as text in a site file, and says what is wrong with one in a sentence.

use std::net::IpAddr;
use std::path::Path;

use ipnetwork::IpNetwork;
use jiff::Timestamp;
use jiff::civil::Time;

use super::shape::Parsed;
use super::{AddressRange, Endpoint, OutletRef, PortRef, Zone};
use crate::hardware::{Duid, MacAddr, PciAddress};
use crate::id::NodeName;
use crate::secret::SecretRef;

/// The text as it goes to the layers: checked, and paths made to start at `directory`.
///
/// # Errors
/// What is wrong with it. The sentence for a secret does not repeat the text.
pub(crate) fn read(text: &str, what: Parsed, directory: &Path) -> Result<String, String> {
    let same = || text.to_owned();
    match what {
        Parsed::Address => address(text).map(|_| same()),
        Parsed::AddressV4 => match address(text)? {
            IpAddr::V4(_) => Ok(same()),
            IpAddr::V6(_) => Err(format!("`{text}` is an IPv6 address, and an IPv4 address is needed here")),
        },
        Parsed::AddressV6 => match address(text)? {
            IpAddr::V6(_) => Ok(same()),
            IpAddr::V4(_) => Err(format!("`{text}` is an IPv4 address, and an IPv6 address is needed here")),
        },
        Parsed::Prefix => prefix(text).map(|_| same()),
        Parsed::AddressRange => range(text).map(|_| same()),
        Parsed::Endpoint => endpoint(text).map(|()| same()),
        Parsed::Station => match text.parse::<MacAddr>() {
            Ok(mac) => Ok(mac.to_string()),
            Err(_) => endpoint(text).map(|()| same()),
        },
        Parsed::Mac => text.parse::<MacAddr>().map(|mac| mac.to_string()).map_err(|error| error.to_string()),
        Parsed::Duid => text.parse::<Duid>().map(|duid| duid.to_string()).map_err(|error| error.to_string()),
        Parsed::Pci => text.parse::<PciAddress>().map(|pci| pci.to_string()).map_err(|error| error.to_string()),
        Parsed::DomainName => domain(text).map(|()| same()),
        Parsed::NameTemplate => template(text).map(|()| same()),
        Parsed::Duration => duration(text).map(|()| same()),
        Parsed::Secret => match text.parse::<SecretRef>() {
            Ok(SecretRef::File(path)) => Ok(format!("file:{}", directory.join(path).display())),
            Ok(SecretRef::Store(path)) => Ok(format!("store:{}", directory.join(path).display())),
            Ok(SecretRef::Env(_)) => Ok(same()),
            Err(error) => Err(error.to_string()),
        },
        Parsed::Path if text.is_empty() => Err("a path is missing here".to_owned()),
        Parsed::Path => Ok(directory.join(text).display().to_string()),
        Parsed::NodePath if text.starts_with('/') && !text.contains('\0') => Ok(same()),
        Parsed::NodePath => Err(format!("`{text}` is not a path on a node; it must start with `/`")),
        Parsed::Url => url(text).map(|()| same()),
        Parsed::Mode if (3..=4).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7')) => {
            Ok(same())
        }
        Parsed::Mode => Err(format!("`{text}` is not a file mode in octal, for example `0644`")),
        Parsed::SwitchPort => text.parse::<PortRef>().map(|_| same()).map_err(|error| error.to_string()),
        Parsed::Outlet => text.parse::<OutletRef>().map(|_| same()).map_err(|error| error.to_string()),
        Parsed::Moment => moment(text).map(|_| same()),
        Parsed::TimeOfDay => time_of_day(text).map(|_| same()),
        Parsed::Zone => text.parse::<Zone>().map(|_| same()).map_err(|error| error.to_string()),
        Parsed::Sha256 if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(same()),
        Parsed::Sha256 => Err(format!("`{text}` is not a SHA-256; it has 64 hexadecimal digits")),
        Parsed::Name => NodeName::new(text).map(|_| same()).map_err(|error| error.to_string()),
    }
}

/// Reads an address.
pub(crate) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        if text.contains('/') {
            format!("`{text}` is not an IP address; leave out the `/` and what follows")
        } else {
            format!("`{text}` is not an IP address, for example `10.1.0.5` or `fd00::5`")
        }
    })
}

/// Reads a prefix; one whose address is not its first is told with the one that was meant.
pub(crate) fn prefix(text: &str) -> Result<IpNetwork, String> {
    let wrong = || format!("`{text}` is not an IP prefix, for example `10.1.0.0/24` or `fd00:1::/64`");
    let (first, length) = text.split_once('/').ok_or_else(wrong)?;
    let length = Some(length).filter(|length| length.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(wrong)?;
    let (first, length): (IpAddr, u8) = (first.parse().map_err(|_| wrong())?, length.parse().map_err(|_| wrong())?);
    let prefix = IpNetwork::new(first, length).map_err(|_| wrong())?;
    if prefix.network() == first {
        Ok(prefix)
    } else {
        Err(format!("`{text}` is an address within a prefix; the prefix is `{}/{length}`", prefix.network()))
    }
}

/// Reads a range of addresses.
pub(crate) fn range(text: &str) -> Result<AddressRange, String> {
    let wrong = || format!("`{text}` is not a range of addresses, for example `10.1.0.10-10.1.0.99`");
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let (first, last): (IpAddr, IpAddr) =
        (first.trim().parse().map_err(|_| wrong())?, last.trim().parse().map_err(|_| wrong())?);
    if first.is_ipv4() != last.is_ipv4() {
        return Err(format!("the range `{text}` starts in one IP version and ends in the other"));
    }
    if first > last {
        return Err(format!("the range `{text}` runs backwards; write the smaller address first"));
    }
    Ok(AddressRange { first, last })
}

fn endpoint(text: &str) -> Result<(), String> {
    text.parse::<Endpoint>().map(drop).map_err(|error| error.to_string())
}

/// A DNS name with places: `{node}` must be among them, or two nodes would have one name.
fn template(text: &str) -> Result<(), String> {
    let mut name = text.to_owned();
    for place in ["{node}", "{network}", "{domain}", "{site}"] {
        name = name.replace(place, "a");
    }
    if name.contains(['{', '}']) {
        return Err(format!(
            "`{text}` has a place that dip does not know; there are `{{node}}`, `{{network}}`, `{{domain}}` and `{{site}}`"
        ));
    }
    if !text.contains("{node}") {
        return Err(format!(
            "`{text}` would give all nodes one name; say where the node's name stands: `{{node}}.{text}`"
        ));
    }
    domain(&name).map_err(|_| format!("`{text}` gives no DNS name; write it like `{{node}}.{{network}}.{{domain}}`"))
}

/// Checks a DNS name (RFC 1123, section 2.1, and RFC 1035, section 2.3.4).
pub(crate) fn domain(text: &str) -> Result<(), String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if text.len() <= 253 && text.split('.').all(label) {
        Ok(())
    } else {
        Err(format!(
            "`{text}` is not a DNS name, for example `lab.example` (letters, digits and `-`, no dot at the end)"
        ))
    }
}

/// Reads a moment.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not a moment; write date, time and offset, for example `2026-12-20T00:00:00Z` or `2026-12-20T00:00:00+01:00`")
    })
}

/// Reads a time of the day.
pub(crate) fn time_of_day(text: &str) -> Result<Time, String> {
    let (hour, minute) = text.split_once(':').unwrap_or((text, ""));
    let number = |text: &str| text.parse().ok().filter(|_| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()));
    let time = number(hour).zip(number(minute)).and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
    time.ok_or_else(|| format!("`{text}` is not a time of the day from `00:00` to `23:59`, for example `22:00`"))
}

fn duration(text: &str) -> Result<(), String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number = !digits.is_empty() && digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if number && matches!(&text[digits.len()..], "ms" | "s" | "m" | "h") {
        Ok(())
    } else {
        Err(format!("`{text}` is not a span of time, for example `30s`, `5m` or `1h`"))
    }
}

fn url(text: &str) -> Result<(), String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.starts_with('/') && !text.contains(char::is_whitespace) => Ok(()),
        _ => Err(format!("`{text}` is not a URL; it must start with `http://` or `https://` and name a host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_secret_files_start_at_the_directory_of_their_file() {
        let read = |text, what| read(text, what, Path::new("/etc/dip"));
        assert_eq!(read("a/b", Parsed::Path), Ok("/etc/dip/a/b".to_owned()));
        assert_eq!(read("/a", Parsed::Path), Ok("/a".to_owned()));
        assert_eq!(read("file:key", Parsed::Secret), Ok("file:/etc/dip/key".to_owned()));
        assert_eq!(read("env:KEY", Parsed::Secret), Ok("env:KEY".to_owned()));
        assert!(read("hunter2", Parsed::Secret).is_err_and(|why| !why.contains("hunter2")));
    }

    #[test]
    fn each_kind_takes_what_it_is_and_nothing_else() {
        let cases: [(Parsed, &[&str], &[&str]); 18] = [
            (Parsed::Address, &["10.0.0.1", "fd00::1"], &["10.0.0", "10.0.0.0/8", "010.0.0.1", ""]),
            (Parsed::AddressV4, &["10.0.0.1"], &["fd00::1", "10.0.0", ""]),
            (Parsed::AddressV6, &["fd00::1"], &["10.0.0.1", "fd00:", ""]),
            (Parsed::Prefix, &["10.0.0.0/8", "fd00::/64"], &["10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8"]),
            (Parsed::AddressRange, &["10.0.0.1-10.0.0.2"], &["10.0.0.2-10.0.0.1", "10.0.0.1-fd00::1", "10.0.0.1"]),
            (Parsed::Endpoint, &["10.0.0.1", "10.0.0.1:53", "a.example:1", "[fd00::1]:53"], &["10.0.0", "a:0", "a b"]),
            (Parsed::Station, &["10.0.0.1", "a.example:1", "52:54:00:12:34:56"], &["10.0.0", "52:54:00:12:34"]),
            (Parsed::Mac, &["52:54:00:12:34:56"], &["52:54:00:12:34", "x"]),
            (Parsed::DomainName, &["lab.example", "a"], &["", "a.", "-a", "a..b", "a b"]),
            (
                Parsed::NameTemplate,
                &["{node}.{domain}", "{node}-{network}.lab.example"],
                &["{nodes}.lab.example", "www.{domain}", "{node}..{domain}", ""],
            ),
            (Parsed::Duration, &["30s", "5m", "1h", "10ms"], &["30", "s", "1d", "-1s", "1.5s"]),
            (Parsed::Url, &["http://a", "https://a:1/b"], &["a", "http://", "ftp://a"]),
            (Parsed::Mode, &["0644", "755"], &["0888", "rw", "64", "00644"]),
            (Parsed::NodePath, &["/etc/motd"], &["etc/motd", ""]),
            (
                Parsed::Moment,
                &["2026-12-20T00:00:00Z", "2026-12-20T00:00:00+01:00"],
                &["2026-12-20", "2026-12-20T00:00:00"],
            ),
            (Parsed::TimeOfDay, &["00:00", "23:59"], &["24:00", "7:00", "22", "22:00:00", "+1:00", ""]),
            (Parsed::Zone, &["Europe/Berlin", "UTC"], &["Berlin", "CEST+2", ""]),
            (Parsed::Outlet, &["pdu1/7"], &["pdu1/0", "pdu1", "pdu1/x"]),
        ];
        for (what, good, bad) in cases {
            for text in good {
                assert!(read(text, what, Path::new("")).is_ok(), "{what:?} {text}");
            }
            for text in bad {
                assert!(read(text, what, Path::new("")).is_err(), "{what:?} {text}");
            }
        }
    }
}
