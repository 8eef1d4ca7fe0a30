//! Several protocols for one BMC, in the order that the site file prefers.
//!
//! `tried` tells who was asked and what came of it, `protocols` decides who is asked next, `forward` passes every verb of every
//! facet through that one place, and `bmc` offers the facets.

mod bmc;
mod facet;
mod forward;
mod protocols;
#[cfg(test)]
mod tests;
mod tried;

pub use bmc::Preferred;
pub use facet::Facet;
