//! What differs between families of Linux: names of units, paths and programs, as one table that all steps read.

use dip_core::operation::OperationError;

use crate::node::Node;

/// Where a system says what it is (os-release(5)).
pub(crate) const OS_RELEASE: &str = "/etc/os-release";

/// A family of Linux distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Debian,
    RedHat,
    Suse,
}

/// How one family calls things, and where it keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) chrony: Chrony,
    pub(crate) exporter: Exporter,
    /// The unit of the SSH server.
    pub(crate) sshd: &'static str,
    /// As whom memcached runs.
    pub(crate) memcached_user: &'static str,
    pub(crate) packages: PackageManager,
}

/// chrony, whose one configuration file is written whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chrony {
    pub(crate) unit: &'static str,
    pub(crate) configuration: &'static str,
    /// Where administrators put their own settings.
    pub(crate) directory: &'static str,
    pub(crate) drift: &'static str,
}

/// The Prometheus node exporter, whose options stand in a file of shell variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exporter {
    pub(crate) unit: &'static str,
    pub(crate) configuration: &'static str,
    pub(crate) variable: &'static str,
}

/// How a package manager is told of its proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PackageManager {
    /// A file of its own (apt.conf(5)).
    Apt,
    /// `proxy=` in the section `[main]` of `/etc/dnf/dnf.conf` (dnf.conf(5)).
    Dnf,
    /// Shell variables in `/etc/sysconfig/proxy`, which zypper reads through libproxy, and login shells read too.
    Zypper,
}

const DEBIAN: Names = Names {
    chrony: Chrony {
        unit: "chrony",
        configuration: "/etc/chrony/chrony.conf",
        directory: "/etc/chrony/conf.d",
        drift: "/var/lib/chrony/chrony.drift",
    },
    exporter: Exporter {
        unit: "prometheus-node-exporter",
        configuration: "/etc/default/prometheus-node-exporter",
        variable: "ARGS",
    },
    sshd: "ssh",
    memcached_user: "memcache",
    packages: PackageManager::Apt,
};

/// As the packaging says (`chrony.spec` 4.5 of RHEL 8, `golang-github-prometheus-node-exporter.spec` 1.5 and `memcached.spec` 1.6.19 of
/// Fedora; the variable of the exporter is the one of Debian, whose unit has the same name). How dnf is told of a proxy was run, with
/// dnf 4.14; nobody has run the rest.
const RED_HAT: Names = Names {
    chrony: Chrony {
        unit: "chronyd",
        configuration: "/etc/chrony.conf",
        // The packages make none; chronyd minds no directory that is not there.
        directory: "/etc/chrony.d",
        drift: "/var/lib/chrony/drift",
    },
    exporter: Exporter {
        unit: "prometheus-node-exporter",
        configuration: "/etc/default/prometheus-node-exporter",
        variable: "ARGS",
    },
    sshd: "sshd",
    memcached_user: "memcached",
    packages: PackageManager::Dnf,
};

/// As the packaging of openSUSE says (`chrony.spec` 4.3, `prometheus-node_exporter.service` 1.8, `memcached.spec` 1.6). How zypper is
/// told of a proxy was run, with zypper 1.14; nobody has run the rest.
const SUSE: Names = Names {
    exporter: Exporter {
        unit: "prometheus-node_exporter",
        configuration: "/etc/sysconfig/prometheus-node_exporter",
        variable: "ARGS",
    },
    packages: PackageManager::Zypper,
    ..RED_HAT
};

impl Family {
    /// The family of a node's system; one that is not known has names that nobody here can tell.
    pub(crate) async fn of(node: &Node) -> Result<Self, OperationError> {
        let text = node.text(OS_RELEASE).await?.unwrap_or_default();
        Self::parse(&text).ok_or_else(|| {
            OperationError::Impossible(format!(
                "{OS_RELEASE} of node `{}` names no family of Linux that is known here (Debian, Red Hat, SUSE) in `ID` or `ID_LIKE`",
                node.name()
            ))
        })
    }

    /// The first family that `ID` or, for what is derived, `ID_LIKE` names (os-release(5)).
    fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\''])
        };
        let mut words = value("ID").split(' ').chain(value("ID_LIKE").split(' '));
        words.find_map(|word| match word {
            "debian" | "ubuntu" => Some(Self::Debian),
            "rhel" | "fedora" | "centos" => Some(Self::RedHat),
            "suse" | "sles" | "opensuse" => Some(Self::Suse),
            _ => None,
        })
    }

    pub(crate) const fn names(self) -> &'static Names {
        match self {
            Self::Debian => &DEBIAN,
            Self::RedHat => &RED_HAT,
            Self::Suse => &SUSE,
        }
    }
}

impl Names {
    /// The names on a node.
    pub(crate) async fn of(node: &Node) -> Result<&'static Self, OperationError> {
        Ok(Family::of(node).await?.names())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_of_the_family_that_it_names_itself_like() {
        // Lines as the distributions ship them.
        assert_eq!(Family::parse("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n"), Some(Family::Debian));
        assert_eq!(Family::parse("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), Some(Family::Debian));
        assert_eq!(Family::parse("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), Some(Family::RedHat));
        assert_eq!(Family::parse("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n"), Some(Family::Suse));
        assert_eq!(Family::parse("ID=\"sles\"\nID_LIKE=\"suse\"\n"), Some(Family::Suse));
        assert_eq!(Family::parse("VERSION_ID=3\nID=alpine\n"), None);
        assert_eq!(Family::parse(""), None);
    }
}
