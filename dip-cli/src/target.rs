//! What a person named: a site file, a plan file or a run.

use std::io::Read;
use std::path::Path;

use dip::Plan;
use dip::core::engine::RunView;
use dip::core::journal::{JournalReader, Record, RunFile, runs};

use crate::error::CliError;

/// The end of the names of runs in a simulation, which is gone when its process ends.
pub(crate) const SANDBOX: &str = "-sandbox";

/// Whether a run was in a simulation. Of several that began in one second all but the first have a number behind the word.
pub(crate) fn is_simulated(run: &str) -> bool {
    let base = run
        .rsplit_once('-')
        .filter(|(_, end)| end.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(run, |(base, _)| base);
    base.ends_with(SANDBOX)
}

/// A plan or a site, by the content of the file.
pub(crate) enum Target {
    Plan(Box<Plan>),
    Site,
}

impl Target {
    /// Looks into a file: a plan says that it is one, anything else is taken for a site file.
    pub(crate) fn of(path: &Path) -> Result<Self, CliError> {
        let failed = |source| CliError::File { path: path.to_owned(), action: "read", source };
        let mut file = std::fs::File::open(path).map_err(failed)?;
        if !is_plan(&mut file).map_err(failed)? {
            return Ok(Self::Site);
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        match serde_json::from_str(&text) {
            Ok(plan) => Ok(Self::Plan(Box::new(plan))),
            Err(source) => Err(CliError::PlanFile { path: path.to_owned(), source }),
        }
    }
}

/// Whether a file begins like a plan. A site file in JSON has no such key.
fn is_plan(file: &mut impl Read) -> std::io::Result<bool> {
    let mut start = String::new();
    // Bytes that are no text are told by whoever reads the site file.
    if let Err(error) = file.take(64).read_to_string(&mut start) {
        return if error.kind() == std::io::ErrorKind::InvalidData { Ok(false) } else { Err(error) };
    }
    let inner = start.trim_start().strip_prefix('{').map(str::trim_start);
    Ok(inner.is_some_and(|inner| inner.starts_with("\"dip_plan\"")))
}

/// The journal of a named run, or of the last one that fits.
pub(crate) fn find_run(
    directory: &Path,
    named: Option<&str>,
    fits: impl Fn(&RunView) -> bool,
    what: &str,
) -> Result<RunFile, CliError> {
    let all = runs(directory)?;
    let place = directory.display();
    if let Some(named) = named {
        let found = all.iter().find(|run| run.run == named);
        return found.cloned().ok_or_else(|| {
            let known = match all.last() {
                Some(last) => format!("the last one there is `{}`", last.run),
                None => "there are none".to_owned(),
            };
            CliError::Usage(format!("there is no run `{named}` in {place}; {known} (`dip runs` lists them)"))
        });
    }
    for run in all.into_iter().rev() {
        if RunView::of(&read(&run.path)?).is_some_and(|view| fits(&view)) {
            return Ok(run);
        }
    }
    Err(CliError::Usage(format!("there is no {what} in {place}; name another directory with --journal")))
}

/// All records of a journal, also of one that is being written.
pub(crate) fn read(path: &Path) -> Result<Vec<Record>, CliError> {
    Ok(JournalReader::open(path)?.read()?)
}

/// The run that a journal tells.
pub(crate) fn view(run: &RunFile) -> Result<RunView, CliError> {
    RunView::of(&read(&run.path)?)
        .ok_or_else(|| CliError::Usage(format!("{} does not begin with a plan", run.path.display())))
}

#[cfg(test)]
mod tests {
    use super::is_simulated;

    #[test]
    fn a_simulated_run_is_told_by_its_name_also_where_it_has_a_number() {
        assert!(is_simulated("20260105T080002-3a73de-sandbox"));
        assert!(is_simulated("20260105T080002-3a73de-sandbox-12"));
        assert!(!is_simulated("20260105T080002-3a73de"));
        assert!(!is_simulated("20260105T080002-123456"));
        assert!(!is_simulated("20260105T080002-3a73de-2"));
    }
}
