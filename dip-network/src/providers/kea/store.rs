//! Where reservations are kept: read whole or in the part that matters, written as one change.

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::id::SiteName;
use dip_core::provider::Holder;

use super::super::failure::Failure;
use super::book::Book;
use crate::provider::{Held, Reservation};

/// One verb of the provider.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Reservation(MacAddr),
    List,
    Reserve(Reservation, SiteName),
    HandOver { mac: MacAddr, from: Holder, to: Holder },
    Release(MacAddr, SiteName),
}

impl Ask {
    pub(super) const fn is_look(&self) -> bool {
        matches!(self, Self::Reservation(_) | Self::List)
    }
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer(pub(super) Vec<Held>);

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Done,
    /// Somebody else changed the server meanwhile: it has to be read again.
    Overtaken,
}

/// A place where Kea finds reservations.
#[async_trait]
pub(super) trait Store: Send + Sync {
    /// All that matters for what is asked.
    async fn read(&self, asks: &[Ask]) -> Result<Book, Failure>;

    /// Makes what the last `read` gave into what the book says now: whole or not at all, or, where the place takes one reservation after the
    /// other, in an order that harms nobody where it ends half-way, so that the next change completes it.
    ///
    /// What is refused of it fails as `Invalid` or `Unsupported`: the rest may be asked for without it.
    async fn write(&self, book: &Book) -> Result<Written, Failure>;

    /// Sees to it that what is there outlasts the server; called where a change was asked for and nothing had to be changed.
    async fn settle(&self) -> Result<(), Failure>;
}
