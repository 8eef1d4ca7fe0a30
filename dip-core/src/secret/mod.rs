//! Secrets by reference: what stands in a site file is where a secret is, never the secret. And a store for those that dip makes
//! itself.

mod directory;
mod memory;
mod reference;
mod store;

pub use directory::DirectoryStore;
pub use memory::MemoryStore;
pub use reference::{LocalSecrets, Secret, SecretError, SecretRef, SecretRefError, Secrets};
pub use store::{SecretStore, Standing, Versions};
