//! What all DNS servers with zones have in common: whose a name is, what must change, in which order, and many changes in one
//! message. A product only says how its server is asked, and how a message is written (`ZoneServer`).

mod apart;
mod change;
mod edit;
mod edits;
mod entries;
mod fresh;
mod made;
mod mark;
mod names;
mod node;
mod places;
mod reads;
mod record;
mod server;
mod snapshot;
#[cfg(test)]
mod table;
mod unmark;
mod writes;

pub(crate) use super::fault::{Fault, Reach};
pub(crate) use edit::{Change, Edit, Expect};
pub(crate) use names::Zones;
pub(crate) use record::{Data, Kind, Record};
pub(crate) use server::{Compares, Look, Outcome, Seen, Transfer, Usage, ZoneServer};
