//! Programs that know nothing of the system's parts.

use dip_core::provider::{FileContent, Output};

use crate::linux::shell::{Invocation, Shell, failed, said};

/// Does what cannot be seen from outside in this simulation, such as making a directory.
pub(super) fn accept(_: &Shell<'_>, _: &Invocation<'_>) -> Output {
    said("")
}

pub(super) fn fail(_: &Shell<'_>, _: &Invocation<'_>) -> Output {
    Output { status: Some(1), ..Output::default() }
}

pub(super) fn echo(_: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    said(format!("{}\n", invocation.arguments.join(" ")))
}

pub(super) fn cat(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let paths = invocation.words();
    if paths.is_empty() {
        return Output { status: Some(0), stdout: invocation.input.to_vec(), stderr: Vec::new() };
    }
    let mut stdout = Vec::new();
    for path in paths {
        match shell.linux(|linux| linux.read(path)) {
            Some(content) => stdout.extend(content.bytes),
            None => return failed(1, format!("cat: {path}: No such file or directory")),
        }
    }
    Output { status: Some(0), stdout, stderr: Vec::new() }
}

pub(super) fn date(shell: &Shell<'_>, _: &Invocation<'_>) -> Output {
    said(format!("{}\n", shell.world.time.date()))
}

/// `env NAME=VALUE... PROGRAM ARGUMENT...`: the environment changes nothing here.
pub(super) fn env(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let start = invocation.arguments.iter().position(|argument| !argument.contains('=')).unwrap_or(0);
    inner(shell, invocation, &invocation.arguments[start..])
}

/// `runuser -u NAME -- PROGRAM ARGUMENT...`: permissions are not simulated, the user must exist.
pub(super) fn runuser(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let name = invocation.value("-u").unwrap_or("root");
    if !shell.linux(|linux| linux.users().contains_key(name)) {
        return failed(
            1,
            format!("runuser: user {name} does not exist or the user entry does not contain all the required fields"),
        );
    }
    let start = invocation.arguments.iter().position(|argument| argument == "--").map_or(2, |at| at + 1);
    inner(shell, invocation, invocation.arguments.get(start..).unwrap_or_default())
}

fn inner(shell: &Shell<'_>, outer: &Invocation<'_>, words: &[String]) -> Output {
    match words.split_first() {
        Some((program, arguments)) => shell.invoke(&Invocation { program, arguments, input: outer.input }),
        None => said(""),
    }
}

/// `tee [-a] FILE...`
pub(super) fn tee(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    for path in invocation.words() {
        let changed = shell.linux(|linux| {
            let before = linux.read(path);
            let mode = before.as_ref().map_or(0o644, |content| content.mode);
            let mut bytes = before.filter(|_| invocation.has("-a")).map(|content| content.bytes).unwrap_or_default();
            bytes.extend_from_slice(invocation.input);
            linux.write(path, &FileContent { bytes, mode })
        });
        match changed {
            Ok(true) => shell.count(format!("write {path}")),
            Ok(false) => {}
            Err(why) => return failed(1, format!("tee: {why}")),
        }
    }
    Output { status: Some(0), stdout: invocation.input.to_vec(), stderr: Vec::new() }
}

/// `timeout SECONDS PROGRAM ARGUMENT...`: no simulated program outlasts it.
pub(super) fn timeout(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    inner(shell, invocation, invocation.arguments.get(1..).unwrap_or_default())
}
