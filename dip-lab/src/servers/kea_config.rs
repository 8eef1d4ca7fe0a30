//! What Kea's servers are started with.

use std::path::Path;

use serde_json::{Value, json};

use crate::certificate::Signed;
use crate::error::LabError;
use crate::servers::kea::{Kea, KeaHosts};
use crate::servers::kea_release::KeaRelease;
use crate::servers::postgres::Postgres;
use crate::servers::segment::Segment;

/// What both servers have in common.
pub(crate) struct KeaConfig<'k> {
    pub(crate) release: KeaRelease,
    pub(crate) hosts: KeaHosts,
    pub(crate) database: Option<&'k Postgres>,
    /// Who signs the certificates of those who ask over HTTPS.
    pub(crate) root: &'k Path,
    /// What it shows there itself.
    pub(crate) shown: &'k Signed,
    /// Where it writes.
    pub(crate) dir: &'k Path,
}

impl KeaConfig<'_> {
    /// Where the DHCPv4 server answers over HTTP, in its namespace.
    pub(crate) const HTTP_PORT: u16 = 8004;
    /// Where the DHCPv6 server answers over HTTPS.
    pub(crate) const HTTPS_PORT: u16 = 8006;

    pub(crate) fn v4(&self, socket: &Path) -> Result<Value, LabError> {
        let conf = json!({
            "interfaces-config": { "interfaces": [Segment::INTERFACE], "dhcp-socket-type": "raw" },
            "host-reservation-identifiers": ["hw-address", "circuit-id"],
            "subnet4": [{
                "id": 1,
                "subnet": "10.77.0.0/16",
                "pools": [{ "pool": "10.77.100.0 - 10.77.199.255" }],
                "option-data": [
                    { "name": "routers", "data": "10.77.0.1" },
                    { "name": "domain-name-servers", "data": "10.77.0.1" },
                ],
                "reservations": [],
            }],
            "shared-networks": [{ "name": "floor", "subnet4": [{ "id": 2, "subnet": "10.78.0.0/16" }] }],
        });
        let http = json!({ "socket-type": "http", "socket-address": "127.0.0.1", "socket-port": Self::HTTP_PORT });
        Ok(json!({ "Dhcp4": self.complete(conf, "kea-dhcp4", socket, http)? }))
    }

    pub(crate) fn v6(&self, socket: &Path) -> Result<Value, LabError> {
        let conf = json!({
            // dhclient takes no address that is preferred for longer than it is valid.
            "preferred-lifetime": 300,
            // A relay sends to the address.
            "interfaces-config": { "interfaces": [Segment::INTERFACE, format!("{}/{}", Segment::INTERFACE, Segment::ADDRESS6)] },
            "host-reservation-identifiers": ["hw-address", "duid"],
            // A client that hears of a lesser preference waits a second for other servers (RFC 8415, section 18.2.1).
            "option-data": [{ "name": "preference", "data": "255", "always-send": true }],
            // Else it keeps its own DUID in a directory of the whole machine.
            "server-id": { "type": "EN", "enterprise-id": 2495, "identifier": "0123456789", "persist": false },
            "subnet6": [
                {
                    "id": 1,
                    "subnet": "fd77::/64",
                    "interface": Segment::INTERFACE,
                    "pools": [{ "pool": "fd77::100 - fd77::1ff" }],
                },
            ],
            "shared-networks": [{ "name": "floor", "subnet6": [{ "id": 2, "subnet": "2001:db8::/64" }] }],
        });
        let https = json!({
            "socket-type": "https",
            "socket-address": "127.0.0.1",
            "socket-port": Self::HTTPS_PORT,
            "trust-anchor": self.root,
            "cert-file": self.shown.certificate,
            "key-file": self.shown.key,
        });
        Ok(json!({ "Dhcp6": self.complete(conf, "kea-dhcp6", socket, https)? }))
    }

    fn complete(&self, mut conf: Value, name: &str, socket: &Path, mut http: Value) -> Result<Value, LabError> {
        let unix = json!({ "socket-type": "unix", "socket-name": socket });
        match self.release {
            KeaRelease::V2_2 => conf["control-socket"] = unix,
            KeaRelease::V3_0 => {
                http["authentication"] = Kea::authentication(self.dir);
                conf["control-sockets"] = json!([unix, http]);
            }
        }
        // Leases that are in memory alone are forgotten whenever a configuration is set.
        let leases = self.dir.join(format!("{name}.leases"));
        conf["lease-database"] = json!({ "type": "memfile", "name": leases, "lfc-interval": 0 });
        conf["valid-lifetime"] = json!(600);
        conf["loggers"] = json!([{ "name": name, "severity": "INFO", "output_options": [{ "output": "stdout" }] }]);
        let mut hooks = vec!["libdhcp_lease_cmds.so"];
        if let Some(database) = self.database {
            conf["hosts-database"] = database.hosts_database();
            hooks.extend((self.release == KeaRelease::V3_0).then_some("libdhcp_pgsql.so"));
        }
        hooks.extend((self.hosts == KeaHosts::Hook).then_some("libdhcp_host_cmds.so"));
        let hooks = hooks.into_iter().map(|name| self.release.hook(name)).collect::<Result<Vec<_>, _>>()?;
        conf["hooks-libraries"] = json!(hooks);
        Ok(conf)
    }
}
