//! Kernel settings: what `/proc/sys` shows, and what the files in `/etc/sysctl.d` say for the next boot.

use std::collections::BTreeMap;

use super::base;

/// The settings of a running kernel that differ from those it started with.
#[derive(Debug, Clone, Default)]
pub(super) struct Kernel {
    changed: BTreeMap<String, String>,
}

impl Kernel {
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.changed
            .get(key)
            .map(String::as_str)
            .or_else(|| base::KERNEL.iter().find(|(known, _)| *known == key).map(|(_, value)| *value))
    }

    /// Sets a value; `false` where this kernel has no such setting.
    pub(super) fn set(&mut self, key: &str, value: &str) -> bool {
        if self.value(key).is_none() {
            return false;
        }
        // The kernel shows several numbers with tabs between them, whatever was written.
        let value = value.split_whitespace().collect::<Vec<_>>().join("\t");
        self.changed.insert(key.to_owned(), value);
        true
    }
}

/// The settings in a file of `/etc/sysctl.d` (sysctl.d(5)): `key = value`, `#` and `;` start comments, a leading `-` is "if it exists".
pub(super) fn settings(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])).filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        Some((dotted(key.trim().trim_start_matches('-')), value.trim().to_owned()))
    })
}

/// A key in its form with dots; where its first separator is a slash, slashes separate and dots belong to names (sysctl(8)).
pub(super) fn dotted(key: &str) -> String {
    match key.find(['.', '/']) {
        Some(at) if key.as_bytes()[at] == b'/' => key
            .chars()
            .map(|c| {
                if c == '/' {
                    '.'
                } else if c == '.' {
                    '/'
                } else {
                    c
                }
            })
            .collect(),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_settings_is_read_as_sysctl_reads_it() {
        let read: Vec<_> = settings("# a\n; b\nvm.swappiness = 10\n-net/ipv4/ip_forward=1\nrubbish\n").collect();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read, [pair("vm.swappiness", "10"), pair("net.ipv4.ip_forward", "1")]);
    }

    #[test]
    fn a_setting_that_the_kernel_does_not_have_is_refused() {
        let mut kernel = Kernel::default();
        assert!(!kernel.set("vm.no_such", "1"));
        assert!(kernel.set("net.ipv4.ip_local_port_range", "1024 60999"));
        assert_eq!(kernel.value("net.ipv4.ip_local_port_range"), Some("1024\t60999"));
    }
}
