//! Disks, as `lsblk` lists them and `wipefs` takes what stands on them away.

use dip_core::provider::Output;
use serde_json::json;

use crate::linux::shell::{Invocation, Shell, failed, said};

/// `lsblk --json ...`: the disks that the site file names for the node, the system on the first one.
pub(super) fn lsblk(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    if !invocation.has("--json") {
        return failed(1, "lsblk: only --json is simulated");
    }
    let disks = shell.disks().into_iter().enumerate().map(|(index, (path, serial))| {
        let mountpoint = (index == 0).then_some("/");
        let part = json!({"path": format!("{path}1"), "serial": null, "type": "part", "mountpoint": mountpoint});
        json!({"path": path, "serial": serial, "type": "disk", "mountpoint": null, "children": [part]})
    });
    said(json!({"blockdevices": disks.collect::<Vec<_>>()}).to_string())
}

/// `wipefs [--all] DEVICE`: what stands on a device, which is a partition table until it is wiped.
pub(super) fn wipefs(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let Some(device) = invocation.arguments.last() else { return failed(1, "wipefs: no device specified") };
    let disks = shell.disks();
    let is_it = |path: &String| device == path || device.strip_prefix(path.as_str()) == Some("1");
    let Some((_, serial)) = disks.into_iter().find(|(path, _)| is_it(path)) else {
        return failed(1, format!("wipefs: error: {device}: probing initialization failed: No such file or directory"));
    };
    if !invocation.has("--all") {
        return said(if shell.linux(|linux| linux.is_wiped(&serial)) { "" } else { "gpt\nPMBR\n" });
    }
    // The partition goes with its disk.
    if !device.ends_with('1') && shell.linux(|linux| linux.wipe(&serial)) {
        shell.count(format!("wipe disk {serial}"));
    }
    said("")
}

impl Shell<'_> {
    /// The device paths and serial numbers of the node's disks.
    fn disks(&self) -> Vec<(String, String)> {
        let serials: Vec<String> =
            self.world.machine(self.node, |machine| machine.parts.disks.values().cloned().collect());
        ('a'..='z').map(|letter| format!("/dev/sd{letter}")).zip(serials).collect()
    }
}
