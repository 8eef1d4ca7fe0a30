//! Prometheus: targets through the files of its `file_sd` or a document of its `http_sd`, rules through a rule file, health and
//! alerts through its HTTP interface.

mod api;
mod change;
mod document;
mod files;
mod rule_file;
mod rules;
mod server;
mod store;
mod target_file;

pub use server::{Prometheus, SettingsError};
pub use target_file::{LabelError, http_sd};

/// The product in errors.
const PRODUCT: &str = "Prometheus";
