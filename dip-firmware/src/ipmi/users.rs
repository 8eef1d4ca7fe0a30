//! The users of a BMC: names, passwords, what they may do on this channel (§22.26 to §22.30).

use zeroize::Zeroizing;

use super::bmc::IpmiBmc;
use super::credentials::{Credentials, PASSWORD_LEN};
use super::error::IpmiError;
use super::opcode::Opcode;
use super::options::Resend;

/// The channel that we come in by.
const THIS_CHANNEL: u8 = 0x0E;
/// Longest name (§22.28).
const NAME_LEN: usize = 16;
/// Passwords up to here fit into the form of IPMI 1.5 (§22.30).
const SHORT_PASSWORD: usize = 16;

const SET_ACCESS: Opcode = Opcode::raw(0x06, 0x43);
const GET_ACCESS: Opcode = Opcode::raw(0x06, 0x44);
const SET_NAME: Opcode = Opcode::raw(0x06, 0x45);
const GET_NAME: Opcode = Opcode::raw(0x06, 0x46);
const SET_PASSWORD: Opcode = Opcode::raw(0x06, 0x47);

/// A place for a user; it may be free.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// Its number, 1 to 63.
    pub id: u8,
    /// The name; empty for the anonymous user, who is number 1, and for places that are free.
    pub name: String,
    /// What it may do on this channel.
    pub access: UserAccess,
    /// Whether its name cannot be changed.
    pub has_fixed_name: bool,
}

/// What a user may do on this channel (§22.27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserAccess {
    /// The highest level that it may raise a session to.
    pub limit: UserLimit,
    /// Whether it may send IPMI messages.
    pub messaging: bool,
    /// Whether it is enabled at all; `None` where the BMC does not say.
    pub enabled: Option<bool>,
}

/// The highest privilege level of a user (§6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserLimit {
    /// None: it cannot log in here.
    NoAccess,
    /// Enough to be called back.
    Callback,
    /// Reads only.
    User,
    /// Reads, power and boot device.
    Operator,
    /// All commands.
    Administrator,
    /// A maker's own level.
    Oem,
}

impl UserLimit {
    fn value(self) -> u8 {
        match self {
            Self::NoAccess => 0x0F,
            Self::Callback => 1,
            Self::User => 2,
            Self::Operator => 3,
            Self::Administrator => 4,
            Self::Oem => 5,
        }
    }

    /// The level in the lower half of a byte.
    pub(super) fn from_value(value: u8) -> Self {
        match value & 0x0F {
            1 => Self::Callback,
            2 => Self::User,
            3 => Self::Operator,
            4 => Self::Administrator,
            5 => Self::Oem,
            _ => Self::NoAccess,
        }
    }
}

impl User {
    /// Whether it can log in, as far as the BMC says.
    #[must_use]
    pub fn may_log_in(&self) -> bool {
        let UserAccess { limit, messaging, enabled } = self.access;
        messaging && limit > UserLimit::NoAccess && enabled != Some(false)
    }

    /// Whether nobody has it.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.name.is_empty() && !self.may_log_in()
    }
}

impl IpmiBmc {
    /// All places for users, in order.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state). It takes the privilege of an operator.
    pub async fn users(&self) -> Result<Vec<User>, IpmiError> {
        let mut users = Vec::new();
        let mut last = 1;
        let mut id = 1;
        while id <= last {
            let reply = self.request(GET_ACCESS, &[THIS_CHANNEL, id], Resend::Allowed).await?;
            let [most, enabled, fixed, access, ..] = *reply else {
                return Err(self.session.malformed(GET_ACCESS, "the access of a user has fewer than 4 bytes"));
            };
            last = most & 0x3F;
            let access = UserAccess {
                limit: UserLimit::from_value(access),
                messaging: access & 0x10 != 0,
                enabled: match enabled >> 6 {
                    1 => Some(true),
                    2 => Some(false),
                    _ => None,
                },
            };
            let name = self.user_name(id).await?;
            users.push(User { id, name, access, has_fixed_name: id <= fixed & 0x3F });
            id += 1;
        }
        Ok(users)
    }

    async fn user_name(&self, id: u8) -> Result<String, IpmiError> {
        match self.request(GET_NAME, &[id], Resend::Allowed).await {
            Ok(name) => {
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len()).min(NAME_LEN);
                Ok(String::from_utf8_lossy(&name[..end]).into_owned())
            }
            // Some BMCs refuse where no name was ever set.
            Err(IpmiError::Completion { code, .. }) if matches!(code.value(), 0xC1 | 0xCB | 0xCC | 0xFF) => {
                Ok(String::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Names a user; an empty name frees its place.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state), and [`IpmiError::InvalidCredentials`] for more than 16 bytes.
    pub async fn set_user_name(&self, id: u8, name: &str) -> Result<(), IpmiError> {
        if name.len() > NAME_LEN {
            return Err(IpmiError::InvalidCredentials { what: "user name", limit: NAME_LEN });
        }
        let mut data = vec![id];
        data.extend(name.bytes());
        data.resize(1 + NAME_LEN, 0);
        self.request(SET_NAME, &data, Resend::Allowed).await.map(drop)
    }

    /// Sets what a user may do on this channel: its limit, and whether it may send messages at all.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn set_user_limit(&self, id: u8, limit: UserLimit) -> Result<(), IpmiError> {
        // Bit 7: bits 6 to 4 are changed; bit 4: messages. Neither callback nor link authentication.
        let messaging = if limit == UserLimit::NoAccess { 0x00 } else { 0x10 };
        let data = [0x80 | messaging | THIS_CHANNEL, id, limit.value()];
        self.request(SET_ACCESS, &data, Resend::Allowed).await.map(drop)
    }

    /// Enables a user.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn enable_user(&self, id: u8) -> Result<(), IpmiError> {
        self.request(SET_PASSWORD, &[id, ENABLE], Resend::Allowed).await.map(drop)
    }

    /// Disables a user, on all channels.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn disable_user(&self, id: u8) -> Result<(), IpmiError> {
        self.request(SET_PASSWORD, &[id, DISABLE], Resend::Allowed).await.map(drop)
    }

    /// Sets a user's password, in the form of 20 bytes; in that of 16 where the BMC knows no other. A short one over a
    /// long one would leave the end of the long one behind on some BMCs, and nobody could log in.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state), and [`IpmiError::InvalidCredentials`] for more than 20 bytes.
    pub async fn set_user_password(&self, id: u8, password: &str) -> Result<(), IpmiError> {
        match self.password(id, SET, password, PASSWORD_LEN).await {
            Err(IpmiError::Completion { code, .. })
                if password.len() <= SHORT_PASSWORD && matches!(code.value(), 0xC6..=0xC8 | 0xCC) =>
            {
                self.password(id, SET, password, SHORT_PASSWORD).await
            }
            other => other,
        }
    }

    /// Whether a user's password is this one, by the BMC's own test, which is no login.
    ///
    /// # Errors
    /// As [`set_user_password`](Self::set_user_password).
    pub async fn is_user_password(&self, id: u8, password: &str) -> Result<bool, IpmiError> {
        let forms = if password.len() > SHORT_PASSWORD { &[PASSWORD_LEN][..] } else { &[SHORT_PASSWORD, PASSWORD_LEN] };
        for form in forms {
            match self.password(id, TEST, password, *form).await {
                Ok(()) => return Ok(true),
                // 81h: it was set in the other form (§22.30). The others: the BMC does not know this form.
                Err(IpmiError::Completion { code, .. }) if matches!(code.value(), 0x81 | 0xC6..=0xC8 | 0xCC) => {}
                Err(IpmiError::Completion { code, .. }) if code.value() == 0x80 => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Whether somebody may log in with this name and password, found out by a login.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state). A wrong password is no error; the BMC may count it.
    pub async fn lets_in(&self, credentials: &Credentials) -> Result<bool, IpmiError> {
        self.session.lets_in(credentials).await
    }

    async fn password(&self, id: u8, act: u8, password: &str, form: usize) -> Result<(), IpmiError> {
        if password.len() > PASSWORD_LEN {
            return Err(IpmiError::InvalidCredentials { what: "password", limit: PASSWORD_LEN });
        }
        let long = if form == PASSWORD_LEN { 0x80 } else { 0x00 };
        let mut data = Zeroizing::new(Vec::with_capacity(2 + PASSWORD_LEN));
        data.extend([id | long, act]);
        data.extend(password.bytes());
        data.resize(2 + form, 0);
        self.request(SET_PASSWORD, &data, Resend::Allowed).await.map(drop)
    }
}

/// What Set User Password does (§22.30).
const DISABLE: u8 = 0;
const ENABLE: u8 = 1;
const SET: u8 = 2;
const TEST: u8 = 3;
