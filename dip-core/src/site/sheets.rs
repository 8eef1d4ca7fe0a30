//! The sheets that lie on one another and are read as one: bases, the site file, overlays, values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::base::{self, LockedBase, Pin};
use super::definition::Pinned;
use super::fault::{Fault, Faults};
use super::manifest::Manifest;
use super::report::{Raw, Report};
use super::source::{Mark, Source};
use super::stock::{self, Stock};
use super::tree::{Data, Entry, Map, Tree};
use super::values::Values;
use super::{Lock, Resolved, SettingsSchema, Site, expand, merge, parse, resolve};
use crate::provider::StockItem;

/// What a sheet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// The site file. Its faults are told first.
    Site,
    /// A base under the site file and the bases before it.
    Base {
        /// From the directory of the site file.
        path: String,
    },
    /// An overlay over the site file and the overlays before it.
    Overlay,
    /// Values over those in all other sheets.
    Values,
}

/// Sheets in the order in which they are told about.
#[derive(Default)]
pub(crate) struct Sheets {
    sources: Vec<Source>,
    /// What each says; `None` where it cannot be read, which is told.
    trees: Vec<Option<Tree>>,
    roles: Vec<Role>,
    given: Vec<Tree>,
    told: Report<'static>,
    bases: Bases,
    /// The index of the manifest among the sources, behind those of all sheets.
    manifest: Option<u16>,
    /// What the CMDB gave that the site takes its nodes from; `None` where it was not asked.
    stock: Option<Vec<StockItem>>,
}

/// Whether bases are read.
#[derive(Default, PartialEq, Eq)]
enum Bases {
    /// They are files, and they are here.
    Followed,
    /// One is missing, and why is told.
    Missing,
    /// Nobody can read files here.
    #[default]
    Refused,
}

impl Sheets {
    /// The index that the next sheet gets.
    pub(crate) fn next(&self) -> Result<u16, Faults> {
        u16::try_from(self.sources.len()).map_err(|_| Fault::new("more than 65,535 site files are given").into())
    }

    /// Adds sheets on top.
    pub(crate) fn extend(
        &mut self,
        sources: impl IntoIterator<Item = Source>,
        role: impl Fn() -> Role,
    ) -> Result<(), Faults> {
        for source in sources {
            self.trees.push(parse::parse(&source, self.next()?, &mut self.told));
            self.sources.push(source);
            self.roles.push(role());
        }
        Ok(())
    }

    /// Adds values that stand in no file.
    pub(crate) fn add_given(&mut self, source: Source, trees: Vec<Tree>) {
        self.sources.push(source);
        self.trees.push(Some(Tree::new(Mark::start(0), Data::Map(Map::new()))));
        self.roles.push(Role::Values);
        self.given = trees;
    }

    pub(crate) fn follows_bases(&mut self) {
        self.bases = Bases::Followed;
    }

    /// The file that the last sheet names as its base.
    pub(crate) fn last_base(&self) -> Option<(String, Mark)> {
        let file = base::of(self.trees.last()?.as_ref()?)?.value.at("file")?;
        Some((file.text()?.to_owned(), file.mark))
    }

    /// The base that the last sheet names cannot be had.
    pub(crate) fn misses_base(&mut self, mark: Mark, fault: Raw) {
        self.told.tell("base", mark, || fault);
        self.bases = Bases::Missing;
    }

    /// The file that the topmost sheet names as the manifest, the directory at which its path starts, and where it is named.
    pub(crate) fn manifest(&self) -> Option<(String, PathBuf, Mark)> {
        let order = |role: &Role| match role {
            Role::Overlay => 2,
            Role::Site => 1,
            Role::Base { .. } => 0,
            Role::Values => -1,
        };
        // Of overlays the last is on top, of bases the first.
        let named = self.trees.iter().zip(&self.roles).enumerate().filter_map(|(index, (tree, role))| {
            let file = tree.as_ref()?.at("manifest")?;
            let place = if matches!(role, Role::Base { .. }) { usize::MAX - index } else { index };
            Some(((order(role), place), file.text()?.to_owned(), file.mark))
        });
        let (_, file, mark) = named.filter(|((order, _), ..)| *order >= 0).max_by_key(|(rank, ..)| *rank)?;
        Some((file, self.sources.get(usize::from(mark.source))?.directory.clone(), mark))
    }

    /// Adds the manifest; no sheet comes after it.
    pub(crate) fn add_manifest(&mut self, source: Source) {
        self.manifest = u16::try_from(self.sources.len()).ok();
        self.sources.push(source);
    }

    /// Adds what a CMDB gave.
    pub(crate) fn add_stock(&mut self, items: Vec<StockItem>) {
        self.stock = Some(items);
    }

    /// The site with nothing but the service that it takes its nodes from; `None` where it takes none from anybody.
    ///
    /// # Errors
    /// All that is wrong with the service, and in files that cannot be read.
    pub(crate) fn inventory(self, settings: &SettingsSchema) -> Result<Option<Site>, Faults> {
        let Self { sources, trees, roles, given, told, bases, .. } = self;
        let mut report = told.over(&sources);
        let trees = trees.into_iter().collect::<Option<Vec<_>>>().filter(|_| bases != Bases::Missing);
        let Some(mut trees) = trees else { return Err(report.finish()) };
        trees.iter_mut().for_each(forget_base);
        let mut root = lay(trees, &roles, given);
        merge::forget_removed(&mut root);
        let mut values = Values::take(&mut root, &mut report);
        if !stock::service_alone(&mut root) {
            return Ok(None);
        }
        values.put_in(&mut root, &mut report);
        let resolved = resolve::resolve(&root, settings, &Lock::default(), &mut Manifest::default(), &mut report);
        match resolved {
            Some((site, _)) if report.is_empty() => Ok(Some(site)),
            _ => Err(report.finish()),
        }
    }

    /// The manifest cannot be had.
    pub(crate) fn misses_manifest(&mut self, mark: Mark, why: String) {
        self.told.tell("manifest", mark, || Raw::at(mark, why));
    }

    /// The site that all sheets together describe.
    ///
    /// # Errors
    /// All that is wrong in them.
    pub(crate) fn resolve(self, settings: &SettingsSchema, lock: &Lock) -> Result<Resolved, Faults> {
        let Self { mut sources, trees, roles, given, mut told, bases, manifest, stock } = self;
        let asked = stock.is_some();
        let stock = Stock::read(stock.unwrap_or_default(), &mut sources, &mut told);
        let mut report = told.over(&sources);
        // What is missing from a file that cannot be read would only hide what is wrong with it.
        let trees = trees.into_iter().collect::<Option<Vec<_>>>().filter(|_| bases != Bases::Missing);
        let Some(mut trees) = trees else { return Err(report.finish()) };
        let locked = check_bases(&sources, &trees, &roles, &bases, lock, &mut report);
        for tree in &mut trees {
            forget_base(tree);
        }
        let mut root = lay(trees, &roles, given);
        merge::forget_removed(&mut root);
        let mut values = Values::take(&mut root, &mut report);
        values.put_in(&mut root, &mut report);
        let removed = stock::removed(&root);
        expand::expand(&mut root, &mut report);
        if asked {
            stock.lay(&mut root, &removed, &mut report);
        } else if let Some(wish) = root.entry("inventory") {
            report.tell("inventory", wish.key, || {
                Raw::at(wish.key, "this site takes nodes from a CMDB, and nobody asked that")
                    .advice("ask it for its stock and give that with the files (`Definition::stock`), as `dip` does")
            });
        }
        let mut deliveries = match manifest {
            Some(index) => Manifest::read(&sources[usize::from(index)], index, &mut report),
            None => Manifest::default(),
        };
        let resolved = resolve::resolve(&root, settings, lock, &mut deliveries, &mut report);
        match resolved {
            Some((site, lock)) if report.is_empty() => {
                values.warn_of_unused(&mut report);
                let lock = Lock { bases: locked, ..lock };
                let deliveries = deliveries.deliveries(&report);
                Ok(Resolved { site, lock, deliveries, warnings: report.finish_warnings() })
            }
            _ => Err(report.finish()),
        }
    }

    /// How each sheet would pin its base as that is now, the site file first.
    pub(crate) fn pinned(self) -> Result<Vec<Pinned>, Faults> {
        let Self { sources, trees, told, .. } = self;
        let report = told.over(&sources);
        if !report.is_empty() {
            return Err(report.finish());
        }
        let mut all = Vec::new();
        for (index, pair) in trees.windows(2).enumerate() {
            let [Some(over), Some(under)] = pair else { continue };
            let Some(entry) = base::of(over) else { continue };
            let text = |key: &str| entry.value.at(key).and_then(Tree::text).map(str::to_owned);
            let version = base::release(under).map(str::to_owned).or_else(|| text("version"));
            let sha256 = base::digest(&sources[index + 1]);
            let holds = text("version") == version && text("sha256").as_ref() == Some(&sha256);
            let pin = Pin { file: text("file").unwrap_or_default(), version, sha256 };
            all.push(Pinned { by: sources[index].name.as_ref().into(), pin, holds });
        }
        Ok(all)
    }
}

/// Checks what each sheet says of its base. Gives what is to be locked of them.
fn check_bases(
    sources: &[Source],
    trees: &[Tree],
    roles: &[Role],
    bases: &Bases,
    lock: &Lock,
    report: &mut Report<'_>,
) -> BTreeMap<String, LockedBase> {
    let mut locked = BTreeMap::new();
    for (index, tree) in trees.iter().enumerate() {
        let Some(over) = base::of(tree) else { continue };
        let refuse = |report: &mut Report<'_>, message: &str, advice: &str| {
            report.tell("base", over.key, || Raw::at(over.key, message).advice(advice));
        };
        match (&roles[index], roles.get(index + 1)) {
            (Role::Values, _) => {}
            (Role::Overlay, _) => refuse(
                report,
                "an overlay has no base",
                "name the base in the site file, which the overlay is laid over",
            ),
            (_, Some(Role::Base { path })) => {
                let under = base::Read { source: &sources[index + 1], tree: &trees[index + 1], path };
                locked.insert(path.clone(), base::check(over, &under, &lock.bases, report));
            }
            _ if *bases == Bases::Refused => refuse(
                report,
                "a base is a file, and this site is read from memory",
                "load the site from its file, or give the base first and lay this over it",
            ),
            // Its file is no text.
            _ => base::shape(over, report),
        }
    }
    locked
}

fn forget_base(tree: &mut Tree) {
    if let Data::Map(map) = &mut tree.data {
        map.remove("base");
    }
}

/// All sheets as one tree: the bases from the deepest on, the site file, the overlays, the values.
fn lay(trees: Vec<Tree>, roles: &[Role], given: Vec<Tree>) -> Tree {
    let mut bases = Vec::new();
    let mut above = Vec::new();
    // Where a key is missing that is told of the site file.
    let mut mark = Mark::start(0);
    for (tree, role) in trees.into_iter().zip(roles) {
        match role {
            Role::Base { .. } => bases.push(tree),
            Role::Site => {
                mark = tree.mark;
                above.push(tree);
            }
            Role::Overlay => above.push(tree),
            Role::Values => above.push(as_values(tree)),
        }
    }
    let mut all = bases.into_iter().rev().chain(above).chain(given.into_iter().map(as_values));
    let mut root = all.next().unwrap_or_else(|| Tree::new(mark, Data::Map(Map::new())));
    all.for_each(|over| merge::overlay(&mut root, over));
    root.mark = mark;
    root
}

/// A file of values as the section that it lies over.
fn as_values(tree: Tree) -> Tree {
    let mark = tree.mark;
    Tree::new(mark, Data::Map(Map::from([("values".to_owned(), Entry { key: mark, value: tree })])))
}
