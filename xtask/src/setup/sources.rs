//! Copies of the machine's own package sources, for the roots that are built from them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tool::run;

/// The release of the copies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Release<'r> {
    /// The machine's own, with its updates.
    Own,
    /// Another one of the same archive, without updates.
    Other(&'r str),
}

/// Copies that are removed when they are dropped.
pub(super) struct Sources {
    /// The name of their release.
    pub(super) suite: String,
    pub(super) files: Vec<PathBuf>,
}

impl Sources {
    /// Writes them into a directory, without those of third parties.
    pub(super) fn copy(release: Release<'_>, to: &Path) -> Result<Self, Box<dyn Error>> {
        let told = fs::read_to_string("/etc/os-release")?;
        let own = told.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        let own = own.ok_or("/etc/os-release names no VERSION_CODENAME: roots are built on Debian and its kin only")?;
        let suite = match release {
            Release::Own => own,
            Release::Other(suite) => suite,
        };
        fs::create_dir_all(to)?;
        let mut copies = Self { suite: suite.to_owned(), files: Vec::new() };
        let apt = Path::new("/etc/apt");
        let (lines, stanzas) = read(apt, own, release);
        for (extension, text) in [("list", lines), ("sources", stanzas)] {
            if !text.is_empty() {
                let copy = to.join(format!("{suite}.{extension}"));
                fs::write(&copy, text)?;
                copies.files.push(copy);
            }
        }
        if copies.files.is_empty() {
            let why = "roots are built from the machine's own sources";
            return Err(format!("{} has no source for {own}: {why}", apt.display()).into());
        }
        Ok(copies)
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
    }
}

/// How this machine reaches its package sources, if it goes through a proxy.
pub(super) fn transport_options() -> Result<Vec<String>, Box<dyn Error>> {
    let dump = run(Command::new("apt-config").arg("dump"))?;
    let wanted = |line: &&str| line.starts_with("Acquire::http") && !line.ends_with(" \"\";");
    Ok(dump.lines().filter(wanted).map(|line| line.trim_end_matches(';').to_owned()).collect())
}

/// The wanted entries in both ways of writing them.
fn read(apt: &Path, own: &str, release: Release<'_>) -> (String, String) {
    let mut lines = String::new();
    let mut stanzas = String::new();
    let mut files = vec![apt.join("sources.list")];
    if let Ok(entries) = fs::read_dir(apt.join("sources.list.d")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => {
                lines.extend(text.lines().filter_map(|text| Some(format!("{}\n", line(text, own, release)?))));
            }
            Some("sources") => {
                let parts = text.split("\n\n").filter_map(|part| stanza(part, own, release));
                stanzas.extend(parts.map(|part| format!("{}\n\n", part.trim())));
            }
            _ => {}
        }
    }
    (lines, stanzas)
}

fn line(line: &str, own: &str, release: Release<'_>) -> Option<String> {
    let words = || line.split_whitespace();
    if !line.starts_with("deb ") {
        return None;
    }
    match release {
        Release::Own => words().any(|word| is_of(word, own)).then(|| line.to_owned()),
        Release::Other(suite) => words().any(|word| word == own).then(|| {
            let swapped = words().map(|word| if word == own { suite } else { word });
            swapped.collect::<Vec<_>>().join(" ")
        }),
    }
}

fn stanza(stanza: &str, own: &str, release: Release<'_>) -> Option<String> {
    const FIELD: &str = "Suites:";
    let field = stanza.lines().find(|line| line.starts_with(FIELD))?;
    let suites = || field.trim_start_matches(FIELD).split_whitespace();
    match release {
        Release::Own => suites().any(|word| is_of(word, own)).then(|| stanza.to_owned()),
        Release::Other(suite) => {
            suites().any(|word| word == own).then(|| stanza.replace(field, &format!("{FIELD} {suite}")))
        }
    }
}

fn is_of(word: &str, own: &str) -> bool {
    word.strip_prefix(own).is_some_and(|rest| ["", "-updates", "-security"].contains(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_release_of_the_machine_is_taken() {
        let taken = |text: &str| line(text, "bookworm", Release::Own).is_some();
        assert!(taken("deb http://mirror.test/debian bookworm main"));
        assert!(taken("deb [signed-by=/k] http://mirror.test/s bookworm-security main"));
        assert!(!taken("# deb http://mirror.test/debian bookworm main"));
        assert!(!taken("deb https://vendor.test/apt cloud-bookworm main"));
        let taken = |text: &str| stanza(text, "bookworm", Release::Own).is_some();
        assert!(taken("Types: deb\nSuites: bookworm bookworm-updates\nComponents: main"));
        assert!(!taken("Types: deb\nSuites: bookworm-backports\nComponents: main"));
    }

    #[test]
    fn another_release_comes_from_where_the_machine_has_its_own() {
        let swapped = |text: &str| line(text, "bookworm", Release::Other("forky"));
        let main = swapped("deb [signed-by=/k] http://mirror.test/debian bookworm main");
        assert_eq!(main.as_deref(), Some("deb [signed-by=/k] http://mirror.test/debian forky main"));
        assert_eq!(swapped("deb http://mirror.test/debian bookworm-updates main"), None);
        let swapped = |text: &str| stanza(text, "bookworm", Release::Other("forky"));
        let main = swapped("Types: deb\nSuites: bookworm bookworm-updates\nSigned-By: /k");
        assert_eq!(main.as_deref(), Some("Types: deb\nSuites: forky\nSigned-By: /k"));
        assert_eq!(swapped("Types: deb\nSuites: bookworm-security"), None);
    }
}
