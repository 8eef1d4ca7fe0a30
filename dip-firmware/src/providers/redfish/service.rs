//! A Redfish service in this process: what a client asks, and what it is answered, without a socket.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Request {
    /// `GET /redfish/v1/`
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// 200 with a resource.
    #[must_use]
    pub fn json(body: &Value) -> Self {
        Self::text(body.to_string())
    }

    /// A status and no body.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    /// 200 with a text.
    #[must_use]
    pub const fn text(body: String) -> Self {
        Self { status: 200, headers: Vec::new(), body }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    /// The same with another status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAnswer {
    /// Nobody took it: nothing was done.
    #[error("{0}")]
    Unreached(String),
    /// It was taken, and the answer was lost: it may have been done.
    #[error("{0}")]
    Lost(String),
    /// The service shows another certificate than the one that is trusted; no request is sent to it.
    #[error("the BMC shows another certificate, with the fingerprint {0}, than the one that is trusted")]
    OtherCertificate(String),
}

/// Who answers in this process in a BMC's place.
#[async_trait]
pub trait Service: fmt::Debug + Send + Sync {
    /// Answers a request. It is given up when a BMC on the network would be.
    async fn answer(&self, request: &Request) -> Result<Answer, NoAnswer>;
}
