//! The name of an IPMI command: network function and command number.

use std::fmt;

use ipmi_rs_core::connection::NetFn;

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
        matches!(
            (self.netfn, self.command),
            (0x00, 0x01 | 0x09)
                | (0x04, 0x23 | 0x27 | 0x2D)
                | (0x06, 0x01 | 0x37 | 0x38 | 0x42 | 0x44 | 0x46 | 0x54)
                | (0x0A, 0x10 | 0x11 | 0x20 | 0x23 | 0x40 | 0x43)
                | (0x0C, 0x02)
        )
    }

    fn name(self) -> Option<&'static str> {
        Some(match (self.netfn, self.command) {
            (0x00, 0x01) => "Get Chassis Status",
            (0x00, 0x02) => "Chassis Control",
            (0x00, 0x04) => "Chassis Identify",
            (0x00, 0x08) => "Set System Boot Options",
            (0x00, 0x09) => "Get System Boot Options",
            (0x04, 0x23) => "Get Sensor Reading Factors",
            (0x04, 0x27) => "Get Sensor Thresholds",
            (0x04, 0x2D) => "Get Sensor Reading",
            (0x06, 0x01) => "Get Device ID",
            (0x06, 0x02) => "Cold Reset",
            (0x06, 0x03) => "Warm Reset",
            (0x06, 0x37) => "Get System GUID",
            (0x06, 0x38) => "Get Channel Authentication Capabilities",
            (0x06, 0x3B) => "Set Session Privilege Level",
            (0x06, 0x3C) => "Close Session",
            (0x06, 0x42) => "Get Channel Info",
            (0x06, 0x43) => "Set User Access",
            (0x06, 0x44) => "Get User Access",
            (0x06, 0x45) => "Set User Name",
            (0x06, 0x46) => "Get User Name",
            (0x06, 0x47) => "Set User Password",
            (0x06, 0x48) => "Activate Payload",
            (0x06, 0x49) => "Deactivate Payload",
            (0x06, 0x54) => "Get Channel Cipher Suites",
            (0x0A, 0x10) => "Get FRU Inventory Area Info",
            (0x0A, 0x11) => "Read FRU Data",
            (0x0A, 0x20) => "Get SDR Repository Info",
            (0x0A, 0x22) => "Reserve SDR Repository",
            (0x0A, 0x23) => "Get SDR",
            (0x0A, 0x40) => "Get SEL Info",
            (0x0A, 0x42) => "Reserve SEL",
            (0x0A, 0x43) => "Get SEL Entry",
            (0x0A, 0x47) => "Clear SEL",
            (0x0C, 0x01) => "Set LAN Configuration Parameters",
            (0x0C, 0x02) => "Get LAN Configuration Parameters",
            _ => return None,
        })
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "command {:#04x} of network function {:#04x}", self.command, self.netfn),
        }
    }
}
