//! Requests to one Redfish service: whom they go to, how they are signed, how long they may take, what their failure means.

use std::time::Duration;

use dip_core::secret::Secret;
use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_MATCH, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::error::{Failure, RedfishError};
use super::login::{Account, Login, Session};
use super::resource::{ErrorBody, Link, Root};
use super::tls;
use crate::settings::{RedfishSettings, Scheme};

/// A BMC that takes longer to accept a connection is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// BMCs need 20 ms to 10 s for an answer.
const REQUEST: Duration = Duration::from_secs(20);
/// A service that asks to come back later than this is asked earlier.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);
/// A resource is small; a service that sends more than this is broken.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
/// The service root redirects to itself with a slash, and perhaps from HTTP to HTTPS; more is a loop.
const REDIRECTS: usize = 3;

/// Where every Redfish service starts (DSP0266).
const SERVICE_ROOT: &str = "/redfish/v1/";

/// A client of one service. It keeps one idle connection; whoever asks often does not pay for TLS each time.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    account: Account,
    /// The way that the service accepts, once that is known. Whoever finds out holds it, so that one session is opened.
    login: Mutex<Option<Login>>,
}

/// A resource as it was read.
pub(super) struct Resource<T> {
    pub(super) url: Url,
    pub(super) etag: Option<String>,
    pub(super) body: T,
}

impl Client {
    pub(super) fn new(
        address: &str,
        user: &str,
        password: &Secret,
        settings: &RedfishSettings,
    ) -> Result<Self, RedfishError> {
        let mut builder = reqwest::Client::builder()
            // A redirected POST would become a GET, and its success be taken for the POST's.
            .redirect(redirect::Policy::none())
            // A BMC is reached directly; a proxy of the environment would be told its password.
            .no_proxy()
            .http1_only()
            .pool_max_idle_per_host(1)
            .connect_timeout(CONNECT)
            .timeout(REQUEST);
        match (&settings.tls_fingerprint, settings.scheme) {
            (Some(_), Scheme::Http) => return Err(RedfishError::FingerprintWithoutTls),
            (Some(fingerprint), Scheme::Https) => {
                let config = tls::pinned(fingerprint.parse()?).map_err(|error| RedfishError::Tls(error.into()))?;
                builder = builder.tls_backend_preconfigured(config);
            }
            (None, _) => tls::install_provider(),
        }
        let http = builder.build().map_err(|error| RedfishError::Tls(error.into()))?;
        let account = Account { user: user.to_owned(), password: password.clone() };
        Ok(Self { http, base: base(address, settings)?, account, login: Mutex::new(None) })
    }

    /// The service's host.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// The service root.
    pub(super) async fn root(&self) -> Result<Root, Failure> {
        Ok(self.read(SERVICE_ROOT).await?.body)
    }

    /// The resource that a link leads to.
    pub(super) async fn follow<T: DeserializeOwned>(&self, link: &Link, what: &str) -> Result<Resource<T>, Failure> {
        match &link.id {
            Some(id) => self.read(id).await,
            None => Err(Failure::Odd { what: format!("the link to {what} leads nowhere") }),
        }
    }

    /// Reads a resource by its path or URL.
    pub(super) async fn read<T: DeserializeOwned>(&self, id: &str) -> Result<Resource<T>, Failure> {
        let mut url = self.resolve(id)?;
        for _ in 0..REDIRECTS {
            let response = self.send(Method::GET, &url, None, None).await?;
            if let Some(next) = redirected(&response) {
                url = self.resolve(&next)?;
                continue;
            }
            let header = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
            let response = refused(Method::GET, &url, response).await?;
            let body = json_of(response).await?;
            return Ok(Resource { url, etag: header, body });
        }
        Err(Failure::Odd { what: format!("`{id}` redirects in circles") })
    }

    /// Asks for an action. It is sent once.
    pub(super) async fn post(&self, id: &str, body: &Value) -> Result<(), Failure> {
        self.change(Method::POST, &self.resolve(id)?, body, None).await
    }

    /// Changes a resource, if it is still the one that the ETag was told for.
    pub(super) async fn patch(&self, url: &Url, body: &Value, etag: Option<&str>) -> Result<(), Failure> {
        self.change(Method::PATCH, url, body, etag).await
    }

    /// Closes the session, if there is one.
    pub(super) async fn close(&self) {
        let Some(Login::Session(Session { location: Some(url), token })) = self.login.lock().await.take() else {
            return;
        };
        let request = self.http.delete(url).header("X-Auth-Token", token);
        if let Err(error) = request.send().await {
            tracing::debug!(bmc = self.host(), %error, "the BMC did not confirm the end of the session");
        }
    }

    async fn change(&self, method: Method, url: &Url, body: &Value, etag: Option<&str>) -> Result<(), Failure> {
        let response = self.send(method.clone(), url, Some(body), etag).await?;
        if let Some(next) = redirected(&response) {
            return Err(Failure::Wrong {
                what: format!("{method} {} is redirected to `{next}`; use that address", url.path()),
            });
        }
        // Whatever a success says beside is of no use: only reading tells what is true.
        refused(method, url, response).await.map(drop)
    }

    /// Sends a request, signed. An expired session is opened again: a service that answers 401 has done nothing.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "redfish", server = self.host(), action = %method, path = url.path()))]
    async fn send(
        &self,
        method: Method,
        url: &Url,
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Result<Response, Failure> {
        let login = self.login().await?;
        let response = self.send_as(&login, method.clone(), url, body, etag).await?;
        let Login::Session(session) = &login else { return Ok(response) };
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        tracing::debug!(bmc = self.host(), "the session has ended; opening another");
        self.login.lock().await.take_if(|kept| kept.is_session(&session.token));
        let login = self.login().await?;
        self.send_as(&login, method, url, body, etag).await
    }

    async fn send_as(
        &self,
        login: &Login,
        method: Method,
        url: &Url,
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Result<Response, Failure> {
        let mut request = login.sign(self.http.request(method.clone(), url.clone()), &self.account);
        request = request.header("OData-Version", "4.0");
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, etag);
        }
        request.send().await.map_err(|source| silent(method, url, source))
    }

    /// The way that the service accepts; the first caller finds it out, the others wait.
    async fn login(&self) -> Result<Login, Failure> {
        let mut kept = self.login.lock().await;
        if let Some(login) = &*kept {
            return Ok(login.clone());
        }
        let login = self.find_login().await?;
        Ok(kept.insert(login).clone())
    }

    async fn find_login(&self) -> Result<Login, Failure> {
        // The service root is readable without credentials (DSP0266); where it is not, there is only the basic way.
        let mut url = self.resolve(SERVICE_ROOT)?;
        for _ in 0..REDIRECTS {
            let response =
                self.http.get(url.clone()).send().await.map_err(|source| silent(Method::GET, &url, source))?;
            if let Some(next) = redirected(&response) {
                url = self.resolve(&next)?;
                continue;
            }
            if matches!(response.status().as_u16(), 401 | 403 | 404 | 405) {
                return Ok(Login::Basic);
            }
            let root: Root = json_of(refused(Method::GET, &url, response).await?).await?;
            return match root.links.and_then(|links| links.sessions).and_then(|sessions| sessions.id) {
                Some(sessions) => {
                    let opened = self.open_session(&sessions).await;
                    opened.map_err(|source| Failure::NoSession { source: Box::new(source) })
                }
                None => Ok(Login::Basic),
            };
        }
        Err(Failure::Odd { what: format!("`{SERVICE_ROOT}` redirects in circles") })
    }

    async fn open_session(&self, sessions: &str) -> Result<Login, Failure> {
        let url = self.resolve(sessions)?;
        let body = json!({ "UserName": self.account.user, "Password": self.account.password.expose() });
        let request = self.http.post(url.clone()).json(&body);
        let response = request.send().await.map_err(|source| silent(Method::POST, &url, source))?;
        // Some services list sessions that they do not offer.
        if matches!(response.status().as_u16(), 300..=399 | 404 | 405 | 501) {
            return Ok(Login::Basic);
        }
        // Some say "bad request" to a wrong password.
        let refuses = response.status() == StatusCode::BAD_REQUEST;
        let token = response.headers().get("X-Auth-Token").cloned();
        let location = response.headers().get(LOCATION).and_then(|url| url.to_str().ok()).map(str::to_owned);
        match refused(Method::POST, &url, response).await {
            Err(Failure::Refused { method, path, said, retry_after, .. }) if refuses => {
                Err(Failure::Refused { method, path, status: StatusCode::UNAUTHORIZED, said, retry_after })
            }
            Err(failure) => Err(failure),
            Ok(_) => match token {
                Some(mut token) => {
                    token.set_sensitive(true);
                    let location = location.and_then(|location| self.resolve(&location).ok());
                    Ok(Login::Session(Session { token, location }))
                }
                None => Ok(Login::Basic),
            },
        }
    }

    /// The URL of a path or URL that the service told. The password goes to this service and to no other.
    fn resolve(&self, id: &str) -> Result<Url, Failure> {
        let url = self.base.join(id).map_err(|error| Failure::Odd { what: format!("`{id}` is not a URL: {error}") })?;
        if url.origin() == self.base.origin() {
            Ok(url)
        } else {
            Err(Failure::Odd {
                what: format!("`{id}` leads to another service than {}; it is not followed", self.base),
            })
        }
    }
}

impl Drop for Client {
    /// Tells the BMC to close the session, without waiting: BMCs have few, and forget them only after half an hour.
    fn drop(&mut self) {
        let session = match self.login.get_mut().take() {
            Some(Login::Session(Session { location: Some(url), token })) => (url, token),
            _ => return,
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (url, token) = session;
            let farewell = self.http.delete(url).header("X-Auth-Token", token).send();
            // A lost farewell costs the BMC one idle session.
            drop(runtime.spawn(farewell));
        }
    }
}

/// The URL of the service, without a path.
fn base(address: &str, settings: &RedfishSettings) -> Result<Url, RedfishError> {
    let wrong = || RedfishError::Address(address.to_owned());
    let bare = address.trim_matches(['[', ']']);
    let host = if bare.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{bare}]") } else { bare.to_owned() };
    let mut url = Url::parse(&format!("{}://{host}/", settings.scheme.as_str())).map_err(|_| wrong())?;
    let is_host_alone = url.path() == "/" && url.port().is_none() && url.username().is_empty() && url.query().is_none();
    if !is_host_alone || url.set_port(settings.port).is_err() {
        return Err(wrong());
    }
    Ok(url)
}

fn silent(method: Method, url: &Url, source: reqwest::Error) -> Failure {
    Failure::Silent { method, path: url.path().to_owned(), source: source.without_url() }
}

fn redirected(response: &Response) -> Option<String> {
    let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection())?;
    location.to_str().ok().map(str::to_owned)
}

/// The response, or the failure that it tells.
async fn refused(method: Method, url: &Url, response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = pause(response.headers());
    let said = json_of::<ErrorBody>(response).await.ok().and_then(ErrorBody::message);
    let said = said.map(|said| said.chars().take(300).collect());
    Err(Failure::Refused { method, path: url.path().to_owned(), status, said, retry_after })
}

/// How long the service asks to wait. A date instead of seconds is left to the usual backoff: clocks of BMCs are wrong.
fn pause(headers: &HeaderMap<HeaderValue>) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

async fn json_of<T: DeserializeOwned>(mut response: Response) -> Result<T, Failure> {
    let path = response.url().path().to_owned();
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|source| Failure::Silent {
            method: Method::GET,
            path: path.clone(),
            source: source.without_url(),
        })?;
        let Some(chunk) = chunk else { break };
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_BODY {
            return Err(Failure::Odd { what: format!("the answer for {path} does not end") });
        }
    }
    serde_json::from_slice(&body)
        .map_err(|error| Failure::Odd { what: format!("the answer for {path} cannot be read: {error}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_of(address: &str, port: Option<u16>) -> Option<String> {
        let settings = RedfishSettings { port, ..RedfishSettings::default() };
        base(address, &settings).ok().map(|url| url.to_string())
    }

    #[test]
    fn an_address_is_a_host_and_nothing_else() {
        assert_eq!(base_of("192.0.2.9", None).as_deref(), Some("https://192.0.2.9/"));
        assert_eq!(base_of("2001:db8::9", Some(8443)).as_deref(), Some("https://[2001:db8::9]:8443/"));
        assert_eq!(base_of("[2001:db8::9]", None).as_deref(), Some("https://[2001:db8::9]/"));
        for wrong in ["", "host/path", "user@host", "host?x", "two words"] {
            assert_eq!(base_of(wrong, None), None, "{wrong}");
        }
    }

    #[test]
    fn a_link_to_another_service_is_not_followed() {
        let client = Client::new("192.0.2.9", "admin", &Secret::new("secret".to_owned()), &RedfishSettings::default())
            .expect("it can be made");
        assert!(client.resolve("/redfish/v1/Systems/1").is_ok());
        assert!(client.resolve("https://192.0.2.9/redfish/v1/Systems/1").is_ok());
        for elsewhere in [
            "https://192.0.2.66/redfish/v1/",
            "http://192.0.2.9/redfish/v1/",
            "//evil.example/x",
            "https://192.0.2.9:444/",
        ] {
            assert!(client.resolve(elsewhere).is_err(), "{elsewhere}");
        }
        assert!(!format!("{client:?}").contains("secret"));
    }

    #[test]
    fn a_service_says_when_to_come_back() {
        let headers = |value: &'static str| HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
        assert_eq!(pause(&headers("7")), Some(Duration::from_secs(7)));
        assert_eq!(pause(&headers("99999999")), Some(LONGEST_PAUSE));
        assert_eq!(pause(&headers("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(pause(&HeaderMap::new()), None);
    }
}
