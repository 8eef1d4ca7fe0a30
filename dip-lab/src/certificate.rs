//! Certificates of the lab, signed by an authority of its own.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::command::{command, output};
use crate::error::LabError;
use crate::scratch::Scratch;

const CURVE: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// An authority of two days.
#[derive(Debug)]
pub(crate) struct Authority {
    /// Its own certificate (PEM).
    pub(crate) root: PathBuf,
    key: PathBuf,
}

/// A certificate and its key, as files of PEM: `cert.pem` and `key.pem`.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) async fn make(scratch: &Scratch) -> Result<Self, LabError> {
        let (root, key) = (scratch.path("root.pem"), scratch.path("root-key.pem"));
        let mut line = command("openssl");
        line.args(["req", "-x509", "-days", "2", "-subj", "/CN=dip-lab-root"]).args(CURVE);
        line.arg("-keyout").arg(&key).arg("-out").arg(&root);
        output(line).await?;
        Ok(Self { root, key })
    }

    /// Signs one for who is at this address, into a directory.
    pub(crate) async fn sign(&self, scratch: &Scratch, address: IpAddr) -> Result<Signed, LabError> {
        let [key, request, certificate] = ["key.pem", "request.pem", "cert.pem"].map(|it| scratch.path(it));
        let extensions =
            scratch.write("extensions", &format!("subjectAltName=IP:{address}\nbasicConstraints=CA:FALSE\n"))?;
        let mut line = command("openssl");
        line.args(["req", "-new", "-subj", "/CN=dip-lab"]).args(CURVE);
        line.arg("-keyout").arg(&key).arg("-out").arg(&request);
        output(line).await?;
        let mut line = command("openssl");
        line.args(["x509", "-req", "-days", "2", "-in"]).arg(&request).arg("-CA").arg(&self.root).arg("-CAkey");
        line.arg(&self.key).args(["-set_serial", "1", "-extfile"]).arg(&extensions).arg("-out").arg(&certificate);
        output(line).await?;
        Ok(Signed { certificate, key })
    }
}
