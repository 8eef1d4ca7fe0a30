//! Files that others read while they are written: whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use dip_core::provider::{ErrorKind, ProviderError};

/// Reads a file; `None` where there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        // A missing directory is not an empty one.
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.parent().is_some_and(Path::is_dir) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Locks a directory against other programs that lock it too, until the file is dropped.
pub(super) fn lock(directory: &Path) -> io::Result<File> {
    let held = File::open(directory)?;
    held.lock()?;
    Ok(held)
}

/// Puts a new file in the place of one that holds `before`. Whether it still did.
pub(super) fn replace(path: &Path, before: Option<&str>, after: &str) -> io::Result<bool> {
    let draft = draft(path);
    let written = write(&draft, path, after).and_then(|()| {
        if before.is_none() {
            // A link fails where a file has come meanwhile, as a rename does not.
            return match fs::hard_link(&draft, path) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error),
            };
        }
        if read(path)?.as_deref() != before {
            return Ok(false);
        }
        fs::rename(&draft, path).map(|()| true)
    });
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => written.and(Err(error)),
        _ => written,
    }
}

/// Removes a file; one that is not there is no error.
#[cfg(any(feature = "directory", feature = "prometheus"))]
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a failure with a file of `directory` means.
pub(super) fn failed(product: &'static str, action: &str, directory: &Path, error: io::Error) -> ProviderError {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::PermissionDenied => (ErrorKind::Denied, "let dip's user write in it"),
        _ if !directory.is_dir() => (ErrorKind::Unreachable, "is it mounted, and is the path right?"),
        _ => (ErrorKind::Unexpected, "look at its file system"),
    };
    ProviderError::new(kind, product, action)
        .advise(format!("directory {}: {advice}", directory.display()))
        .because(error)
}

/// An error of the system cannot be copied; its kind and text can.
#[cfg(any(feature = "csv", feature = "dnsmasq-hosts", feature = "prometheus"))]
pub(super) fn copied(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// Hidden, so that nobody takes it for a finished file.
fn draft(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.draft", std::process::id()))
}

fn write(draft: &Path, like: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(draft)?;
    file.write_all(text.as_bytes())?;
    if let Ok(present) = fs::metadata(like) {
        file.set_permissions(present.permissions())?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_since_it_was_read_is_not_replaced() {
        let directory = std::env::temp_dir().join(format!("dip-opsmgmt-file-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory for temporary files");
        let path = directory.join("n1.yaml");
        let created = replace(&path, None, "a").expect("it can be written");
        let came_meanwhile = replace(&path, None, "b").expect("it can be looked at");
        let changed_meanwhile = replace(&path, Some("z"), "b").expect("it can be looked at");
        let kept = fs::read_to_string(&path).expect("it can be read");
        let replaced = replace(&path, Some("a"), "b").expect("it can be written");
        let left = fs::read_dir(&directory).expect("it can be listed").count();
        fs::remove_dir_all(&directory).expect("it can be removed");
        assert_eq!((created, came_meanwhile, changed_meanwhile, replaced), (true, false, false, true));
        assert_eq!(kept, "a");
        assert_eq!(left, 1, "no draft is left");
    }
}
