//! Running commands on a simulated system, and what is said of a program that it does not have.

use std::net::IpAddr;

use dip_core::id::NodeName;
use dip_core::provider::{Command, Output};

use super::system::Linux;
use crate::world::World;

/// A session on one node.
#[derive(Clone, Copy)]
pub(crate) struct Shell<'a> {
    pub(super) world: &'a World,
    pub(super) node: &'a NodeName,
    /// The programs stand above the shell: some of them run others through it.
    find: Find,
}

/// One program of the system.
pub(super) type Program = fn(&Shell<'_>, &Invocation<'_>) -> Output;

/// Finds the program of a name.
pub(super) type Find = fn(&str) -> Option<Program>;

/// A program's arguments and standard input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Invocation<'a> {
    pub(super) program: &'a str,
    pub(super) arguments: &'a [String],
    pub(super) input: &'a [u8],
}

impl<'a> Shell<'a> {
    pub(super) const fn new(world: &'a World, node: &'a NodeName, find: Find) -> Self {
        Self { world, node, find }
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, command: &Command) -> Output {
        let invocation = Invocation {
            program: command.program(),
            arguments: command.arguments(),
            input: command.standard_input().unwrap_or_default(),
        };
        self.invoke(&invocation)
    }

    pub(super) fn invoke(&self, invocation: &Invocation<'_>) -> Output {
        let name = invocation.program.rsplit('/').next().unwrap_or_default();
        match (self.find)(name) {
            Some(program) => program(self, invocation),
            None => failed(127, format!("{}: command not found", invocation.program)),
        }
    }

    /// Looks at the system, or changes it, for a moment.
    pub(super) fn linux<T>(&self, act: impl FnOnce(&mut Linux) -> T) -> T {
        self.world.machine(self.node, |machine| act(&mut machine.linux))
    }

    /// The addresses of a host, as the system's name service finds them: its own file first, then its resolvers.
    pub(crate) fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let (hosts, resolvers) = self.linux(|linux| {
            (linux.text("/etc/hosts").unwrap_or_default(), linux.text("/etc/resolv.conf").unwrap_or_default())
        });
        let own: Vec<_> = hosts
            .lines()
            .filter_map(|line| {
                let mut words = line.split('#').next()?.split_whitespace();
                let address = words.next()?.parse().ok()?;
                words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
            })
            .collect();
        if !own.is_empty() {
            return own;
        }
        let values = |key: &str| {
            let key = key.to_owned();
            resolvers.lines().filter_map(move |line| {
                let mut words = line.split_whitespace();
                (words.next()? == key).then(|| words.map(str::to_owned).collect::<Vec<_>>())
            })
        };
        let servers: Vec<IpAddr> = values("nameserver").flatten().filter_map(|server| server.parse().ok()).collect();
        let mut names = vec![name.to_owned()];
        if !name.contains('.') {
            names = values("search").flatten().map(|domain| format!("{name}.{domain}")).chain(names).collect();
        }
        names.iter().map(|name| self.world.resolve(&servers, name)).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// Tells the ledger of a change.
    pub(super) fn count(&self, action: impl Into<String>) {
        self.world.ledger.count(&dip_core::subject::Subject::node(self.node), action);
    }
}

impl<'a> Invocation<'a> {
    /// The arguments that are not options.
    pub(super) fn words(&self) -> Vec<&'a str> {
        self.arguments.iter().map(String::as_str).filter(|argument| !argument.starts_with('-')).collect()
    }

    /// Whether an option was given.
    pub(super) fn has(&self, option: &str) -> bool {
        self.arguments.iter().any(|argument| argument == option)
    }

    /// The value of an option, `--name value` or `--name=value`.
    pub(super) fn value(&self, option: &str) -> Option<&'a str> {
        let mut arguments = self.arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == option {
                return arguments.next().map(String::as_str);
            }
            if let Some(value) = argument.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')) {
                return Some(value);
            }
        }
        None
    }
}

/// A program that did what it should and said this.
pub(super) fn said(text: impl Into<String>) -> Output {
    Output { status: Some(0), stdout: text.into().into_bytes(), stderr: Vec::new() }
}

/// A program that failed and said why.
pub(super) fn failed(status: i32, text: impl Into<String>) -> Output {
    let mut text = text.into();
    text.push('\n');
    Output { status: Some(status), stdout: Vec::new(), stderr: text.into_bytes() }
}
