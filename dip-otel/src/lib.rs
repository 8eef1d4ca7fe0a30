//! Traces of dip's runs for OpenTelemetry: a [`tracing_subscriber::Layer`] that exports spans by OTLP over HTTP (protobuf).
//!
//! A program that embeds dip adds the layer to its own subscriber; the `dip` command does so with its feature `otel`:
//!
//! ```no_run
//! use tracing_subscriber::layer::SubscriberExt;
//! use tracing_subscriber::util::SubscriberInitExt;
//!
//! # fn main() -> Result<(), dip_otel::OtelError> {
//! // Nothing is exported where the environment names no endpoint.
//! let Some(export) = dip_otel::Export::from_environment("my-program") else { return Ok(()) };
//! let (layer, flush) = export.start()?;
//! tracing_subscriber::registry().with(layer).init();
//! // ... run dip ...
//! drop(flush); // what has not been sent yet is sent now, or given up after a few seconds
//! # Ok(())
//! # }
//! ```

mod client;
mod error;
mod export;
mod told;

pub use error::OtelError;
pub use export::{Export, Flush};
