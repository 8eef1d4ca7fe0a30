//! The vocabulary, planner, engine and journal of dip. This crate knows no protocol and no layer.

pub mod actor;
#[cfg(feature = "certificates")]
pub mod certificate;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod engine;
pub mod explain;
pub mod fact;
mod few;
pub mod guard;
pub mod hardware;
mod hash;
pub mod history;
pub mod id;
pub mod identity;
pub mod journal;
pub mod layer;
pub mod metrics;
pub mod observed;
pub mod operation;
pub mod orphan;
pub mod plan;
pub mod provider;
pub mod report;
mod scratch;
pub mod secret;
pub mod site;
pub mod step;
pub mod subject;
#[cfg(feature = "mocks")]
pub mod testing;
pub mod tls;
pub mod whole_file;
pub mod words;
