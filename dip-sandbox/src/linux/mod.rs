//! The installed system of a simulated node: a small Linux with files, kernel settings, users, packages and services, and
//! the commands that dip's steps run on it.

mod base;
mod commands;
mod kernel;
mod shell;
mod system;

pub(crate) use commands::log_in;
pub(crate) use system::Linux;
