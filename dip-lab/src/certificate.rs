//! Certificates of servers of the lab, each signed by a root of its own.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::command::{command, output};
use crate::error::LabError;
use crate::scratch::Scratch;

/// A certificate, its key, and the root that signed it, as files of PEM.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) root: PathBuf,
}

impl Certificate {
    /// Makes one for a server at this address.
    pub(crate) async fn make(scratch: &Scratch, address: IpAddr) -> Result<Self, LabError> {
        let [root_key, root, key, request, certificate] =
            ["root-key.pem", "root.pem", "key.pem", "request.pem", "cert.pem"].map(|it| scratch.path(it));
        let extensions =
            scratch.write("extensions", &format!("subjectAltName=IP:{address}\nbasicConstraints=CA:FALSE\n"))?;
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let mut line = command("openssl");
        line.args(["req", "-x509", "-days", "2", "-subj", "/CN=dip-lab-root"]).args(curve);
        line.arg("-keyout").arg(&root_key).arg("-out").arg(&root);
        output(line).await?;
        let mut line = command("openssl");
        line.args(["req", "-new", "-subj", "/CN=dip-lab-server"]).args(curve);
        line.arg("-keyout").arg(&key).arg("-out").arg(&request);
        output(line).await?;
        let mut line = command("openssl");
        line.args(["x509", "-req", "-days", "2", "-in"]).arg(&request).arg("-CA").arg(&root).arg("-CAkey");
        line.arg(&root_key).args(["-set_serial", "1", "-extfile"]).arg(&extensions).arg("-out").arg(&certificate);
        output(line).await?;
        Ok(Self { certificate, key, root })
    }
}
