//! The HTTP client of the exporter.

use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::Client;
use reqwest::redirect;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::OtelError;

/// A collector is near, or not there: a run must not end later because of one that is gone.
const CONNECT: Duration = Duration::from_secs(2);

/// How long one batch may take.
const REQUEST: Duration = Duration::from_secs(10);

/// Makes the client. It blocks, because the exporter has a thread of its own: a simulation's clock does not hold for it, and
/// a run whose runtime is busy exports all the same.
pub(crate) fn new() -> Result<Client, OtelError> {
    // A blocking client cannot be made by a thread that drives a runtime, and whoever embeds us may call from one.
    std::thread::spawn(make).join().unwrap_or(Err(OtelError::Thread))
}

fn make() -> Result<Client, OtelError> {
    // Its own provider of cryptography: the process's is the embedding program's to choose.
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Client::builder()
        // A redirected POST would become a GET, and its success be taken for the POST's.
        .redirect(redirect::Policy::none())
        .tls_backend_preconfigured(tls)
        .http1_only()
        .connect_timeout(CONNECT)
        .timeout(REQUEST)
        .build()?)
}
