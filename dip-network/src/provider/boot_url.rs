//! Boot files as URLs: over DHCPv6 there is nothing else (RFC 5970, section 3.1).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Between the scheme of a URL and its host.
const HOST: &str = "://";

pub(super) fn is_url(file: &str) -> bool {
    file.contains(HOST)
}

/// Whether a file is called the same in a URL (RFC 3986, section 3.3). Firmware takes it as it is and decodes nothing, iPXE decodes `%`,
/// and `;` begins a mode of TFTP (RFC 3617, section 3).
pub(super) fn is_path(file: &str) -> bool {
    file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&()*+=:@/".contains(&byte))
}

/// A file that a server has, by TFTP (RFC 3617).
pub(super) fn of_file(server: Ipv6Addr, file: &str) -> String {
    format!("tftp{HOST}[{server}]/{}", file.trim_start_matches('/'))
}

/// The IPv4 address that a URL is at, where it is at one.
pub(super) fn v4_host(url: &str) -> Option<Ipv4Addr> {
    url[host(url)?].parse().ok()
}

/// The same, at a server's IPv6 address where it is at its IPv4 address.
pub(super) fn moved(file: &str, from: Option<Ipv4Addr>, to: Ipv6Addr) -> String {
    match host(file).filter(|_| from.is_some() && v4_host(file) == from) {
        Some(host) => format!("{}[{to}]{}", &file[..host.start], &file[host.end..]),
        None => file.to_owned(),
    }
}

/// Where the host stands, between the user and the port if it has them (RFC 3986, section 3.2).
fn host(url: &str) -> Option<Range<usize>> {
    let start = url.find(HOST)? + HOST.len();
    let end = url[start..].find(['/', '?']).map_or(url.len(), |at| start + at);
    let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    let end = match url[start..end].find(']') {
        Some(at) => start + at + 1,
        None => url[start..end].find(':').map_or(end, |at| start + at),
    };
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_moves_with_its_server_and_with_no_other() {
        let (from, to) = (Some(Ipv4Addr::new(10, 0, 0, 5)), Ipv6Addr::LOCALHOST);
        assert_eq!(moved("http://10.0.0.5/10.0.0.5", from, to), "http://[::1]/10.0.0.5");
        assert_eq!(moved("http://me@10.0.0.5:80?a:b@c", from, to), "http://me@[::1]:80?a:b@c");
        for stays in ["http://10.0.0.51/a", "http://boot.example:80/a", "http://[fd00::5]:80/a", "a/10.0.0.5", "x://"] {
            assert_eq!(moved(stays, from, to), stays);
        }
        assert_eq!(v4_host("http://10.0.0.51:8080"), Some(Ipv4Addr::new(10, 0, 0, 51)));
        assert_eq!(of_file(to, "/a/b.efi"), "tftp://[::1]/a/b.efi");
    }
}
