//! The operations of layer 4.

mod follow_time;
mod serve_metrics;
mod use_resolver;

pub use follow_time::{Clock, FollowTime};
pub use serve_metrics::ServeMetrics;
pub use use_resolver::UseResolver;
