//! What one caller wants of the kept targets. What is wanted at the same time is written together.

use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{ErrorKind, ProviderError};

use super::PRODUCT;
use super::target_file::{LabelError, is_label};
use crate::provider::Target;

/// A change of a site's target for a node, and what that is called in errors.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) wish: Wish,
    pub(super) owner: SiteName,
    pub(super) action: String,
}

/// What becomes of a target.
#[derive(Debug)]
pub(super) enum Wish {
    Set(Target),
    Remove(NodeName),
}

/// What came of a change.
pub(super) type Changed = Result<(), ProviderError>;

impl Change {
    pub(super) const fn node(&self) -> &NodeName {
        match &self.wish {
            Wish::Set(target) => &target.node,
            Wish::Remove(node) => node,
        }
    }

    /// Whether Prometheus would take it.
    pub(super) fn is_sound(&self) -> Changed {
        let Wish::Set(target) = &self.wish else { return Ok(()) };
        match target.labels.keys().find(|label| !is_label(label)) {
            Some(label) => Err(self.error(ErrorKind::Invalid).because(LabelError(label.clone()))),
            None => Ok(()),
        }
    }

    pub(super) fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, PRODUCT, &self.action)
    }
}
