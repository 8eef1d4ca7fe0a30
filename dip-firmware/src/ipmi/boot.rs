//! System boot options: from what the machine starts next (§28.12 to §28.14).

use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

use super::commands::Malformed;

const SET_OPTIONS: u8 = 0x08;
const GET_OPTIONS: u8 = 0x09;
/// Parameter 3: when the BMC drops the boot flags by itself.
const FLAG_CLEARING: u8 = 3;
/// Parameter 4: which parts of the software have seen the boot information.
const ACKNOWLEDGE: u8 = 4;
/// Parameter 5: the boot flags.
const FLAGS: u8 = 5;

/// From what a machine starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BootDevice {
    /// The firmware's setup screen.
    BiosSetup,
    /// CD or DVD.
    Cdrom,
    /// The diagnostic partition.
    Diagnostics,
    /// The default disk.
    Disk,
    /// No override: the firmware's own order.
    None,
    /// The network.
    Pxe,
    /// Another device, by its number in Table 28-14.
    Other(u8),
}

impl BootDevice {
    fn value(self) -> u8 {
        match self {
            Self::None => 0x0,
            Self::Pxe => 0x1,
            Self::Disk => 0x2,
            Self::Diagnostics => 0x4,
            Self::Cdrom => 0x5,
            Self::BiosSetup => 0x6,
            Self::Other(value) => value & 0x0F,
        }
    }

    fn from_value(value: u8) -> Self {
        match value & 0x0F {
            0x0 => Self::None,
            0x1 => Self::Pxe,
            0x2 => Self::Disk,
            0x4 => Self::Diagnostics,
            0x5 => Self::Cdrom,
            0x6 => Self::BiosSetup,
            other => Self::Other(other),
        }
    }
}

/// For how many starts an override holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BootPersistence {
    /// For the next start.
    #[default]
    Once,
    /// Until it is changed.
    Always,
}

/// The kind of firmware interface to start by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BootMode {
    /// PC-compatible BIOS.
    Bios,
    /// EFI.
    #[default]
    Efi,
}

/// An override of the firmware's boot order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BootOverride {
    /// From what to start.
    pub device: BootDevice,
    /// How often.
    pub persistence: BootPersistence,
    /// How.
    pub mode: BootMode,
}

impl BootOverride {
    /// Start from `device` at the next start, by EFI.
    pub fn once(device: BootDevice) -> Self {
        Self { device, persistence: BootPersistence::Once, mode: BootMode::Efi }
    }

    fn flags(self) -> [u8; 5] {
        let persistent = match self.persistence {
            BootPersistence::Once => 0,
            BootPersistence::Always => PERSISTENT,
        };
        let efi = match self.mode {
            BootMode::Bios => 0,
            BootMode::Efi => EFI,
        };
        // To end an override, "no device" must be valid too, or a BMC may keep the device it had.
        [VALID | persistent | efi, self.device.value() << 2, 0, 0, 0]
    }
}

/// The override that a BMC tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BootState {
    /// From what to start.
    pub device: BootDevice,
    /// How often; `None` where the BMC does not mark its flags as valid.
    pub persistence: Option<BootPersistence>,
    /// How; `None` where the BMC does not mark its flags as valid.
    pub mode: Option<BootMode>,
}

impl BootState {
    /// No override.
    pub(super) const NONE: Self = Self { device: BootDevice::None, persistence: None, mode: None };

    /// Whether the BMC marks the flags as valid.
    ///
    /// Most BMCs take the mark away once an override was used, and keep the device: it says nothing then. But some, and
    /// `ipmi_sim`, never set the mark.
    pub fn is_marked_valid(&self) -> bool {
        self.persistence.is_some()
    }
}

const VALID: u8 = 0x80;
const PERSISTENT: u8 = 0x40;
const EFI: u8 = 0x20;

/// Set System Boot Options, parameter 5: boot flags.
#[derive(Clone, Copy, Debug)]
pub struct SetBootOverride(
    /// The override to set; with [`BootDevice::None`] it ends one.
    pub BootOverride,
);

impl From<SetBootOverride> for Message {
    fn from(SetBootOverride(wanted): SetBootOverride) -> Self {
        let mut data = vec![FLAGS];
        data.extend(wanted.flags());
        Message::new_request(NetFn::Chassis, SET_OPTIONS, data)
    }
}

/// Set System Boot Options, parameter 4: the BIOS has not yet seen the boot information; it shall look at it.
#[derive(Clone, Copy, Debug)]
pub struct AcknowledgeBootInfo;

impl From<AcknowledgeBootInfo> for Message {
    fn from(_: AcknowledgeBootInfo) -> Self {
        Message::new_request(NetFn::Chassis, SET_OPTIONS, vec![ACKNOWLEDGE, 0x01, 0x01])
    }
}

/// Set System Boot Options, parameter 3: keep the boot flags when no power command follows within 60 seconds.
///
/// Without it a BMC forgets the boot device while dip still waits for the node's turn.
#[derive(Clone, Copy, Debug)]
pub struct KeepBootFlags;

impl From<KeepBootFlags> for Message {
    fn from(_: KeepBootFlags) -> Self {
        Message::new_request(NetFn::Chassis, SET_OPTIONS, vec![FLAG_CLEARING, 0x08])
    }
}

macro_rules! answers_nothing {
    ($($command:ty),*) => {$(
        impl IpmiCommand for $command {
            type Output = ();
            type Error = Malformed;

            fn parse_success_response(_data: &[u8]) -> Result<(), Malformed> {
                Ok(())
            }
        }
    )*};
}

answers_nothing!(SetBootOverride, AcknowledgeBootInfo, KeepBootFlags);

/// Get System Boot Options, parameter 5: boot flags.
#[derive(Clone, Copy, Debug)]
pub struct GetBootOverride;

impl From<GetBootOverride> for Message {
    fn from(_: GetBootOverride) -> Self {
        Message::new_request(NetFn::Chassis, GET_OPTIONS, vec![FLAGS, 0, 0])
    }
}

impl IpmiCommand for GetBootOverride {
    type Output = BootState;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<BootState, Malformed> {
        let [_version, parameter, flags, device, ..] = *data else {
            return Err(Malformed("the boot flags have fewer than 4 bytes"));
        };
        if parameter & 0x7F != FLAGS {
            return Err(Malformed("the boot option is another than the boot flags asked for"));
        }
        let valid = flags & VALID != 0;
        let persistence = if flags & PERSISTENT != 0 { BootPersistence::Always } else { BootPersistence::Once };
        let mode = if flags & EFI != 0 { BootMode::Efi } else { BootMode::Bios };
        Ok(BootState {
            device: BootDevice::from_value(device >> 2),
            persistence: valid.then_some(persistence),
            mode: valid.then_some(mode),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pxe_once_by_efi_has_the_bytes_of_table_28_14() {
        let message: Message = SetBootOverride(BootOverride::once(BootDevice::Pxe)).into();
        assert_eq!(message.data(), [5, 0xA0, 0x04, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn what_is_set_is_read_back(device in 0u8..16, always: bool, efi: bool) {
            let wanted = BootOverride {
                device: BootDevice::from_value(device),
                persistence: if always { BootPersistence::Always } else { BootPersistence::Once },
                mode: if efi { BootMode::Efi } else { BootMode::Bios },
            };
            let mut reply = vec![1, FLAGS];
            reply.extend(wanted.flags());
            let told = BootState {
                device: wanted.device,
                persistence: Some(wanted.persistence),
                mode: Some(wanted.mode),
            };
            prop_assert_eq!(GetBootOverride::parse_success_response(&reply), Ok(told));
            reply[2] &= !VALID;
            let told = BootState { persistence: None, mode: None, ..told };
            prop_assert_eq!(GetBootOverride::parse_success_response(&reply), Ok(told));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = GetBootOverride::parse_success_response(&bytes);
        }
    }
}
