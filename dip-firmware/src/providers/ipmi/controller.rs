//! The BMC itself by IPMI: version, weak ways in, restart (20, 22.13, 23).

use async_trait::async_trait;
use dip_core::provider::{ErrorKind, ProviderError};

use super::machine::Machine;
use crate::ipmi::{ErrorClass, IpmiBmc, IpmiError, OfferedSuite, UserLimit};
use crate::provider::{Controller, ControllerState};
use crate::settings::IPMI;

/// Suites that prove the password, sign and encrypt by what is not broken (Table 22-20).
const SOUND_SUITES: [u8; 2] = [3, 17];
/// The anonymous user's place (22.28).
const ANONYMOUS: u8 = 1;

#[async_trait]
impl Controller for Machine {
    async fn state(&self) -> Result<ControllerState, ProviderError> {
        let action = "ask the BMC about itself";
        let bmc = self.bmc(action).await?;
        let firmware = bmc.firmware().await.map_err(|error| self.failed(action, error))?;
        let weaknesses = weaknesses(bmc).await.map_err(|error| self.failed(action, error))?;
        Ok(ControllerState {
            firmware: Some(firmware.to_string()),
            weaknesses: weaknesses.told(),
            ..ControllerState::default()
        })
    }

    async fn set_ntp(&self, _servers: &[String]) -> Result<(), ProviderError> {
        Err(self.beyond_ipmi("set the time servers of the BMC"))
    }

    async fn set_syslog(&self, _receivers: &[String]) -> Result<(), ProviderError> {
        Err(self.beyond_ipmi("set the log receivers of the BMC"))
    }

    async fn close_weaknesses(&self) -> Result<Vec<String>, ProviderError> {
        let action = "close the weak ways into the BMC";
        let bmc = self.bmc(action).await?;
        close(bmc).await.map_err(|error| self.failed(action, error))
    }

    async fn certificate(&self) -> Result<Option<Vec<u8>>, ProviderError> {
        Err(self.beyond_ipmi("look at the certificate of the BMC"))
    }

    async fn certificate_request(&self, _name: &str) -> Result<String, ProviderError> {
        Err(self.beyond_ipmi("ask the BMC for a certificate request"))
    }

    async fn set_certificate(&self, _pem: &str) -> Result<(), ProviderError> {
        Err(self.beyond_ipmi("give the BMC a certificate"))
    }

    async fn restart(&self) -> Result<(), ProviderError> {
        let action = "restart the BMC";
        self.bmc(action).await?.restart().await.map_err(|error| self.failed(action, error))
    }
}

impl Machine {
    fn beyond_ipmi(&self, action: &str) -> ProviderError {
        ProviderError::new(ErrorKind::Unsupported, IPMI, self.at(action))
            .advise("IPMI has no command for it; use Redfish or the maker's own tool")
    }
}

/// The weak ways in that are open.
struct Weaknesses {
    suites: Vec<u8>,
    anonymous: bool,
    nameless: bool,
    ipmi_1_5: bool,
}

impl Weaknesses {
    fn told(&self) -> Vec<String> {
        let suites = self.suites.iter().map(|suite| format!("IPMI cipher suite {suite} ({})", lack(*suite)));
        let others = [
            (self.anonymous, "IPMI user without name and password"),
            (self.nameless, "IPMI user without a name"),
            (self.ipmi_1_5, "IPMI 1.5 sessions, which are not encrypted"),
        ];
        suites.chain(others.into_iter().filter(|(open, _)| *open).map(|(_, what)| what.to_owned())).collect()
    }
}

/// What a suite lacks (Table 22-20).
fn lack(suite: u8) -> &'static str {
    match suite {
        0 => "no password is asked for",
        1 | 2 | 6 | 7 | 11 | 15 | 16 => "nothing is encrypted",
        4 | 5 | 9 | 10 | 13 | 14 | 18 | 19 => "encrypted by RC4",
        8 | 12 => "signed by MD5",
        _ => "of its maker's own making",
    }
}

async fn weaknesses(bmc: &IpmiBmc) -> Result<Weaknesses, IpmiError> {
    let entrances = bmc.entrances().await?;
    let suites = bmc.offered_suites().await?;
    let weak = suites.iter().filter(|suite| suite.is_open()).map(|OfferedSuite { number, .. }| *number);
    Ok(Weaknesses {
        suites: weak.filter(|number| !SOUND_SUITES.contains(number)).collect(),
        anonymous: entrances.anonymous,
        nameless: entrances.nameless,
        ipmi_1_5: entrances.ipmi_1_5,
    })
}

/// Closes what can be closed; tells what stays. IPMI 1.5 has no switch of its own.
async fn close(bmc: &IpmiBmc) -> Result<Vec<String>, IpmiError> {
    let open = weaknesses(bmc).await?;
    if !open.suites.is_empty() {
        stays(bmc.close_suites(&open.suites).await)?;
    }
    if open.anonymous || open.nameless {
        stays(bmc.set_user_limit(ANONYMOUS, UserLimit::NoAccess).await)?;
        stays(bmc.disable_user(ANONYMOUS).await)?;
    }
    Ok(weaknesses(bmc).await?.told())
}

/// What the BMC does not let anybody close is told and is no failure.
fn stays(closed: Result<(), IpmiError>) -> Result<(), IpmiError> {
    match closed {
        Err(error) if matches!(error.class(), ErrorClass::Invalid | ErrorClass::Unsupported) => Ok(()),
        other => other,
    }
}
