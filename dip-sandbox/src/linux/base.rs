//! What is on the disk of a node before dip comes: a minimal Debian 12, its clients installed and not started.

/// Files, all with mode 0644.
pub(super) const FILES: &[(&str, &str)] = &[
    ("/etc/debian_version", "12.7\n"),
    ("/etc/hostname", "localhost\n"),
    ("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
    ("/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n"),
    (
        "/etc/chrony/chrony.conf",
        "confdir /etc/chrony/conf.d\nsourcedir /etc/chrony/sources.d\ndriftfile /var/lib/chrony/chrony.drift\nmakestep 1 3\nrtcsync\n",
    ),
    ("/etc/default/chrony", "DAEMON_OPTS=\"-F 1\"\n"),
    ("/etc/default/prometheus-node-exporter", "ARGS=\"\"\n"),
    ("/etc/default/etcd", ""),
    ("/etc/resolv.conf", ""),
];

/// Packages with their versions.
pub(super) const PACKAGES: &[(&str, &str)] = &[
    ("base-files", "12.4+deb12u7"),
    ("bash", "5.2.15-2+b7"),
    ("chrony", "4.3-2+deb12u1"),
    ("coreutils", "9.1-1"),
    ("curl", "7.88.1-10+deb12u7"),
    ("etcd-client", "3.4.23-4+b4"),
    ("etcd-server", "3.4.23-4+b4"),
    ("libc6", "2.36-9+deb12u8"),
    ("openssh-server", "1:9.2p1-2+deb12u3"),
    ("prometheus-node-exporter", "1.5.0-1+b6"),
    ("systemd", "252.30-1~deb12u2"),
    ("systemd-sysv", "252.30-1~deb12u2"),
];

/// Packages that the mirror has beside those: what can be installed.
pub(super) const MIRROR: &[(&str, &str)] = &[
    ("bird2", "2.0.12-7"),
    ("btrfs-progs", "6.2-1"),
    ("ca-certificates", "20230311"),
    ("dmidecode", "3.4-1"),
    ("ethtool", "1:6.1-1"),
    ("gdisk", "1.0.9-2.1"),
    ("git", "1:2.39.5-0+deb12u1"),
    ("htop", "3.2.2-2"),
    ("iperf3", "3.12-1+deb12u1"),
    ("ipmitool", "1.8.19-4+deb12u1"),
    ("iproute2", "6.1.0-3"),
    ("jq", "1.6-2.1"),
    ("less", "590-2.1~deb12u2"),
    ("lldpd", "1.0.16-1+deb12u1"),
    ("lvm2", "2.03.16-2"),
    ("mdadm", "4.2-5"),
    ("nano", "7.2-1+deb12u1"),
    ("nvme-cli", "2.4+really2.3-3"),
    ("pciutils", "1:3.9.0-4"),
    ("python3", "3.11.2-1+b1"),
    ("rsync", "3.2.7-1+deb12u2"),
    ("rsyslog", "8.2302.0-1"),
    ("smartmontools", "7.3-1+b1"),
    ("strace", "6.1-0.1"),
    ("sudo", "1.9.13p3-1+deb12u1"),
    ("tcpdump", "4.99.3-1"),
    ("tmux", "3.3a-3"),
    ("vim", "2:9.0.1378-2"),
    ("wget", "1.21.3-1+deb12u1"),
    ("xfsprogs", "6.1.0-1"),
];

/// Groups that every system has.
pub(super) const GROUPS: &[&str] = &["root", "adm", "disk", "sudo", "users", "video", "_chrony", "etcd", "prometheus"];

/// Services by their unit and the package that brings each; those of the second list are enabled from the start.
pub(super) const UNITS: &[(&str, &str)] = &[
    ("chrony", "chrony"),
    ("etcd", "etcd-server"),
    ("prometheus-node-exporter", "prometheus-node-exporter"),
    ("ssh", "openssh-server"),
    ("systemd-networkd", "systemd"),
    ("systemd-journald", "systemd"),
];

pub(super) const ENABLED: &[&str] = &["ssh", "systemd-networkd", "systemd-journald"];

/// Kernel settings as the kernel starts with them.
pub(super) const KERNEL: &[(&str, &str)] = &[
    ("fs.file-max", "9223372036854775807"),
    ("fs.inotify.max_user_instances", "128"),
    ("fs.inotify.max_user_watches", "524288"),
    ("kernel.ostype", "Linux"),
    ("kernel.osrelease", "6.1.0-25-amd64"),
    ("kernel.panic", "0"),
    ("kernel.pid_max", "4194304"),
    ("kernel.randomize_va_space", "2"),
    ("kernel.sysrq", "438"),
    ("kernel.threads-max", "127418"),
    ("net.core.rmem_max", "212992"),
    ("net.core.somaxconn", "4096"),
    ("net.core.wmem_max", "212992"),
    ("net.ipv4.conf.all.forwarding", "0"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.ip_forward", "0"),
    ("net.ipv4.ip_local_port_range", "32768\t60999"),
    ("net.ipv4.tcp_keepalive_time", "7200"),
    ("net.ipv4.tcp_max_syn_backlog", "1024"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv6.conf.all.accept_ra", "1"),
    ("net.ipv6.conf.all.disable_ipv6", "0"),
    ("net.ipv6.conf.all.forwarding", "0"),
    ("vm.dirty_ratio", "20"),
    ("vm.max_map_count", "65530"),
    ("vm.min_free_kbytes", "67584"),
    ("vm.overcommit_memory", "0"),
    ("vm.swappiness", "60"),
];
