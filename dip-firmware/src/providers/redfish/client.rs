//! Requests to one Redfish service: what can be asked of it, and how long that may take.

use std::path::Path;
use std::time::Duration;

use dip_core::secret::Secret;
use reqwest::{Method, StatusCode, Url, redirect};
use rustls::client::Resumption;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::address::{base, resolve};
use super::answer::{Answer, Resource, accepted, redirected, resource};
use super::error::{Failure, RedfishError};
use super::login::{Account, Login, Session};
use super::push::{self, Push};
use super::resource::{Link, Root};
use super::send::{Request, silent};
use super::tls::Trust;
use super::wire::{Newcomer, Wire};
use crate::hygiene::Vouching;
use crate::settings::RedfishSettings;

/// A BMC that takes longer to accept a connection is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// BMCs need 20 ms to 10 s for an answer.
pub(super) const REQUEST: Duration = Duration::from_secs(20);
/// BMCs close idle connections after 5 s or later; one that is closed just when it is used again would look like a lost request.
const IDLE: Duration = Duration::from_secs(4);
/// After so long without a word the other end is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// The service root redirects to itself with a slash, and perhaps from HTTP to HTTPS; more is a loop.
pub(super) const REDIRECTS: usize = 3;

/// Where every Redfish service starts (DSP0266).
pub(super) const SERVICE_ROOT: &str = "/redfish/v1/";

/// A client of one service. It keeps one idle connection; whoever asks often does not pay for TLS each time.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) wire: Wire,
    base: Url,
    pub(super) account: Account,
    /// The way that the service accepts, once that is known. Whoever finds out holds it, so that one session is opened.
    pub(super) login: Mutex<Option<Login>>,
}

impl Client {
    pub(super) fn new(
        address: &str,
        user: &str,
        password: &Secret,
        settings: &RedfishSettings,
        vouching: &Vouching,
    ) -> Result<Self, RedfishError> {
        let trust = Trust::of(settings, vouching)?;
        let failed = |error: reqwest::Error| RedfishError::Tls(error.into());
        let http = trust.given_to(builder(), Resumption::default()).build().map_err(failed)?;
        // A resumed session tells the certificate of the first one.
        let newcomer = move || trust.given_to(builder().pool_max_idle_per_host(0), Resumption::disabled()).build();
        let account = Account { user: user.to_owned(), password: password.clone() };
        let wire = Wire::network(http, Newcomer::new(newcomer));
        Ok(Self { wire, base: base(address, settings)?, account, login: Mutex::new(None) })
    }

    /// The same client, of a service in this process.
    #[cfg(feature = "models")]
    pub(super) fn to(self, service: std::sync::Arc<dyn super::service::Service>) -> Self {
        let account = Account { user: self.account.user.clone(), password: self.account.password.clone() };
        let wire = Wire { here: Some(service), ..self.wire.clone() };
        Self { wire, base: self.base.clone(), account, login: Mutex::new(None) }
    }

    /// Another user of the same service.
    pub(super) fn as_user(&self, user: &str, password: &Secret) -> Self {
        let account = Account { user: user.to_owned(), password: password.clone() };
        Self { wire: self.wire.clone(), base: self.base.clone(), account, login: Mutex::new(None) }
    }

    /// The service's host.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// The URL of a path or URL that the service told.
    pub(super) fn resolve(&self, id: &str) -> Result<Url, Failure> {
        resolve(&self.base, id)
    }

    /// The service root.
    pub(super) async fn root(&self) -> Result<Root, Failure> {
        Ok(self.read(SERVICE_ROOT).await?.body)
    }

    /// Reads a resource by its path or URL.
    pub(super) async fn read<T: DeserializeOwned>(&self, id: &str) -> Result<Resource<T>, Failure> {
        let mut url = self.resolve(id)?;
        for _ in 0..REDIRECTS {
            let response = self.send(Request::get(&url)).await?;
            match redirected(&response) {
                Some(next) => url = self.resolve(&next)?,
                None => return resource(url, response).await,
            }
        }
        Err(Failure::Odd { what: format!("`{id}` redirects in circles") })
    }

    /// What is at a path, whatever it is, with the status that tells whether it is ready.
    pub(super) async fn read_status(&self, id: &str) -> Result<(StatusCode, Value), Failure> {
        let url = self.resolve(id)?;
        let answer = accepted(Method::GET, &url, self.send(Request::get(&url)).await?).await?;
        Ok((answer.status, answer.body))
    }

    /// The certificate (DER) that the service shows; `None` in the clear.
    pub(super) async fn certificate(&self) -> Result<Option<Vec<u8>>, Failure> {
        let url = self.resolve(SERVICE_ROOT)?;
        self.wire.certificate(&url).await.map_err(|error| silent(Method::GET, &url, error))
    }

    /// The resource that a link leads to; `None` where there is no link, or it leads nowhere: services link to what this machine, or
    /// this version of them, does not have.
    pub(super) async fn follow<T: DeserializeOwned>(
        &self,
        link: Option<&Link>,
    ) -> Result<Option<Resource<T>>, Failure> {
        let Some(id) = link.and_then(|link| link.id.as_deref()) else { return Ok(None) };
        match self.read(id).await {
            Ok(resource) => Ok(Some(resource)),
            Err(failure) if failure.is_of_this_resource() => {
                tracing::debug!(bmc = self.host(), path = id, %failure, "a link leads to nothing that can be read");
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Asks for an action. It is sent once.
    pub(super) async fn post(&self, id: &str, body: &Value) -> Result<Answer, Failure> {
        let url = self.resolve(id)?;
        self.change(Request { body: Some(body), ..Request::of(Method::POST, &url) }).await
    }

    /// Changes a resource, if it is still the version that is named.
    pub(super) async fn patch(&self, url: &Url, body: &Value, if_match: Option<&str>) -> Result<Answer, Failure> {
        self.change(Request { body: Some(body), if_match, ..Request::of(Method::PATCH, url) }).await
    }

    /// Removes a resource.
    pub(super) async fn delete(&self, id: &str) -> Result<Answer, Failure> {
        let url = self.resolve(id)?;
        self.change(Request::of(Method::DELETE, &url)).await
    }

    /// Sends the bytes of a file.
    pub(super) async fn push(&self, id: &str, file: &Path, how: Push) -> Result<Answer, Failure> {
        let url = self.resolve(id)?;
        let upload = push::upload(file, how).await?;
        self.change(Request { upload: Some(&upload), ..Request::of(Method::POST, &url) }).await
    }

    /// Closes the session, if there is one.
    pub(super) async fn close(&self) {
        let Some(Login::Session(Session { location: Some(url), token })) = self.login.lock().await.take() else {
            return;
        };
        let request = self.wire.http.delete(url).header("X-Auth-Token", token);
        if let Err(error) = self.wire.carry(request).await {
            tracing::debug!(bmc = self.host(), %error, "the BMC did not confirm the end of the session");
        }
    }

    async fn change(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let (method, url) = (request.method.clone(), request.url);
        let response = self.send(request).await?;
        // A `202 Accepted` names its task as `Location`; only a 3xx sends somebody elsewhere.
        if let Some(next) = redirected(&response).filter(|_| response.status() != StatusCode::NOT_MODIFIED) {
            return Err(Failure::Wrong {
                what: format!("{method} {} is redirected to `{next}`; use that address", url.path()),
            });
        }
        accepted(method, url, response).await
    }
}

/// A client as all of them are, but for whom it trusts.
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        // A redirected POST would become a GET, and its success be taken for the POST's.
        .redirect(redirect::Policy::none())
        // A BMC is reached directly; a proxy of the environment would be told its password.
        .no_proxy()
        .http1_only()
        .tls_info(true)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(IDLE)
        // A BMC that vanished sends nothing, as one does on whose stream nothing happens.
        .tcp_keepalive(KEEPALIVE)
        .connect_timeout(CONNECT)
        .timeout(REQUEST)
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
            self.wire.carry_away(&runtime, &url, |request| request.header("X-Auth-Token", token));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_does_not_show_its_password() {
        let client = Client::new(
            "192.0.2.9",
            "admin",
            &Secret::new("hunter2".to_owned()),
            &RedfishSettings::default(),
            &Vouching::default(),
        )
        .expect("it can be made");
        assert!(!format!("{client:?}").contains("hunter2"));
    }
}
