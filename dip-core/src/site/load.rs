//! Loads a site: from files, or from text in memory.

use std::path::{Path, PathBuf};

use super::fault::{Fault, Faults, Report};
use super::source::{Format, Source};
use super::{Lock, SettingsSchema, Site, expand, merge, parse, resolve};

/// A site with the addresses that were chosen for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The site.
    pub site: Site,
    /// The addresses as they are to be locked.
    pub lock: Lock,
    /// What is not wrong and still worth a look.
    pub warnings: Vec<Fault>,
}

/// A site that was read from files.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The site.
    pub site: Site,
    /// The addresses as they are to be locked.
    pub lock: Lock,
    /// Whether the lock differs from the file; who changes the world by this site writes it first.
    pub lock_changed: bool,
    /// The lock file, `dip.lock` beside the first site file.
    pub lock_path: PathBuf,
    /// What is not wrong and still worth a look.
    pub warnings: Vec<Fault>,
}

impl Site {
    /// Reads a site from its base file and the overlays over it, the last one on top, with the lock file beside the
    /// base file. Nothing is written.
    ///
    /// # Errors
    /// All that is wrong in the files, at once.
    pub fn load(files: &[PathBuf], settings: &SettingsSchema) -> Result<Loaded, Faults> {
        let Some(base) = files.first() else {
            return Err(Fault::new("no site file is given; name one, for example `site.yaml`").into());
        };
        let lock_path = base.with_file_name("dip.lock");
        let mut wrong = Vec::new();
        let sources: Vec<Source> =
            files.iter().filter_map(|file| read(file).map_err(|fault| wrong.push(*fault)).ok()).collect();
        let old = Lock::read(&lock_path).map_err(|error| wrong.push(Fault::new(with_causes(&error)))).ok();
        let Some(old) = old.filter(|_| wrong.is_empty()) else { return Err(Faults(wrong)) };
        let Resolved { site, lock, warnings } = Self::parse(&sources, settings, &old)?;
        let lock_changed = lock != old;
        Ok(Loaded { site, lock, lock_changed, lock_path, warnings })
    }

    /// Reads a site from a base source and the overlays over it, the last one on top.
    ///
    /// # Errors
    /// All that is wrong in the sources, at once.
    pub fn parse(sources: &[Source], settings: &SettingsSchema, lock: &Lock) -> Result<Resolved, Faults> {
        if sources.is_empty() {
            return Err(Fault::new("no site file is given; name one, for example `site.yaml`").into());
        }
        if u16::try_from(sources.len()).is_err() {
            return Err(Fault::new("more than 65,535 site files are given").into());
        }
        let mut report = Report::new(sources);
        let trees: Vec<_> =
            (0..).zip(sources).filter_map(|(index, source)| parse::parse(source, index, &mut report)).collect();
        // What is missing from a file that cannot be read would only hide what is wrong with it.
        if trees.len() < sources.len() {
            return Err(report.finish());
        }
        let mut trees = trees.into_iter();
        let Some(mut root) = trees.next() else { return Err(report.finish()) };
        trees.for_each(|over| merge::overlay(&mut root, over));
        merge::forget_removed(&mut root);
        expand::expand(&mut root, &mut report);
        let resolved = resolve::resolve(&root, settings, lock, &mut report);
        match resolved {
            Some((site, lock)) if report.is_empty() => Ok(Resolved { site, lock, warnings: report.finish_warnings() }),
            _ => Err(report.finish()),
        }
    }
}

fn read(file: &Path) -> Result<Source, Box<Fault>> {
    let name = file.display().to_string();
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
    let directory = absolute.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(Source::new(&name, format, text).at(directory))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}
