//! The trials that every provider of this layer's traits must pass.

mod membership;

pub use membership::{MembershipHarness, membership, membership_of_one_less};
