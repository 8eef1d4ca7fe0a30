//! Cinc, and Chef Infra Client by the same options: local mode with cookbooks of the site.
//!
//! Its configuration brings a handler of our own, which tells what a run does as JSON (Chef Infra Client 16 and 18).

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, Output, ProviderError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::transfer::Mirror;
use crate::provider::{ConfigAgent, Failed, Managed, Recap};

/// The name by which errors call it.
const PROVIDER: &str = "cinc";

const MIRROR: Mirror = Mirror { provider: PROVIDER, directory: "/etc/dip/cinc/cookbooks" };

/// The attributes of the node.
const ATTRIBUTES: &str = "/etc/dip/cinc/node.json";

const CONFIGURATION: &str = "/etc/dip/cinc/client.rb";

/// Where it finds cookbooks, and prints what happens as JSON.
const HANDLER: &str = include_str!("cinc_client.rb");

/// Of all that Ohai knows, what others ask for, each with its place.
const ASKED: [(&str, &str); 8] = [
    ("cpu_total", "/cpu/total"),
    ("fqdn", "/fqdn"),
    ("ipaddress", "/ipaddress"),
    ("kernel_machine", "/kernel/machine"),
    ("kernel_release", "/kernel/release"),
    ("memory_total", "/memory/total"),
    ("platform", "/platform"),
    ("platform_version", "/platform_version"),
];

/// Cinc with cookbooks.
#[derive(Debug)]
pub struct Cinc {
    program: String,
    cookbooks: PathBuf,
    run_list: Vec<String>,
}

impl Cinc {
    /// Cinc with cookbooks and what is run of them.
    #[must_use]
    pub fn new(program: String, cookbooks: PathBuf, run_list: Vec<String>) -> Self {
        Self { program, cookbooks, run_list }
    }

    /// What lies beside the cookbooks.
    fn files(&self, node: &Managed) -> [(&'static str, Vec<u8>); 2] {
        let attributes = json!({"dip": node.facts(), "run_list": self.run_list});
        [(ATTRIBUTES, attributes.to_string().into_bytes()), (CONFIGURATION, HANDLER.into())]
    }

    async fn go(&self, node: &Managed, host: &dyn Host, more: &[&str]) -> Result<Recap, ProviderError> {
        let command = Command::new(&self.program)
            .args(["--local-mode", "--config", CONFIGURATION, "--json-attributes", ATTRIBUTES])
            .args(["--no-color", "--format", "null", "--force-formatter", "--node-name", &node.name])
            .args(more.iter().copied());
        let output = host.run(&command).await?;
        let failed = |kind| ProviderError::new(kind, PROVIDER, format!("run on `{}`", node.node));
        if output.status == Some(127) {
            return Err(failed(ErrorKind::Unsupported)
                .because(output.error_text())
                .advise(format!("install `{}` on the node, from cinc.sh or a mirror of it", self.program)));
        }
        match Outcome::read(&output.text()) {
            Outcome::Came(recap) => Ok(recap),
            Outcome::Refused(words) => Err(failed(ErrorKind::Invalid).because(words)),
            Outcome::Untold => Err(failed(ErrorKind::Unexpected).because(last_words(&output))),
        }
    }
}

/// A line of the handler.
#[derive(Debug, Deserialize)]
struct Told {
    event: Event,
    what: String,
    words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Changed,
    Failed,
    /// The run came to its end.
    Completed,
    /// The run was broken off.
    Stopped,
}

/// What became of a run.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Came(Recap),
    /// It was broken off before a resource failed: what it should do cannot be read.
    Refused(String),
    /// It told no end.
    Untold,
}

impl Outcome {
    /// The status of the program says less: a run that asks for a reboot ends with 35 (Chef RFC 062).
    fn read(text: &str) -> Self {
        let (mut recap, mut end) = (Recap::default(), None);
        for told in text.lines().filter_map(|line| serde_json::from_str::<Told>(line).ok()) {
            match told.event {
                // A file that is made is told by each property of it.
                Event::Changed if recap.changed.contains(&told.what) => {}
                Event::Changed => recap.changed.push(told.what),
                Event::Failed => recap.failed.push(Failed { what: told.what, words: plain(&told.words) }),
                Event::Completed | Event::Stopped => {
                    // What has failed until then, failed within a resource whose failures count for nothing.
                    if told.event == Event::Completed {
                        recap.failed.clear();
                    }
                    end = Some(told);
                }
            }
        }
        match end {
            None => Self::Untold,
            Some(end) if end.event == Event::Stopped && recap.failed.is_empty() => Self::Refused(plain(&end.words)),
            Some(_) => Self::Came(recap),
        }
    }
}

/// The words of an error in one line, without the frame around what a command has printed.
fn plain(words: &str) -> String {
    let frame = |line: &&str| {
        ["---- Begin output of ", "---- End output of ", "Ran "].iter().any(|start| line.starts_with(start))
            || ["", "STDOUT:", "STDERR:", "^"].contains(line)
    };
    words.lines().map(str::trim).filter(|line| !frame(line)).collect::<Vec<_>>().join("; ")
}

/// What a program that never began said: its log goes to the standard output.
fn last_words(output: &Output) -> String {
    let log = output.text();
    let fatal: Vec<_> = log.lines().filter_map(|line| Some(line.split_once("FATAL: ")?.1)).collect();
    match output.error_text() {
        words if !fatal.is_empty() => [fatal.join("; "), words].join("; ").trim_end_matches("; ").to_owned(),
        words if words.is_empty() => log,
        words => words,
    }
}

#[async_trait]
impl ConfigAgent for Cinc {
    fn product(&self) -> &'static str {
        "Cinc"
    }

    async fn probe(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        let mut new = MIRROR.differs(host, &self.cookbooks).await?;
        for (path, bytes) in self.files(node) {
            if host.read(path).await?.is_none_or(|now| now.bytes != bytes) {
                new.push(path.to_owned());
            }
        }
        if !new.is_empty() {
            return Ok(Recap { changed: new, failed: Vec::new() });
        }
        self.go(node, host, &["--why-run"]).await
    }

    async fn run(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        MIRROR.put(host, &self.cookbooks).await?;
        for (path, bytes) in self.files(node) {
            host.write(path, &FileContent { bytes, mode: 0o600 }).await?;
        }
        self.go(node, host, &[]).await
    }

    async fn facts(&self, node: &Managed, host: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError> {
        // Asked for single attributes, it tells nothing at all where the node lacks one, such as `fqdn`.
        let output = host.run(&Command::new("ohai")).await?;
        let told: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
            let failed =
                ProviderError::new(ErrorKind::Unexpected, PROVIDER, format!("read the facts of `{}`", node.node));
            match output.error_text() {
                words if words.is_empty() => failed.because(error),
                words => failed.because(words),
            }
        })?;
        let of = |(name, place): (&str, &str)| Some((name.to_owned(), told.pointer(place)?.clone()));
        Ok(ASKED.into_iter().filter_map(of).filter(|(_, value)| !value.is_null()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by Chef Infra Client 18.11, shortened: a cookbook with a custom resource and a command that prints what looks like a log.
    const MANY: &str = r#"[2026-11-26T17:21:40+00:00] WARN: No config file found
{"event":"changed","what":"file[/etc/multi] action create","words":""}

{"event":"changed","what":"file[/etc/multi] action create","words":""}
  * file[x] action create
    - update
{"event":"changed","what":"many_custom[one] action create","words":""}

{"event":"completed","what":"","words":""}
"#;

    /// The same for a command that fails; the formatter `null` does not keep back what is told of errors.
    const BROKEN: &str = r#"
{"event":"changed","what":"file[/etc/trial-first] action create","words":""}

================================================================================
Error executing action `run` on resource 'execute[something that cannot be]'
================================================================================

Mixlib::ShellOut::ShellCommandFailed
------------------------------------
Expected process to exit with [0], but received '3'

{"event":"failed","what":"execute[something that cannot be] action run","words":"Expected process to exit with [0], but received '3'\n---- Begin output of echo nothing works; echo and more >&2; exit 3 ----\nSTDOUT: nothing works\nSTDERR: and more\n---- End output of echo nothing works; echo and more >&2; exit 3 ----\nRan echo nothing works; echo and more >&2; exit 3 returned 3"}
[2026-11-26T17:24:27+00:00] ERROR: Running exception handlers

{"event":"stopped","what":"Mixlib::ShellOut::ShellCommandFailed","words":"execute[something that cannot be] (broken::default line 4) had an error: ..."}
[2026-11-26T17:24:27+00:00] FATAL: Stacktrace dumped to /var/cache/dip/cinc/cache/chef-stacktrace.out
"#;

    const SYNTAX: &str = r#"
{"event":"stopped","what":"SyntaxError","words":"/var/cache/dip/cinc/cache/cookbooks/syntax/recipes/default.rb:2: syntax error, unexpected end-of-input, expecting `end'\n  content \"a\"\n             ^"}
"#;

    fn came(text: &str) -> Recap {
        match Outcome::read(text) {
            Outcome::Came(recap) => recap,
            other => panic!("it ran, and is {other:?}"),
        }
    }

    #[test]
    fn each_change_is_told_once_and_what_a_command_prints_is_none() {
        let recap = came(MANY);
        assert_eq!(recap.changed, ["file[/etc/multi] action create", "many_custom[one] action create"]);
        assert_eq!(recap.failed, []);
    }

    #[test]
    fn a_failed_part_is_told_with_what_its_command_printed() {
        let recap = came(BROKEN);
        assert_eq!(recap.changed, ["file[/etc/trial-first] action create"]);
        assert_eq!(recap.failed[0].what, "execute[something that cannot be] action run");
        let words = "Expected process to exit with [0], but received '3'; STDOUT: nothing works; STDERR: and more";
        assert_eq!(recap.failed[0].words, words);
        assert_eq!(recap.failed.len(), 1);
    }

    #[test]
    fn what_was_ignored_in_a_run_that_came_to_its_end_is_no_failure() {
        let failed = r#"{"event":"failed","what":"execute[x] action run","words":"no"}"#;
        let completed = r#"{"event":"completed","what":"","words":""}"#;
        assert_eq!(came(&format!("{failed}\n{completed}")).failed, []);
        // A reboot that could not be asked for, after the end.
        assert_eq!(came(&format!("{completed}\n{failed}")).failed.len(), 1);
    }

    #[test]
    fn cookbooks_that_cannot_be_read_are_refused_in_the_words_of_ruby() {
        let Outcome::Refused(words) = Outcome::read(SYNTAX) else { panic!("there is no run") };
        assert!(
            words.ends_with("default.rb:2: syntax error, unexpected end-of-input, expecting `end'; content \"a\""),
            "{words}"
        );
    }

    #[test]
    fn a_program_that_never_began_is_told_by_the_end_of_its_log() {
        let log = "[2026-11-26T17:20:02+00:00] FATAL: LoadError: cannot load such file -- rackup\n";
        assert_eq!(Outcome::read(log), Outcome::Untold);
        let output = Output { status: Some(1), stdout: log.into(), stderr: Vec::new() };
        assert_eq!(last_words(&output), "LoadError: cannot load such file -- rackup");
    }
}
