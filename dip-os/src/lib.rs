//! DIP layer 3, operating system: the installed system of a node, reached over SSH.
//!
//! Steps:
//! * `os.await_answer`: a node that was switched on answers and runs commands.
//! * `os.set_host_name`: the node tells its own name, now and after a reboot.
//! * `os.write_files`, `os.set_kernel_settings`, `os.make_users`, `os.install_packages`: as the settings of the node ask.
//!
//! Proposed for nodes that have settings `os` (an empty `os: {}` is enough); what those do not ask for is left alone.
//! Steps act through [`dip_core::provider::Host`], which lives in core because other layers act through it too. The provider
//! behind the feature `ssh` registers one for every node with `os.ssh`. Boot servers, images, disks and bonds are not
//! here yet: there is no trait for them.
//!
//! The steps know Debian: `apt-get`, `dpkg-query`, `useradd`, `sysctl`.
//!
//! ```
//! use dip_core::layer::Layer;
//! use dip_os::OsLayer;
//! let operations = { let mut known = Default::default(); OsLayer.operations(&mut known); known };
//! assert!(operations.knows("os.set_host_name"));
//! ```

#[cfg(feature = "conformance")]
pub mod conformance;
mod layer;
mod login;
mod node;
pub mod providers;
pub mod settings;
pub mod steps;
#[cfg(test)]
mod testing;

pub use layer::OsLayer;
pub use login::login;
