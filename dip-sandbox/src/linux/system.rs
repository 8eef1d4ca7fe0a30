//! The state of an installed system: what is on its disk, and what lives in its memory while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dip_core::provider::FileContent;

use super::base;
use super::kernel::{self, Kernel};

/// An installed system.
#[derive(Debug, Clone)]
pub(crate) struct Linux {
    files: BTreeMap<String, FileContent>,
    users: BTreeMap<String, User>,
    groups: BTreeSet<String>,
    /// Installed packages beside those of the base.
    packages: BTreeMap<String, String>,
    enabled: BTreeSet<String>,
    /// The serial numbers of disks on which nothing stands any more.
    wiped: BTreeSet<String>,
    live: Option<Live>,
}

/// A user of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) home: String,
    pub(crate) shell: String,
    pub(crate) groups: BTreeSet<String>,
}

/// What is lost without power.
#[derive(Debug, Clone)]
struct Live {
    boot_id: String,
    host_name: String,
    kernel: Kernel,
    /// Running services with the time of their start.
    running: BTreeMap<String, Duration>,
}

impl Default for Linux {
    fn default() -> Self {
        let file = |text: &str| FileContent { bytes: text.as_bytes().to_vec(), mode: 0o644 };
        let root = User { id: 0, home: "/root".into(), shell: "/bin/bash".into(), groups: BTreeSet::new() };
        Self {
            files: base::FILES.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect(),
            users: BTreeMap::from([("root".to_owned(), root)]),
            groups: base::GROUPS.iter().map(|group| (*group).to_owned()).collect(),
            packages: BTreeMap::new(),
            enabled: base::ENABLED.iter().map(|unit| (*unit).to_owned()).collect(),
            wiped: BTreeSet::new(),
            live: None,
        }
    }
}

impl Linux {
    pub(crate) fn is_up(&self) -> bool {
        self.live.is_some()
    }

    /// Starts: host name and kernel settings as the disk says, and the enabled services.
    pub(crate) fn start(&mut self, now: Duration, boot_id: String) {
        let mut kernel = Kernel::default();
        let settings =
            self.files.range("/etc/sysctl.d/".to_owned()..).take_while(|(path, _)| path.starts_with("/etc/sysctl.d/"));
        for (_, content) in settings {
            for (key, value) in kernel::settings(&String::from_utf8_lossy(&content.bytes)) {
                // systemd-sysctl says so in the journal and goes on.
                let _known = kernel.set(&key, &value);
            }
        }
        let host_name =
            self.text("/etc/hostname").map_or_else(|| "localhost".to_owned(), |text| text.trim().to_owned());
        let running = self.enabled.iter().map(|unit| (unit.clone(), now)).collect();
        self.live = Some(Live { boot_id, host_name, kernel, running });
    }

    /// Stops, with or without warning.
    pub(crate) fn halt(&mut self) {
        self.live = None;
    }

    /// Takes away what stands on a disk; tells whether there was anything.
    pub(super) fn wipe(&mut self, serial: &str) -> bool {
        self.wiped.insert(serial.to_owned())
    }

    pub(super) fn is_wiped(&self, serial: &str) -> bool {
        self.wiped.contains(serial)
    }

    /// The serial numbers of wiped disks.
    pub(crate) fn wiped(&self) -> &BTreeSet<String> {
        &self.wiped
    }

    pub(crate) fn host_name(&self) -> Option<&str> {
        self.live.as_ref().map(|live| live.host_name.as_str())
    }

    pub(super) fn set_host_name(&mut self, name: &str) {
        if let Some(live) = &mut self.live {
            name.clone_into(&mut live.host_name);
        }
    }

    pub(super) fn kernel_value(&self, key: &str) -> Option<&str> {
        self.live.as_ref()?.kernel.value(key)
    }

    pub(super) fn set_kernel_value(&mut self, key: &str, value: &str) -> bool {
        self.live.as_mut().is_some_and(|live| live.kernel.set(key, value))
    }

    /// Reads a file; those of `/proc` are made up from what lives.
    pub(crate) fn read(&self, path: &str) -> Option<FileContent> {
        let made = |text: String| Some(FileContent { bytes: format!("{text}\n").into_bytes(), mode: 0o444 });
        match path {
            "/proc/sys/kernel/random/boot_id" => made(self.live.as_ref()?.boot_id.clone()),
            "/proc/sys/kernel/hostname" => made(self.live.as_ref()?.host_name.clone()),
            "/etc/passwd" => self.passwd().map(|text| FileContent { bytes: text.into_bytes(), mode: 0o644 }),
            "/etc/group" => {
                let text: String = self.groups().map(|group| format!("{}\n", self.group_line(group))).collect();
                Some(FileContent { bytes: text.into_bytes(), mode: 0o644 })
            }
            _ => match path.strip_prefix("/proc/sys/") {
                Some(key) => made(self.kernel_value(&kernel::dotted(key))?.to_owned()).map(writable),
                None => self.files.get(path).cloned(),
            },
        }
    }

    /// Writes a file; tells whether that changed anything, and `Err` where the kernel has no such file.
    pub(crate) fn write(&mut self, path: &str, content: &FileContent) -> Result<bool, NoSuchFile> {
        if self.read(path).is_some_and(|now| now == *content) {
            return Ok(false);
        }
        if let Some(key) = path.strip_prefix("/proc/sys/") {
            let value = String::from_utf8_lossy(&content.bytes).trim().to_owned();
            if key == "kernel/hostname" {
                self.set_host_name(&value);
                return Ok(true);
            }
            let key = kernel::dotted(key);
            let before = self.kernel_value(&key).map(str::to_owned);
            if !self.set_kernel_value(&key, &value) {
                return Err(NoSuchFile(path.to_owned()));
            }
            return Ok(before.as_deref() != self.kernel_value(&key));
        }
        self.files.insert(path.to_owned(), content.clone());
        Ok(true)
    }

    /// Removes a file; tells whether there was one.
    pub(crate) fn remove(&mut self, path: &str) -> bool {
        self.files.remove(path).is_some()
    }

    /// A file as text.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.read(path).map(|content| String::from_utf8_lossy(&content.bytes).into_owned())
    }

    /// The regular files below a directory, or the file itself.
    pub(crate) fn files_under(&self, path: &str) -> impl Iterator<Item = (&String, &FileContent)> {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.iter().filter(move |(name, _)| name.starts_with(&folder))
    }

    /// Every regular file.
    pub(crate) fn files(&self) -> &BTreeMap<String, FileContent> {
        &self.files
    }

    pub(crate) fn users(&self) -> &BTreeMap<String, User> {
        &self.users
    }

    pub(super) fn users_mut(&mut self) -> &mut BTreeMap<String, User> {
        &mut self.users
    }

    pub(super) fn passwd(&self) -> Option<String> {
        Some(self.users.keys().filter_map(|name| self.passwd_line(name)).map(|line| line + "\n").collect())
    }

    pub(super) fn passwd_line(&self, name: &str) -> Option<String> {
        let user = self.users.get(name)?;
        Some(format!("{name}:x:{}:{}::{}:{}", user.id, user.id, user.home, user.shell))
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups
            .iter()
            .map(String::as_str)
            .chain(self.users.keys().map(String::as_str).filter(|name| !self.groups.contains(*name)))
    }

    pub(super) fn add_group(&mut self, name: &str) -> bool {
        self.groups.insert(name.to_owned())
    }

    pub(super) fn has_group(&self, name: &str) -> bool {
        self.groups().any(|group| group == name)
    }

    pub(super) fn group_line(&self, name: &str) -> String {
        let members: Vec<_> =
            self.users.iter().filter(|(_, user)| user.groups.contains(name)).map(|(user, _)| user.as_str()).collect();
        let id = self.users.get(name).map_or_else(
            || 100 + self.groups.iter().position(|group| group == name).unwrap_or_default(),
            |user| user.id as usize,
        );
        format!("{name}:x:{id}:{}", members.join(","))
    }

    /// The version of an installed package.
    pub(crate) fn package(&self, name: &str) -> Option<&str> {
        self.packages.get(name).map(String::as_str).or_else(|| known(base::PACKAGES, name))
    }

    /// Whether a package is installed, or the mirror has it.
    pub(super) fn is_available(&self, name: &str) -> bool {
        self.package(name).is_some() || known(base::MIRROR, name).is_some()
    }

    /// Installs a package of the mirror; `None` where the mirror does not have it.
    pub(super) fn install(&mut self, name: &str) -> Option<bool> {
        if self.package(name).is_some() {
            return Some(false);
        }
        self.packages.insert(name.to_owned(), known(base::MIRROR, name)?.to_owned());
        Some(true)
    }

    pub(crate) fn added_packages(&self) -> &BTreeMap<String, String> {
        &self.packages
    }

    /// Whether a unit of that name exists, by an installed package or a file.
    pub(super) fn has_unit(&self, unit: &str) -> bool {
        let by_package = known(base::UNITS, unit).is_some_and(|package| self.package(package).is_some());
        by_package || self.files.contains_key(&format!("/etc/systemd/system/{unit}.service"))
    }

    pub(crate) fn is_enabled(&self, unit: &str) -> bool {
        self.enabled.contains(unit)
    }

    pub(crate) fn enabled(&self) -> &BTreeSet<String> {
        &self.enabled
    }

    /// Enables or disables a unit; tells whether that changed anything.
    pub(super) fn enable(&mut self, unit: &str, wanted: Enabled) -> bool {
        match wanted {
            Enabled::Yes => self.enabled.insert(unit.to_owned()),
            Enabled::No => self.enabled.remove(unit),
        }
    }

    /// Since when a unit runs.
    pub(crate) fn runs_since(&self, unit: &str) -> Option<Duration> {
        self.live.as_ref()?.running.get(unit).copied()
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = &str> {
        self.live.iter().flat_map(|live| live.running.keys().map(String::as_str))
    }

    /// The port that the node exporter listens on: that of `--web.listen-address` in its arguments, else 9100.
    pub(crate) fn exporter_port(&self) -> String {
        let arguments = self.text("/etc/default/prometheus-node-exporter").unwrap_or_default();
        let port = arguments.split_once("--web.listen-address").and_then(|(_, rest)| {
            let address = rest.trim_start_matches(['=', ' ', '"', '\'']).split([' ', '"', '\'', '\n']).next()?;
            address.rsplit_once(':').map(|(_, port)| port.to_owned())
        });
        port.unwrap_or_else(|| "9100".to_owned())
    }

    /// Starts a unit anew.
    pub(super) fn start_unit(&mut self, unit: &str, now: Duration) {
        if let Some(live) = &mut self.live {
            live.running.insert(unit.to_owned(), now);
        }
    }

    /// Stops a unit; tells whether it ran.
    pub(crate) fn stop_unit(&mut self, unit: &str) -> bool {
        self.live.as_mut().is_some_and(|live| live.running.remove(unit).is_some())
    }
}

/// Whether a unit starts with the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enabled {
    Yes,
    No,
}

/// A file that only the kernel could make.
#[derive(Debug, thiserror::Error)]
#[error("{0}: No such file or directory")]
pub(crate) struct NoSuchFile(String);

fn writable(mut content: FileContent) -> FileContent {
    content.mode = 0o644;
    content
}

fn known(table: &'static [(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> FileContent {
        FileContent { bytes: text.as_bytes().to_vec(), mode: 0o644 }
    }

    fn started() -> Linux {
        let mut linux = Linux::default();
        linux.start(Duration::ZERO, "first".to_owned());
        linux
    }

    #[test]
    fn what_is_only_in_memory_is_gone_after_a_boot_and_what_is_on_disk_is_not() {
        let mut linux = started();
        linux.write("/proc/sys/vm/swappiness", &content("10\n")).expect("the kernel has it");
        linux.write("/etc/sysctl.d/60-dip.conf", &content("vm.max_map_count = 262144\n")).expect("a file");
        assert_eq!(linux.text("/proc/sys/vm/swappiness").as_deref(), Some("10\n"));
        assert_eq!(linux.text("/proc/sys/vm/max_map_count").as_deref(), Some("65530\n"));
        linux.halt();
        linux.start(Duration::from_secs(9), "second".to_owned());
        assert_eq!(linux.text("/proc/sys/vm/swappiness").as_deref(), Some("60\n"));
        assert_eq!(linux.text("/proc/sys/vm/max_map_count").as_deref(), Some("262144\n"));
        assert_eq!(linux.text("/proc/sys/kernel/random/boot_id").as_deref(), Some("second\n"));
    }

    #[test]
    fn writing_what_is_there_changes_nothing() {
        let mut linux = started();
        assert!(linux.write("/etc/motd", &content("hello\n")).expect("a file"));
        assert!(!linux.write("/etc/motd", &content("hello\n")).expect("a file"));
    }

    #[test]
    fn an_enabled_unit_runs_after_the_next_boot() {
        let mut linux = started();
        assert!(linux.enable("chrony", Enabled::Yes));
        assert_eq!(linux.runs_since("chrony"), None);
        linux.halt();
        linux.start(Duration::from_secs(5), "second".to_owned());
        assert_eq!(linux.runs_since("chrony"), Some(Duration::from_secs(5)));
    }
}
