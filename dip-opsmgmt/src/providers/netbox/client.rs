//! Requests: the token, how often and how long, and what each answer means.

use std::time::Duration;

use dip_core::provider::{ErrorKind, ProviderError, Retry};
use dip_core::secret::Secret;
use reqwest::header::{AUTHORIZATION, ETAG, HeaderValue, IF_MATCH, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::{Dialect, tls};
use crate::settings::NetboxSettings;

/// A page of a thousand devices takes a loaded server several seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a request is made that can be made again.
const TRIES: u32 = 4;

/// The first pause; each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(250);

/// A server may ask for a longer pause than this; then the engine waits, and holds no worker meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL cannot be used. It is not repeated: it may hold a password.
    #[error("`url` must be like `https://cmdb.lab.example`, without user, password and `/api`")]
    Url,
    /// The token cannot be sent. It is not repeated.
    #[error("the token holds characters that no token has; is there more in its file than the token?")]
    Token,
    /// The file of roots cannot be used.
    #[error("`ca_file` {0} holds no certificates in PEM: {1}")]
    CaFile(String, String),
    /// The pinned fingerprint is none.
    #[error(
        "`tls_fingerprint` `{0}` is no SHA-256 fingerprint: write its 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` does"
    )]
    Fingerprint(String),
    /// A fingerprint is pinned for a server that is spoken to in the clear.
    #[error("`tls_fingerprint` means nothing with a URL of `http`; take it out, or write `https`")]
    FingerprintWithoutTls,
    /// Two ways to trust are named.
    #[error(
        "`tls_fingerprint` trusts one certificate and no other, so `ca_file` means nothing beside it; take one of them out"
    )]
    TwoTrusts,
    /// No HTTP client can be made.
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
}

/// The way to one server.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    dialect: Dialect,
}

/// An answer, with the version that the server says it is.
pub(super) struct Answer {
    pub(super) body: Value,
    pub(super) version: Option<HeaderValue>,
}

impl Client {
    pub(super) fn new(settings: &NetboxSettings, dialect: Dialect, token: &Secret) -> Result<Self, SettingsError> {
        let base =
            Url::parse(&format!("{}/api/", settings.url.trim_end_matches('/'))).map_err(|_| SettingsError::Url)?;
        if base.cannot_be_a_base() || !base.username().is_empty() || base.password().is_some() || base.query().is_some()
        {
            return Err(SettingsError::Url);
        }
        let mut authorization =
            HeaderValue::from_str(&format!("{} {}", scheme(token.expose().trim()), token.expose().trim()))
                .map_err(|_| SettingsError::Token)?;
        authorization.set_sensitive(true);
        // Fails where the program has installed one already, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A proxy of the environment is not meant for the servers of a site, and a redirection not for its token.
        // A connection that is kept may be closed by the server just when an order goes out that must not be sent twice.
        let builder = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0);
        let builder = tls::trusting(builder, settings, &base)?;
        Ok(Self { http: builder.build()?, base, authorization, dialect })
    }

    /// Reads; tried again where that can help.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)], action: &str) -> Result<Answer, ProviderError> {
        self.repeated(|| self.request(Method::GET, path).query(query), action).await
    }

    /// Makes a thing. Not tried again where it may have been made: the caller looks first.
    pub(super) async fn post(&self, path: &str, body: &Value, action: &str) -> Result<Value, ProviderError> {
        Ok(self.once(self.request(Method::POST, path).json(body), action).await?.body)
    }

    /// Changes fields of a thing, if it still is the version that was read, where the server has versions.
    pub(super) async fn patch(
        &self,
        path: &str,
        read: &Answer,
        body: &Value,
        action: &str,
    ) -> Result<Value, ProviderError> {
        let request = || {
            let request = self.request(Method::PATCH, path).json(body);
            match &read.version {
                Some(version) => request.header(IF_MATCH, version),
                None => request,
            }
        };
        Ok(self.repeated(request, action).await?.body)
    }

    /// Removes a thing; one that is gone already is no error.
    pub(super) async fn delete(&self, path: &str, read: &Answer, action: &str) -> Result<(), ProviderError> {
        let request = || {
            let request = self.request(Method::DELETE, path);
            match &read.version {
                Some(version) => request.header(IF_MATCH, version),
                None => request,
            }
        };
        match self.repeated(request, action).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }

    /// A thing as people look at it.
    pub(super) fn page_of(&self, path: &str) -> String {
        self.base.join("../").and_then(|root| root.join(path)).unwrap_or_else(|_| self.base.clone()).to_string()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.base.join(path).unwrap_or_else(|_| self.base.clone());
        self.http.request(method, url).header(AUTHORIZATION, self.authorization.clone())
    }

    /// Sends until there is an answer that counts.
    async fn repeated(&self, request: impl Fn() -> RequestBuilder, action: &str) -> Result<Answer, ProviderError> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.once(request(), action).await {
                Err(error) => match error.retry() {
                    Retry::After(asked) if asked <= LONGEST_PAUSE => tokio::time::sleep(asked).await,
                    // Nobody listens there: the engine asks again, and a person is told sooner.
                    Retry::Backoff if error.kind() != ErrorKind::Unreachable || !refused(&error) => {
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                    _ => return Err(error),
                },
                answer => return answer,
            }
        }
        self.once(request(), action).await
    }

    #[tracing::instrument(level = "debug", skip_all, fields(product = self.dialect.product(), action))]
    async fn once(&self, request: RequestBuilder, action: &str) -> Result<Answer, ProviderError> {
        let response = request.send().await.map_err(|error| self.unreachable(error, action))?;
        let status = response.status();
        let version = response.headers().get(ETAG).cloned();
        let asked = pause_asked(&response);
        let text = response.text().await.map_err(|error| self.unreachable(error, action))?;
        if status == StatusCode::NO_CONTENT {
            return Ok(Answer { body: Value::Null, version });
        }
        if status.is_success() {
            let body = serde_json::from_str(&text).map_err(|error| {
                self.error(ErrorKind::Unexpected, action)
                    .because(error)
                    .advise(format!("what {} answered is not JSON; is that its URL?", self.base))
            })?;
            return Ok(Answer { body, version });
        }
        Err(self.refusal(status, asked, &text, action))
    }

    fn refusal(&self, status: StatusCode, asked: Option<Duration>, text: &str, action: &str) -> ProviderError {
        let said = said(text);
        let (kind, advice) = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                (ErrorKind::Denied, "look at the token and at what its user may do")
            }
            StatusCode::NOT_FOUND => (ErrorKind::NotFound, "is `url` right?"),
            StatusCode::TOO_MANY_REQUESTS => (ErrorKind::Busy, "it limits how often it is asked"),
            StatusCode::SERVICE_UNAVAILABLE => (ErrorKind::Busy, "it is not ready"),
            StatusCode::PRECONDITION_FAILED => (ErrorKind::Busy, "somebody else changed it meanwhile"),
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                (ErrorKind::Unreachable, "what stands before it does not reach it")
            }
            StatusCode::CONFLICT => (ErrorKind::Conflict, "other things depend on it"),
            StatusCode::BAD_REQUEST => (ErrorKind::Invalid, "look at what it says"),
            _ => (ErrorKind::Unexpected, "look into its log"),
        };
        let error = self.error(kind, action).advise(format!("{} answered {status}{said}; {advice}", self.base));
        match asked {
            Some(pause) => error.retry_as(Retry::After(pause)),
            // An error of the server's own may pass.
            None if status.is_server_error() => error.retry_as(Retry::Backoff),
            None => error,
        }
    }

    fn unreachable(&self, error: reqwest::Error, action: &str) -> ProviderError {
        let why = if error.is_timeout() {
            format!("it gave no answer within {PATIENCE:?}")
        } else if is_untrusted(&error) {
            "its certificate is not trusted; name the site's roots as `ca_file`, or pin it by `tls_fingerprint`".into()
        } else {
            "is it up?".into()
        };
        self.error(ErrorKind::Unreachable, action).because(error.without_url()).advise(format!("{}: {why}", self.base))
    }

    pub(super) fn error(&self, kind: ErrorKind, action: &str) -> ProviderError {
        ProviderError::new(kind, self.dialect.product(), action)
    }
}

/// Tokens of NetBox 4.5 and later say what they are, and are sent as bearer tokens; all others by a scheme of its own.
fn scheme(token: &str) -> &'static str {
    if token.starts_with("nbt_") { "Bearer" } else { "Token" }
}

/// The pause that an answer asks for: seconds, as rate limits say it (RFC 9110, section 10.2.3).
fn pause_asked(response: &Response) -> Option<Duration> {
    let asked = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(asked))
}

/// Whether a connection was refused, and so not even begun.
fn refused(error: &ProviderError) -> bool {
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        let io = source.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        next = source.source();
    }
    false
}

/// Whether a connection ended because of what the server showed.
fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(source) = next {
        if matches!(source.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        // An I/O error passes over the error that it wraps when it is asked for its source.
        let wrapped = source.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => source.source(),
        };
    }
    false
}

/// What the server said of its refusal, in short.
fn said(text: &str) -> String {
    // A page for people, or a page of a proxy, says nothing that helps.
    let Ok(value) = serde_json::from_str::<Value>(text) else { return String::new() };
    let mut said = match value.get("detail").and_then(Value::as_str) {
        Some(detail) => detail.to_owned(),
        None => value.to_string(),
    };
    if let Some((at, _)) = said.char_indices().nth(300) {
        said.truncate(at);
    }
    format!(" and said: {said}")
}
