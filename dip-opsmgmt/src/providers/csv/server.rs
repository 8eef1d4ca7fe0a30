//! The records of one table: dip's are the columns whose names start with `dip_`; all else stays as it is, byte by byte.
//!
//! The file is replaced whole by a rename, and only if it still is what was read. Programs of dip lock its directory; a spreadsheet
//! does not, and must not hold the file open while dip writes: it would write the old table over the new one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{ErrorKind, Holder, Inventory, Ipam, ProviderError};
use tokio::task::spawn_blocking;

use super::columns::{OWN, record, texts};
use super::table::Table;
use crate::provider::{Cmdb, HeldRecord, NodeRecord};
use crate::providers::file;
use crate::settings::CsvSettings;

const PRODUCT: &str = "csv";

/// How often a change is tried that somebody else's change came before.
const TRIES: usize = 3;

/// A CMDB that is one table.
#[derive(Debug, Clone)]
pub struct Csv {
    settings: Arc<CsvSettings>,
}

impl Csv {
    /// A provider for the table of the settings.
    #[must_use]
    pub fn new(settings: CsvSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// Does something with the file, where waiting for a disk holds up nobody.
    pub(super) async fn with_file<T: Send + 'static>(
        &self,
        action: String,
        act: impl FnOnce(&OneFile) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let file = OneFile { settings: Arc::clone(&self.settings), action: action.clone() };
        spawn_blocking(move || act(&file))
            .await
            .unwrap_or_else(|error| Err(ProviderError::new(ErrorKind::Unexpected, PRODUCT, action).because(error)))
    }
}

#[async_trait]
impl Cmdb for Csv {
    async fn read(&self, node: &NodeName) -> Result<Option<HeldRecord>, ProviderError> {
        let node = node.clone();
        self.with_file(format!("read the record of {node}"), move |file| {
            Ok(file.records()?.into_iter().find(|held| held.record.node == node))
        })
        .await
    }

    async fn write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError> {
        let (record, owner) = (record.clone(), owner.clone());
        self.with_file(format!("write the record of {}", record.node), move |file| {
            file.change(&record.node, |table, row| {
                let row = match row {
                    Some(row) => {
                        file.ours(table, row, &owner)?;
                        row
                    }
                    None => {
                        let (row, column) = (table.add_row(), file.name_column(table)?);
                        table.rows[row].put(column, record.node.as_str());
                        row
                    }
                };
                let texts = std::iter::once(owner.to_string()).chain(texts(&record));
                for (name, text) in OWN.iter().zip(texts) {
                    let column = table.column_or_added(name);
                    table.rows[row].put(column, &text);
                }
                Ok(())
            })
        })
        .await
    }

    async fn may_write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, owner) = (record.node.clone(), owner.clone());
        self.with_file(format!("write the record of {node}"), move |file| {
            let text = file.text()?;
            let table = file.table(&text)?;
            let name = file.name_column(&table)?;
            let mut rows = (1..table.rows.len()).filter(|row| table.rows[*row].text(name) == node.as_str());
            rows.try_for_each(|row| file.ours(&table, row, &owner))
        })
        .await
    }

    async fn claim(&self, node: &NodeName, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, from, to) = (node.clone(), from.clone(), Holder::Site(owner.clone()));
        self.with_file(format!("claim the record of {node}"), move |file| file.hand_over(&node, &from, &to)).await
    }

    async fn disown(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, from) = (node.clone(), Holder::Site(owner.clone()));
        let action = format!("take the mark off the record of {node}");
        self.with_file(action, move |file| file.hand_over(&node, &from, &Holder::Nobody)).await
    }

    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, owner) = (node.clone(), owner.clone());
        self.with_file(format!("remove the record of {node}"), move |file| {
            file.change(&node, |table, row| {
                let Some(row) = row.filter(|row| file.own(table, *row).is_some()) else { return Ok(()) };
                file.ours(table, row, &owner)?;
                for column in OWN.map(|name| table.column_or_added(name)) {
                    table.rows[row].put(column, "");
                }
                let name = file.name_column(table)?;
                let others = (0..table.rows[row].cells()).filter(|column| *column != name);
                if others.into_iter().all(|column| table.rows[row].text(column).is_empty()) {
                    table.rows.remove(row);
                }
                Ok(())
            })
        })
        .await
    }

    async fn list(&self) -> Result<Vec<HeldRecord>, ProviderError> {
        self.with_file("list the records".to_owned(), OneFile::records).await
    }

    fn ipam(&self) -> Option<Arc<dyn Ipam>> {
        None
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        Some(Arc::new(self.clone()))
    }
}

/// The file, for one action.
pub(super) struct OneFile {
    settings: Arc<CsvSettings>,
    action: String,
}

impl OneFile {
    /// The text of the table.
    pub(super) fn text(&self) -> Result<String, ProviderError> {
        let text = file::read(&self.settings.path).map_err(|error| self.failed(error))?;
        text.ok_or_else(|| {
            self.error(ErrorKind::NotFound).advise(format!(
                "there is no file {}; make it, with a first line that names its columns: `{}`",
                self.settings.path.display(),
                self.settings.name
            ))
        })
    }

    pub(super) fn table<'t>(&self, text: &'t str) -> Result<Table<'t>, ProviderError> {
        let table = Table::read(text).map_err(|error| {
            self.error(ErrorKind::Unexpected).because(error).advise(format!("look at {}", self.settings.path.display()))
        })?;
        let columns = table.header().len();
        match table.rows.iter().position(|row| row.cells() > columns) {
            Some(row) => Err(self.error(ErrorKind::Unexpected).advise(format!(
                "row {} of {} has more cells than there are columns; put a text that holds a comma into quotes",
                row + 1,
                self.settings.path.display()
            ))),
            None => Ok(table),
        }
    }

    /// The column that names the nodes.
    pub(super) fn name_column(&self, table: &Table<'_>) -> Result<usize, ProviderError> {
        let name = &self.settings.name;
        table.header().iter().position(|known| known.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let path = self.settings.path.display();
            self.error(ErrorKind::Invalid).advise(format!("{path} has no column `{name}`, which names the nodes"))
        })
    }

    fn records(&self) -> Result<Vec<HeldRecord>, ProviderError> {
        let text = self.text()?;
        let table = self.table(&text)?;
        let name = self.name_column(&table)?;
        let mut records = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, row) in table.rows.iter().enumerate().skip(1) {
            let Some(texts) = self.own(&table, index) else { continue };
            let Ok(node) = NodeName::new(&row.text(name)) else { continue };
            if !seen.insert(node.clone()) {
                return Err(self.twice(&node));
            }
            let (record, owner) = record(&node, &texts).map_err(|why| {
                let path = self.settings.path.display();
                self.error(ErrorKind::Unexpected).advise(format!("{why} in the row of {node} in {path}; empty it"))
            })?;
            records.push(HeldRecord { id: format!("{}#{node}", self.settings.path.display()), record, owner });
        }
        records.sort_by(|a, b| a.record.node.cmp(&b.record.node));
        Ok(records)
    }

    /// The texts of dip's columns in a row; `None` where all are empty.
    fn own(&self, table: &Table<'_>, row: usize) -> Option<[String; 10]> {
        let header = table.header();
        let texts = OWN.map(|name| {
            let column = header.iter().position(|known| known.eq_ignore_ascii_case(name));
            column.map(|column| table.rows[row].text(column)).unwrap_or_default()
        });
        texts.iter().any(|text| !text.is_empty()).then_some(texts)
    }

    /// The row must be this site's, where dip's columns are not empty.
    fn ours(&self, table: &Table<'_>, row: usize, owner: &SiteName) -> Result<(), ProviderError> {
        match self.holder(table, row) {
            None => Ok(()),
            Some(Holder::Site(mark)) if mark == *owner => Ok(()),
            Some(holder) => Err(self.conflict(&holder)),
        }
    }

    fn holder(&self, table: &Table<'_>, row: usize) -> Option<Holder> {
        self.own(table, row).map(|texts| Holder::from(SiteName::new(&texts[0]).ok()))
    }

    fn hand_over(&self, node: &NodeName, from: &Holder, to: &Holder) -> Result<(), ProviderError> {
        self.change(node, |table, row| {
            let Some((row, holder)) = row.and_then(|row| Some((row, self.holder(table, row)?))) else { return Ok(()) };
            if holder == *to {
                return Ok(());
            }
            if holder != *from {
                return Err(self.conflict(&holder));
            }
            let column = table.column_or_added(OWN[0]);
            let mark = to.site().map(ToString::to_string).unwrap_or_default();
            table.rows[row].put(column, &mark);
            Ok(())
        })
    }

    /// Changes the row of a node.
    fn change(
        &self,
        node: &NodeName,
        change: impl Fn(&mut Table<'_>, Option<usize>) -> Result<(), ProviderError>,
    ) -> Result<(), ProviderError> {
        let directory = self.settings.path.parent().unwrap_or(Path::new("/"));
        let _lock = file::lock(directory).map_err(|error| self.failed(error))?;
        for _ in 0..TRIES {
            let before = self.text()?;
            let mut table = self.table(&before)?;
            let name = self.name_column(&table)?;
            let mut rows = (1..table.rows.len()).filter(|row| table.rows[*row].text(name) == node.as_str());
            let row = rows.next();
            if rows.next().is_some() {
                return Err(self.twice(node));
            }
            change(&mut table, row)?;
            let after = table.text();
            if after == before
                || file::replace(&self.settings.path, Some(&before), &after).map_err(|error| self.failed(error))?
            {
                return Ok(());
            }
        }
        let path = self.settings.path.display();
        Err(self.error(ErrorKind::Busy).advise(format!("somebody else changes {path} at the same time")))
    }

    pub(super) fn path(&self) -> &Path {
        &self.settings.path
    }

    fn twice(&self, node: &NodeName) -> ProviderError {
        let path = self.settings.path.display();
        self.error(ErrorKind::Conflict).advise(format!("{node} stands twice in {path}; look which row is wrong"))
    }

    fn conflict(&self, holder: &Holder) -> ProviderError {
        self.error(ErrorKind::Conflict).advise(format!(
            "dip's columns of the row in {} carry {holder}; empty them there, or rename the node",
            self.settings.path.display()
        ))
    }

    pub(super) fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, PRODUCT, &self.action)
    }

    fn failed(&self, error: std::io::Error) -> ProviderError {
        let directory = self.settings.path.parent().unwrap_or(Path::new("/"));
        file::failed(PRODUCT, &self.action, directory, error)
    }
}
