//! What kind of firmware asks (option 93; IANA registry "Processor Architecture Types", which RFC 4578 and RFC 5970 share).

use serde::{Deserialize, Serialize};

/// The architecture of a client that boots from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientArchitecture {
    /// x86 with BIOS: 0.
    Bios,
    /// x86-64 with UEFI: 7, and 9, by which much firmware means the same.
    UefiX64,
    /// 64-bit ARM with UEFI: 11.
    UefiArm64,
    /// x86-64 with UEFI that loads over HTTP: 16.
    HttpX64,
    /// 64-bit ARM with UEFI that loads over HTTP: 19.
    HttpArm64,
}

impl ClientArchitecture {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bios, Self::UefiX64, Self::UefiArm64, Self::HttpX64, Self::HttpArm64];

    /// The architecture of a number; `None` for those that dip has nothing for.
    #[must_use]
    pub fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|architecture| architecture.numbers().contains(&number))
    }

    /// Its numbers in the registry.
    #[must_use]
    pub const fn numbers(self) -> &'static [u16] {
        match self {
            Self::Bios => &[0],
            Self::UefiX64 => &[7, 9],
            Self::UefiArm64 => &[11],
            Self::HttpX64 => &[16],
            Self::HttpArm64 => &[19],
        }
    }

    /// As it is written in a site file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bios => "bios",
            Self::UefiX64 => "uefi_x64",
            Self::UefiArm64 => "uefi_arm64",
            Self::HttpX64 => "http_x64",
            Self::HttpArm64 => "http_arm64",
        }
    }

    /// Whether it loads a URL and not a file by TFTP.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::HttpX64 | Self::HttpArm64)
    }
}
