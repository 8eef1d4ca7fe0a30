//! The records of one directory.
//!
//! A file is replaced whole by a rename, and only if it still is what was read. Programs of dip lock the directory; an editor
//! does not, and the moment between the last look and the rename is all that is left to it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{ErrorKind, Holder, Inventory, Ipam, ProviderError};
use serde::Deserialize as _;
use serde_json::Value;

use super::document::{Document, DocumentError};
use super::fields;
use crate::provider::{Cmdb, HeldRecord, NodeRecord};
use crate::providers::{blocking, file};
use crate::settings::{DirectorySettings, FileFormat};

const PRODUCT: &str = "directory";

/// How often a change is tried that somebody else's change came before.
const TRIES: usize = 3;

/// A CMDB that is a directory of files.
#[derive(Debug, Clone)]
pub struct Directory {
    settings: Arc<DirectorySettings>,
}

impl Directory {
    /// A provider for the directory of the settings.
    #[must_use]
    pub fn new(settings: DirectorySettings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// Does something with the files, where waiting for a disk holds up nobody.
    async fn with_files<T: Send + 'static>(
        &self,
        action: String,
        act: impl FnOnce(&Files) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let files = Files { settings: Arc::clone(&self.settings), action: action.clone() };
        blocking::one(PRODUCT, action, move || act(&files)).await
    }
}

#[async_trait]
impl Cmdb for Directory {
    async fn read(&self, node: &NodeName) -> Result<Option<HeldRecord>, ProviderError> {
        let node = node.clone();
        self.with_files(format!("read the record of {node}"), move |files| files.held(&files.path(&node))).await
    }

    async fn write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, owner, wanted) = (record.node.clone(), owner.clone(), fields::of(record, owner));
        self.with_files(format!("write the record of {node}"), move |files| files.change(&node, &owner, Some(&wanted)))
            .await
    }

    async fn may_write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, owner) = (record.node.clone(), owner.clone());
        self.with_files(format!("write the record of {node}"), move |files| {
            let path = files.path(&node);
            let Some(text) = file::read(&path).map_err(|error| files.failed(error))? else { return Ok(()) };
            files.ours(&path, &files.document(&path, &text)?, &owner)
        })
        .await
    }

    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, owner) = (node.clone(), owner.clone());
        self.with_files(format!("remove the record of {node}"), move |files| files.change(&node, &owner, None)).await
    }

    async fn claim(&self, node: &NodeName, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, from, owner) = (node.clone(), from.clone(), owner.clone());
        let to = Holder::Site(owner.clone());
        self.with_files(format!("claim the record of {node}"), move |files| files.hand_over(&node, &from, &to)).await
    }

    async fn disown(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, from) = (node.clone(), Holder::Site(owner.clone()));
        let action = format!("take the mark off the record of {node}");
        self.with_files(action, move |files| files.hand_over(&node, &from, &Holder::Nobody)).await
    }

    async fn list(&self) -> Result<Vec<HeldRecord>, ProviderError> {
        self.with_files("list the records".to_owned(), Files::list).await
    }

    fn ipam(&self) -> Option<Arc<dyn Ipam>> {
        None
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        None
    }
}

/// The directory, for one action.
struct Files {
    settings: Arc<DirectorySettings>,
    action: String,
}

impl Files {
    fn list(&self) -> Result<Vec<HeldRecord>, ProviderError> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.settings.path).map_err(|error| self.failed(error))? {
            let path = entry.map_err(|error| self.failed(error))?.path();
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if !hidden && path.extension().is_some_and(|extension| extension == self.extension()) {
                records.extend(self.held(&path)?);
            }
        }
        records.sort_by(|a, b| a.record.node.cmp(&b.record.node));
        Ok(records)
    }

    fn held(&self, path: &Path) -> Result<Option<HeldRecord>, ProviderError> {
        let Some(text) = file::read(path).map_err(|error| self.failed(error))? else { return Ok(None) };
        let document = self.document(path, &text)?;
        let Some(dip) = document.dip() else { return Ok(None) };
        let record = NodeRecord::deserialize(dip).map_err(|error| {
            self.error(ErrorKind::Unexpected).because(error).advise(format!(
                "what stands under `{}` in {} is not what dip writes there; remove that key",
                fields::KEY,
                path.display()
            ))
        })?;
        Ok(Some(HeldRecord { id: path.display().to_string(), record, owner: fields::owner(dip) }))
    }

    /// Puts dip's fields into a node's file, or takes them out.
    fn change(&self, node: &NodeName, owner: &SiteName, wanted: Option<&Value>) -> Result<(), ProviderError> {
        let _lock = file::lock(&self.settings.path).map_err(|error| self.failed(error))?;
        let path = self.path(node);
        for _ in 0..TRIES {
            let before = file::read(&path).map_err(|error| self.failed(error))?;
            if self.changed(&path, before.as_deref(), owner, wanted)? {
                return Ok(());
            }
        }
        Err(self.error(ErrorKind::Busy).advise(format!("somebody else changes {} at the same time", path.display())))
    }

    /// Lets dip's fields of a node carry another mark, or none; the fields themselves stay.
    fn hand_over(&self, node: &NodeName, from: &Holder, to: &Holder) -> Result<(), ProviderError> {
        let _lock = file::lock(&self.settings.path).map_err(|error| self.failed(error))?;
        let path = self.path(node);
        for _ in 0..TRIES {
            let Some(before) = file::read(&path).map_err(|error| self.failed(error))? else { return Ok(()) };
            let document = self.document(&path, &before)?;
            let Some(dip) = document.dip() else { return Ok(()) };
            let holder = Holder::from(fields::owner(dip));
            if holder == *to {
                return Ok(());
            }
            if holder != *from {
                return Err(self.conflict(&path, &format!("carry {holder}")));
            }
            let after = document.with(&fields::marked(dip, to)).map_err(|error| self.unreadable(&path, error))?;
            if file::replace(&path, Some(&before), &after).map_err(|error| self.failed(error))? {
                return Ok(());
            }
        }
        Err(self.error(ErrorKind::Busy).advise(format!("somebody else changes {} at the same time", path.display())))
    }

    /// Changes a file that was read before; whether it still was as before.
    fn changed(
        &self,
        path: &Path,
        before: Option<&str>,
        owner: &SiteName,
        wanted: Option<&Value>,
    ) -> Result<bool, ProviderError> {
        let document = self.document(path, before.unwrap_or_default())?;
        self.ours(path, &document, owner)?;
        if document.dip().is_none() && wanted.is_none() {
            return Ok(true);
        }
        let after = match wanted {
            Some(wanted) if document.dip() == Some(wanted) => return Ok(true),
            Some(wanted) => document.with(wanted).map(Some),
            None => document.without(),
        };
        match after.map_err(|error| self.unreadable(path, error))? {
            Some(after) => file::replace(path, before, &after).map_err(|error| self.failed(error)),
            None => file::remove(path).map(|()| true).map_err(|error| self.failed(error)),
        }
    }

    /// dip's fields must be this site's, where there are any.
    fn ours(&self, path: &Path, document: &Document<'_>, owner: &SiteName) -> Result<(), ProviderError> {
        match document.dip().map(|dip| Holder::from(fields::owner(dip))) {
            Some(holder) if holder.site() != Some(owner) => Err(self.conflict(path, &format!("carry {holder}"))),
            _ => Ok(()),
        }
    }

    fn document<'a>(&self, path: &Path, text: &'a str) -> Result<Document<'a>, ProviderError> {
        Document::read(text, self.settings.format).map_err(|error| self.unreadable(path, error))
    }

    fn path(&self, node: &NodeName) -> PathBuf {
        self.settings.path.join(format!("{node}.{}", self.extension()))
    }

    fn extension(&self) -> &'static str {
        match self.settings.format {
            FileFormat::Yaml => "yaml",
            FileFormat::Json => "json",
        }
    }

    fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, PRODUCT, &self.action)
    }

    fn conflict(&self, path: &Path, what: &str) -> ProviderError {
        self.error(ErrorKind::Conflict).advise(format!(
            "the fields under `{}` in {} {what}; remove them there, or rename the node",
            fields::KEY,
            path.display()
        ))
    }

    fn unreadable(&self, path: &Path, error: DocumentError) -> ProviderError {
        self.error(ErrorKind::Unexpected).because(error).advise(format!("look at {}", path.display()))
    }

    fn failed(&self, error: io::Error) -> ProviderError {
        file::failed(PRODUCT, &self.action, &self.settings.path, error)
    }
}
