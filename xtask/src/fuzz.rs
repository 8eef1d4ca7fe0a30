//! `cargo xtask fuzz [SECONDS [PARSER ...]]`: every parser of bytes from outside under libFuzzer, one after the other.

use std::fs;
use std::process::Command;

use crate::tool::{Done, repository};

/// Ten minutes: most parsers here have no new ways left after one.
const SECONDS: &str = "600";

pub(crate) fn run(words: &[&str]) -> Done {
    let (seconds, wanted) = words.split_first().map_or((SECONDS, &[][..]), |(seconds, wanted)| (*seconds, wanted));
    seconds.parse::<u32>().map_err(|_| format!("`{seconds}` is not a number of seconds"))?;
    let folder = repository().join("fuzz");
    let mut parsers: Vec<String> = fs::read_dir(folder.join("corpus"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()?;
    parsers.sort();
    if let Some(unknown) = wanted.iter().find(|wanted| !parsers.iter().any(|name| name == **wanted)) {
        return Err(format!("there is no parser `{unknown}`; there are {}", parsers.join(", ")).into());
    }
    parsers.retain(|name| wanted.is_empty() || wanted.contains(&name.as_str()));
    for parser in &parsers {
        println!("── {parser}");
        // What it finds on its way stays out of the repository; what made a parser fail is put among the seeds by hand.
        let grown = folder.join("target/grown").join(parser);
        let found = folder.join("artifacts").join(parser);
        fs::create_dir_all(&grown)?;
        fs::create_dir_all(&found)?;
        let status = Command::new("cargo")
            .args(["+nightly", "fuzz", "run", "--fuzz-dir", ".", "parsers"])
            .args([&grown, &folder.join("corpus").join(parser)])
            .arg("--")
            .args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={}/", found.display())])
            .args(["-timeout=20", "-rss_limit_mb=2048"])
            .env("DIP_FUZZ", parser)
            .current_dir(&folder)
            .status()
            .map_err(|error| format!("could not run cargo: {error}"))?;
        if !status.success() {
            return Err(format!("{parser} failed; what made it fail is in {}", found.display()).into());
        }
    }
    println!("{} parsers, {seconds} s each: nothing found", parsers.len());
    Ok(())
}
