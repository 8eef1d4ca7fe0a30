//! A directory with a site of a few nodes, and the command run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A directory of its own with a site of a few nodes.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // What an earlier run of the test left there.
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("a directory for the test");
        let place = Self(directory);
        place.write("site.yaml", &dip::sandbox::datacenter(4, 2));
        place
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("a file for the test");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("a file that was written")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dip"));
        command.args(words).current_dir(&self.0).stdin(Stdio::null());
        for variable in ["DIP_JOURNAL", "DIP_LOG", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn dip(&self, words: &[&str]) -> Done {
        Done::of(self.command(words).output().expect("the command runs"), words)
    }

    /// The name of the only run.
    pub(crate) fn run(&self) -> String {
        let out = self.dip(&["runs", "--json"]).ends(0).out;
        let runs = json_lines(&out);
        assert_eq!(runs.len(), 1, "{out}");
        runs[0]["run"].as_str().expect("a run has a name").to_owned()
    }

    pub(crate) fn journal(&self, run: &str) -> PathBuf {
        self.0.join(format!(".dip/runs/{run}.journal"))
    }

    pub(crate) fn count_journals(&self) -> usize {
        std::fs::read_dir(self.0.join(".dip/runs")).map_or(0, Iterator::count)
    }
}

/// What a call left.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) words: String,
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn of(output: Output, words: &[&str]) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the command prints UTF-8");
        Self {
            words: words.join(" "),
            status: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn ends(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn prints(self, part: &str) -> Self {
        assert!(self.out.contains(part), "standard output of `{}` has no {part:?}: {self:#?}", self.words);
        self
    }

    #[track_caller]
    pub(crate) fn tells(self, part: &str) -> Self {
        assert!(self.err.contains(part), "standard error of `{}` has no {part:?}: {self:#?}", self.words);
        self
    }
}

pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Compares with a golden file; with `DIP_BLESS=1` it writes it instead.
#[track_caller]
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file is written");
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} is not as it was; look at it, and bless it with DIP_BLESS=1", path.display());
}
