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
    /// The architecture of a number; `None` for those that dip has nothing for.
    #[must_use]
    pub const fn of(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::Bios,
            7 | 9 => Self::UefiX64,
            11 => Self::UefiArm64,
            16 => Self::HttpX64,
            19 => Self::HttpArm64,
            _ => return None,
        })
    }

    /// Whether it loads a URL and not a file by TFTP.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::HttpX64 | Self::HttpArm64)
    }
}
