//! The trials of [`Cmdb`](crate::provider::Cmdb): of records, and of the interfaces and addresses in a CMDB's own fields.

mod harness;
mod list;
mod native;
mod records;

pub use harness::{CmdbHarness, NativeNode};
pub use list::cmdb;
