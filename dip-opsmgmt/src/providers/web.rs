//! The HTTP interface of a service: one client, and what its failures mean.

use std::time::Duration;

use dip_core::provider::{ErrorKind, ProviderError, Retry};
use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::{Fault, Reach};
use super::http;

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
        http::base(url).ok_or(WebError::Url(usual_port))?;
        let client = http::client(PATIENCE).build()?;
        Ok(Self { product, url: url.trim_end_matches('/').to_owned(), client })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Reads an answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, action: &str, path: &str) -> Result<T, ProviderError> {
        self.fetch(path).await.map_err(|fault| fault.of(self.product, action))
    }

    /// Reads an answer that several callers share.
    pub(super) async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        self.decode(&self.exchange(Method::GET, path, None::<&()>).await?)
    }

    /// Reads the answer to a query.
    #[cfg(feature = "alertmanager")]
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        action: &str,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ProviderError> {
        // Any base serves: its path is not read.
        let mut url = reqwest::Url::parse("http://any/").expect("it is a URL");
        url.query_pairs_mut().extend_pairs(query);
        self.read(action, &format!("{path}?{}", url.query().unwrap_or_default())).await
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
        self.decode(&answer).map_err(|fault| fault.of(self.product, action))
    }

    /// Makes a call; gives the body of the answer.
    pub(super) async fn call(
        &self,
        action: &str,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<String, ProviderError> {
        self.exchange(method, path, body).await.map_err(|fault| fault.of(self.product, action))
    }

    fn decode<T: DeserializeOwned>(&self, answer: &str) -> Result<T, Fault> {
        serde_json::from_str(answer).map_err(|error| {
            let advice = format!("is it {} that answers at {}?", self.product, self.url);
            Fault::new(ErrorKind::Unexpected, Reach::Server).because(error).advise(advice)
        })
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&impl Serialize>) -> Result<String, Fault> {
        let failed = |error: reqwest::Error| {
            let advice = if error.is_timeout() {
                format!("{} at {} did not answer within {PATIENCE:?}", self.product, self.url)
            } else {
                format!("is {} at {}?", self.product, self.url)
            };
            Fault::new(ErrorKind::Unreachable, Reach::Server).because(error.without_url()).advise(advice)
        };
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = http::answer(request).await.map_err(failed)?;
        let (status, text) = (answer.status, answer.text());
        if status.is_success() {
            return Ok(text.into_owned());
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
        let fault = Fault::new(kind, Reach::Server).advise(format!("{} answered {status}{words}", self.url));
        let is_its_failure = kind == ErrorKind::Unexpected && status.is_server_error();
        Err(if is_its_failure { fault.retry_as(Retry::Backoff) } else { fault })
    }
}
