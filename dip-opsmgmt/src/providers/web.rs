//! The HTTP interface of a service: one client, and what its failures mean.

use std::time::Duration;

use dip_core::provider::{ErrorKind, ProviderError, Retry};
use reqwest::{Client, Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A list of ten thousand targets takes a loaded server seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// As much of an answer as tells why.
const TOLD: usize = 300;

/// The HTTP interface of one service.
#[derive(Debug)]
pub(super) struct Web {
    product: &'static str,
    url: String,
    client: Client,
}

/// Why there can be no client for a service.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The URL cannot be used. It is not repeated: it may hold a password.
    #[error("`url` must be like `http://10.0.0.6:{0}`, without user and password")]
    Url(u16),
    /// No HTTP client can be made.
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
}

impl Web {
    pub(super) fn new(product: &'static str, url: &str, usual_port: u16) -> Result<Self, WebError> {
        let base = Url::parse(url).map_err(|_| WebError::Url(usual_port))?;
        if base.cannot_be_a_base() || !base.username().is_empty() || base.password().is_some() {
            return Err(WebError::Url(usual_port));
        }
        // Fails where the program has installed one already, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A proxy of the environment is not meant for the servers of a site.
        let client = Client::builder().timeout(PATIENCE).no_proxy().build()?;
        Ok(Self { product, url: url.trim_end_matches('/').to_owned(), client })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Reads an answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, action: &str, path: &str) -> Result<T, ProviderError> {
        let answer = self.call(action, Method::GET, path, None::<&()>).await?;
        self.decode(action, &answer)
    }

    /// Sends something and reads an answer.
    #[cfg(feature = "alertmanager")]
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        action: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ProviderError> {
        let answer = self.call(action, Method::POST, path, Some(body)).await?;
        self.decode(action, &answer)
    }

    fn decode<T: DeserializeOwned>(&self, action: &str, answer: &str) -> Result<T, ProviderError> {
        serde_json::from_str(answer).map_err(|error| {
            let advice = format!("is it {} that answers at {}?", self.product, self.url);
            ProviderError::new(ErrorKind::Unexpected, self.product, action).because(error).advise(advice)
        })
    }

    /// Makes a call; gives the body of the answer.
    pub(super) async fn call(
        &self,
        action: &str,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<String, ProviderError> {
        let failed = |error: reqwest::Error| {
            let advice = if error.is_timeout() {
                format!("{} at {} did not answer within {PATIENCE:?}", self.product, self.url)
            } else {
                format!("is {} at {}?", self.product, self.url)
            };
            ProviderError::new(ErrorKind::Unreachable, self.product, action).because(error.without_url()).advise(advice)
        };
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let text = response.text().await.map_err(failed)?;
        if status.is_success() {
            return Ok(text);
        }
        let kind = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Denied,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => ErrorKind::Busy,
            StatusCode::BAD_REQUEST => ErrorKind::Invalid,
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            _ => ErrorKind::Unexpected,
        };
        let told: String = text.trim().chars().take(TOLD).collect();
        let words = if told.is_empty() { String::new() } else { format!(": {told}") };
        let error =
            ProviderError::new(kind, self.product, action).advise(format!("{} answered {status}{words}", self.url));
        Err(if kind == ErrorKind::Unexpected && status.is_server_error() {
            error.retry_as(Retry::Backoff)
        } else {
            error
        })
    }
}
