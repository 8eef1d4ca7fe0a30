//! Which machine is which: what tells one from others, how alike two sightings are, what was exchanged between them,
//! and which profile a machine gets by what it consists of.

mod classify;
mod fingerprint;
mod likeness;
mod replacement;

pub use classify::{Classified, Rule};
pub use fingerprint::Fingerprint;
pub use likeness::{Likeness, Reason, Trait, Verdict};
pub use replacement::{Exchange, Part, PartError, Replacement, Unclear};
