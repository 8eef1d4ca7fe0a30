//! The site: what is wanted, parsed once; every reference in it resolves, every value knows where it came from.

mod cluster;
mod infrastructure;
mod node;
mod origin;
mod settings;
mod shape;

pub use cluster::{Cluster, ClusterPolicy, Service, Spread};
pub use infrastructure::{AddressRange, LinkError, Network, OutletRef, Pdu, PortRef, Prefix, Rack, Switch};
pub use node::{BmcAccess, Chosen, Disk, Nic, NicAddress, NicRole, Node, NodeState};
pub use origin::Origin;
pub use settings::{Driver, NodeSettings};
pub use shape::{Field, Noun, Parsed, Presence, SettingsSchema, Shape, Variant};
pub use wanted::Site;

mod wanted;
