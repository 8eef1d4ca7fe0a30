//! What all HTTP clients of this layer have in common: how they reach a server of the site, and how its address may look.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode, Url};

/// A client that waits so long for an answer.
pub(super) fn client(patience: Duration) -> ClientBuilder {
    // Fails where the program has installed one already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A proxy of the environment is not meant for the servers of a site.
    Client::builder().timeout(patience).no_proxy()
}

/// The address of a server. `None` where it is none, or holds a user or a password, which would be seen in errors and logs.
pub(super) fn base(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let is_plain = !url.cannot_be_a_base() && url.username().is_empty() && url.password().is_none();
    is_plain.then_some(url)
}

/// An answer, whatever it says.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    #[cfg_attr(not(feature = "netbox"), expect(dead_code, reason = "only NetBox says anything there"))]
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body as text; what is no text in it is marked.
    #[cfg(any(feature = "alertmanager", feature = "netbox", feature = "prometheus"))]
    pub(super) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// Sends a request and reads all of the answer. The URL is not in the error: the caller tells where the server is.
pub(super) async fn answer(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await.map_err(reqwest::Error::without_url)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.map_err(reqwest::Error::without_url)?.to_vec();
    Ok(Answer { status, headers, body })
}
