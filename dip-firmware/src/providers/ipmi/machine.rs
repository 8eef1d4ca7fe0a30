//! One machine by IPMI: its BMC's address, looked up once, and what all facets share.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;

use dip_core::hardware::Identity;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::secret::Secret;
use tokio::sync::OnceCell;

use crate::ipmi::{self, CipherSuite, Credentials, ErrorClass, IpmiBmc, IpmiError, Options, Privilege, Sockets};
use crate::provider::NotActed;
use crate::providers::told::told;
use crate::settings::{IPMI, IpmiPrivilege, IpmiSettings, IpmiSuite};

/// The port of RMCP (IPMI 2.0, 13.1.2).
const PORT: u16 = 623;

/// A machine and the BMC that it is reached by.
pub(super) struct Machine {
    sockets: Sockets,
    host: String,
    port: u16,
    credentials: Credentials,
    options: Options,
    bmc: OnceCell<IpmiBmc>,
    /// The boot device that was last set here.
    pub(super) set: Mutex<Option<ipmi::BootDevice>>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Machine {
    pub(super) fn new(
        sockets: &Sockets,
        address: &str,
        user: &str,
        password: &Secret,
        settings: &IpmiSettings,
    ) -> Result<Self, IpmiError> {
        let credentials = Credentials::new(user, password.expose())?;
        let privilege = match settings.privilege {
            None | Some(IpmiPrivilege::Administrator) => Privilege::Administrator,
            Some(IpmiPrivilege::Operator) => Privilege::Operator,
            Some(IpmiPrivilege::User) => Privilege::User,
        };
        let options = Options::default().with_privilege(privilege);
        let options = match settings.cipher_suite {
            None => options,
            Some(IpmiSuite::Suite3) => options.with_suite(CipherSuite::C3),
            Some(IpmiSuite::Suite17) => options.with_suite(CipherSuite::C17),
        };
        Ok(Self {
            sockets: sockets.clone(),
            host: address.trim_matches(['[', ']']).to_owned(),
            port: settings.port.unwrap_or(PORT),
            credentials,
            options,
            bmc: OnceCell::new(),
            set: Mutex::new(None),
        })
    }

    pub(super) async fn close(&self) {
        if let Some(bmc) = self.bmc.get() {
            bmc.close().await;
        }
    }

    pub(super) async fn identity(&self) -> Result<Identity, ProviderError> {
        let action = "ask who the machine is";
        let seen = self.bmc(action).await?.identity().await.map_err(|error| self.failed(action, error))?;
        let guid = seen.guid.as_ref();
        Ok(Identity {
            manufacturer: told(seen.manufacturer()),
            model: told(seen.product_name()),
            serial: told(seen.serial()),
            // Makers send the bytes in three orders; a guess would be another machine's UUID.
            uuid: guid.and_then(|guid| Some(guid.uuid(guid.likely_order()?))),
            board_serial: told(seen.board_serial()),
        })
    }

    /// The BMC, its host name looked up at the first call.
    pub(super) async fn bmc(&self, action: &str) -> Result<&IpmiBmc, ProviderError> {
        self.bmc
            .get_or_try_init(|| async {
                let addr = self.look_up().await.map_err(|error| {
                    ProviderError::new(ErrorKind::Unreachable, IPMI, self.at(action))
                        .advise(format!("check that `{}` is the BMC's address or a host name that resolves", self.host))
                        .because(NotActed::new(error))
                })?;
                Ok(IpmiBmc::new(&self.sockets, addr, self.credentials.clone(), self.options))
            })
            .await
    }

    async fn look_up(&self) -> std::io::Result<SocketAddr> {
        let mut found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        found.next().ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "the host name has no address"))
    }

    pub(super) fn at(&self, action: &str) -> String {
        format!("{action} at {}", self.host)
    }

    pub(super) fn failed(&self, action: &str, error: IpmiError) -> ProviderError {
        let kind = match error.class() {
            ErrorClass::Busy => ErrorKind::Busy,
            ErrorClass::Denied => ErrorKind::Denied,
            ErrorClass::Invalid => ErrorKind::Invalid,
            ErrorClass::Unexpected => ErrorKind::Unexpected,
            // A lost session is opened again at the next call.
            ErrorClass::SessionLost | ErrorClass::Unreachable => ErrorKind::Unreachable,
            ErrorClass::Unsupported => ErrorKind::Unsupported,
        };
        let failed = ProviderError::new(kind, IPMI, self.at(action));
        if error.may_have_acted() { failed.because(error) } else { failed.because(NotActed::new(error)) }
    }
}
