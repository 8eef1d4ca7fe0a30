//! An IPMI command by its number: what it is called, what it needs, whether it only reads.

use std::fmt;

use ipmi_rs_core::connection::NetFn;

use super::options::Privilege;

/// Network function and command number of an IPMI request (§5.1, Appendix G).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode {
    netfn: u8,
    command: u8,
}

impl Opcode {
    pub(super) const CHASSIS_STATUS: Self = Self::raw(0x00, 0x01);
    pub(super) const CHASSIS_CONTROL: Self = Self::raw(0x00, 0x02);
    pub(super) const GET_DEVICE_ID: Self = Self::raw(0x06, 0x01);
    pub(super) const COLD_RESET: Self = Self::raw(0x06, 0x02);
    pub(super) const WARM_RESET: Self = Self::raw(0x06, 0x03);
    pub(super) const CHANNEL_AUTHENTICATION: Self = Self::raw(0x06, 0x38);
    pub(super) const SET_PRIVILEGE: Self = Self::raw(0x06, 0x3B);
    pub(super) const CLOSE_SESSION: Self = Self::raw(0x06, 0x3C);
    pub(super) const GET_CIPHER_SUITES: Self = Self::raw(0x06, 0x54);

    /// A command of `netfn`.
    pub fn new(netfn: NetFn, command: u8) -> Self {
        Self::raw(netfn.request_value(), command)
    }

    /// Network function (6 bits, made even: a request) and command by number.
    pub const fn raw(netfn: u8, command: u8) -> Self {
        Self { netfn: netfn & 0x3E, command }
    }

    /// The number of the network function, as in a request.
    pub const fn netfn(self) -> u8 {
        self.netfn
    }

    /// The command number.
    pub const fn command(self) -> u8 {
        self.command
    }

    /// Whether the command is known to read only, so that it changes nothing on the machine, however it ends.
    pub const fn only_reads(self) -> bool {
        matches!(self.known(), Some(Known { effect: Effect::Reads, .. }))
    }

    /// The privilege that a session needs for it (Appendix G, Table G-1): the least that BMCs ask for, which some of them
    /// raise by their firmware firewall (§21). Of a command that is not known here, the highest is asked for.
    pub const fn needs(self) -> Privilege {
        match self.known() {
            Some(known) => known.needs,
            None => Privilege::Administrator,
        }
    }

    /// What is known of the command. "Callback" of Table G-1 is told as the user that every session is.
    const fn known(self) -> Option<Known> {
        use Effect::{Changes, Reads};
        use Privilege::{Administrator, Operator, User};
        let (name, needs, effect) = match (self.netfn, self.command) {
            (0x00, 0x01) => ("Get Chassis Status", User, Reads),
            (0x00, 0x02) => ("Chassis Control", Operator, Changes),
            (0x00, 0x04) => ("Chassis Identify", Operator, Changes),
            (0x00, 0x08) => ("Set System Boot Options", Operator, Changes),
            (0x00, 0x09) => ("Get System Boot Options", Operator, Reads),
            (0x04, 0x23) => ("Get Sensor Reading Factors", User, Reads),
            (0x04, 0x27) => ("Get Sensor Thresholds", User, Reads),
            (0x04, 0x2D) => ("Get Sensor Reading", User, Reads),
            (0x06, 0x01) => ("Get Device ID", User, Reads),
            (0x06, 0x02) => ("Cold Reset", Administrator, Changes),
            (0x06, 0x03) => ("Warm Reset", Administrator, Changes),
            (0x06, 0x37) => ("Get System GUID", User, Reads),
            (0x06, 0x38) => ("Get Channel Authentication Capabilities", User, Reads),
            (0x06, 0x3B) => ("Set Session Privilege Level", User, Changes),
            (0x06, 0x3C) => ("Close Session", User, Changes),
            (0x06, 0x42) => ("Get Channel Info", User, Reads),
            (0x06, 0x43) => ("Set User Access", Administrator, Changes),
            (0x06, 0x44) => ("Get User Access", Operator, Reads),
            (0x06, 0x45) => ("Set User Name", Administrator, Changes),
            (0x06, 0x46) => ("Get User Name", Operator, Reads),
            (0x06, 0x47) => ("Set User Password", Administrator, Changes),
            // These two need what the site gave the payload; the console is the operator's or the administrator's (§24.1).
            (0x06, 0x48) => ("Activate Payload", Administrator, Changes),
            (0x06, 0x49) => ("Deactivate Payload", Administrator, Changes),
            (0x06, 0x4B) => ("Get Payload Instance Info", User, Reads),
            (0x06, 0x54) => ("Get Channel Cipher Suites", User, Reads),
            (0x0A, 0x10) => ("Get FRU Inventory Area Info", User, Reads),
            (0x0A, 0x11) => ("Read FRU Data", User, Reads),
            (0x0A, 0x20) => ("Get SDR Repository Info", User, Reads),
            (0x0A, 0x22) => ("Reserve SDR Repository", User, Changes),
            (0x0A, 0x23) => ("Get SDR", User, Reads),
            (0x0A, 0x40) => ("Get SEL Info", User, Reads),
            (0x0A, 0x42) => ("Reserve SEL", User, Changes),
            (0x0A, 0x43) => ("Get SEL Entry", User, Reads),
            (0x0A, 0x47) => ("Clear SEL", Operator, Changes),
            (0x0C, 0x01) => ("Set LAN Configuration Parameters", Administrator, Changes),
            (0x0C, 0x02) => ("Get LAN Configuration Parameters", Operator, Reads),
            _ => return None,
        };
        Some(Known { name, needs, effect })
    }
}

/// What the specification says of a command.
struct Known {
    name: &'static str,
    needs: Privilege,
    effect: Effect,
}

/// What a command does to the BMC or its machine.
enum Effect {
    Changes,
    Reads,
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(known) => f.write_str(known.name),
            None => write!(f, "command {:#04x} of network function {:#04x}", self.command, self.netfn),
        }
    }
}
