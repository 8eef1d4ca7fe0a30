//! The part of the API that tells of zones and changes their records: `/api/v1/servers/<server>/zones`.

use std::time::Duration;

use dip_core::provider::{ErrorKind, Retry};
use reqwest::{Client, Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::providers::http::{self, Answer};
use crate::providers::zones::{Fault, Reach};

/// A zone of ten thousand records takes a busy server seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a request is made that the server could not serve; its data is safe to send again.
const TRIES: u32 = 4;

/// Before the second try; it doubles. An sqlite database is locked for some tens of milliseconds.
const PAUSE: Duration = Duration::from_millis(50);

/// A zone, as far as dip reads it.
#[derive(Debug, Deserialize)]
pub(super) struct Zone {
    pub(super) name: String,
    #[serde(default)]
    pub(super) rrsets: Vec<RrSet>,
}

/// All records of one name and type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct RrSet {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) records: Vec<Content>,
}

/// One record. A disabled one is kept and served to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) content: String,
    #[serde(default)]
    pub(super) disabled: bool,
}

/// A change of some sets of records, whole or not at all.
#[derive(Debug, Serialize)]
pub(super) struct Patch {
    pub(super) rrsets: Vec<PatchSet>,
}

/// What a set of records becomes.
#[derive(Debug, Serialize)]
pub(super) struct PatchSet {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) ttl: u32,
    pub(super) changetype: &'static str,
    pub(super) records: Vec<Content>,
}

/// What the server says of a request that it refuses.
#[derive(Debug, Deserialize, thiserror::Error)]
#[error("the server says: {error}")]
struct Refusal {
    error: String,
}

/// A server's status.
#[derive(Debug, thiserror::Error)]
#[error("the server answered {0}")]
struct Status(StatusCode);

/// The API of one server.
pub(super) struct Api {
    pub(super) client: Client,
    /// `<url>/api/v1/servers/<server>/zones`
    pub(super) zones: Url,
}

impl Api {
    pub(super) fn client(headers: reqwest::header::HeaderMap) -> Result<Client, reqwest::Error> {
        // A redirection is not meant for the key.
        let redirect = reqwest::redirect::Policy::none();
        http::client(PATIENCE).redirect(redirect).default_headers(headers).build()
    }

    /// The names of all zones.
    pub(super) async fn zones(&self) -> Result<Vec<Zone>, Fault> {
        let mut url = self.zones.clone();
        url.set_query(Some("dnssec=false"));
        self.send(Method::GET, url, None).await?.ok_or_else(|| self.no_api())
    }

    /// The records of a zone, or those of one name in it.
    pub(super) async fn zone(&self, zone: &str, name: Option<&str>) -> Result<Zone, Fault> {
        let mut url = self.of(zone);
        if let Some(name) = name {
            url.query_pairs_mut().append_pair("rrset_name", &super::content::dotted(name));
        }
        self.send(Method::GET, url, None).await?.ok_or_else(|| no_zone(zone))
    }

    /// Changes records of a zone.
    pub(super) async fn patch(&self, zone: &str, patch: &Patch) -> Result<(), Fault> {
        let body =
            serde_json::to_vec(patch).map_err(|error| Fault::new(ErrorKind::Invalid, Reach::Message).because(error))?;
        self.exchange(Method::PATCH, self.of(zone), Some(body)).await?.map(|_| ()).ok_or_else(|| no_zone(zone))
    }

    fn of(&self, zone: &str) -> Url {
        let mut url = self.zones.clone();
        // A slash in a name of a zone (RFC 2317) is `=2F` in an id; dots are kept.
        let id = super::content::dotted(zone).replace('/', "=2F");
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(&id);
        }
        url
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Option<Vec<u8>>,
    ) -> Result<Option<T>, Fault> {
        let Some(bytes) = self.exchange(method, url, body).await? else { return Ok(None) };
        let odd = |error| Fault::new(ErrorKind::Unexpected, Reach::Server).because(error);
        serde_json::from_slice(&bytes).map(Some).map_err(odd)
    }

    /// The body of the answer; `None` where there is no such thing.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "powerdns", url = %url, action = %method))]
    async fn exchange(&self, method: Method, url: Url, body: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, Fault> {
        let mut pause = PAUSE;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut request = self.client.request(method.clone(), url.clone());
            if let Some(body) = &body {
                request = request.header("content-type", "application/json").body(body.clone());
            }
            let Answer { status, body: bytes, .. } =
                http::answer(request).await.map_err(|error| self.unreachable(error))?;
            if status.is_success() {
                return Ok(Some(bytes));
            }
            if status.is_server_error() && attempt < TRIES {
                tokio::time::sleep(pause).await;
                pause *= 2;
                continue;
            }
            if status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            return Err(refused(status, &bytes));
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> Fault {
        let place = format!(
            "{}:{}",
            self.zones.host_str().unwrap_or_default(),
            self.zones.port_or_known_default().unwrap_or(0)
        );
        Fault::new(ErrorKind::Unreachable, Reach::Server)
            .advise(format!(
                "does the API of PowerDNS answer at {place} (`api=yes`, `webserver-address`, `webserver-allow-from`)?"
            ))
            .because(error)
    }

    fn no_api(&self) -> Fault {
        Fault::new(ErrorKind::Unsupported, Reach::Server).advise(format!(
            "there is no API of PowerDNS at {}; set `api=yes` there, and compare `server` with `server-id`",
            self.zones.origin().ascii_serialization()
        ))
    }
}

fn no_zone(zone: &str) -> Fault {
    Fault::new(ErrorKind::Invalid, Reach::Message).advise(format!("the server has no zone {zone} any more"))
}

fn refused(status: StatusCode, body: &[u8]) -> Fault {
    let (kind, reach, advice) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            (ErrorKind::Denied, Reach::Server, Some("compare the key with `api-key` in the server's configuration"))
        }
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => (ErrorKind::Invalid, Reach::Message, None),
        status if status.is_server_error() => (
            ErrorKind::Busy,
            Reach::Message,
            Some("its log says why; can it write its database, and does nobody else?"),
        ),
        _ => (ErrorKind::Unexpected, Reach::Message, None),
    };
    let mut fault = Fault::new(kind, reach);
    if let Some(advice) = advice {
        fault = fault.advise(advice);
    }
    if kind == ErrorKind::Busy {
        fault = fault.retry_as(Retry::Backoff);
    }
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => fault.because(refusal),
        Err(_) => fault.because(Status(status)),
    }
}
