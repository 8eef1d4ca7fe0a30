//! Loads a site: from files, or from text in memory.

use std::path::PathBuf;

use super::definition::{Definition, none_given};
use super::fault::{Fault, Faults};
use super::sheets::{Role, Sheets};
use super::source::Source;
use super::{Delivery, Lock, SettingsSchema, Site};

/// A site with what was chosen for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The site.
    pub site: Site,
    /// What was chosen, as it is to be locked.
    pub lock: Lock,
    /// The machines that were sent, where the site has a manifest.
    pub deliveries: Vec<Delivery>,
    /// What is not wrong and still worth a look.
    pub warnings: Vec<Fault>,
}

/// A site that was read from files.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The site.
    pub site: Site,
    /// What was chosen, as it is to be locked.
    pub lock: Lock,
    /// What was chosen before, as the lock file has it.
    pub chosen_before: Lock,
    /// Whether the lock differs from the file; who changes the world by this site writes it first.
    pub lock_changed: bool,
    /// The lock file, `dip.lock` beside the site file.
    pub lock_path: PathBuf,
    /// The file of claims, `dip.claims` beside the site file; the site carries what stands in it.
    pub claims_path: PathBuf,
    /// The machines that were sent, where the site has a manifest.
    pub deliveries: Vec<Delivery>,
    /// What is not wrong and still worth a look.
    pub warnings: Vec<Fault>,
}

impl Site {
    /// Reads a site from its site file and the overlays over it, the last one on top, with the bases under the site file
    /// and the lock file and the claims beside it. Nothing is written. [`Definition`] takes values too.
    ///
    /// # Errors
    /// All that is wrong in the files, at once.
    pub fn load(files: &[PathBuf], settings: &SettingsSchema) -> Result<Loaded, Faults> {
        Definition::of(files).load(settings)
    }

    /// Reads a site from a site file and the overlays over it, the last one on top, all in memory: a `base` is refused.
    ///
    /// # Errors
    /// All that is wrong in the sources, at once.
    pub fn parse(sources: &[Source], settings: &SettingsSchema, lock: &Lock) -> Result<Resolved, Faults> {
        let Some((site, overlays)) = sources.split_first() else { return Err(none_given()) };
        let mut sheets = Sheets::default();
        sheets.extend([site.clone()], || Role::Site)?;
        sheets.extend(overlays.iter().cloned(), || Role::Overlay)?;
        sheets.resolve(settings, lock)
    }
}
