//! Packages: what is installed, and what the mirror has.

use dip_core::provider::Output;

use crate::linux::shell::{Invocation, Shell, failed, said};

/// `apt-get [OPTION...] update | install NAME...`.
pub(super) fn apt_get(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let words = words(invocation);
    match words.split_first() {
        Some((&"update", _)) => said("Reading package lists... Done\n"),
        Some((&"install", names)) => {
            let missing = names.iter().find(|name| !shell.linux(|linux| linux.is_available(name)));
            if let Some(missing) = missing {
                return failed(100, format!("E: Unable to locate package {missing}"));
            }
            for name in names {
                if shell.linux(|linux| linux.install(name)) == Some(true) {
                    shell.count(format!("install {name}"));
                }
            }
            said("Reading package lists... Done\n")
        }
        Some((other, _)) => failed(100, format!("E: Invalid operation {other}")),
        None => failed(1, "apt 2.6.1 (amd64)"),
    }
}

/// The arguments without options and without the values of `-o` and `-t`.
fn words<'a>(invocation: &Invocation<'a>) -> Vec<&'a str> {
    let mut words = Vec::new();
    let mut arguments = invocation.arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "-o" || argument == "-t" {
            arguments.next();
        } else if !argument.starts_with('-') {
            words.push(argument.as_str());
        }
    }
    words
}

/// `dpkg --configure -a`: nothing is ever left half configured here.
pub(super) fn dpkg(_: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    if invocation.has("--configure") { said("") } else { failed(2, "dpkg: error: need an action option") }
}

/// `dpkg-query -W [-f FORMAT] NAME...`, `dpkg-query --show ...`.
pub(super) fn dpkg_query(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let format = invocation
        .arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("-f=").or_else(|| argument.strip_prefix("--showformat=")))
        .or_else(|| invocation.value("-f"))
        .unwrap_or("${Package}\\t${Version}\\n");
    let names = invocation.words().into_iter().filter(|word| *word != format);
    let (mut text, mut wrong) = (String::new(), String::new());
    for name in names {
        match shell.linux(|linux| linux.package(name).map(str::to_owned)) {
            Some(version) => text.push_str(&fill(format, name, &version)),
            None => wrong.push_str(&format!("dpkg-query: no packages found matching {name}\n")),
        }
    }
    let status = i32::from(!wrong.is_empty());
    Output { status: Some(status), stdout: text.into_bytes(), stderr: wrong.into_bytes() }
}

/// A format of dpkg-query(1) with the fields that an installed package has.
fn fill(format: &str, name: &str, version: &str) -> String {
    format
        .replace("${Package}", name)
        .replace("${binary:Package}", name)
        .replace("${Version}", version)
        .replace("${Architecture}", "amd64")
        .replace("${db:Status-Abbrev}", "ii ")
        .replace("${db:Status-Status}", "installed")
        .replace("${Status}", "install ok installed")
        .replace("\\n", "\n")
        .replace("\\t", "\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_filled_as_dpkg_query_does() {
        assert_eq!(fill("${Package} ${db:Status-Abbrev}${Version}\\n", "jq", "1.6"), "jq ii 1.6\n");
    }
}
