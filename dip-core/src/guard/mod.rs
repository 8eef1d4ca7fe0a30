//! Guards: what stands between a plan and its effects. Ceilings against a bad merge, consents for what is erased, approvals of
//! a plan by people, and a hook by which the embedding program decides who may do what.

mod approval;
mod authority;
mod belonging;
mod ceiling;
mod consent;
mod erasure;
mod gate;
mod paper;
mod refusal;
mod review;

pub use approval::Approval;
#[cfg(feature = "mocks")]
pub use authority::MockAuthority;
pub use authority::{Act, AllowAll, Authority, Denial};
pub use ceiling::{Ceiling, Measure, Source};
pub use consent::{Consent, ConsentError, NoConsent};
pub use erasure::Erasure;
pub(crate) use gate::{Gate, Refused};
pub use paper::{PaperError, read_approval, read_consents, write_approval, write_consents};
pub use refusal::{Refusal, Refusals};
pub use review::Guard;
