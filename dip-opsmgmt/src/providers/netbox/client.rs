//! Requests: the token, how often and how long, and what each answer means.

use std::time::Duration;

use dip_core::provider::{ErrorKind, ProviderError, Retry};
use dip_core::secret::Secret;
use reqwest::header::{AUTHORIZATION, ETAG, HeaderMap, HeaderValue, IF_MATCH, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde_json::Value;

use super::{Dialect, tls};
use crate::providers::http;
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
    /// For what can be sent again.
    http: reqwest::Client,
    /// For orders that must not be sent twice: a connection that is kept may be closed by the server just when one goes out.
    unkept: reqwest::Client,
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
        let base = http::base(&format!("{}/api/", settings.url.trim_end_matches('/')));
        let base = base.filter(|base| base.query().is_none()).ok_or(SettingsError::Url)?;
        let mut authorization =
            HeaderValue::from_str(&format!("{} {}", scheme(token.expose().trim()), token.expose().trim()))
                .map_err(|_| SettingsError::Token)?;
        authorization.set_sensitive(true);
        // A redirection is not meant for the token.
        let builder = || http::client(PATIENCE).redirect(reqwest::redirect::Policy::none());
        let kept = tls::trusting(builder(), settings, &base)?;
        let unkept = tls::trusting(builder().pool_max_idle_per_host(0), settings, &base)?;
        Ok(Self { http: kept.build()?, unkept: unkept.build()?, base, authorization, dialect })
    }

    /// Reads; tried again where that can help.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)], action: &str) -> Result<Answer, ProviderError> {
        self.repeated(|| self.request(&self.http, Method::GET, path).query(query), action).await
    }

    /// Makes a thing. Not tried again where it may have been made: the caller looks first.
    pub(super) async fn post(&self, path: &str, body: &Value, action: &str) -> Result<Value, ProviderError> {
        Ok(self.once(self.request(&self.unkept, Method::POST, path).json(body), action).await?.body)
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
            let request = self.request(&self.http, Method::PATCH, path).json(body);
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
            let request = self.request(&self.http, Method::DELETE, path);
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

    fn request(&self, http: &reqwest::Client, method: Method, path: &str) -> RequestBuilder {
        let url = self.base.join(path).unwrap_or_else(|_| self.base.clone());
        http.request(method, url).header(AUTHORIZATION, self.authorization.clone())
    }

    /// Sends until there is an answer that counts.
    async fn repeated(&self, request: impl Fn() -> RequestBuilder, action: &str) -> Result<Answer, ProviderError> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.once(request(), action).await {
                // The version that it names is over, however often it is sent: the caller reads again.
                Err(error) if is_stale(&error) => return Err(error),
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
        let answer = http::answer(request).await.map_err(|error| self.unreachable(error, action))?;
        let (status, text) = (answer.status, answer.text());
        let version = answer.headers.get(ETAG).cloned();
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
        Err(self.refusal(status, pause_asked(&answer.headers), &text, action))
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
        let mut error = self.error(kind, action).advise(format!("{} answered {status}{said}; {advice}", self.base));
        if status == StatusCode::PRECONDITION_FAILED {
            error = error.because(Stale);
        }
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
fn pause_asked(headers: &HeaderMap) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(asked))
}

/// A change names a version that is not the last one.
#[derive(Debug, thiserror::Error)]
#[error("it is not the version that was read")]
struct Stale;

fn is_stale(error: &ProviderError) -> bool {
    sources(error).any(|source| source.is::<Stale>())
}

/// Whether a connection was refused, and so not even begun.
fn refused(error: &ProviderError) -> bool {
    let mut sources = sources(error).filter_map(|source| source.downcast_ref::<std::io::Error>());
    sources.any(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
}

fn sources(error: &ProviderError) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |source| source.source())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers every request with this, until its client leaves; and how many connections and requests it had.
    async fn serve(answer: &'static str) -> (Client, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counted = (Arc::clone(&connections), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.0.fetch_add(1, Ordering::Relaxed);
                let requests = Arc::clone(&counted.1);
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    // Requests of a test are small: each comes in one piece.
                    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                        requests.fetch_add(1, Ordering::Relaxed);
                        stream.write_all(answer.as_bytes()).await.expect("the client listens");
                    }
                });
            }
        });
        let settings = NetboxSettings {
            url,
            ..serde_json::from_value(serde_json::json!({"url": "", "token": "env:UNUSED"})).expect("it is sound")
        };
        let client = Client::new(&settings, Dialect::Nautobot, &Secret::new("t".to_owned())).expect("a client");
        (client, connections, requests)
    }

    #[tokio::test]
    async fn a_change_of_a_version_that_is_over_is_sent_once() {
        let (client, _, requests) = serve("HTTP/1.1 412 Precondition Failed\r\ncontent-length: 0\r\n\r\n").await;
        let read = Answer { body: Value::Null, version: Some(HeaderValue::from_static("\"1\"")) };
        let told = client.patch("dcim/devices/1/", &read, &Value::Null, "write the record of n1").await;
        let error = told.expect_err("it is over");
        assert_eq!((error.kind(), requests.load(Ordering::Relaxed)), (ErrorKind::Busy, 1));
    }

    #[tokio::test]
    async fn reads_share_a_connection_and_orders_that_must_not_be_sent_twice_have_one_each() {
        let (client, connections, _) = serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        for _ in 0..10 {
            client.get("status/", &[], "look").await.expect("it answers");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        for _ in 0..2 {
            client.post("dcim/devices/", &Value::Null, "make").await.expect("it answers");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 3);
    }
}
