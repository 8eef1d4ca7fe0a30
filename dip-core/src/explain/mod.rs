//! What a site can tell of itself before anything fails: what is lost with a thing, what is weak, and who differs from its
//! like ones. All of it is pure; why a step is in a plan is told by [`Plan::why`](crate::plan::Plan::why), and what two
//! plans differ in by [`Plan::diff`](crate::plan::Plan::diff).

mod impact;
mod lint;
mod loss;
mod outliers;
mod quorum;
mod thing;
mod uses;

pub use impact::{Effect, EffectKind, Gravity, Impact};
pub use lint::{Finding, NoSuchRule, Rule, lint};
pub use outliers::{Outlier, OutlierSource, outliers};
pub use quorum::Votes;
pub use thing::{NoSuchThing, Thing};
