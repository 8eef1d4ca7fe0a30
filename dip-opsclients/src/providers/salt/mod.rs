//! Salt on the node: `salt-call` with a master, or with states of the site (Salt 3006 and later).

mod agent;
mod master;
mod words;

pub use agent::{Salt, States};
