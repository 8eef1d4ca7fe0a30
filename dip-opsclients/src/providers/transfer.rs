//! Copies a file or directory of the site to a node, for agents that run there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dip_core::provider::{Command, ErrorKind, FileContent, Host, ProviderError};

/// A directory on nodes that is ours alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mirror {
    pub(super) provider: &'static str,
    pub(super) directory: &'static str,
}

impl Mirror {
    /// Makes the directory hold these files and no others; whether anything was changed.
    pub(super) async fn put(self, host: &dyn Host, from: &Path) -> Result<(), ProviderError> {
        let wanted = self.files(from)?;
        for path in self.odd(host, &wanted).await? {
            host.remove(&path).await?;
        }
        for (path, bytes) in wanted {
            if host.read(&path).await?.is_none_or(|now| now.bytes != bytes) {
                host.write(&path, &FileContent { bytes, mode: 0o600 }).await?;
            }
        }
        Ok(())
    }

    /// What a node's directory has too little, too much or otherwise.
    pub(super) async fn differs(self, host: &dyn Host, from: &Path) -> Result<Vec<String>, ProviderError> {
        let wanted = self.files(from)?;
        let mut differs = self.odd(host, &wanted).await?;
        for (path, bytes) in wanted {
            if host.read(&path).await?.is_none_or(|now| now.bytes != bytes) {
                differs.push(path);
            }
        }
        Ok(differs)
    }

    async fn odd(self, host: &dyn Host, wanted: &BTreeMap<String, Vec<u8>>) -> Result<Vec<String>, ProviderError> {
        let listed = host.run(&Command::new("find").args([self.directory, "-type", "f"])).await?.text();
        Ok(listed.lines().filter(|path| !wanted.contains_key(*path)).map(str::to_owned).collect())
    }

    fn files(self, from: &Path) -> Result<BTreeMap<String, Vec<u8>>, ProviderError> {
        let unreadable = |path: &Path, error: std::io::Error| {
            ProviderError::new(ErrorKind::Invalid, self.provider, format!("read {}", path.display())).because(error)
        };
        let mut files = BTreeMap::new();
        let mut open: Vec<PathBuf> = vec![from.to_owned()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(&path).map_err(|error| unreadable(&path, error))?;
                for entry in entries {
                    open.push(entry.map_err(|error| unreadable(&path, error))?.path());
                }
                continue;
            }
            let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, error))?;
            let name = match path.strip_prefix(from) {
                Ok(inner) if inner.as_os_str().is_empty() => Path::new(path.file_name().unwrap_or_default()),
                Ok(inner) => inner,
                Err(_) => &path,
            };
            files.insert(format!("{}/{}", self.directory, name.display()), bytes);
        }
        Ok(files)
    }
}
