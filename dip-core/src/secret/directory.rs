//! A store in directories, one for each secret: a file for each version, named by its number, and empty files beside it that tell how
//! far it has come (`3.sent`, `3.proved`, `3.refused`). A person with the right to read it needs no dip to get at a secret.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::store::in_use;
use super::{Secret, SecretError, SecretRef, SecretStore, Standing, Versions};

/// Secrets in files that only their owner can read (directories of mode 700, files of mode 600).
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    base: PathBuf,
}

/// The marks from the one that says most on.
const MARKS: [(Standing, &str); 3] =
    [(Standing::Refused, "refused"), (Standing::Proved, "proved"), (Standing::Sent, "sent")];

impl DirectoryStore {
    /// A store whose relative paths start at `base`.
    #[must_use]
    pub fn new(base: &Path) -> Self {
        Self { base: base.to_owned() }
    }

    /// The secret in use: the newest version that was proved.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub fn current(&self, at: &SecretRef) -> Result<Secret, SecretError> {
        let version = in_use(&self.versions(at)?);
        let secret = version.map(|version| self.version(at, version)).transpose()?.flatten();
        secret.ok_or_else(|| SecretError::Unproved(at.clone()))
    }

    fn directory(&self, at: &SecretRef) -> Result<PathBuf, SecretError> {
        match at {
            SecretRef::Store(path) => Ok(self.base.join(path)),
            SecretRef::Env(_) | SecretRef::File(_) => Err(SecretError::NoStore(at.clone())),
        }
    }

    fn made(&self, at: &SecretRef) -> Result<PathBuf, SecretError> {
        let directory = self.directory(at)?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(|source| SecretError::File { reference: at.clone(), source })?;
        Ok(directory)
    }
}

impl SecretStore for DirectoryStore {
    fn versions(&self, at: &SecretRef) -> Result<Versions, SecretError> {
        let failed = |source| SecretError::File { reference: at.clone(), source };
        let entries = match std::fs::read_dir(self.directory(at)?) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Versions::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut versions = Versions::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str() else { continue };
            let (number, mark) = name.split_once('.').unwrap_or((name, ""));
            let standing = match MARKS.iter().find(|(_, word)| *word == mark) {
                Some((standing, _)) => *standing,
                None if mark.is_empty() => Standing::Minted,
                // A file of somebody else, or one that is being written.
                None => continue,
            };
            if let Ok(number) = number.parse() {
                let known = versions.entry(number).or_insert(standing);
                *known = standing.max(*known);
            }
        }
        Ok(versions)
    }

    fn version(&self, at: &SecretRef, version: u32) -> Result<Option<Secret>, SecretError> {
        let failed = |source| SecretError::File { reference: at.clone(), source };
        let mut text = String::new();
        match File::open(self.directory(at)?.join(version.to_string())) {
            Ok(mut file) => file.read_to_string(&mut text).map_err(failed)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        // A person may have put it there, with an editor that ends lines.
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(Some(Secret::new(text)))
    }

    fn create(&self, at: &SecretRef, version: u32, secret: &Secret) -> Result<Secret, SecretError> {
        let failed = |source| SecretError::File { reference: at.clone(), source };
        let directory = self.made(at)?;
        if let Some(kept) = self.version(at, version)? {
            return Ok(kept);
        }
        // Half a secret under its name would be taken for all of it: it is written aside, and linked only where no other is.
        let aside = directory.join(format!("{version}.{}.tmp", std::process::id()));
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
            file.write_all(secret.expose().as_bytes())?;
            file.sync_all()?;
            match std::fs::hard_link(&aside, directory.join(version.to_string())) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            std::fs::remove_file(&aside)?;
            sync(&directory)
        };
        write().map_err(failed)?;
        self.version(at, version)?.ok_or_else(|| SecretError::Unproved(at.clone()))
    }

    fn mark(&self, at: &SecretRef, version: u32, standing: Standing) -> Result<(), SecretError> {
        let failed = |source| SecretError::File { reference: at.clone(), source };
        let directory = self.made(at)?;
        let mark = || {
            // The new mark first: between the two it says more than it should, which costs a look and locks nobody out.
            if let Some((_, word)) = MARKS.iter().find(|(known, _)| *known == standing) {
                let path = directory.join(format!("{version}.{word}"));
                OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?.sync_all()?;
            }
            for (_, word) in MARKS.iter().filter(|(known, _)| *known != standing) {
                gone(&directory.join(format!("{version}.{word}")))?;
            }
            sync(&directory)
        };
        mark().map_err(failed)
    }

    fn retire(&self, at: &SecretRef, version: u32) -> Result<(), SecretError> {
        let failed = |source| SecretError::File { reference: at.clone(), source };
        let directory = self.directory(at)?;
        let retire = || {
            gone(&directory.join(version.to_string()))?;
            for (_, word) in MARKS {
                gone(&directory.join(format!("{version}.{word}")))?;
            }
            match sync(&directory) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                synced => synced,
            }
        };
        retire().map_err(failed)
    }
}

fn gone(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A new name is on disk once its directory is.
fn sync(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::secret::{LocalSecrets, MemoryStore, Secrets};

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    /// What every store must do.
    fn keeps_its_contract(store: &dyn SecretStore) {
        let at: SecretRef = "store:bmc/n1".parse().expect("a reference");
        assert!(store.versions(&at).expect("empty").is_empty());
        let first = store.create(&at, 1, &secret("first")).expect("kept");
        let again = store.create(&at, 1, &secret("other")).expect("there");
        assert_eq!((first.expose(), again.expose()), ("first", "first"), "what is there is never changed");
        let versions = |wanted: &[(u32, Standing)]| {
            let versions = store.versions(&at).expect("versions");
            assert_eq!(versions.into_iter().collect::<Vec<_>>(), wanted);
        };
        versions(&[(1, Standing::Minted)]);
        for standing in [Standing::Sent, Standing::Refused, Standing::Sent, Standing::Proved, Standing::Refused] {
            store.mark(&at, 1, standing).expect("marked");
            store.mark(&at, 1, standing).expect("twice is once");
            versions(&[(1, standing)]);
        }
        store.mark(&at, 0, Standing::Refused).expect("one that is kept elsewhere");
        store.create(&at, 2, &secret("second")).expect("kept");
        versions(&[(0, Standing::Refused), (1, Standing::Refused), (2, Standing::Minted)]);
        store.retire(&at, 1).expect("gone");
        store.retire(&at, 1).expect("twice is once");
        assert!(store.version(&at, 1).expect("asked").is_none());
        versions(&[(0, Standing::Refused), (2, Standing::Minted)]);
        assert!(!format!("{store:?}").contains("second"));
    }

    #[test]
    fn stores_keep_their_contract() {
        keeps_its_contract(&MemoryStore::new());
        let base = std::env::temp_dir().join(format!("dip-secrets-{}", std::process::id()));
        keeps_its_contract(&DirectoryStore::new(&base));
        let mode = |path: &str| std::fs::metadata(base.join(path)).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode("bmc"), mode("bmc/n1"), mode("bmc/n1/2")), (0o700, 0o700, 0o600));
        std::fs::remove_dir_all(&base).expect("removed");
    }

    #[test]
    fn the_secret_in_use_is_the_newest_that_works() {
        let base = std::env::temp_dir().join(format!("dip-secrets-in-use-{}", std::process::id()));
        let (store, at) = (DirectoryStore::new(&base), "store:n1".parse().expect("a reference"));
        let secrets = LocalSecrets::new(&base);
        let error = secrets.resolve(&at).expect_err("there is none");
        assert!(error.to_string().contains("store:n1"), "{error}");
        for (version, standing) in [(1, Standing::Proved), (2, Standing::Proved), (3, Standing::Sent)] {
            store.create(&at, version, &secret(&format!("v{version}"))).expect("kept");
            store.mark(&at, version, standing).expect("marked");
        }
        assert_eq!(secrets.resolve(&at).expect("proved").expose(), "v2");
        std::fs::remove_dir_all(&base).expect("removed");
    }
}
