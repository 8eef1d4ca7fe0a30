//! Chassis commands: power state, power control, the identify light (§28).

use std::fmt;
use std::time::Duration;

use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

use super::commands::Malformed;
use super::opcode::Opcode;
use super::options::Resend;

/// Whether the machine has power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PowerState {
    /// Powered.
    On,
    /// Not powered; the BMC itself lives on standby power.
    Off,
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

/// What Chassis Control can do (§28.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PowerAction {
    /// Power off at once, on again after a second or more.
    Cycle,
    /// Power off at once.
    Off,
    /// Power on.
    On,
    /// Hard reset.
    Reset,
    /// Ask the operating system to shut down.
    SoftOff,
}

impl PowerAction {
    /// Whether the command may be sent twice: cycle and reset would act twice, and a second soft-off is a second press
    /// of the power button.
    pub fn resend(self) -> Resend {
        match self {
            Self::Off | Self::On => Resend::Allowed,
            Self::Cycle | Self::Reset | Self::SoftOff => Resend::Never,
        }
    }

    /// The state that the action leads to, if it does nothing in that state.
    pub fn goal(self) -> Option<PowerState> {
        match self {
            Self::On => Some(PowerState::On),
            Self::Off | Self::SoftOff => Some(PowerState::Off),
            Self::Cycle | Self::Reset => None,
        }
    }

    fn value(self) -> u8 {
        match self {
            Self::Off => 0x00,
            Self::On => 0x01,
            Self::Cycle => 0x02,
            Self::Reset => 0x03,
            Self::SoftOff => 0x05,
        }
    }
}

/// Chassis Control (§28.3).
#[derive(Clone, Copy, Debug)]
pub struct ChassisControl(
    /// What to do.
    pub PowerAction,
);

impl From<ChassisControl> for Message {
    fn from(ChassisControl(action): ChassisControl) -> Self {
        Message::new_request(NetFn::Chassis, Opcode::CHASSIS_CONTROL.command(), vec![action.value()])
    }
}

impl IpmiCommand for ChassisControl {
    type Output = ();
    type Error = Malformed;

    fn parse_success_response(_data: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Get Chassis Status (§28.2).
#[derive(Clone, Copy, Debug)]
pub struct GetChassisStatus;

/// Power and health of the chassis (§28.2, Table 28-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChassisStatus {
    /// Whether the machine has power.
    pub power: PowerState,
    /// The BMC finds a fault in the main power.
    pub power_fault: bool,
    /// A power-on or power-off did not lead to the state that was asked for.
    pub power_control_fault: bool,
    /// The supply was shut down by overload.
    pub power_overload: bool,
    /// Why power last changed; several can be true.
    pub last_event: LastPowerEvent,
    /// A drive has a fault.
    pub drive_fault: bool,
    /// A fan or the cooling has a fault.
    pub cooling_fault: bool,
    /// The chassis was opened.
    pub intrusion: bool,
    /// Whether the identify light shines; `None` where the BMC does not tell.
    pub identify: Option<bool>,
}

/// Why power last changed (§28.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastPowerEvent {
    /// Mains power failed.
    pub ac_failed: bool,
    /// Overload.
    pub overload: bool,
    /// The chassis interlock was opened.
    pub interlock: bool,
    /// Power fault.
    pub fault: bool,
    /// Somebody sent a power-on by IPMI.
    pub on_by_ipmi: bool,
}

impl From<GetChassisStatus> for Message {
    fn from(_: GetChassisStatus) -> Self {
        Message::new_request(NetFn::Chassis, Opcode::CHASSIS_STATUS.command(), Vec::new())
    }
}

impl IpmiCommand for GetChassisStatus {
    type Output = ChassisStatus;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<ChassisStatus, Malformed> {
        let [power, event, misc, ..] = *data else {
            return Err(Malformed("the chassis status has fewer than 3 bytes"));
        };
        let bit = |byte: u8, n: u8| byte & (1 << n) != 0;
        Ok(ChassisStatus {
            power: if bit(power, 0) { PowerState::On } else { PowerState::Off },
            power_overload: bit(power, 1),
            power_fault: bit(power, 3),
            power_control_fault: bit(power, 4),
            last_event: LastPowerEvent {
                ac_failed: bit(event, 0),
                overload: bit(event, 1),
                interlock: bit(event, 2),
                fault: bit(event, 3),
                on_by_ipmi: bit(event, 4),
            },
            intrusion: bit(misc, 0),
            drive_fault: bit(misc, 2),
            cooling_fault: bit(misc, 3),
            // Bit 6: bits 5 and 4 mean something.
            identify: bit(misc, 6).then_some(misc & 0x30 != 0),
        })
    }
}

/// How the identify light shall shine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identify {
    /// Until it is switched off.
    Always,
    /// For this long: whole seconds, at most 255.
    For(Duration),
    /// Not.
    Off,
}

/// Chassis Identify: a light by which a person finds the machine (§28.5).
#[derive(Clone, Copy, Debug)]
pub struct ChassisIdentify(
    /// How it shall shine.
    pub Identify,
);

impl From<ChassisIdentify> for Message {
    fn from(ChassisIdentify(identify): ChassisIdentify) -> Self {
        let data = match identify {
            Identify::Always => vec![0, 1],
            Identify::For(time) => vec![u8::try_from(time.as_secs()).unwrap_or(u8::MAX).max(1)],
            Identify::Off => vec![0],
        };
        Message::new_request(NetFn::Chassis, 0x04, data)
    }
}

impl IpmiCommand for ChassisIdentify {
    type Output = ();
    type Error = Malformed;

    fn parse_success_response(_data: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn status_bits_are_read_as_in_table_28_3() {
        let status = GetChassisStatus::parse_success_response(&[0x61, 0x10, 0x08]).expect("three bytes");
        assert_eq!(status.power, PowerState::On);
        assert!(status.last_event.on_by_ipmi && status.cooling_fault);
        assert!(!status.power_fault && !status.drive_fault && !status.intrusion);
        assert!(GetChassisStatus::parse_success_response(&[0x61, 0x10]).is_err());
    }

    #[test]
    fn what_acts_twice_when_sent_twice_is_never_sent_again() {
        for action in [PowerAction::Cycle, PowerAction::Reset, PowerAction::SoftOff] {
            assert_eq!(action.resend(), Resend::Never, "{action:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            prop_assert_eq!(GetChassisStatus::parse_success_response(&bytes).is_ok(), bytes.len() >= 3);
        }
    }
}
