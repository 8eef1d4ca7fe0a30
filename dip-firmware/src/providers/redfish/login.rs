//! How a client proves who it is: by a session where the service offers them, else by HTTP basic authentication.

use std::fmt;

use dip_core::secret::Secret;
use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, Url};

/// User and password of a BMC account.
pub(super) struct Account {
    pub(super) user: String,
    pub(super) password: Secret,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A way that the service accepts.
#[derive(Debug, Clone)]
pub(super) enum Login {
    /// User and password with every request.
    Basic,
    /// A session (DSP0266, "session management").
    Session(Session),
}

/// An open session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Its token; marked as sensitive, so that `Debug` does not show it.
    pub(super) token: HeaderValue,
    /// Where it can be closed, if the service told.
    pub(super) location: Option<Url>,
}

impl Login {
    pub(super) fn sign(&self, request: RequestBuilder, account: &Account) -> RequestBuilder {
        match self {
            Self::Basic => request.basic_auth(&account.user, Some(account.password.expose())),
            Self::Session(session) => request.header("X-Auth-Token", session.token.clone()),
        }
    }

    pub(super) fn is_session(&self, token: &HeaderValue) -> bool {
        matches!(self, Self::Session(session) if session.token == *token)
    }
}
