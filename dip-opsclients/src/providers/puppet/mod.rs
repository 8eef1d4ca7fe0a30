//! Puppet on the node: `puppet agent` with a server, or `puppet apply` with a manifest of the site (Puppet 6 and later).

mod agent;
mod enrolment;
mod program;
mod words;

pub use agent::{Catalogue, Puppet};
