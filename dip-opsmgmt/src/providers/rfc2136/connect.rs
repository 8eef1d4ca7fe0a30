//! From settings and a secret to a provider.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dip_core::secret::Secret;
use dip_core::site::{Endpoint, EndpointError};
use hickory_proto::rr::TSigner;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;

use super::message::{NameError, name as qualified};
use super::pool::Pool;
use super::server::{Rfc2136, UpdateServer};
use crate::settings::{KeyAlgorithm, Rfc2136Settings};

/// RFC 8945 section 10 recommends five minutes of difference between two clocks.
const FUDGE: u16 = 300;

/// Where a server listens whose settings name no port (RFC 1035, 4.2).
const PORT: u16 = 53;

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A zone or the key has a name that is no DNS name.
    #[error("`{name}` is not a DNS name")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// The server is no address or host name.
    #[error(transparent)]
    Server(#[from] EndpointError),
    /// The secret cannot be a key. It is not repeated.
    #[error(
        "the secret of key `{0}` is not base64; copy the `secret` of the key from the server's configuration, without quotes"
    )]
    Secret(String),
    /// The key cannot be used.
    #[error("key `{0}` cannot be used for signatures")]
    Key(String),
}

impl Rfc2136 {
    /// A provider for the server of the settings. It connects when it is first asked.
    ///
    /// # Errors
    /// Where a name is no DNS name, the server is no address, or the secret is not base64.
    pub fn new(settings: &Rfc2136Settings, secret: &Secret) -> Result<Self, SettingsError> {
        let name = |text: &str| qualified(text).map_err(|source| SettingsError::Name { name: text.to_owned(), source });
        let zones = settings.zones.iter().map(|zone| name(zone)).collect::<Result<Vec<_>, _>>()?;
        let key = &settings.key;
        let bytes = STANDARD.decode(secret.expose().trim()).map_err(|_| SettingsError::Secret(key.name.clone()))?;
        let algorithm = match key.algorithm {
            KeyAlgorithm::HmacSha256 => TsigAlgorithm::HmacSha256,
            KeyAlgorithm::HmacSha512 => TsigAlgorithm::HmacSha512,
        };
        let signer = TSigner::new(bytes, algorithm, name(&key.name)?, FUDGE)
            .map_err(|_| SettingsError::Key(key.name.clone()))?;
        let server: Endpoint = settings.server.parse()?;
        let pool = Pool::new(server.with_port(PORT), signer);
        Ok(Self::of(UpdateServer { pool, zones, ttl: settings.ttl }))
    }
}
