//! How a BMC lets people in on its LAN channel: suites, anonymous users, IPMI 1.5, lock-out (§22.13, §22.24, §23).

use super::bmc::IpmiBmc;
use super::completion::CompletionCode;
use super::error::{ErrorClass, IpmiError};
use super::offers::Collected;
use super::opcode::Opcode;
use super::options::Resend;
use super::users::UserLimit;

/// The channel that we come in by.
const THIS_CHANNEL: u8 = 0x0E;
/// Parameters of the LAN configuration (§23.2, Table 23-4).
const SUITE_ENTRIES: u8 = 23;
const SUITE_LIMITS: u8 = 24;
const BAD_PASSWORDS: u8 = 26;

const CHANNEL_INFO: Opcode = Opcode::raw(0x06, 0x42);
const SET_LAN: Opcode = Opcode::raw(0x0C, 0x01);
const GET_LAN: Opcode = Opcode::raw(0x0C, 0x02);

/// A cipher suite of the channel and up to which level it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OfferedSuite {
    /// Its number, Table 22-20.
    pub number: u8,
    /// The highest level of a session with it; `None` where the BMC does not say.
    pub limit: Option<UserLimit>,
}

impl OfferedSuite {
    /// Whether a session can be opened with it, as far as the BMC says.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.limit != Some(UserLimit::NoAccess)
    }
}

/// Who may come in without a name or by the older protocol (§22.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entrances {
    /// A user without name and without password.
    pub anonymous: bool,
    /// Users without names, with a password.
    pub nameless: bool,
    /// Sessions of IPMI 1.5, which are not encrypted.
    pub ipmi_1_5: bool,
}

/// How a BMC guards against guessing (Table 23-4, parameter 26).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadPasswords {
    /// After so many, a user is locked; zero is never.
    pub threshold: u8,
    /// For so many seconds; zero is until somebody enables it.
    pub lockout: u32,
}

impl IpmiBmc {
    /// The number of the channel that we come in by.
    async fn channel(&self) -> Result<u8, IpmiError> {
        let reply = self.request(CHANNEL_INFO, &[THIS_CHANNEL], Resend::Allowed).await?;
        let channel =
            reply.first().ok_or_else(|| self.session.malformed(CHANNEL_INFO, "the channel's info is empty"))?;
        Ok(channel & 0x0F)
    }

    /// The cipher suites of the channel, with the level that each may be used for where the BMC tells that.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state). It takes the privilege of an operator.
    pub async fn offered_suites(&self) -> Result<Vec<OfferedSuite>, IpmiError> {
        let channel = self.channel().await?;
        let limits = self.lan(channel, SUITE_LIMITS).await?;
        let entries = match self.lan(channel, SUITE_ENTRIES).await? {
            // The first byte is reserved.
            Some(entries) if entries.len() > 1 => entries[1..].to_vec(),
            _ => self.listed_suites().await?,
        };
        let limits: Vec<u8> = limits.iter().flat_map(|limits| limits.iter().skip(1)).copied().collect();
        let limit = |n: usize| limits.get(n / 2).map(|both| UserLimit::from_value(both >> (4 * (n % 2))));
        Ok(entries.iter().enumerate().map(|(n, number)| OfferedSuite { number: *number, limit: limit(n) }).collect())
    }

    async fn listed_suites(&self) -> Result<Vec<u8>, IpmiError> {
        let mut collected = Collected::default();
        loop {
            let records = self.run(collected.next(), Resend::Allowed).await?;
            if let Some(suites) = collected.take(&records) {
                return Ok(suites);
            }
        }
    }

    /// Lets nobody use these suites any more; all others stay as they are.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state); class `Unsupported` where the BMC has no such setting.
    pub async fn close_suites(&self, weak: &[u8]) -> Result<(), IpmiError> {
        let channel = self.channel().await?;
        let suites = self.offered_suites().await?;
        let Some(mut limits) = self.lan(channel, SUITE_LIMITS).await? else {
            let code = CompletionCode::PARAMETER_NOT_SUPPORTED;
            return Err(IpmiError::Completion { addr: self.place(), command: SET_LAN, code });
        };
        for (n, _) in suites.iter().enumerate().filter(|(_, suite)| weak.contains(&suite.number)) {
            let Some(both) = limits.get_mut(1 + n / 2) else {
                return Err(self.session.malformed(GET_LAN, "a suite has no place among the levels of suites"));
            };
            // Two suites share a byte, the first in the lower half; zero is "not to be used".
            *both &= if n % 2 == 0 { 0xF0 } else { 0x0F };
        }
        let data = [&[channel, SUITE_LIMITS], &limits[..]].concat();
        self.request(SET_LAN, &data, Resend::Allowed).await.map(drop)
    }

    /// Who may come in without a name or by the older protocol.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn entrances(&self) -> Result<Entrances, IpmiError> {
        let command = Opcode::CHANNEL_AUTHENTICATION;
        // Bit 7: with what IPMI 2.0 adds; asked for the level "user".
        // Some BMCs refuse it inside a session, where it was never needed.
        let reply = self.session.ask_outside(command, &[0x80 | THIS_CHANNEL, 2]).await?;
        let [_channel, kinds, logins, extended, ..] = *reply else {
            return Err(self.session.malformed(command, "the capabilities have fewer than 4 bytes"));
        };
        // Bit 7 of the kinds: the fourth byte means something; without it only IPMI 1.5 is spoken.
        let ipmi_1_5 = kinds & 0x80 == 0 || extended & 0x01 != 0;
        Ok(Entrances { anonymous: logins & 0x01 != 0, nameless: logins & 0x02 != 0, ipmi_1_5 })
    }

    /// How it guards against guessing; `None` where it does not tell.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn bad_passwords(&self) -> Result<Option<BadPasswords>, IpmiError> {
        let channel = self.channel().await?;
        Ok(match self.lan(channel, BAD_PASSWORDS).await?.as_deref() {
            Some([_flags, threshold, _, _, low, high, ..]) => {
                // Counted in tens of seconds.
                let lockout = u32::from(u16::from_le_bytes([*low, *high])) * 10;
                Some(BadPasswords { threshold: *threshold, lockout })
            }
            _ => None,
        })
    }

    /// A parameter of the LAN configuration; `None` where the BMC does not have it.
    async fn lan(&self, channel: u8, parameter: u8) -> Result<Option<Vec<u8>>, IpmiError> {
        match self.request(GET_LAN, &[channel, parameter, 0, 0], Resend::Allowed).await {
            // The first byte is the revision of the parameter.
            Ok(reply) => Ok(reply.get(1..).map(<[u8]>::to_vec)),
            // 80h: this parameter is not supported.
            Err(IpmiError::Completion { code, .. }) if code.value() == 0x80 => Ok(None),
            Err(error) if matches!(error.class(), ErrorClass::Unsupported | ErrorClass::Invalid) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
