//! What was seen of a site in former runs: kept beside the journals, so that what can be seen only now and then (the disks of
//! a node, on its way through discovery) is not forgotten. Facts only, which never hold a secret.

use std::path::{Path, PathBuf};

use dip::Observed;
use dip::core::id::SiteName;
use dip::core::provider::sentence;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::out::Out;
use crate::world::World;

/// The version of the form that readings have on disk.
const VERSION: u32 = 1;

/// How old a reading may be: a machine that nobody has looked into for a week may have been opened since.
const TOO_OLD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The file of a site's readings.
#[derive(Debug)]
pub(crate) struct Readings {
    path: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept<T> {
    dip_readings: u32,
    site: SiteName,
    seen: T,
}

impl Readings {
    /// Beside the journals of a site. A simulation is gone when its process ends: nothing of it is kept.
    pub(crate) fn beside(journals: &Path, world: &World) -> Self {
        let path = journals.join(format!("{}.readings", world.site.name));
        Self { path: world.sandbox.is_none().then_some(path) }
    }

    /// What was seen and is not too old. A file that cannot be read is told and costs a look, not the command.
    pub(crate) fn seen(&self, world: &World, out: &Out) -> Observed {
        let Some(path) = &self.path else { return Observed::new() };
        let (site, now) = (&world.site.name, world.clock.now());
        let mut seen = match read(path, site) {
            Ok(seen) => seen.unwrap_or_default(),
            Err(why) => {
                out.note(format!("warning: {} tells nothing of what was seen before: {why}", path.display()));
                Observed::new()
            }
        };
        seen.forget_before(now.saturating_sub(TOO_OLD).unwrap_or(Timestamp::MIN));
        seen
    }

    /// Keeps what was seen, in place of what was kept before.
    pub(crate) fn keep(&self, site: &SiteName, seen: &Observed) -> Result<(), CliError> {
        let Some(path) = &self.path else { return Ok(()) };
        let failed = |source| CliError::File { path: path.clone(), action: "written", source };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let kept = Kept { dip_readings: VERSION, site: site.clone(), seen };
        let text = serde_json::to_string(&kept).map_err(|error| CliError::Output(error.into()))?;
        crate::commands::write_file(path, &text)
    }
}

fn read(path: &Path, site: &SiteName) -> Result<Option<Observed>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(sentence(&error)),
    };
    let kept: Kept<Observed> = serde_json::from_str(&text).map_err(|error| sentence(&error))?;
    if kept.dip_readings != VERSION {
        return Err(format!("it has form {}, and this dip reads form {VERSION}", kept.dip_readings));
    }
    if kept.site != *site {
        return Err(format!("it is of site {}", kept.site));
    }
    Ok(Some(kept.seen))
}
