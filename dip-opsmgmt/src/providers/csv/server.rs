//! The records of one table: dip's are the columns whose names start with `dip_`; all else stays as it is, byte by byte.
//!
//! The file is replaced whole by a rename, and only if it still is what was read. Programs of dip lock its directory; a spreadsheet
//! does not, and must not hold the file open while dip writes: it would write the old table over the new one.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{Carry, ErrorKind, Gather, Holder, Inventory, Ipam, ProviderError};

use super::columns::{OWN, record, texts};
use super::table::Table;
use crate::provider::{Cmdb, HeldRecord, NodeRecord};
use crate::providers::{blocking, file};
use crate::settings::CsvSettings;

const PRODUCT: &str = "csv";

/// How often a change is tried that somebody else's change came before.
const TRIES: usize = 3;

/// A CMDB that is one table.
#[derive(Debug, Clone)]
pub struct Csv {
    settings: Arc<CsvSettings>,
    reads: Arc<Gather<Question, Found>>,
    changes: Arc<Gather<Change, Changed>>,
}

/// A question for the record of a node, and what that is called in errors.
#[derive(Debug)]
struct Question {
    node: NodeName,
    action: String,
}

type Found = Result<Option<HeldRecord>, ProviderError>;

/// A change of the row of a node: it changes all that it wants or nothing.
struct Change {
    node: NodeName,
    action: String,
    act: Box<Act>,
}

type Act = dyn Fn(&OneFile, &mut Table<'_>, Option<usize>) -> Changed + Send + Sync;

type Changed = Result<(), ProviderError>;

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("action", &self.action).finish_non_exhaustive()
    }
}

impl Csv {
    /// A provider for the table of the settings.
    #[must_use]
    pub fn new(settings: CsvSettings) -> Self {
        Self { settings: Arc::new(settings), reads: Arc::new(Gather::new()), changes: Arc::new(Gather::new()) }
    }

    /// Changes the row of a node; what comes meanwhile is written together.
    async fn change(
        &self,
        action: String,
        node: &NodeName,
        act: impl Fn(&OneFile, &mut Table<'_>, Option<usize>) -> Changed + Send + Sync + 'static,
    ) -> Changed {
        self.changes.join("", Change { node: node.clone(), action, act: Box::new(act) }, self).await
    }

    /// Does something with the file, where waiting for a disk holds up nobody.
    pub(super) async fn with_file<T: Send + 'static>(
        &self,
        action: String,
        act: impl FnOnce(&OneFile) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let file = OneFile { settings: Arc::clone(&self.settings), action: action.clone() };
        blocking::one(PRODUCT, action, move || act(&file)).await
    }
}

#[async_trait]
impl Carry<Question, Found> for Csv {
    async fn carry(&self, _: &str, items: &[Arc<Question>]) -> Vec<Found> {
        let (settings, asked) = (Arc::clone(&self.settings), items.to_vec());
        let actions = items.iter().map(|item| item.action.as_str());
        blocking::all(PRODUCT, actions, move || find(&settings, &asked)).await
    }
}

#[async_trait]
impl Carry<Change, Changed> for Csv {
    async fn carry(&self, _: &str, items: &[Arc<Change>]) -> Vec<Changed> {
        let (settings, changes) = (Arc::clone(&self.settings), items.to_vec());
        let actions = items.iter().map(|item| item.action.as_str());
        blocking::all(PRODUCT, actions, move || change(&settings, &changes)).await
    }
}

/// The records of several nodes: the table is read once for all of them.
fn find(settings: &Arc<CsvSettings>, asked: &[Arc<Question>]) -> Vec<Found> {
    let file = |action: &str| OneFile { settings: Arc::clone(settings), action: action.to_owned() };
    let all = |file: &OneFile| -> Result<HashMap<NodeName, HeldRecord>, ProviderError> {
        Ok(file.records()?.into_iter().map(|held| (held.record.node.clone(), held)).collect())
    };
    match all(&file("")) {
        Ok(all) => asked.iter().map(|one| Ok(all.get(&one.node).cloned())).collect(),
        // It is told to each in the words of their own action.
        Err(_) => asked.iter().map(|one| Ok(all(&file(&one.action))?.remove(&one.node))).collect(),
    }
}

/// Makes all changes in one go: the table is written once.
fn change(settings: &Arc<CsvSettings>, changes: &[Arc<Change>]) -> Vec<Changed> {
    let file = |action: &str| OneFile { settings: Arc::clone(settings), action: action.to_owned() };
    let _lock = match file::lock(file("").directory()) {
        Ok(lock) => lock,
        Err(error) => {
            return changes.iter().map(|one| Err(file(&one.action).failed(file::copied(&error)))).collect();
        }
    };
    for _ in 0..TRIES {
        let texts = file("").text();
        let rows = |file: &OneFile| {
            let table = file.table(texts.as_ref().map_or("", String::as_str))?;
            let name = file.name_column(&table)?;
            Ok::<_, ProviderError>((table, name))
        };
        let (Ok(before), Ok((mut table, name))) = (&texts, rows(&file(""))) else {
            // It is told to each in the words of their own action.
            let failed = |file: &OneFile| file.text().and_then(|_| rows(file).map(drop)).and(Err(file.busy()));
            return changes.iter().map(|one| failed(&file(&one.action))).collect();
        };
        let mut all: HashMap<String, Vec<usize>> = HashMap::new();
        for row in 1..table.rows.len() {
            all.entry(table.rows[row].text(name)).or_default().push(row);
        }
        let mut changed: Vec<Changed> = Vec::with_capacity(changes.len());
        for one in changes {
            let (file, before) = (file(&one.action), table.rows.len());
            let held = all.entry(one.node.to_string()).or_default();
            held.retain(|row| !table.rows[*row].is_gone());
            changed.push(match held[..] {
                [] => (one.act)(&file, &mut table, None),
                [row] => (one.act)(&file, &mut table, Some(row)),
                _ => Err(file.twice(&one.node)),
            });
            held.extend(before..table.rows.len());
        }
        let after = table.text();
        if after == *before {
            return changed;
        }
        match file::replace(&settings.path, Some(before), &after) {
            Ok(true) => return changed,
            Ok(false) => {}
            Err(error) => {
                let failed = |one: &Arc<Change>| file(&one.action).failed(file::copied(&error));
                return changes.iter().zip(changed).map(|(one, changed)| changed.and(Err(failed(one)))).collect();
            }
        }
    }
    changes.iter().map(|one| Err(file(&one.action).busy())).collect()
}

#[async_trait]
impl Cmdb for Csv {
    async fn read(&self, node: &NodeName) -> Result<Option<HeldRecord>, ProviderError> {
        let action = format!("read the record of {node}");
        self.reads.join("", Question { node: node.clone(), action }, self).await
    }

    async fn write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError> {
        let (record, owner) = (record.clone(), owner.clone());
        let (action, node) = (format!("write the record of {}", record.node), record.node.clone());
        self.change(action, &node, move |file, table, row| {
            let row = match row {
                Some(row) => {
                    file.ours(table, row, &owner)?;
                    row
                }
                None => {
                    let column = file.name_column(table)?;
                    let row = table.add_row();
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
        let (from, to) = (from.clone(), Holder::Site(owner.clone()));
        let action = format!("claim the record of {node}");
        self.change(action, node, move |file, table, row| file.hand_over(table, row, &from, &to)).await
    }

    async fn disown(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let from = Holder::Site(owner.clone());
        let action = format!("take the mark off the record of {node}");
        self.change(action, node, move |file, table, row| file.hand_over(table, row, &from, &Holder::Nobody)).await
    }

    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let owner = owner.clone();
        self.change(format!("remove the record of {node}"), node, move |file, table, row| {
            let Some(row) = row.filter(|row| file.own(table, *row).is_some()) else { return Ok(()) };
            file.ours(table, row, &owner)?;
            let name = file.name_column(table)?;
            for column in OWN.map(|name| table.column_or_added(name)) {
                table.rows[row].put(column, "");
            }
            let others = (0..table.rows[row].cells()).filter(|column| *column != name);
            if others.into_iter().all(|column| table.rows[row].text(column).is_empty()) {
                table.remove(row);
            }
            Ok(())
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

    fn hand_over(&self, table: &mut Table<'_>, row: Option<usize>, from: &Holder, to: &Holder) -> Changed {
        let Some((row, holder)) = row.and_then(|row| Some((row, self.holder(table, row)?))) else { return Ok(()) };
        if holder == *to {
            return Ok(());
        }
        if holder != *from {
            return Err(self.conflict(&holder));
        }
        let column = table.column_or_added(OWN[0]);
        table.rows[row].put(column, &to.site().map(ToString::to_string).unwrap_or_default());
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.settings.path
    }

    fn twice(&self, node: &NodeName) -> ProviderError {
        let path = self.settings.path.display();
        self.error(ErrorKind::Conflict).advise(format!("{node} stands twice in {path}; look which row is wrong"))
    }

    fn busy(&self) -> ProviderError {
        let path = self.settings.path.display();
        self.error(ErrorKind::Busy).advise(format!("somebody else changes {path} at the same time"))
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
        file::failed(PRODUCT, &self.action, self.directory(), error)
    }

    fn directory(&self) -> &Path {
        self.settings.path.parent().unwrap_or(Path::new("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::hardware::Identity;

    #[tokio::test]
    async fn rows_that_are_written_at_once_are_all_there_and_one_that_is_foreign_alone_fails() {
        let directory = std::env::temp_dir().join(format!("dip-opsmgmt-csv-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory can be made");
        let path = directory.join("nodes.csv");
        std::fs::write(&path, "name,dip_site,owner\nn7,north,ada\n").expect("it can be written");
        let csv = Csv::new(CsvSettings { path, name: "name".to_owned() });
        let owner = SiteName::new("lab").expect("a name");
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let (csv, owner) = (csv.clone(), owner.clone());
                let node = NodeName::new(&format!("n{number}")).expect("a name");
                let host_name = format!("{node}.lab.example");
                let identity = Identity::default();
                let record =
                    NodeRecord { node, host_name, addresses: Vec::new(), rack: None, identity, nics: Vec::new() };
                tokio::spawn(async move { (number, csv.write(&record, &owner).await) })
            })
            .collect();
        for task in tasks {
            let (number, written) = task.await.expect("it does not panic");
            assert_eq!(written.err().map(|error| error.kind()), (number == 7).then_some(ErrorKind::Conflict));
        }
        let held = csv.list().await.expect("it can be read");
        std::fs::remove_dir_all(directory).expect("it can be removed");
        assert_eq!(held.iter().filter(|held| held.owner.as_ref() == Some(&owner)).count(), 99);
    }
}
