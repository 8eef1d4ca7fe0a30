//! The programs of the simulated system, by name.

mod basic;
mod clients;
mod disks;
mod etcd;
mod kernel;
mod packages;
mod script;
mod services;
mod users;

use dip_core::id::NodeName;

use super::shell::{Program, Shell};
use crate::world::World;

/// Every program that the system has.
const PROGRAMS: &[(&str, Program)] = &[
    ("apt-get", packages::apt_get),
    ("bash", clients::bash),
    ("cat", basic::cat),
    ("chmod", basic::accept),
    ("chown", basic::accept),
    ("chronyc", clients::chronyc),
    ("date", basic::date),
    ("dpkg", packages::dpkg),
    ("dpkg-query", packages::dpkg_query),
    ("echo", basic::echo),
    ("env", basic::env),
    ("etcd", etcd::etcd),
    ("false", basic::fail),
    ("getent", users::getent),
    ("groupadd", users::groupadd),
    ("hostname", kernel::hostname),
    ("hostnamectl", kernel::hostnamectl),
    ("id", users::id),
    ("lsblk", disks::lsblk),
    ("mkdir", basic::accept),
    ("runuser", basic::runuser),
    ("sh", script::sh),
    ("sleep", basic::accept),
    ("sysctl", kernel::sysctl),
    ("systemctl", services::systemctl),
    ("tee", basic::tee),
    ("timeout", basic::timeout),
    ("true", basic::accept),
    ("uname", kernel::uname),
    ("useradd", users::useradd),
    ("usermod", users::usermod),
    ("wipefs", disks::wipefs),
];

/// A session on a node that has all of them.
pub(crate) const fn log_in<'a>(world: &'a World, node: &'a NodeName) -> Shell<'a> {
    Shell::new(world, node, find)
}

/// The program of a name.
fn find(name: &str) -> Option<Program> {
    PROGRAMS.binary_search_by_key(&name, |(known, _)| known).ok().map(|index| PROGRAMS[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_so_that_every_program_is_found() {
        for (name, _) in PROGRAMS {
            assert!(find(name).is_some(), "{name}");
        }
        assert!(find("no-such-program").is_none());
    }
}
