//! One machine by IPMI: its BMC's address, looked up once, and what all facets share.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;

use dip_core::hardware::Identity;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::secret::Secret;
use tokio::sync::OnceCell;

use crate::ipmi::{
    self, CipherSuite, Credentials, ErrorClass, Hold, IpmiBmc, IpmiError, Options, Place, Privilege, Sockets,
};
use crate::provider::{NotActed, Promises};
use crate::providers::told::told;
use crate::quirks::{Entry, Quirks};
use crate::settings::{IPMI, IpmiPrivilege, IpmiSession, IpmiSettings, IpmiSuite, IpmiWay};

/// The port of RMCP (IPMI 2.0, 13.1.2).
const PORT: u16 = 623;

/// A machine and the BMC that it is reached by.
pub(super) struct Machine {
    way: Way,
    options: Options,
    session: IpmiSession,
    bmc: OnceCell<Reached>,
    /// What the site says of the BMC's quirks.
    pub(super) told_quirks: Vec<Entry>,
    pub(super) quirks: OnceCell<Quirks>,
    /// The boot device that was last set here.
    pub(super) set: Mutex<Option<ipmi::BootDevice>>,
}

/// A BMC with what keeps its session alive, where the site wants that.
struct Reached {
    bmc: IpmiBmc,
    _kept: Option<Hold>,
}

/// The way to a BMC.
enum Way {
    InBand,
    Lan { sockets: Sockets, host: String, port: u16, credentials: Credentials },
}

/// The device of the first BMC; a machine with more is no rack server.
const DEVICE: u8 = 0;

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("at", &self.way.to_string()).finish_non_exhaustive()
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InBand => Place::Device(DEVICE).fmt(f),
            Self::Lan { host, .. } => f.write_str(host),
        }
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
        let way = match settings.via {
            Some(IpmiWay::InBand) => Way::InBand,
            None | Some(IpmiWay::Lan) => Way::Lan {
                sockets: sockets.clone(),
                host: address.trim_matches(['[', ']']).to_owned(),
                port: settings.port.unwrap_or(PORT),
                credentials: Credentials::new(user, password.expose())?,
            },
        };
        Ok(Self {
            way,
            options,
            session: settings.session.unwrap_or(IpmiSession::Used),
            bmc: OnceCell::new(),
            told_quirks: settings.quirks.clone(),
            quirks: OnceCell::new(),
            set: Mutex::new(None),
        })
    }

    pub(super) async fn close(&self) {
        if let Some(reached) = self.bmc.get() {
            reached.bmc.close().await;
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
        let reached = self
            .bmc
            .get_or_try_init(|| async {
                let bmc = match &self.way {
                    Way::InBand => in_band(self.options).ok_or_else(|| {
                        ProviderError::new(ErrorKind::Unsupported, IPMI, self.at(action)).advise(
                            "this program was built without in-band IPMI (the feature `in-band`, on Linux); leave out `via: in_band`",
                        )
                    })?,
                    Way::Lan { sockets, host, port, credentials } => {
                        let addr = look_up(host, *port).await.map_err(|error| {
                            ProviderError::new(ErrorKind::Unreachable, IPMI, self.at(action))
                                .advise(format!("check that `{host}` is the BMC's address or a host name that resolves"))
                                .because(NotActed::new(error))
                        })?;
                        IpmiBmc::new(sockets, addr, credentials.clone(), self.options)
                    }
                };
                let kept = (self.session == IpmiSession::Kept).then(|| bmc.hold()).flatten();
                Ok(Reached { bmc, _kept: kept })
            })
            .await?;
        Ok(&reached.bmc)
    }

    pub(super) fn at(&self, action: &str) -> String {
        format!("{action} at {}", self.way)
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
        let promises = Promises {
            no_login_refused: kind == ErrorKind::Denied && !error.refuses_login(),
            not_acted: !error.may_have_acted(),
        };
        promises.mark(ProviderError::new(kind, IPMI, self.at(action)), error)
    }
}

async fn look_up(host: &str, port: u16) -> std::io::Result<SocketAddr> {
    let mut found = tokio::net::lookup_host((host, port)).await?;
    found.next().ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "the host name has no address"))
}

/// The BMC of this machine, where this program has a client for it.
#[cfg(all(feature = "in-band", target_os = "linux"))]
fn in_band(options: Options) -> Option<IpmiBmc> {
    Some(IpmiBmc::in_band(DEVICE, options))
}

#[cfg(not(all(feature = "in-band", target_os = "linux")))]
fn in_band(_options: Options) -> Option<IpmiBmc> {
    None
}
