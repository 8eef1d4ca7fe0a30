//! What a host needs to boot: the files laid over the base root, and the script that power on runs.

use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::cache::{Cache, Overlay};
use crate::error::LabError;
use crate::scratch::write;

/// Units of the base root that only disturb a lab: they look for updates.
const MASKED: [&str; 4] = ["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"];

/// Where the host gets its address from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Network {
    Dhcp,
    Static { address: Ipv4Addr, router: Ipv4Addr },
}

/// Writes the files that make a copy of the base root this host.
pub(crate) fn lay_over(upper: &Path, network: Network, authorized: &str) -> Result<(), LabError> {
    let file = |name: &str, text: &str| write(&upper.join(name), text);
    // The host has no name yet: to name it is the work of the operating system layer.
    file("etc/hostname", "unnamed\n")?;
    // An installer would write it; without it a program that listens on `localhost` does not start.
    file("etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")?;
    // Without an identity systemd would take the boot for the first and enable every service.
    let uuid = "/proc/sys/kernel/random/uuid";
    let uuid = std::fs::read_to_string(uuid).map_err(|source| LabError::file("read", uuid, source))?;
    file("etc/machine-id", &uuid.replace('-', ""))?;
    let address = match network {
        Network::Dhcp => "DHCP=ipv4\n".to_owned(),
        Network::Static { address, router } => format!("Address={address}/24\nGateway={router}\n"),
    };
    file(
        "etc/systemd/network/10-eth0.network",
        &format!(
            "[Match]\nName=eth0\n[Network]\n{address}LinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\n"
        ),
    )?;
    file(
        "etc/ssh/sshd_config.d/lab.conf",
        "HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin prohibit-password\nUseDNS no\n",
    )?;
    file("root/.ssh/authorized_keys", &format!("{authorized}\n"))?;
    mode(&upper.join("root"), 0o700)?;
    mode(&upper.join("root/.ssh"), 0o700)?;
    // The clock belongs to the machine below: chrony follows its server and sets nothing (-x).
    file("etc/systemd/system/chrony.service.d/lab.conf", "[Unit]\nConditionCapability=\n")?;
    file("etc/default/chrony", "DAEMON_OPTS=\"-F 1 -x\"\n")?;
    let wants = upper.join("etc/systemd/system/multi-user.target.wants");
    link("/lib/systemd/system/systemd-networkd.service", &wants.join("systemd-networkd.service"))?;
    for unit in MASKED {
        link("/dev/null", &upper.join("etc/systemd/system").join(unit))?;
    }
    Ok(())
}

/// The script that runs while the host is on. The BMC's hook gives it a session of its own and kills that.
///
/// The overlay is mounted in a mount namespace of the script, so that it is gone with the script.
pub(crate) fn power_on_script(dir: &Path, overlays: &[Overlay], namespace: &str) -> String {
    let cache = Cache::open();
    let dir = dir.display();
    // Of two, the left one wins (overlayfs).
    let roots = overlays.iter().map(|overlay| cache.overlay(*overlay)).chain([cache.base_root()]);
    let roots = roots.map(|root| root.display().to_string()).collect::<Vec<_>>().join(":");
    format!(
        r#"#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
if [ "$1" != boot ]; then
    # What ran before the plug was pulled may need a moment to vanish.
    while [ -n "$(ip netns pids {namespace})" ]; do sleep 0.02; done
    # A control group of its own: in a shared one, hosts would count each other's services as theirs.
    for tree in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [ -e "$tree/cgroup.procs" ] || continue
        mkdir -p "$tree/{namespace}"
        find "$tree/{namespace}" -mindepth 1 -depth -type d -exec rmdir {{}} + 2>/dev/null
        echo $$ >"$tree/{namespace}/cgroup.procs"
    done
    # A process namespace: when its first process is killed, the whole host is, at once.
    exec unshare --mount --propagation slave --pid --fork --kill-child --mount-proc "{dir}/poweron" boot
fi
mount -t overlay overlay -o "lowerdir={roots},upperdir={dir}/upper,workdir={dir}/work" "{dir}/root" || exit 1
# systemd-nspawn would leave locks and directories behind when it is killed.
mkdir -p /run/systemd/nspawn && mount -t tmpfs tmpfs /run/systemd/nspawn || exit 1
# A soft power-off reaches systemd-nspawn, which shuts the host down; this script waits for it.
trap : TERM
while :; do
    SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn --quiet --directory="{dir}/root" --machine={namespace} \
        --register=no --keep-unit --link-journal=no --capability=CAP_NET_ADMIN --network-namespace-path=/run/netns/{namespace} \
        --resolv-conf=off --timezone=off --boot
    # 133: the host asks for a reboot.
    [ $? = 133 ] || exit 0
done
"#
    )
}

fn mode(path: &Path, mode: u32) -> Result<(), LabError> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|source| LabError::file("protect", path, source))
}

fn link(target: &str, path: &Path) -> Result<(), LabError> {
    let make = || {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        symlink(target, path)
    };
    make().map_err(|source| LabError::file("link", path, source))
}
