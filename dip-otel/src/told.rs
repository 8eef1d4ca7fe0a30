//! An exporter that tells once that nobody takes its spans, and never more.

use std::sync::Once;
use std::time::Duration;

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as Exports};

#[derive(Debug)]
pub(crate) struct Told {
    inner: SpanExporter,
    warned: Once,
}

impl Told {
    pub(crate) const fn new(inner: SpanExporter) -> Self {
        Self { inner, warned: Once::new() }
    }
}

impl Exports for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let told = self.inner.export(batch).await;
        if let Err(error) = &told {
            // A collector that is away must not fill the log of a run that does well without it.
            self.warned.call_once(|| {
                tracing::warn!(%error, spans, "spans cannot be exported; what is done goes on without, and this is told once");
            });
        }
        told
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
