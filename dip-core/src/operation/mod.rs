//! Operations: check → apply → check. What a step does, as a type with its input as fields.

mod assignment;
mod call;
mod check;
mod error;
mod registry;

pub use assignment::{Assignment, Context, Patience};
pub use call::{Call, Input};
pub use check::{Applied, Change, Check, Diff, Gap};
pub use error::OperationError;
pub use registry::{Operations, Runnable};

use std::fmt::Debug;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One thing that dip can bring about: how to see whether it is so, and how to make it so.
///
/// # Contract
/// * `check` reads only, and is the only source of facts.
/// * `apply` is idempotent: after a crash it is called again. It need not check first; the engine has.
/// * Both may be cancelled at any `await`; what they leave behind can be checked.
#[async_trait]
pub trait Operation: Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name under which a stored plan finds it again: `layer.verb_noun`.
    const NAME: &'static str;

    /// Looks, and changes nothing.
    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError>;

    /// Makes it so.
    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError>;
}
