//! What machines boot from the network, each by its firmware.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::architecture::ClientArchitecture;

/// Who asks for a boot file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BootClient {
    /// iPXE that was loaded already and wants its script (user class, option 77). It comes first: it tells the architecture of the
    /// firmware that loaded it, and would load itself for ever.
    Ipxe,
    /// A machine's own firmware.
    Firmware(ClientArchitecture),
}

impl BootClient {
    /// All of them, in the order in which they are told apart.
    pub const ALL: [Self; 6] = [
        Self::Ipxe,
        Self::Firmware(ClientArchitecture::Bios),
        Self::Firmware(ClientArchitecture::UefiX64),
        Self::Firmware(ClientArchitecture::UefiArm64),
        Self::Firmware(ClientArchitecture::HttpX64),
        Self::Firmware(ClientArchitecture::HttpArm64),
    ];

    /// As it is written in a site file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ipxe => "ipxe",
            Self::Firmware(architecture) => architecture.word(),
        }
    }

    /// Whether it wants to hear that an HTTP client was answered (UEFI 2.10, section 24.7.2).
    #[must_use]
    pub const fn is_http(self) -> bool {
        match self {
            Self::Ipxe => false,
            Self::Firmware(architecture) => architecture.is_http(),
        }
    }
}

/// The boot files of a site: a server, and a file for each kind of firmware that boots there.
///
/// In JSON and in a site file, `{"server": "10.0.0.5", "bios": "undionly.kpxe", "http_x64": "http://10.0.0.5/ipxe.efi"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Told", into = "Told")]
pub struct BootFiles {
    server: Ipv4Addr,
    files: BTreeMap<BootClient, String>,
}

/// Boot files that no client could be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootFilesError {
    /// There is none.
    #[error("it names no boot file: give it one for a kind of firmware, `uefi_x64: ipxe.efi`")]
    Empty,
    /// It is empty or longer than the head of a packet has room for (RFC 2131, section 2), or has a character that ends it in the
    /// configuration of one of the DHCP servers.
    #[error(
        "`{1}` of `{0}` is no boot file: it has up to 127 letters, digits and marks, none of them a space, a quote, `,`, `#` or `\\`"
    )]
    Text(&'static str, String),
    /// A client that loads over HTTP wants a URL.
    #[error("`{1}` of `{0}` is no `http://` or `https://` address, which a client wants that loads over HTTP")]
    NoUrl(&'static str, String),
    /// A client that loads over TFTP wants a path.
    #[error("`{1}` of `{0}` is a URL, and the firmware loads a file by TFTP")]
    Url(&'static str, String),
}

/// The longest name that the head of a packet has room for, with the zero at its end (RFC 2131, section 2).
const LONGEST: usize = 127;

impl BootFiles {
    /// The files of a server; at least one.
    ///
    /// # Errors
    /// Which of them could not be told to a client.
    pub fn new(
        server: Ipv4Addr,
        files: impl IntoIterator<Item = (BootClient, String)>,
    ) -> Result<Self, BootFilesError> {
        let files: BTreeMap<_, _> = files.into_iter().collect();
        if files.is_empty() {
            return Err(BootFilesError::Empty);
        }
        for (client, file) in &files {
            let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | ',' | '#');
            if file.is_empty() || file.len() > LONGEST || !file.chars().all(fits) {
                return Err(BootFilesError::Text(client.word(), file.clone()));
            }
            let is_url = file.starts_with("http://") || file.starts_with("https://");
            match client {
                BootClient::Firmware(architecture) if architecture.is_http() && !is_url => {
                    return Err(BootFilesError::NoUrl(client.word(), file.clone()));
                }
                BootClient::Firmware(architecture) if !architecture.is_http() && file.contains("://") => {
                    return Err(BootFilesError::Url(client.word(), file.clone()));
                }
                _ => {}
            }
        }
        Ok(Self { server, files })
    }

    /// The server that has the files, by TFTP; a URL tells its own.
    #[must_use]
    pub const fn server(&self) -> Ipv4Addr {
        self.server
    }

    /// The file of a client; `None` where it is told nothing.
    #[must_use]
    pub fn file(&self, client: BootClient) -> Option<&str> {
        self.files.get(&client).map(String::as_str)
    }

    /// All of them, in the order in which clients are told apart.
    pub fn iter(&self) -> impl Iterator<Item = (BootClient, &str)> {
        self.files.iter().map(|(client, file)| (*client, file.as_str()))
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
        write!(f, "from {}", self.server)
    }
}

/// As they are written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    server: Ipv4Addr,
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
        let Told { server, ipxe, bios, uefi_x64, uefi_arm64, http_x64, http_arm64 } = told;
        let files = [ipxe, bios, uefi_x64, uefi_arm64, http_x64, http_arm64];
        let files = BootClient::ALL.into_iter().zip(files);
        Self::new(server, files.filter_map(|(client, file)| Some((client, file?))))
    }
}

impl From<BootFiles> for Told {
    fn from(files: BootFiles) -> Self {
        let BootFiles { server, mut files } = files;
        let [ipxe, bios, uefi_x64, uefi_arm64, http_x64, http_arm64] =
            BootClient::ALL.map(|client| files.remove(&client));
        Self { server, ipxe, bios, uefi_x64, uefi_arm64, http_x64, http_arm64 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    }
}
