//! What people see: colours, progress, lists.

pub(crate) mod leftovers;
pub(crate) mod lines;
pub(crate) mod log;
pub(crate) mod past;
pub(crate) mod progress;
pub(crate) mod spinner;
pub(crate) mod standing;
pub(crate) mod style;
pub(crate) mod terminal;
