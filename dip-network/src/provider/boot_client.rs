//! Who asks for a boot file: a machine's firmware, or iPXE that it loaded.

use super::architecture::ClientArchitecture;

/// Who asks for a boot file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BootClient {
    /// iPXE that was loaded already and wants its script (user class, option 77; over DHCPv6 15). It comes first: it tells the architecture of the
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
