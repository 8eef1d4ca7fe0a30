//! A CMDB that is a directory of files, one for each node: in a Git working tree, on a share.

mod document;
mod fields;
mod server;

pub use server::Directory;
