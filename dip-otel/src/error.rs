//! Why spans cannot be exported.

use opentelemetry_otlp::ExporterBuildError;

/// Spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum OtelError {
    /// The exporter does not take what it was given.
    #[error("spans cannot be exported: look at the `OTEL_EXPORTER_OTLP_*` variables")]
    Exporter(#[from] ExporterBuildError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client that would export spans cannot be made")]
    Client(#[from] reqwest::Error),
    /// Its TLS cannot be set up.
    #[error("the TLS of the client that would export spans cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The thread that makes the client did not come back with one.
    #[error("the thread that makes the client that would export spans has failed")]
    Thread,
}
