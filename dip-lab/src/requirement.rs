//! What a test needs on this machine: programs, their packages, root, the base root of hosts.

use std::path::PathBuf;

use crate::cache::{Cache, Overlay};
use crate::error::Missing;

/// A program and the Debian package that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Program {
    /// The name of the executable, or the path of a file.
    pub name: &'static str,
    /// The package of Debian 12 that holds it.
    pub package: &'static str,
}

/// One thing that the lab can start, and what that takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Requirement {
    /// Prometheus' Alertmanager.
    Alertmanager,
    /// Ansible.
    Ansible,
    /// BIND with `dig` and `nsupdate`.
    Bind,
    /// chrony, server and client.
    Chrony,
    /// dnsmasq as DHCP server in a namespace, ISC dhclient as its client.
    Dnsmasq,
    /// etcd and `etcdctl`.
    Etcd,
    /// FreeIPMI, a second opinion on IPMI.
    FreeIpmi,
    /// QEMU and a kernel with modules.
    Guest,
    /// systemd-nspawn hosts on the base root.
    Hosts,
    /// The IPMI simulator and `ipmitool`.
    Ipmi,
    /// ISC dhcpd with its `omshell`, its relay, and ISC dhclient as its client.
    IscDhcpd,
    /// Kea 2.2, DHCPv4 and DHCPv6, and its control agent.
    Kea,
    /// Kea 3.0, DHCPv4 and DHCPv6, in a root of its own.
    Kea3,
    /// Knot DNS with its `keymgr`, and `dig` and `nsupdate` of BIND.
    Knot,
    /// Kea with its hosts in PostgreSQL.
    KeaPostgres,
    /// lldpd, with its own command.
    Lldpd,
    /// Nautobot with PostgreSQL and Redis.
    Nautobot,
    /// Virtual machines that boot from a network with dnsmasq: QEMU, the firmware of OVMF, iPXE.
    Netboot,
    /// netconfd of yuma123 behind OpenSSH.
    Netconfd,
    /// Ohai, on hosts that it is laid over.
    Ohai,
    /// Open vSwitch with the userspace datapath.
    OpenVSwitch,
    /// PowerDNS on sqlite, with `dig` of BIND.
    PowerDns,
    /// Prometheus and its node exporter.
    Prometheus,
    /// The Puppet server, on hosts that it is laid over.
    PuppetServer,
    /// pytest and maturin.
    Python,
    /// sushy-tools.
    Redfish,
    /// The package managers of the Red Hat family and of SUSE, on hosts that they are laid over.
    Rpm,
    /// Salt, on hosts that it is laid over.
    Salt,
    /// net-snmp, agent and client.
    Snmp,
    /// tinyproxy, an HTTP proxy.
    Tinyproxy,
}

impl Requirement {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Alertmanager,
        Self::Ansible,
        Self::Bind,
        Self::Chrony,
        Self::Dnsmasq,
        Self::Etcd,
        Self::FreeIpmi,
        Self::Guest,
        Self::Hosts,
        Self::Ipmi,
        Self::IscDhcpd,
        Self::Kea,
        Self::Kea3,
        Self::Knot,
        Self::KeaPostgres,
        Self::Lldpd,
        Self::Nautobot,
        Self::Netboot,
        Self::Netconfd,
        Self::Ohai,
        Self::OpenVSwitch,
        Self::PowerDns,
        Self::Prometheus,
        Self::PuppetServer,
        Self::Python,
        Self::Redfish,
        Self::Rpm,
        Self::Salt,
        Self::Snmp,
        Self::Tinyproxy,
    ];

    /// The programs of the system that it takes.
    pub fn programs(self) -> &'static [Program] {
        const fn program(name: &'static str, package: &'static str) -> Program {
            Program { name, package }
        }
        const IP: Program = program("ip", "iproute2");
        const SETSID: Program = program("setsid", "util-linux");
        const PYTHON: Program = program("python3", "python3");
        match self {
            Self::Alertmanager => const { &[SETSID, program("prometheus-alertmanager", "prometheus-alertmanager")] },
            Self::Ansible => {
                const { &[program("ansible-playbook", "ansible-core"), program("ansible", "ansible-core")] }
            }
            Self::Bind => {
                const {
                    &[
                        SETSID,
                        program("named", "bind9"),
                        program("tsig-keygen", "bind9"),
                        program("dig", "bind9-dnsutils"),
                        program("nsupdate", "bind9-dnsutils"),
                        program("rndc", "bind9-utils"),
                        program("unshare", "util-linux"),
                        program("nsenter", "util-linux"),
                        program("mount", "mount"),
                    ]
                }
            }
            Self::Chrony => const { &[SETSID, program("chronyd", "chrony"), program("chronyc", "chrony")] },
            Self::Dnsmasq => {
                const { &[SETSID, IP, program("dnsmasq", "dnsmasq-base"), program("dhclient", "isc-dhcp-client")] }
            }
            Self::Etcd => const { &[SETSID, program("etcd", "etcd-server"), program("etcdctl", "etcd-client")] },
            Self::FreeIpmi => const { &[program("ipmipower", "freeipmi-tools")] },
            Self::Guest => {
                const {
                    &[
                        program("qemu-system-x86_64", "qemu-system-x86"),
                        program("busybox", "busybox-static"),
                        program("cpio", "cpio"),
                        program("strip", "binutils"),
                        program("timeout", "coreutils"),
                    ]
                }
            }
            Self::Hosts => {
                const {
                    &[
                        SETSID,
                        IP,
                        program("systemd-nspawn", "systemd-container"),
                        program("unshare", "util-linux"),
                        program("mount", "mount"),
                        program("ethtool", "ethtool"),
                        program("ping", "iputils-ping"),
                        program("ps", "procps"),
                        program("ssh", "openssh-client"),
                        program("ssh-keygen", "openssh-client"),
                        program("sshd", "openssh-server"),
                    ]
                }
            }
            Self::Ipmi => {
                const {
                    &[
                        SETSID,
                        program("ipmi_sim", "openipmi"),
                        program("sdrcomp", "openipmi"),
                        program("ipmitool", "ipmitool"),
                    ]
                }
            }
            Self::IscDhcpd => {
                const {
                    &[
                        SETSID,
                        IP,
                        program("dhcpd", "isc-dhcp-server"),
                        program("omshell", "isc-dhcp-server"),
                        program("dhcrelay", "isc-dhcp-relay"),
                        program("dhclient", "isc-dhcp-client"),
                    ]
                }
            }
            Self::Kea => {
                const {
                    &[
                        SETSID,
                        IP,
                        program("kea-dhcp4", "kea-dhcp4-server"),
                        program("kea-dhcp6", "kea-dhcp6-server"),
                        program("kea-ctrl-agent", "kea-ctrl-agent"),
                        program("perfdhcp", "kea-admin"),
                        program("dhcrelay", "isc-dhcp-relay"),
                        program("dhclient", "isc-dhcp-client"),
                        program("openssl", "openssl"),
                    ]
                }
            }
            Self::Kea3 => {
                const {
                    &[
                        SETSID,
                        IP,
                        program("dhcrelay", "isc-dhcp-relay"),
                        program("dhclient", "isc-dhcp-client"),
                        program("openssl", "openssl"),
                    ]
                }
            }
            Self::Knot => {
                const {
                    &[
                        SETSID,
                        program("knotd", "knot"),
                        program("keymgr", "knot"),
                        program("dig", "bind9-dnsutils"),
                        program("nsupdate", "bind9-dnsutils"),
                        program("unshare", "util-linux"),
                        program("nsenter", "util-linux"),
                        program("mount", "mount"),
                    ]
                }
            }
            Self::KeaPostgres => {
                const {
                    &[
                        SETSID,
                        program("kea-admin", "kea-admin"),
                        program("psql", "postgresql-client"),
                        program("postgres", "postgresql"),
                        program("initdb", "postgresql"),
                        program("setpriv", "util-linux"),
                    ]
                }
            }
            Self::Lldpd => const { &[SETSID, IP, program("lldpd", "lldpd"), program("lldpcli", "lldpd")] },
            Self::Nautobot => {
                const {
                    &[
                        SETSID,
                        PYTHON,
                        program("setpriv", "util-linux"),
                        program("postgres", "postgresql"),
                        program("initdb", "postgresql"),
                        program("psql", "postgresql-client"),
                        program("createdb", "postgresql-client"),
                        program("pg_dump", "postgresql-client"),
                        program("pg_restore", "postgresql-client"),
                        program("redis-server", "redis-server"),
                    ]
                }
            }
            Self::Netboot => {
                const {
                    &[
                        SETSID,
                        IP,
                        program("dnsmasq", "dnsmasq-base"),
                        program("dhclient", "isc-dhcp-client"),
                        program("qemu-system-x86_64", "qemu-system-x86"),
                        program("busybox", "busybox-static"),
                        program("timeout", "coreutils"),
                    ]
                }
            }
            Self::Netconfd => {
                const {
                    &[
                        SETSID,
                        program("netconfd", "netconfd"),
                        program("netconf-subsystem", "netconfd"),
                        program("sshd", "openssh-server"),
                        program("ssh", "openssh-client"),
                        program("ssh-keygen", "openssh-client"),
                    ]
                }
            }
            Self::OpenVSwitch => {
                const {
                    &[
                        SETSID,
                        IP,
                        program("ethtool", "ethtool"),
                        program("ovsdb-server", "openvswitch-switch"),
                        program("ovs-vswitchd", "openvswitch-switch"),
                        program("ovs-vsctl", "openvswitch-switch"),
                        program("ovsdb-tool", "openvswitch-switch"),
                    ]
                }
            }
            Self::PowerDns => {
                const {
                    &[
                        SETSID,
                        program("pdns_server", "pdns-server"),
                        program("pdnsutil", "pdns-server"),
                        program("sqlite3", "sqlite3"),
                        program("dig", "bind9-dnsutils"),
                    ]
                }
            }
            Self::Prometheus => {
                const {
                    &[
                        SETSID,
                        program("prometheus", "prometheus"),
                        program("promtool", "prometheus"),
                        program("prometheus-node-exporter", "prometheus-node-exporter"),
                    ]
                }
            }
            Self::Ohai | Self::PuppetServer | Self::Rpm | Self::Salt => Self::Hosts.programs(),
            Self::Python => const { &[PYTHON] },
            Self::Redfish => const { &[SETSID, PYTHON, program("openssl", "openssl"), program("curl", "curl")] },
            Self::Snmp => {
                const { &[SETSID, PYTHON, program("snmpd", "snmpd"), program("snmpget", "snmp"), program("snmpset", "snmp")] }
            }
            Self::Tinyproxy => const { &[SETSID, program("tinyproxy", "tinyproxy-bin")] },
        }
    }

    /// The files that are no programs, by their Debian packages.
    pub fn files(self) -> &'static [Program] {
        match self {
            Self::Netboot => {
                const {
                    &[
                        Program { name: "/usr/share/OVMF/OVMF_CODE_4M.fd", package: "ovmf" },
                        Program { name: "/usr/lib/ipxe/qemu/pxe-virtio.rom", package: "ipxe-qemu" },
                        Program { name: "/usr/lib/ipxe/snponly.efi", package: "ipxe" },
                    ]
                }
            }
            Self::PowerDns => {
                const {
                    &[Program {
                        name: "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
                        package: "pdns-backend-sqlite3",
                    }]
                }
            }
            _ => &[],
        }
    }

    /// The programs of the Python environment that it takes.
    pub fn python_programs(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["pytest", "maturin"],
            Self::Redfish => &["sushy-emulator"],
            _ => &[],
        }
    }

    /// Whether only root can start it: it makes network namespaces or mounts, or refuses others (chronyd).
    pub fn needs_root(self) -> bool {
        matches!(
            self,
            Self::Chrony
                | Self::Dnsmasq
                | Self::Hosts
                | Self::IscDhcpd
                | Self::Kea
                | Self::Kea3
                | Self::KeaPostgres
                | Self::Lldpd
                | Self::Netboot
                | Self::Netconfd
                | Self::Ohai
                | Self::OpenVSwitch
                | Self::PuppetServer
                | Self::Rpm
                | Self::Salt
        )
    }

    /// What is laid over the base root of hosts for it.
    fn overlay(self) -> Option<Overlay> {
        match self {
            Self::Ohai => Some(Overlay::Ohai),
            Self::PuppetServer => Some(Overlay::PuppetServer),
            Self::Rpm => Some(Overlay::Rpm),
            Self::Salt => Some(Overlay::Salt),
            _ => None,
        }
    }

    /// Looks whether it can be started here.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn check(self) -> Result<(), Missing> {
        let missing = |what: String| Err(Missing { what, advice: "run `cargo xtask setup`" });
        for program in self.programs() {
            if find_program(program.name).is_none() {
                return missing(format!("`{}` (package {}) is not installed", program.name, program.package));
            }
        }
        for file in self.files() {
            if !std::path::Path::new(file.name).exists() {
                return missing(format!("{} (package {}) is not installed", file.name, file.package));
            }
        }
        let cache = Cache::open();
        for name in self.python_programs() {
            if !cache.python_program(name).exists() {
                return missing(format!("`{name}` is not in {}", cache.python().display()));
            }
        }
        if self == Self::Nautobot && !cache.nautobot_dump().exists() {
            return missing(format!("Nautobot and its dump are not in {}", cache.nautobot().display()));
        }
        if self.needs_root() && !is_root() {
            return Err(Missing { what: format!("{self:?} is started by root alone"), advice: "run as root" });
        }
        if self == Self::Hosts && !cache.base_root().join("usr/lib/systemd/systemd").exists() {
            return missing(format!("the base root of lab hosts is not in {}", cache.base_root().display()));
        }
        if let Some(overlay) = self.overlay() {
            Self::Hosts.check()?;
            if !cache.overlay(overlay).exists() {
                return missing(format!("{self:?} for lab hosts is not in {}", cache.overlay(overlay).display()));
            }
        }
        if self == Self::Kea3 && !cache.kea().exists() {
            let what = format!("Kea 3.0 is not in {}", cache.kea().display());
            return Err(Missing { what, advice: "run `cargo xtask setup`, which tells why where it cannot be had" });
        }
        if self == Self::Guest && !cache.kernel().join("vmlinuz").exists() {
            return missing(format!("the kernel of lab guests is not in {}", cache.kernel().display()));
        }
        Ok(())
    }

    /// Looks for all of several.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn check_all(requirements: &[Self]) -> Result<(), Missing> {
        requirements.iter().try_for_each(|requirement| requirement.check())
    }
}

impl From<Overlay> for Requirement {
    fn from(overlay: Overlay) -> Self {
        match overlay {
            Overlay::Ohai => Self::Ohai,
            Overlay::PuppetServer => Self::PuppetServer,
            Overlay::Rpm => Self::Rpm,
            Overlay::Salt => Self::Salt,
        }
    }
}

/// Finds a program in `PATH`, in the directories for the administrator, which a user's `PATH` may lack, and where Debian keeps the
/// servers of PostgreSQL, one directory for each release.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let releases = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .chain(releases.map(|release| release.path().join("bin")))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// Whether this process may make namespaces and mounts.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether `CI=true` is set: then all servers must be there, and nothing is built for a next time.
pub fn is_build_server() -> bool {
    std::env::var("CI").as_deref() == Ok("true")
}
