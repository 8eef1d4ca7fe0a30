//! Which machine is which: what tells one from others, how alike two sightings are, and what was exchanged between them.

mod fingerprint;
mod likeness;
mod replacement;

pub use fingerprint::Fingerprint;
pub use likeness::{Likeness, Reason, Trait, Verdict};
pub use replacement::{Exchange, Part, PartError, Replacement, Unclear};
