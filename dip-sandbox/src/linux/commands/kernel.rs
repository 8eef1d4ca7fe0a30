//! The kernel's own words: host name, settings, version.

use dip_core::provider::{FileContent, Output};

use crate::linux::kernel::{dotted, settings};
use crate::linux::shell::{Invocation, Shell, failed, said};

/// `hostname`, `hostname NAME`, `hostname -F FILE`.
pub(super) fn hostname(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let name = match invocation.value("-F").or_else(|| invocation.value("--file")) {
        Some(path) => shell.linux(|linux| linux.text(path)).map(|text| text.trim().to_owned()),
        None => invocation.words().first().map(|name| (*name).to_owned()),
    };
    match name {
        Some(name) => {
            set(shell, &name);
            said("")
        }
        None => said(format!("{}\n", shell.linux(|linux| linux.host_name().unwrap_or_default().to_owned()))),
    }
}

/// `hostnamectl`, `hostnamectl set-hostname NAME`, `hostnamectl hostname [NAME]`.
pub(super) fn hostnamectl(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    match invocation.words().as_slice() {
        ["set-hostname" | "hostname", name] => {
            set(shell, name);
            let content = FileContent { bytes: format!("{name}\n").into_bytes(), mode: 0o644 };
            if shell.linux(|linux| linux.write("/etc/hostname", &content)).is_ok_and(|changed| changed) {
                shell.count("write /etc/hostname");
            }
            said("")
        }
        [] | ["hostname" | "status"] => {
            said(format!("{}\n", shell.linux(|linux| linux.host_name().unwrap_or_default().to_owned())))
        }
        [other, ..] => failed(1, format!("Unknown command verb {other}.")),
    }
}

fn set(shell: &Shell<'_>, name: &str) {
    let changed = shell.linux(|linux| {
        let changed = linux.host_name() != Some(name);
        linux.set_host_name(name);
        changed
    });
    if changed {
        shell.count("set host name");
    }
}

/// `sysctl [-n] KEY...`, `sysctl [-w] KEY=VALUE...`, `sysctl -p FILE`, `sysctl --system`.
pub(super) fn sysctl(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let bare = invocation.has("-n") || invocation.has("--values");
    let quiet = invocation.has("-q") || invocation.has("--quiet");
    let mut wanted: Vec<(String, Option<String>)> = Vec::new();
    let load = |path: &str| shell.linux(|linux| linux.text(path)).unwrap_or_default();
    if invocation.has("--system") {
        let paths: Vec<_> =
            shell.linux(|linux| linux.files_under("/etc/sysctl.d").map(|(path, _)| path.clone()).collect());
        for path in paths {
            wanted.extend(settings(&load(&path)).map(|(key, value)| (key, Some(value))));
        }
    } else if let Some(path) = invocation.value("-p").or_else(|| invocation.value("--load")) {
        wanted.extend(settings(&load(path)).map(|(key, value)| (key, Some(value))));
    } else {
        for word in invocation.words() {
            wanted.push(match word.split_once('=') {
                Some((key, value)) => (dotted(key.trim()), Some(value.trim().to_owned())),
                None => (dotted(word), None),
            });
        }
    }
    let mut text = String::new();
    for (key, value) in wanted {
        if let Some(value) = &value {
            let (known, changed) = shell.linux(|linux| {
                let before = linux.kernel_value(&key).map(str::to_owned);
                (linux.set_kernel_value(&key, value), before.as_deref() != linux.kernel_value(&key))
            });
            if known && changed {
                shell.count(format!("set {key}"));
            }
        }
        let Some(now) = shell.linux(|linux| linux.kernel_value(&key).map(str::to_owned)) else {
            let path = key.replace('.', "/");
            return failed(255, format!("sysctl: cannot stat /proc/sys/{path}: No such file or directory"));
        };
        if bare {
            text.push_str(&now);
        } else if !(quiet && value.is_some()) {
            text.push_str(&format!("{key} = {now}"));
        } else {
            continue;
        }
        text.push('\n');
    }
    said(text)
}

pub(super) fn uname(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let key = match invocation.arguments.first().map(String::as_str) {
        Some("-r") => "kernel.osrelease",
        Some("-n") => return hostname(shell, &Invocation { arguments: &[], ..*invocation }),
        Some("-m") => return said("x86_64\n"),
        _ => "kernel.ostype",
    };
    said(format!("{}\n", shell.linux(|linux| linux.kernel_value(key).unwrap_or_default().to_owned())))
}
