//! Where spans go, and the layer that takes them there.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::told::Told;
use crate::{OtelError, client};

/// How many spans may wait to be sent, where `OTEL_BSP_MAX_QUEUE_SIZE` says nothing: a large run ends some thousand steps
/// within a moment, and the usual 2,048 would lose most of them. A span takes about a kibibyte.
const QUEUE: usize = 65_536;

/// How long the end of the program waits for the last spans to be sent.
const LAST: Duration = Duration::from_secs(5);

/// Where the spans of a program go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    service: String,
    /// The URL that spans are posted to; `None` where the variables of the environment say it.
    url: Option<String>,
}

impl Export {
    /// What the environment asks for; `None` where `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` are not
    /// set, or `OTEL_SDK_DISABLED` is `true`. The other variables of the OTLP exporter and of the batches count too
    /// (`OTEL_EXPORTER_OTLP_HEADERS`, `..._TIMEOUT`, `OTEL_BSP_*`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`).
    ///
    /// `service` is the `service.name` where the environment gives none.
    #[must_use]
    pub fn from_environment(service: &str) -> Option<Self> {
        Self::from_variables(service, |name| std::env::var(name).ok())
    }

    fn from_variables(service: &str, variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let endpoints = [OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT];
        // The specification takes an empty variable for one that is not set.
        let is_set = endpoints.iter().any(|name| variable(name).is_some_and(|value| !value.trim().is_empty()));
        (is_set && !is_disabled).then(|| Self { service: service.to_owned(), url: None })
    }

    /// To the OTLP receiver at this endpoint, whatever the environment says: `http://127.0.0.1:4318`.
    #[must_use]
    pub fn to(endpoint: &str, service: &str) -> Self {
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        Self { service: service.to_owned(), url: Some(url) }
    }

    /// Starts the exporter: the layer takes spans at `INFO`, and those of dip at `DEBUG` too, and a thread sends them in batches.
    /// Where the receiver cannot be reached, one warning is told and the spans are lost; nobody waits for it.
    ///
    /// # Errors
    /// Where the endpoint is no URL, or the client cannot be made.
    pub fn start<S>(self) -> Result<(impl Layer<S> + Send + Sync + 'static, Flush), OtelError>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let mut exporter = SpanExporter::builder().with_http().with_http_client(client::new()?);
        if let Some(url) = self.url {
            exporter = exporter.with_endpoint(url);
        }
        let mut batches = BatchConfigBuilder::default();
        if std::env::var_os("OTEL_BSP_MAX_QUEUE_SIZE").is_none() {
            batches = batches.with_max_queue_size(QUEUE);
        }
        let processor =
            BatchSpanProcessor::builder(Told::new(exporter.build()?)).with_batch_config(batches.build()).build();
        let provider =
            SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource(&self.service)).build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("dip"))
            // Of use to whoever debugs dip, and a fifth of what is sent.
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter());
        Ok((layer, Flush { provider }))
    }
}

/// Not what the exporter itself goes through: its spans would bring forth further spans.
fn filter() -> Targets {
    let own = ["h2", "hyper", "hyper_util", "opentelemetry", "reqwest", "rustls"];
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("dip", LevelFilter::DEBUG)
        .with_targets(own.map(|target| (target, LevelFilter::OFF)))
}

fn resource(service: &str) -> Resource {
    const NAME: Key = Key::from_static_str("service.name");
    let resource = Resource::builder();
    let found = Resource::builder().build();
    match found.get(&NAME) {
        Some(name) if !name.as_str().starts_with("unknown_service") => resource.build(),
        _ => resource.with_attribute(KeyValue::new(NAME, service.to_owned())).build(),
    }
}

/// Sends what has not been sent when it is dropped: keep it until the program ends.
#[derive(Debug)]
#[must_use = "dropping it stops the export"]
pub struct Flush {
    provider: SdkTracerProvider,
}

impl Drop for Flush {
    fn drop(&mut self) {
        // What could not be sent was told by the exporter.
        let _ = self.provider.shutdown_with_timeout(LAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<Export> {
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Export::from_variables("dip", value)
    }

    #[test]
    fn nothing_is_exported_unless_the_environment_names_an_endpoint() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), None, "empty is not set");
        assert!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")]).is_some());
        assert!(of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces")]).is_some());
        let off = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"), ("OTEL_SDK_DISABLED", "True")];
        assert_eq!(of(&off), None);
    }
}
