//! The way to a service: over the network, or, with the feature `models`, to one in this process.

use std::fmt;
use std::sync::{Arc, OnceLock};

use reqwest::{RequestBuilder, Response, Url};

#[cfg(feature = "models")]
use super::service::{NoAnswer, Service};

/// How requests are made and carried.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) http: reqwest::Client,
    /// It keeps no connection, so it sees what the service shows to whoever comes new.
    pub(super) newcomer: Arc<Newcomer>,
    #[cfg(feature = "models")]
    pub(super) here: Option<Arc<dyn Service>>,
}

/// A client that most services are never asked by: it is made when it is needed.
pub(super) struct Newcomer {
    making: Box<dyn Fn() -> reqwest::Result<reqwest::Client> + Send + Sync>,
    made: OnceLock<reqwest::Client>,
}

impl fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newcomer").field("is_made", &self.made.get().is_some()).finish()
    }
}

impl Newcomer {
    pub(super) fn new(making: impl Fn() -> reqwest::Result<reqwest::Client> + Send + Sync + 'static) -> Self {
        Self { making: Box::new(making), made: OnceLock::new() }
    }

    fn client(&self) -> reqwest::Result<&reqwest::Client> {
        match self.made.get() {
            Some(made) => Ok(made),
            None => {
                let made = (self.making)()?;
                Ok(self.made.get_or_init(|| made))
            }
        }
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Silence {
    /// The network's.
    #[error(transparent)]
    Network(#[from] reqwest::Error),
    /// That of a service in this process.
    #[cfg(feature = "models")]
    #[error(transparent)]
    Here(#[from] NoAnswer),
}

impl Silence {
    /// Whether nobody can have taken the request.
    pub(super) fn is_before_the_service(&self) -> bool {
        match self {
            Self::Network(error) => error.is_connect(),
            #[cfg(feature = "models")]
            Self::Here(why) => !matches!(why, NoAnswer::Lost(_)),
        }
    }
}

impl Wire {
    pub(super) fn network(http: reqwest::Client, newcomer: Newcomer) -> Self {
        Self {
            http,
            newcomer: Arc::new(newcomer),
            #[cfg(feature = "models")]
            here: None,
        }
    }

    /// Carries a request and brings its answer.
    pub(super) async fn carry(&self, request: RequestBuilder) -> Result<Response, Silence> {
        #[cfg(feature = "models")]
        if let Some(service) = &self.here {
            return carry_here(&**service, request.build().map_err(reqwest::Error::without_url)?).await;
        }
        Ok(request.send().await.map_err(reqwest::Error::without_url)?)
    }

    /// The certificate (DER) that the service shows; `None` in the clear, and from one in this process.
    pub(super) async fn certificate(&self, url: &Url) -> Result<Option<Vec<u8>>, Silence> {
        #[cfg(feature = "models")]
        if self.here.is_some() {
            return Ok(None);
        }
        let response = self.newcomer.client()?.get(url.clone()).send().await.map_err(reqwest::Error::without_url)?;
        let shown =
            response.extensions().get::<reqwest::tls::TlsInfo>().and_then(reqwest::tls::TlsInfo::peer_certificate);
        Ok(shown.map(<[u8]>::to_vec))
    }

    /// Carries a request whose answer nobody waits for.
    pub(super) fn carry_away(
        &self,
        runtime: &tokio::runtime::Handle,
        url: &Url,
        sign: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) {
        let (wire, request) = (self.clone(), sign(self.http.delete(url.clone())));
        // A lost farewell costs the BMC one idle session.
        drop(runtime.spawn(async move { wire.carry(request).await }));
    }
}

#[cfg(feature = "models")]
async fn carry_here(service: &dyn Service, request: reqwest::Request) -> Result<Response, Silence> {
    use reqwest::ResponseBuilderExt as _;

    let url = request.url().clone();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let asked = super::service::Request {
        method: request.method().to_string(),
        path: format!("{}{query}", url.path()),
        headers: request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: String::from_utf8_lossy(body).into_owned(),
    };
    let patience = request.timeout().copied().unwrap_or(super::client::REQUEST);
    let told = tokio::time::timeout(patience, service.answer(&asked)).await;
    let told = told.unwrap_or_else(|_| Err(NoAnswer::Lost(format!("no answer within {} s", patience.as_secs()))))?;
    let mut answer = http::Response::builder().status(told.status).url(url);
    for (name, value) in told.headers {
        answer = answer.header(name, value);
    }
    let unsound = |error: http::Error| NoAnswer::Lost(format!("the answer cannot be read: {error}"));
    Ok(Response::from(answer.body(told.body).map_err(unsound)?))
}
