//! DIP layer 1, shared infrastructure: the links between nodes. See [`provider`] for the servers that it acts through.

pub mod provider;
