//! The files that a site is made from: the site file, its bases, overlays and values.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use super::fault::{Fault, Faults};
use super::report::Raw;
use super::sheets::{Role, Sheets};
use super::source::{Format, Source};
use super::{Claims, GivenValue, Loaded, Lock, Pin, Resolved, SettingsSchema, Site, given};
use crate::provider::StockItem;

/// How many bases may lie under one another: more is an accident.
const BASES: usize = 16;

/// What a site is made from. The last wins: a site file over its bases, overlays over it, values in files over the values
/// in all of those, and given values over everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// The site file, and the overlays over it.
    pub files: Vec<PathBuf>,
    /// Files of values.
    pub values: Vec<PathBuf>,
    /// Values one by one.
    pub given: Vec<GivenValue>,
    /// What the CMDB gave that the site takes nodes from; `None` where it was not asked. [`Definition::inventory`] says whom to ask.
    pub stock: Option<Vec<StockItem>>,
}

/// The base of a site file as it is, beside what the file says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The file that is laid over the base.
    pub by: PathBuf,
    /// How it would pin the base as that is now.
    pub pin: Pin,
    /// Whether it does.
    pub holds: bool,
}

impl Definition {
    /// Site files alone: the site file and the overlays over it.
    #[must_use]
    pub fn of(files: &[PathBuf]) -> Self {
        Self { files: files.to_vec(), ..Self::default() }
    }

    /// Reads the site, with the lock file and the claims beside the site file. Nothing is written.
    ///
    /// # Errors
    /// All that is wrong in the files, at once.
    pub fn load(&self, settings: &SettingsSchema) -> Result<Loaded, Faults> {
        self.load_passing_over(settings, &BTreeMap::new())
    }

    /// The same, with further addresses that dip must not choose because somebody else holds them, and who. They are locked.
    ///
    /// # Errors
    /// All that is wrong in the files, at once.
    pub fn load_passing_over(
        &self,
        settings: &SettingsSchema,
        held: &BTreeMap<IpAddr, String>,
    ) -> Result<Loaded, Faults> {
        let Some(site) = self.files.first() else { return Err(none_given()) };
        let lock_path = site.with_file_name("dip.lock");
        let claims_path = site.with_file_name("dip.claims");
        let (sources, mut wrong) = self.sources();
        let old = Lock::read(&lock_path).map_err(|error| wrong.push(Fault::new(with_causes(&error)))).ok();
        let claims = Claims::read(&claims_path).unwrap_or_else(|error| {
            wrong.push(Fault::new(with_causes(&error)));
            Claims::default()
        });
        let Some(old) = old.filter(|_| wrong.is_empty()) else { return Err(Faults(wrong)) };

        let mut sheets = self.sheets(sources)?;
        if let Some((named, directory, mark)) = sheets.manifest() {
            match table(&directory.join(&named)) {
                Ok(source) => sheets.add_manifest(source),
                Err(why) => sheets.misses_manifest(mark, why),
            }
        }
        if let Some(stock) = &self.stock {
            sheets.add_stock(stock.clone());
        }
        let mut passing = old.clone();
        passing.held.extend(held.iter().map(|(address, who)| (*address, who.clone())));
        let Resolved { mut site, lock, deliveries, warnings } = sheets.resolve(settings, &passing)?;
        site.claims = claims;
        let lock_changed = lock != old;
        Ok(Loaded { site, lock, chosen_before: old, lock_changed, lock_path, claims_path, deliveries, warnings })
    }
}

impl Definition {
    /// The site with nothing but the service that it takes its nodes from, so that it can be asked for them; `None` where it takes
    /// them from nobody. Nothing is written.
    ///
    /// # Errors
    /// All that is wrong with that service, and in files that cannot be read.
    pub fn inventory(&self, settings: &SettingsSchema) -> Result<Option<Site>, Faults> {
        let (sources, wrong) = self.sources();
        if !wrong.is_empty() {
            return Err(Faults(wrong));
        }
        self.sheets(sources)?.inventory(settings)
    }

    /// The files as they are, and which ones cannot be read.
    fn sources(&self) -> (Vec<Source>, Vec<Fault>) {
        let mut wrong = Vec::new();
        let files = self.files.iter().chain(&self.values);
        let sources = files.filter_map(|file| read(file).map_err(|fault| wrong.push(*fault)).ok()).collect();
        (sources, wrong)
    }

    fn sheets(&self, sources: Vec<Source>) -> Result<Sheets, Faults> {
        let Some((site, overlays)) = self.files.split_first() else { return Err(none_given()) };
        let mut sources = sources.into_iter();
        let mut sheets = Sheets::default();
        sheets.extend(sources.next(), || Role::Site)?;
        follow(site, &mut sheets)?;
        sheets.extend(sources.by_ref().take(overlays.len()), || Role::Overlay)?;
        sheets.extend(sources, || Role::Values)?;
        if !self.given.is_empty() {
            let (source, trees) = given::read(&self.given, sheets.next()?);
            sheets.add_given(source, trees);
        }
        Ok(sheets)
    }
}

impl Pinned {
    /// The bases under a site file, the nearest first. Nothing is written.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn under(site: &Path) -> Result<Vec<Self>, Faults> {
        let source = read(site).map_err(|fault| Faults(vec![*fault]))?;
        let mut sheets = Sheets::default();
        sheets.extend(Some(source), || Role::Site)?;
        follow(site, &mut sheets)?;
        sheets.pinned()
    }
}

pub(crate) fn none_given() -> Faults {
    Fault::new("no site file is given; name one, for example `site.yaml`").into()
}

/// Reads the bases under the site file, each named by the one before it.
fn follow(site: &Path, sheets: &mut Sheets) -> Result<(), Faults> {
    sheets.follows_bases();
    let directory = site.parent().unwrap_or(Path::new(""));
    let mut seen = vec![real(site)];
    let mut path = PathBuf::from(site.file_name().unwrap_or_default());
    while let Some((named, mark)) = sheets.last_base() {
        path = tidy(&path.parent().unwrap_or(Path::new("")).join(&named));
        let file = directory.join(&path);
        let again = seen.contains(&real(&file));
        let fault = if again {
            Raw::at(mark, format!("the bases lie on one another in a circle: `{}` comes again", path.display()))
                .advice("take `base` out of one of them")
        } else if seen.len() > BASES {
            Raw::at(mark, format!("more than {BASES} bases lie on one another"))
        } else {
            match read(&file) {
                Ok(source) => {
                    seen.push(real(&file));
                    sheets.extend(Some(source), || Role::Base { path: path.display().to_string() })?;
                    continue;
                }
                Err(fault) => Raw::at(mark, fault.message.replacen("the site file", "the base", 1)),
            }
        };
        sheets.misses_base(mark, fault);
        break;
    }
    Ok(())
}

/// The same file by whatever path.
fn real(file: &Path) -> PathBuf {
    std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}

/// A path without steps that go down and up again.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match (part, tidy.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => drop(tidy.pop()),
            (Component::CurDir, _) => {}
            _ => tidy.push(part),
        }
    }
    tidy
}

fn read(file: &Path) -> Result<Source, Box<Fault>> {
    let name = tidy(file).display().to_string();
    let Some(format) = Format::of(file) else {
        return Err(Box::new(Fault::new(format!(
            "the site file `{name}` has no known extension; name it `.yaml`, `.toml` or `.json`"
        ))));
    };
    let bytes = std::fs::read(file)
        .map_err(|error| Box::new(Fault::new(format!("the site file `{name}` cannot be read: {error}"))))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Box::new(Fault::new(format!("the site file `{name}` is not text in UTF-8; save it as UTF-8"))))?;
    let absolute = std::path::absolute(file)
        .map_err(|error| Box::new(Fault::new(format!("the site file `{name}` has no absolute path: {error}"))))?;
    // Two sites over one base have the same paths in it. Behind a symbolic link `..` leads elsewhere.
    let short = Some(tidy(&absolute)).filter(|short| real(short) == real(&absolute)).unwrap_or(absolute);
    let directory = short.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(Source::new(&name, format, text).at(directory))
}

/// A manifest.
fn table(file: &Path) -> Result<Source, String> {
    let name = tidy(file).display().to_string();
    let bytes = std::fs::read(file).map_err(|error| format!("the manifest `{name}` cannot be read: {error}"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("the manifest `{name}` is not text in UTF-8; save it as CSV in UTF-8"))?;
    let directory = file.parent().unwrap_or(Path::new("")).to_owned();
    Ok(Source::table(&name, text).at(directory))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}
