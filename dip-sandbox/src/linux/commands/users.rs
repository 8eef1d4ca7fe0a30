//! Users, groups, and the name service that tells of them and of hosts.

use std::collections::BTreeSet;

use dip_core::provider::Output;

use crate::linux::shell::{Invocation, Shell, failed, said};
use crate::linux::system::User;

/// `getent passwd|group [KEY...]`, `getent hosts|ahosts NAME...`. Status 2 where a key is not found, as getent(1) says.
pub(super) fn getent(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let words = invocation.words();
    let Some((database, keys)) = words.split_first() else { return failed(1, "getent: wrong number of arguments") };
    let all = |database: &str| match database {
        "passwd" => shell.linux(|linux| linux.users().keys().cloned().collect::<Vec<_>>()),
        _ => shell.linux(|linux| linux.groups().map(str::to_owned).collect()),
    };
    let keys: Vec<String> = match (*database, keys) {
        ("passwd" | "group", []) => all(database),
        (_, keys) => keys.iter().map(|key| (*key).to_owned()).collect(),
    };
    let mut text = String::new();
    for key in &keys {
        let line = match *database {
            "passwd" => shell.linux(|linux| linux.passwd_line(key)),
            "group" => shell.linux(|linux| linux.has_group(key).then(|| linux.group_line(key))),
            "hosts" | "ahosts" | "ahostsv4" | "ahostsv6" => hosts(shell, database, key),
            other => return failed(1, format!("Unknown database: {other}")),
        };
        match line {
            Some(line) => text.push_str(&(line + "\n")),
            None => return Output { status: Some(2), stdout: text.into_bytes(), stderr: Vec::new() },
        }
    }
    said(text)
}

/// What the system's name service says of a host: its own file first, then the resolvers of `/etc/resolv.conf`.
fn hosts(shell: &Shell<'_>, database: &str, name: &str) -> Option<String> {
    let addresses = shell.addresses(name);
    let wanted: Vec<_> = addresses
        .into_iter()
        .filter(|address| match database {
            "ahostsv4" => address.is_ipv4(),
            "ahostsv6" => address.is_ipv6(),
            _ => true,
        })
        .collect();
    // `hosts` tells only the IPv6 addresses where a name has both (getent(1) asks gethostbyname2 for them first).
    let six = database == "hosts" && wanted.iter().any(std::net::IpAddr::is_ipv6);
    let lines: Vec<_> =
        wanted
            .iter()
            .filter(|address| !six || address.is_ipv6())
            .map(|address| {
                if database == "hosts" {
                    format!("{address:<15} {name}")
                } else {
                    format!("{address:<15} STREAM {name}")
                }
            })
            .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// `id NAME`, `id -u NAME`, `id -nG NAME`.
pub(super) fn id(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let words = invocation.words();
    let name = words.first().copied().unwrap_or("root");
    let Some(user) = shell.linux(|linux| linux.users().get(name).cloned()) else {
        return failed(1, format!("id: ‘{name}’: no such user"));
    };
    let groups: Vec<_> = std::iter::once(name).chain(user.groups.iter().map(String::as_str)).collect();
    if invocation.has("-u") {
        said(format!("{}\n", user.id))
    } else if invocation.has("-nG") || invocation.has("-Gn") {
        said(format!("{}\n", groups.join(" ")))
    } else {
        said(format!("uid={0}({name}) gid={0}({name}) groups={1}\n", user.id, groups.join(",")))
    }
}

/// `groupadd [--force] NAME`.
pub(super) fn groupadd(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let words = invocation.words();
    let Some(name) = words.last() else { return failed(2, "groupadd: a name is needed") };
    if shell.linux(|linux| !linux.has_group(name) && linux.add_group(name)) {
        shell.count(format!("add group {name}"));
        said("")
    } else if invocation.has("-f") || invocation.has("--force") {
        said("")
    } else {
        failed(9, format!("groupadd: group '{name}' already exists"))
    }
}

/// `useradd [-m] [-s SHELL] [-G GROUPS] [-d HOME] NAME`.
pub(super) fn useradd(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let Some(name) = invocation.arguments.last().filter(|name| !name.starts_with('-')) else {
        return failed(2, "useradd: a name is needed");
    };
    if shell.linux(|linux| linux.users().contains_key(name)) {
        return failed(9, format!("useradd: user '{name}' already exists"));
    }
    let groups = match known_groups(shell, invocation, "useradd") {
        Ok(groups) => groups,
        Err(output) => return output,
    };
    let login = value(invocation, &["-s", "--shell"]).unwrap_or("/bin/sh").to_owned();
    let home = value(invocation, &["-d", "--home-dir"]).map_or_else(|| format!("/home/{name}"), str::to_owned);
    shell.linux(|linux| {
        let id = linux.users().values().map(|user| user.id + 1).max().unwrap_or_default().max(1000);
        linux.users_mut().insert(name.clone(), User { id, home, shell: login, groups });
    });
    shell.count(format!("add user {name}"));
    said("")
}

/// `usermod [-s SHELL] [-aG GROUPS | -G GROUPS] NAME`.
pub(super) fn usermod(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let Some(name) = invocation.arguments.last().filter(|name| !name.starts_with('-')) else {
        return failed(2, "usermod: a name is needed");
    };
    let groups = match known_groups(shell, invocation, "usermod") {
        Ok(groups) => groups,
        Err(output) => return output,
    };
    let appends = ["-a", "-aG", "--append"].iter().any(|option| invocation.has(option));
    let login = value(invocation, &["-s", "--shell"]).map(str::to_owned);
    let changed = shell.linux(|linux| {
        let user = linux.users_mut().get_mut(name)?;
        let before = user.clone();
        if let Some(login) = login {
            user.shell = login;
        }
        if appends {
            user.groups.extend(groups);
        } else if value(invocation, &["-G", "--groups"]).is_some() {
            user.groups = groups;
        }
        Some(before != *user)
    });
    match changed {
        None => return failed(6, format!("usermod: user '{name}' does not exist")),
        Some(true) => shell.count(format!("change user {name}")),
        Some(false) => {}
    }
    said("")
}

fn value<'a>(invocation: &Invocation<'a>, options: &[&str]) -> Option<&'a str> {
    options.iter().find_map(|option| invocation.value(option))
}

/// The groups that an invocation names, all of which must exist.
fn known_groups(shell: &Shell<'_>, invocation: &Invocation<'_>, program: &str) -> Result<BTreeSet<String>, Output> {
    let named = value(invocation, &["-G", "-aG", "--groups"]).unwrap_or_default();
    let groups: BTreeSet<String> = named.split(',').filter(|group| !group.is_empty()).map(str::to_owned).collect();
    match groups.iter().find(|group| !shell.linux(|linux| linux.has_group(group))) {
        Some(missing) => Err(failed(6, format!("{program}: group '{missing}' does not exist"))),
        None => Ok(groups),
    }
}
