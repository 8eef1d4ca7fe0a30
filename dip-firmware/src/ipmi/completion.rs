//! Completion codes: how a BMC says that it did not do what was asked.

use std::fmt;

/// The first byte of every IPMI reply (§5.2, Table 5-2); never `0x00`, which is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CompletionCode(u8);

impl CompletionCode {
    /// `0x80` of the boot option commands: the parameter is not supported.
    pub const PARAMETER_NOT_SUPPORTED: Self = Self(0x80);
    /// The BMC has no resources for the command just now and did nothing.
    pub const NODE_BUSY: Self = Self(0xC0);
    /// The BMC does not know the command.
    pub const INVALID_COMMAND: Self = Self(0xC1);
    /// The BMC took too long inside; the command may have acted.
    pub const PROCESSING_TIMEOUT: Self = Self(0xC3);
    /// The length of the request is wrong for the command.
    pub const REQUEST_LENGTH_INVALID: Self = Self(0xC7);
    /// A length field in the request exceeds what the BMC can do.
    pub const REQUEST_LENGTH_EXCEEDED: Self = Self(0xC8);
    /// A parameter is out of range.
    pub const PARAMETER_OUT_OF_RANGE: Self = Self(0xC9);
    /// The BMC cannot return that many bytes.
    pub const CANNOT_RETURN_BYTES: Self = Self(0xCA);
    /// The sensor, record or data asked for is not there.
    pub const NOT_PRESENT: Self = Self(0xCB);
    /// A field of the request is invalid.
    pub const INVALID_FIELD: Self = Self(0xCC);
    /// The user or session may not do this.
    pub const INSUFFICIENT_PRIVILEGE: Self = Self(0xD4);
    /// The command does not fit the present state.
    pub const WRONG_STATE: Self = Self(0xD5);

    /// The code, unless `byte` says success.
    pub fn failure(byte: u8) -> Option<Self> {
        (byte != 0).then_some(Self(byte))
    }

    /// The code as a number.
    pub fn value(self) -> u8 {
        self.0
    }

    fn name(self) -> &'static str {
        match self.0 {
            0xC0 => "node busy",
            0xC1 => "invalid command",
            0xC2 => "command invalid for this logical unit",
            0xC3 => "timeout while processing the command",
            0xC4 => "out of space",
            0xC5 => "reservation cancelled or invalid",
            0xC6 => "request data truncated",
            0xC7 => "request data length invalid",
            0xC8 => "request data field length limit exceeded",
            0xC9 => "parameter out of range",
            0xCA => "cannot return the requested number of bytes",
            0xCB => "requested sensor, data or record not present",
            0xCC => "invalid data field in the request",
            0xCD => "command illegal for this sensor or record",
            0xCE => "response could not be provided",
            0xCF => "cannot execute a duplicate request",
            0xD0 => "SDR repository in update mode",
            0xD1 => "device in firmware update mode",
            0xD2 => "BMC still initialising",
            0xD3 => "destination unavailable",
            0xD4 => "insufficient privilege level",
            0xD5 => "not supported in the present state",
            0xD6 => "sub-function disabled",
            0xFF => "unspecified error",
            0x01..=0x7E => "vendor's own code",
            0x80..=0xBE => "code of this command alone",
            _ => "reserved code",
        }
    }
}

impl fmt::Display for CompletionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#04x})", self.name(), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_but_success_has_a_name() {
        assert_eq!(CompletionCode::failure(0), None);
        for byte in 1..=u8::MAX {
            let code = CompletionCode::failure(byte).expect("only zero is success");
            assert!(code.to_string().ends_with(&format!("({byte:#04x})")));
        }
        assert_eq!(CompletionCode::NODE_BUSY.to_string(), "node busy (0xc0)");
    }
}
