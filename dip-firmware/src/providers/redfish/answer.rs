//! What a service answered: success with its body, or a refusal with its reason.

use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Failure;
use super::resource::ErrorBody;

/// A service that asks to come back later than this is asked earlier.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);
/// A resource is small, and the largest registry of BIOS attributes has 3 MB; a service that sends more than this is broken.
const LARGEST_BODY: usize = 16 * 1024 * 1024;
/// More words than these tell no more.
const LONGEST_SENTENCE: usize = 300;

/// The answer to a change that was accepted.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Where what was made is, or the task that makes it.
    pub(super) location: Option<String>,
    /// Whatever else it says; `Null` where that is nothing, or cannot be read.
    pub(super) body: Value,
}

/// A resource as it was read.
#[derive(Debug)]
pub(super) struct Resource<T> {
    pub(super) url: Url,
    /// Its version: the header's, else what the body tells.
    pub(super) etag: Option<String>,
    pub(super) body: T,
}

impl<T> Resource<T> {
    /// Its path.
    pub(super) fn path(&self) -> &str {
        self.url.path()
    }
}

pub(super) fn redirected(response: &Response) -> Option<String> {
    let location = header(response, LOCATION).filter(|_| response.status().is_redirection())?;
    Some(location.to_owned())
}

/// The resource that a response holds, in the form that is wanted of it.
pub(super) async fn resource<T: DeserializeOwned>(url: Url, response: Response) -> Result<Resource<T>, Failure> {
    let header = header(&response, ETAG).map(str::to_owned);
    let response = refused(Method::GET, &url, response).await?;
    let body = json_of(response).await?;
    // A version of nothing matches nothing: some services send an empty one.
    let told = header.or_else(|| body.get("@odata.etag").and_then(Value::as_str).map(str::to_owned));
    let etag = told.filter(|etag| !etag.trim_matches(['"', ' ']).is_empty());
    Ok(Resource { body: typed(&url, body)?, url, etag })
}

/// A value in the form that is wanted of it.
pub(super) fn typed<T: DeserializeOwned>(url: &Url, body: Value) -> Result<T, Failure> {
    let path = url.path();
    if !body.is_object() {
        return Err(Failure::Odd { what: format!("the answer for {path} is not an object") });
    }
    T::deserialize(body)
        .map_err(|error| Failure::Odd { what: format!("the answer for {path} cannot be read: {error}") })
}

/// The answer to a change, or the failure that it tells.
pub(super) async fn accepted(method: Method, url: &Url, response: Response) -> Result<Answer, Failure> {
    let location = header(&response, LOCATION).map(str::to_owned);
    let response = refused(method, url, response).await?;
    let status = response.status();
    // Whatever a success says beside is a hint: only reading tells what is true.
    let body = json_of(response).await.unwrap_or_default();
    Ok(Answer { status, location, body })
}

/// The response, or the failure that it tells.
pub(super) async fn refused(method: Method, url: &Url, response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = pause(response.headers());
    let body = json_of(response).await.ok().and_then(|body| serde_json::from_value::<ErrorBody>(body).ok());
    let said = body.as_ref().and_then(ErrorBody::message).map(|said| said.chars().take(LONGEST_SENTENCE).collect());
    let ids = body.iter().flat_map(ErrorBody::ids).map(str::to_owned).collect();
    Err(Failure::Refused { method, path: url.path().to_owned(), status, said, ids, retry_after })
}

/// How long the service asks to wait. A date instead of seconds is left to the usual backoff: clocks of BMCs are wrong.
pub(super) fn pause(headers: &HeaderMap<HeaderValue>) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

pub(super) async fn json_of(mut response: Response) -> Result<Value, Failure> {
    let path = response.url().path().to_owned();
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|source| Failure::Silent {
            method: Method::GET,
            path: path.clone(),
            source: source.without_url().into(),
        })?;
        let Some(chunk) = chunk else { break };
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_BODY {
            return Err(Failure::Odd { what: format!("the answer for {path} does not end") });
        }
    }
    value_of(&body).map_err(|error| Failure::Odd { what: format!("the answer for {path} cannot be read: {error}") })
}

/// A body as a value. A field that comes twice counts as its last, and bytes that are no UTF-8, as some makers leave in names, as
/// replacement characters.
pub(super) fn value_of(body: &[u8]) -> Result<Value, serde_json::Error> {
    let text = String::from_utf8_lossy(body);
    serde_json::from_str(text.trim_start_matches('\u{feff}'))
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> Option<&str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_says_when_to_come_back() {
        let headers = |value: &'static str| HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
        assert_eq!(pause(&headers("7")), Some(Duration::from_secs(7)));
        assert_eq!(pause(&headers("99999999")), Some(LONGEST_PAUSE));
        assert_eq!(pause(&headers("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(pause(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_not_quite_json_is_read_as_far_as_it_goes() {
        let twice =
            value_of(b"\xef\xbb\xbf{\"Id\":\"1\",\"Id\":\"2\",\"Name\":\"Geh\xe4use\"}").expect("it is nearly JSON");
        assert_eq!((twice["Id"].as_str(), twice["Name"].as_str()), (Some("2"), Some("Geh\u{fffd}use")));
        assert!(value_of(b"<html>").is_err());
    }
}
