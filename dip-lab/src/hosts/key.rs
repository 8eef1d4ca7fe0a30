//! Ed25519 keys for SSH, of hosts and of clients.

use std::path::{Path, PathBuf};

use crate::command::run;
use crate::error::LabError;

/// A key pair on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// The private key in OpenSSH format, mode 0600.
    pub private: PathBuf,
    /// The public key as one line without a comment: `ssh-ed25519 AAAA...`.
    pub public: String,
    /// The fingerprint of the public key: `SHA256:...`.
    pub fingerprint: String,
}

impl SshKey {
    /// Makes a key pair in the file and beside it.
    pub(crate) async fn generate(file: &Path) -> Result<Self, LabError> {
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir).map_err(|source| LabError::file("create", dir, source))?;
        }
        run(
            "ssh-keygen",
            [
                "-q".as_ref(),
                "-t".as_ref(),
                "ed25519".as_ref(),
                "-N".as_ref(),
                "".as_ref(),
                "-C".as_ref(),
                "".as_ref(),
                "-f".as_ref(),
                file.as_os_str(),
            ],
        )
        .await?;
        let public = file.with_extension("pub");
        let line = std::fs::read_to_string(&public).map_err(|source| LabError::file("read", &public, source))?;
        let shown = run("ssh-keygen", ["-l".as_ref(), "-f".as_ref(), public.as_os_str()]).await?;
        let fingerprint =
            shown.split(' ').nth(1).ok_or_else(|| LabError::answer("ssh-keygen", shown.clone()))?.to_owned();
        Ok(Self { private: file.to_path_buf(), public: line.trim().to_owned(), fingerprint })
    }
}
