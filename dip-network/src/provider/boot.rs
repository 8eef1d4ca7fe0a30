//! What machines boot from the network, each by its firmware.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::boot_client::BootClient;
use super::boot_url;

/// The boot files of a site: the server that has them, and a file for each kind of firmware that boots there.
///
/// In JSON and in a site file, `{"server": "10.0.0.5", "bios": "undionly.kpxe", "http_x64": "http://10.0.0.5/ipxe.efi"}`. With `server6`,
/// the address of the same server in IPv6, they are told over DHCPv6 too, where each is a URL ([`url`](Self::url)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Told", into = "Told")]
pub struct BootFiles {
    servers: BootServers,
    files: BTreeMap<BootClient, String>,
}

/// The addresses of the server that has the files: over DHCPv4 its IPv4 address is told, over DHCPv6 its IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootServers {
    /// IPv4 alone: nothing is told over DHCPv6.
    V4(Ipv4Addr),
    /// IPv6 alone: nothing is told over DHCPv4.
    V6(Ipv6Addr),
    /// Both.
    Both(Ipv4Addr, Ipv6Addr),
}

impl From<Ipv4Addr> for BootServers {
    fn from(server: Ipv4Addr) -> Self {
        Self::V4(server)
    }
}

impl From<Ipv6Addr> for BootServers {
    fn from(server: Ipv6Addr) -> Self {
        Self::V6(server)
    }
}

/// Boot files that no client could be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootFilesError {
    /// There is none.
    #[error("it names no boot file: give it one for a kind of firmware, `uefi_x64: ipxe.efi`")]
    Empty,
    /// Nobody has them.
    #[error("it names no server: give it `server` for DHCPv4, `server6` for DHCPv6, or both")]
    NoServer,
    /// It is no address of its family.
    #[error(
        "`{1}` of `{0}` is no address of its family: `server` is the IPv4 address of the server, `server6` its IPv6 address"
    )]
    Family(&'static str, IpAddr),
    /// It is empty or longer than the head of a packet has room for (RFC 2131, section 2), or has a character that ends it in the
    /// configuration of one of the DHCP servers.
    #[error(
        "`{1}` of `{0}` is no boot file: it has up to {2} letters, digits and marks, none of them a space, a quote, `,`, `#` or `\\`"
    )]
    Text(&'static str, String, usize),
    /// A client that loads over HTTP wants a URL.
    #[error("`{1}` of `{0}` is no `http://` or `https://` address, which a client wants that loads over HTTP")]
    NoUrl(&'static str, String),
    /// A client that loads over TFTP wants a path.
    #[error("`{1}` of `{0}` is a URL, and the firmware loads a file by TFTP")]
    Url(&'static str, String),
    /// DHCPv6 tells a URL (RFC 5970, section 3.1), where the name would mean another file.
    #[error(
        "`{1}` of `{0}` has a character that means something in a URL, which is what DHCPv6 tells: call the file by letters, digits, `-`, `.`, `_` and `/`, or take `server6` out"
    )]
    NoPath(&'static str, String),
    /// A client that boots over IPv6 has no IPv4.
    #[error(
        "`{1}` of `{0}` is at an IPv4 address that is not `server`, and a client that boots over IPv6 cannot load it: name its host, or take `server6` out"
    )]
    OutOfReach(&'static str, String),
}

/// The longest name that the head of a packet has room for, with the zero at its end (RFC 2131, section 2).
const LONGEST: usize = 127;
/// The longest that is told over DHCPv6 alone, which sets no limit: it leaves room for an IPv6 address in place of an IPv4 address.
const LONGEST_URL: usize = 255;

impl BootFiles {
    /// The files of a server; at least one.
    ///
    /// # Errors
    /// Which of them could not be told to a client.
    pub fn new(
        servers: impl Into<BootServers>,
        files: impl IntoIterator<Item = (BootClient, String)>,
    ) -> Result<Self, BootFilesError> {
        let files = Self { servers: servers.into(), files: files.into_iter().collect() };
        if files.files.is_empty() {
            return Err(BootFilesError::Empty);
        }
        files.iter().try_for_each(|(client, file)| files.refuse(client, file))?;
        Ok(files)
    }

    fn refuse(&self, client: BootClient, file: &str) -> Result<(), BootFilesError> {
        let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | ',' | '#');
        let longest = if self.server().is_some() { LONGEST } else { LONGEST_URL };
        if file.is_empty() || file.len() > longest || !file.chars().all(fits) {
            return Err(BootFilesError::Text(client.word(), file.to_owned(), longest));
        }
        let is_http = file.starts_with("http://") || file.starts_with("https://");
        match client {
            BootClient::Firmware(architecture) if architecture.is_http() && !is_http => {
                return Err(BootFilesError::NoUrl(client.word(), file.to_owned()));
            }
            BootClient::Firmware(architecture) if !architecture.is_http() && boot_url::is_url(file) => {
                return Err(BootFilesError::Url(client.word(), file.to_owned()));
            }
            _ => {}
        }
        if self.server6().is_some() {
            if !boot_url::is_url(file) && !boot_url::is_path(file) {
                return Err(BootFilesError::NoPath(client.word(), file.to_owned()));
            }
            if boot_url::v4_host(file).is_some_and(|host| Some(host) != self.server()) {
                return Err(BootFilesError::OutOfReach(client.word(), file.to_owned()));
            }
        }
        Ok(())
    }

    /// The server that has the files, by TFTP, as DHCPv4 tells it; a URL tells its own. `None` where nothing is told over DHCPv4.
    #[must_use]
    pub const fn server(&self) -> Option<Ipv4Addr> {
        match self.servers {
            BootServers::V4(server) | BootServers::Both(server, _) => Some(server),
            BootServers::V6(_) => None,
        }
    }

    /// The same server as DHCPv6 tells it; `None` where nothing is told over DHCPv6.
    #[must_use]
    pub const fn server6(&self) -> Option<Ipv6Addr> {
        match self.servers {
            BootServers::V6(server) | BootServers::Both(_, server) => Some(server),
            BootServers::V4(_) => None,
        }
    }

    /// The file of a client; `None` where it is told nothing.
    #[must_use]
    pub fn file(&self, client: BootClient) -> Option<&str> {
        self.files.get(&client).map(String::as_str)
    }

    /// What a client is told over DHCPv6 (RFC 5970, section 3.1): `tftp://[fd00::5]/ipxe.efi` for a file of the server, and a URL as it is,
    /// but at the server's IPv6 address where it is at its IPv4 address. `None` where it is told nothing.
    #[must_use]
    pub fn url(&self, client: BootClient) -> Option<String> {
        let (server, file) = (self.server6()?, self.file(client)?);
        Some(match boot_url::is_url(file) {
            true => boot_url::moved(file, self.server(), server),
            false => boot_url::of_file(server, file),
        })
    }

    /// All of them, in the order in which clients are told apart.
    pub fn iter(&self) -> impl Iterator<Item = (BootClient, &str)> {
        self.files.iter().map(|(client, file)| (*client, file.as_str()))
    }

    /// What of them an interface with these addresses is told: DHCPv4 goes with an IPv4 address, DHCPv6 with an IPv6 address.
    #[must_use]
    pub fn told_to(&self, addresses: &[IpAddr]) -> Option<Self> {
        let v4 = self.over_v4().filter(|_| addresses.iter().any(IpAddr::is_ipv4));
        let v6 = self.over_v6().filter(|_| addresses.iter().any(IpAddr::is_ipv6));
        if v4.is_some() && v6.is_some() { Some(self.clone()) } else { v4.or(v6) }
    }

    /// What of them DHCPv4 tells.
    pub(crate) fn over_v4(&self) -> Option<Self> {
        Some(Self { servers: self.server()?.into(), files: self.files.clone() })
    }

    /// What of them DHCPv6 tells.
    pub(crate) fn over_v6(&self) -> Option<Self> {
        let server = self.server6()?;
        let moved = self.iter().map(|(client, file)| (client, boot_url::moved(file, self.server(), server)));
        Some(Self { servers: server.into(), files: moved.collect() })
    }

    /// The files of which DHCPv4 tells one part and DHCPv6 the other; the first alone where they are not of the same.
    #[cfg_attr(not(feature = "kea"), allow(dead_code, reason = "only Kea keeps them apart"))]
    pub(crate) fn joined(v4: Option<Self>, v6: Option<Self>) -> Option<Self> {
        let (Some(first), Some(second)) = (&v4, &v6) else { return v4.or(v6) };
        let servers = BootServers::Both(first.server()?, second.server6()?);
        let both = Self { servers, files: first.files.clone() };
        if both.over_v6() == v6 { Some(both) } else { v4 }
    }

    /// What these files are called where they need a name: eight hexadecimal digits that another set does not have.
    #[must_use]
    pub fn tag(&self) -> String {
        let digest = Sha256::digest(self.to_string());
        digest.iter().take(4).map(|octet| format!("{octet:02x}")).collect()
    }
}

impl fmt::Display for BootFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (client, file) in self.iter() {
            write!(f, "{} {file}, ", client.word())?;
        }
        match self.servers {
            BootServers::V4(server) => write!(f, "from {server}"),
            BootServers::V6(server) => write!(f, "from {server}"),
            BootServers::Both(server, server6) => write!(f, "from {server} and {server6}"),
        }
    }
}

/// As they are written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server6: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ipxe: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bios: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uefi_x64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uefi_arm64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_x64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_arm64: Option<String>,
}

impl TryFrom<Told> for BootFiles {
    type Error = BootFilesError;

    fn try_from(told: Told) -> Result<Self, BootFilesError> {
        let Told { server, server6, ipxe, bios, uefi_x64, uefi_arm64, http_x64, http_arm64 } = told;
        let files = [ipxe, bios, uefi_x64, uefi_arm64, http_x64, http_arm64];
        let files = BootClient::ALL.into_iter().zip(files);
        let servers = match (server, server6) {
            (Some(IpAddr::V6(v6)), _) => return Err(BootFilesError::Family("server", v6.into())),
            (_, Some(IpAddr::V4(v4))) => return Err(BootFilesError::Family("server6", v4.into())),
            (Some(IpAddr::V4(v4)), Some(IpAddr::V6(v6))) => BootServers::Both(v4, v6),
            (Some(IpAddr::V4(v4)), None) => BootServers::V4(v4),
            (None, Some(IpAddr::V6(v6))) => BootServers::V6(v6),
            (None, None) => return Err(BootFilesError::NoServer),
        };
        Self::new(servers, files.filter_map(|(client, file)| Some((client, file?))))
    }
}

impl From<BootFiles> for Told {
    fn from(files: BootFiles) -> Self {
        let (server, server6) = (files.server().map(IpAddr::V4), files.server6().map(IpAddr::V6));
        let mut files = files.files;
        let [ipxe, bios, uefi_x64, uefi_arm64, http_x64, http_arm64] =
            BootClient::ALL.map(|client| files.remove(&client));
        Self { server, server6, ipxe, bios, uefi_x64, uefi_arm64, http_x64, http_arm64 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::ClientArchitecture;
    use super::*;

    #[test]
    fn boot_files_are_read_as_they_are_written() {
        let told = json!({"server": "10.0.0.5", "ipxe": "http://10.0.0.5/boot.ipxe", "bios": "undionly.kpxe",
            "uefi_x64": "ipxe.efi", "uefi_arm64": "arm64/ipxe.efi", "http_x64": "http://10.0.0.5/ipxe.efi",
            "http_arm64": "https://10.0.0.5/arm64.efi"});
        let files: BootFiles = serde_json::from_value(told.clone()).expect("all of them can be told");
        assert_eq!(files.iter().count(), BootClient::ALL.len());
        assert_eq!(files.file(BootClient::Firmware(ClientArchitecture::UefiArm64)), Some("arm64/ipxe.efi"));
        assert_eq!(serde_json::to_value(&files).expect("plain data"), told);
    }

    #[test]
    fn another_file_has_another_tag() {
        let of = |file: &str| BootFiles::new(Ipv4Addr::new(10, 0, 0, 5), [(BootClient::Ipxe, file.to_owned())]);
        assert_ne!(of("a").map(|files| files.tag()), of("b").map(|files| files.tag()));
        assert_eq!(of("a").map(|files| files.tag().len()), Ok(8));
    }

    #[test]
    fn what_no_client_could_be_told_is_refused() {
        let read = |told| serde_json::from_value::<BootFiles>(told).map_err(|error| error.to_string());
        let fails = |told, words: &str| {
            let why = read(told).expect_err("it cannot be told");
            assert!(why.contains(words), "{why}");
        };
        fails(json!({"server": "10.0.0.5"}), "it names no boot file");
        fails(json!({"server": "10.0.0.5", "bios": "a\"; b"}), "`a\"; b` of `bios` is no boot file");
        fails(json!({"server": "10.0.0.5", "bios": "a".repeat(128)}), "is no boot file");
        fails(json!({"server": "10.0.0.5", "bios": "http://10.0.0.5/a"}), "is a URL");
        fails(json!({"server": "10.0.0.5", "http_x64": "ipxe.efi"}), "is no `http://`");
        fails(json!({"server": "10.0.0.5", "risc_v": "a"}), "unknown field");
        fails(json!({"bios": "a"}), "it names no server");
        fails(json!({"server": "fd00::5", "bios": "a"}), "`fd00::5` of `server` is no address of its family");
        fails(json!({"server6": "10.0.0.5", "bios": "a"}), "`10.0.0.5` of `server6` is no address of its family");
        fails(json!({"server6": "fd00::5", "bios": "a%41"}), "means something in a URL");
        let elsewhere = "is at an IPv4 address that is not `server`";
        fails(json!({"server6": "fd00::5", "http_x64": "http://10.0.0.5/a"}), elsewhere);
        fails(json!({"server": "10.0.0.5", "server6": "fd00::5", "ipxe": "http://10.0.0.6/a"}), elsewhere);
    }

    fn both() -> BootFiles {
        let told = json!({"server": "10.0.0.5", "server6": "fd00::5", "ipxe": "http://boot.example:8080/boot.ipxe",
            "bios": "/pxe/undionly.kpxe", "uefi_x64": "ipxe.efi", "http_x64": "http://10.0.0.5:8080/ipxe.efi"});
        let files: BootFiles = serde_json::from_value(told.clone()).expect("all of them can be told");
        assert_eq!(serde_json::to_value(&files).expect("plain data"), told);
        files
    }

    #[test]
    fn over_dhcpv6_each_file_is_a_url_at_the_ipv6_address_of_the_server() {
        let url = |client| both().url(client).expect("it is told");
        assert_eq!(url(BootClient::Ipxe), "http://boot.example:8080/boot.ipxe");
        assert_eq!(url(BootClient::Firmware(ClientArchitecture::Bios)), "tftp://[fd00::5]/pxe/undionly.kpxe");
        assert_eq!(url(BootClient::Firmware(ClientArchitecture::UefiX64)), "tftp://[fd00::5]/ipxe.efi");
        assert_eq!(url(BootClient::Firmware(ClientArchitecture::HttpX64)), "http://[fd00::5]:8080/ipxe.efi");
        assert_eq!(both().url(BootClient::Firmware(ClientArchitecture::HttpArm64)), None);
        assert_eq!(both().over_v4().and_then(|files| files.url(BootClient::Ipxe)), None);
    }

    #[test]
    fn an_interface_is_told_what_its_addresses_let_it_hear() {
        let (v4, v6) = (IpAddr::from([10, 0, 0, 7]), IpAddr::from(Ipv6Addr::LOCALHOST));
        assert_eq!(both().told_to(&[v4, v6]), Some(both()));
        assert_eq!(both().told_to(&[v4]), both().over_v4());
        assert_eq!(both().told_to(&[v6]), both().over_v6());
        assert_eq!(both().over_v4().and_then(|files| files.told_to(&[v6])), None);
        assert_eq!(BootFiles::joined(both().over_v4(), both().over_v6()), Some(both()));
        let other = BootFiles::new(Ipv6Addr::LOCALHOST, [(BootClient::Ipxe, "a".to_owned())]).ok();
        assert_eq!(BootFiles::joined(both().over_v4(), other), both().over_v4());
    }
}
