//! Prometheus: targets through the files of its `file_sd`, health through its HTTP interface.

mod api;
mod server;
mod target_file;

pub use server::Prometheus;
