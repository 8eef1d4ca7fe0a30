//! How a request is sent: signed, in a session that is opened when it is needed and again when it ended.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, IF_MATCH, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::{Value, json};

use super::answer::{json_of, pause, redirected, refused};
use super::client::{Client, REDIRECTS, SERVICE_ROOT};
use super::error::Failure;
use super::login::{Login, Session};
use super::push::Upload;
use super::resource::Root;

/// A service that is busy for no longer than this is asked again in the same call: a reading of many resources would
/// never end if each short refusal began it anew.
const SHORT_PAUSE: Duration = Duration::from_secs(3);
/// So often in a row; then the whole call is told to come back.
const PAUSES: usize = 3;
/// An image of some 100 MB takes minutes on the slow network port of a BMC.
const UPLOAD: Duration = Duration::from_secs(30 * 60);

/// A request to a service.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) body: Option<&'a Value>,
    pub(super) if_match: Option<&'a str>,
    pub(super) upload: Option<&'a Upload>,
}

impl<'a> Request<'a> {
    pub(super) const fn of(method: Method, url: &'a Url) -> Self {
        Self { method, url, body: None, if_match: None, upload: None }
    }

    pub(super) const fn get(url: &'a Url) -> Self {
        Self::of(Method::GET, url)
    }
}

impl Client {
    /// Sends a request, signed. An expired session is opened again: a service that answers 401 has done nothing.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "redfish", server = self.host(), action = %request.method, path = request.url.path()))]
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Response, Failure> {
        let mut pauses = 0;
        loop {
            let response = self.send_in_session(&request).await?;
            let is_busy = matches!(response.status().as_u16(), 429 | 503) && request.method == Method::GET;
            match pause(response.headers()).filter(|pause| is_busy && *pause <= SHORT_PAUSE && pauses < PAUSES) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Ok(response),
            }
            pauses += 1;
        }
    }

    async fn send_in_session(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let login = self.login().await?;
        let response = self.send_as(&login, request).await?;
        let Login::Session(session) = &login else { return Ok(response) };
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        tracing::debug!(bmc = self.host(), "the session has ended; opening another");
        self.login.lock().await.take_if(|kept| kept.is_session(&session.token));
        let login = self.login().await?;
        self.send_as(&login, request).await
    }

    async fn send_as(&self, login: &Login, request: &Request<'_>) -> Result<Response, Failure> {
        let mut http = login.sign(self.http.request(request.method.clone(), request.url.clone()), &self.account);
        http = http.header("OData-Version", "4.0");
        if let Some(body) = request.body {
            http = http.json(body);
        }
        if let Some(upload) = request.upload {
            http = http.header(CONTENT_TYPE, &upload.content_type).body(upload.bytes.clone()).timeout(UPLOAD);
        }
        if let Some(etag) = request.if_match {
            http = http.header(IF_MATCH, etag);
        }
        http.send().await.map_err(|source| silent(request.method.clone(), request.url, source))
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
            let root = json_of(refused(Method::GET, &url, response).await?).await?;
            let root: Root = super::answer::typed(&url, root)?;
            let sessions = root.links.as_ref().and_then(|links| links.sessions.as_ref()?.id.clone());
            return match sessions {
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
            Err(Failure::Refused { method, path, said, ids, retry_after, .. }) if refuses => {
                Err(Failure::Refused { method, path, status: StatusCode::UNAUTHORIZED, said, ids, retry_after })
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
}

pub(super) fn silent(method: Method, url: &Url, source: reqwest::Error) -> Failure {
    Failure::Silent { method, path: url.path().to_owned(), source: source.without_url() }
}
