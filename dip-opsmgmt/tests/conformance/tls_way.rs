//! A way by TLS to a real HTTP server that speaks in the clear.

use std::net::SocketAddr;
use std::sync::Arc;

use dip_core::certificate::SeenCertificate;
use dip_core::conformance::Failure;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The way, with a certificate that it signed itself.
pub(crate) struct TlsWay {
    addr: SocketAddr,
    /// The certificate in PEM.
    pub(crate) pem: String,
    /// Its SHA-256.
    pub(crate) fingerprint: String,
    task: JoinHandle<()>,
}

impl Drop for TlsWay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TlsWay {
    /// For the name `localhost`.
    pub(crate) async fn to(server: SocketAddr) -> Result<Self, Failure> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let fingerprint = SeenCertificate::from_der(made.cert.der())?.fingerprint();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A client that trusts nobody goes away, which is none of our trouble.
                let Ok(mut client) = acceptor.accept(client).await else { continue };
                let Ok(mut server) = TcpStream::connect(server).await else { continue };
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
        Ok(Self { addr, pem: made.cert.pem(), fingerprint, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.addr.port())
    }
}
