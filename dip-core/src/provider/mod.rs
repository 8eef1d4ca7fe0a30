//! Providers: the seam between dip and the servers of a site. Contracts that several layers act through live here; all
//! others belong to the crate of their layer.

#[cfg(feature = "certificates")]
mod authority;
mod error;
mod gather;
mod host;
mod inventory;
mod ipam;
mod ownership;
mod pool;
mod power;
mod registry;
mod silences;
mod whereabouts;

#[cfg(feature = "certificates")]
pub use authority::{CertificateAuthority, CertificateWish};
pub use error::{ErrorKind, ProviderError, Retry, sentence};
pub use gather::{Carry, Gather};
pub use host::{Command, FileContent, Host, Output};
pub use inventory::{Inventory, StockItem, StockSection};
pub use ipam::{AddressHolder, Ipam};
pub use ownership::{Holder, Ownership};
pub use pool::AddressPool;
pub use power::{Power, PowerAction};
pub use registry::{MissingProvider, Providers};
pub use silences::{Silence, Silences};
pub use whereabouts::Whereabouts;

#[cfg(feature = "mocks")]
pub use host::MockHost;
#[cfg(feature = "mocks")]
pub use inventory::MockInventory;
#[cfg(feature = "mocks")]
pub use ipam::MockIpam;
#[cfg(feature = "mocks")]
pub use pool::MockAddressPool;
#[cfg(feature = "mocks")]
pub use power::MockPower;
#[cfg(feature = "mocks")]
pub use whereabouts::MockWhereabouts;
