//! The Redfish provider on models of several makers' BMCs: the trials of every ability, each quirk, and faults in the middle.

mod abilities;
mod expansion;
mod faults;
mod list;
mod quirks;

pub(crate) use list::trials;
