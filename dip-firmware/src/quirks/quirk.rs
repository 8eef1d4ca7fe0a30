//! The quirks that the code knows.

use serde::{Deserialize, Serialize};

/// A way in which a BMC differs from the standard that it claims. Its name in files is that of the variant in `snake_case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quirk {
    /// The first place for users is not for users: it is never filled.
    AccountSlot1Reserved,
    /// Changes of BIOS settings are refused without a time to apply them, though the service lists no such times.
    BiosApplyTime,
    /// A boot override without its mode falls back to the default mode.
    BootModeAlways,
    /// The boot override can be changed through the settings resource of the system alone.
    BootThroughSettings,
    /// To boot from a virtual CD, the boot device is called `UsbCd`.
    CdIsUsbCd,
    /// A forced restart can hang the machine: it is switched off, and then on.
    CycleByOffAndOn,
    /// Collections are not expanded, or wrongly, though the service says that it expands them.
    ExpandNever,
    /// Changes must name a version, and no version that is told matches: `If-Match: *`.
    IfMatchAny,
    /// Changes that name the version which was told are refused.
    IfMatchNever,
    /// Versions are told in quotes and compared without.
    IfMatchUnquoted,
    /// Inserting an image is refused if more than its URL is told.
    InsertImageAlone,
    /// A drive that was told to eject answers with a server error for some seconds.
    InsertWhileEjecting,
    /// A new user must have a second, describing name.
    LoginName,
    /// The number on the machine's label is told as `SKU`; `SerialNumber` is that of its board.
    SerialIsSku,
    /// By IPMI, a disk is booted with UEFI only under the number of the primary remote media (Table 28-14, 9).
    UefiDiskIsRemoteMedia,
}

impl Quirk {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 15] = [
        Self::AccountSlot1Reserved,
        Self::BiosApplyTime,
        Self::BootModeAlways,
        Self::BootThroughSettings,
        Self::CdIsUsbCd,
        Self::CycleByOffAndOn,
        Self::ExpandNever,
        Self::IfMatchAny,
        Self::IfMatchNever,
        Self::IfMatchUnquoted,
        Self::InsertImageAlone,
        Self::InsertWhileEjecting,
        Self::LoginName,
        Self::SerialIsSku,
        Self::UefiDiskIsRemoteMedia,
    ];

    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountSlot1Reserved => "account_slot1_reserved",
            Self::BiosApplyTime => "bios_apply_time",
            Self::BootModeAlways => "boot_mode_always",
            Self::BootThroughSettings => "boot_through_settings",
            Self::CdIsUsbCd => "cd_is_usb_cd",
            Self::CycleByOffAndOn => "cycle_by_off_and_on",
            Self::ExpandNever => "expand_never",
            Self::IfMatchAny => "if_match_any",
            Self::IfMatchNever => "if_match_never",
            Self::IfMatchUnquoted => "if_match_unquoted",
            Self::InsertImageAlone => "insert_image_alone",
            Self::InsertWhileEjecting => "insert_while_ejecting",
            Self::LoginName => "login_name",
            Self::SerialIsSku => "serial_is_sku",
            Self::UefiDiskIsRemoteMedia => "uefi_disk_is_remote_media",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quirk_is_written_by_its_name() {
        for quirk in Quirk::ALL {
            assert_eq!(serde_json::to_value(quirk).expect("plain data"), quirk.name());
        }
    }
}
