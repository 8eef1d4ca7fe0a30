//! A model over TLS that has keys of its own: it makes real requests for certificates, and shows the one that it is given.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dip_core::certificate::SeenCertificate;
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::forward::forward;
use crate::http::{Answer, Request, serve};
use crate::model::{Maker, ModelBmc};

const ACTIONS: &str = "POST /redfish/v1/CertificateService/Actions/CertificateService.";

/// A model with a certificate.
pub(super) struct TlsBmc {
    pub(super) addr: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
    _model: ModelBmc,
}

struct State {
    chain: String,
    key: String,
    /// The key of the last request.
    pending: Option<KeyPair>,
    requests: usize,
    makes_requests: bool,
}

impl TlsBmc {
    /// It shows a certificate that it has signed itself, for a name that is not its own, as they come from the factory.
    pub(super) async fn start() -> std::io::Result<Self> {
        let model = ModelBmc::start(Maker::OpenBmc).await?;
        let factory =
            rcgen::generate_simple_self_signed(vec!["bmc.factory.example".to_owned()]).expect("a certificate");
        let state = Arc::new(Mutex::new(State {
            chain: factory.cert.pem(),
            key: factory.signing_key.serialize_pem(),
            pending: None,
            requests: 0,
            makes_requests: true,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (shared, behind) = (Arc::clone(&state), model.server.addr);
        let task = tokio::spawn(async move {
            let log = Mutex::default();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(Arc::new(lock(&shared).config()));
                // Clients that do not trust it go away.
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let script =
                    |request: &Request| lock(&shared).answer(request).or_else(|| Some(forward(behind, request)?.1));
                let _ = serve(stream, &script, &log).await;
            }
        });
        Ok(Self { addr, state, task, _model: model })
    }

    /// What it shows.
    pub(super) fn shown(&self) -> SeenCertificate {
        SeenCertificate::all_of(&lock(&self.state).chain).expect("it is one").remove(0)
    }

    /// How often it was asked for a request.
    pub(super) fn requests(&self) -> usize {
        lock(&self.state).requests
    }

    /// It forgets the key of its last request.
    pub(super) fn forgets_its_request(&self) {
        lock(&self.state).pending = None;
    }

    /// It has no way to change its certificate from now on.
    pub(super) fn makes_no_requests(&self) {
        lock(&self.state).makes_requests = false;
    }

    /// It shows another certificate, with its key, in PEM.
    pub(super) fn show(&self, chain: &str, key: &str) {
        let mut state = lock(&self.state);
        (state.chain, state.key) = (chain.to_owned(), key.to_owned());
    }

    /// What it shows now, with its key, in PEM.
    pub(super) fn chain_and_key(&self) -> (String, String) {
        let state = lock(&self.state);
        (state.chain.clone(), state.key.clone())
    }
}

impl Drop for TlsBmc {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spki(key: &KeyPair) -> Vec<u8> {
    key.subject_public_key_info()
}

impl State {
    fn config(&self) -> ServerConfig {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes()).collect::<Result<_, _>>().expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("PEM");
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring speaks both")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they belong together")
    }

    /// What it answers itself; `None` is the model's business.
    fn answer(&mut self, request: &Request) -> Option<Answer> {
        if !self.makes_requests && request.path.starts_with("/redfish/v1/CertificateService") {
            return Some(Answer::status(404));
        }
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match request.line().strip_prefix(ACTIONS)? {
            "GenerateCSR" => Some(self.request(body["CommonName"].as_str()?)),
            "ReplaceCertificate" => self.take(body["CertificateString"].as_str()?),
            _ => None,
        }
    }

    fn request(&mut self, name: &str) -> Answer {
        self.requests += 1;
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        let text = params.serialize_request(&key).and_then(|request| request.pem()).expect("a request");
        self.pending = Some(key);
        Answer::json(&json!({ "CSRString": text }))
    }

    /// The model keeps it in its tree too.
    fn take(&mut self, pem: &str) -> Option<Answer> {
        let taken = SeenCertificate::all_of(pem).ok().map(|mut all| all.remove(0));
        let own = self.pending.as_ref().map(|key| (spki(key), key.serialize_pem()));
        match (taken, own) {
            (Some(taken), Some((key, pem_of_key))) if taken.key == key => {
                (self.chain, self.key) = (pem.to_owned(), pem_of_key);
                None
            }
            _ => Some(Answer::text("the certificate is for none of its keys".to_owned()).with_status(400)),
        }
    }
}
