//! The site file of a lab: a template with the addresses of this very lab put in.

use std::path::PathBuf;

use crate::datacenter::layout::Layout;
use crate::error::LabError;
use crate::scratch::write;

const TEMPLATE: &str = include_str!("../../site.yaml.in");

impl Layout {
    /// Writes `site.yaml` into the directory of the datacenter and gives its path.
    ///
    /// # Errors
    /// If the file cannot be written, or the template names a value that there is not.
    pub fn write_site(&self) -> Result<PathBuf, LabError> {
        let text = fill(TEMPLATE, &self.values());
        match unfilled(&text) {
            Some(name) => Err(LabError::answer("site.yaml.in", format!("there is no value {name}"))),
            None => write(&self.dir.join("site.yaml"), &text),
        }
    }

    /// The values of the template by name.
    fn values(&self) -> Vec<(String, String)> {
        let mut values: Vec<(String, String)> = [
            ("NETWORK", self.network.clone()),
            ("ROUTER", self.router.to_string()),
            ("RANGE_FIRST", self.range.0.to_string()),
            ("RANGE_LAST", self.range.1.to_string()),
            ("VLAN", self.vlan.to_string()),
            ("BRIDGE", self.bridge.clone()),
            ("OVSDB", self.ovsdb.to_string()),
            ("DNS", self.dns.to_string()),
            ("DNS_ADDRESS", self.dns.ip().to_string()),
            ("FORWARD_ZONE", self.forward_zone.clone()),
            ("REVERSE_ZONE", self.reverse_zone.clone()),
            ("TSIG_NAME", self.tsig_name.clone()),
            ("NTP_ADDRESS", self.ntp.ip().to_string()),
            ("PROMETHEUS", self.prometheus.to_string()),
            ("TARGETS_DIR", self.targets_dir.display().to_string()),
            ("DHCP_HOSTS_DIR", self.dhcp_hosts_dir.display().to_string()),
            ("DHCP_LEASE_FILE", self.dhcp_lease_file.display().to_string()),
            ("DHCP_PID_FILE", self.dhcp_pid_file.display().to_string()),
            ("CMDB_DIR", self.cmdb_dir.display().to_string()),
            ("SECRETS_DIR", self.secrets_dir.display().to_string()),
            ("REDFISH_FINGERPRINT", self.redfish_fingerprint.clone()),
            ("BMC_USER", self.bmc_user.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        for node in &self.nodes {
            let upper = node.name.to_uppercase();
            let own = [
                ("MAC", &node.mac),
                ("ADDRESS", &node.address.to_string()),
                ("PORT", &node.port),
                ("BMC_ADDRESS", &node.bmc.ip().to_string()),
                ("SERIAL", &node.serial),
                ("UUID", &node.uuid),
                ("HOST_KEY", &node.host_key),
                ("HOST_KEY_FINGERPRINT", &node.host_key_fingerprint),
            ];
            values.extend(own.map(|(name, value)| (format!("{upper}_{name}"), value.clone())));
        }
        values
    }
}

fn fill(template: &str, values: &[(String, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

/// The first `@NAME@` that is left.
fn unfilled(text: &str) -> Option<String> {
    let is_name =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    text.split('@').skip(1).find(|word| is_name(word)).map(|word| format!("@{word}@"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_without_a_value_is_told() {
        let values = [("A".to_owned(), "1".to_owned())];
        assert_eq!(unfilled(&fill("x: @A@, mail: me@lab.test", &values)), None);
        assert_eq!(unfilled(&fill("x: @A@, y: @N1_MAC@", &values)), Some("@N1_MAC@".to_owned()));
    }
}
