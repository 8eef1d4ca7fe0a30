//! A node's interfaces and addresses in the own fields of NetBox or Nautobot: what is there, what is to be done, and doing it.
//!
//! What dip makes carries its mark in `description`. What it writes into things of others is kept in dip's field of the device (`over`)
//! before it is written, so that it can be put back.

mod act;
mod decide;
mod mark;
mod over;
mod state;

pub(super) use decide::{Act, decide, undo};
pub(super) use mark::Mark;
pub(super) use over::Over;
pub(super) use state::{Id, Native};
