//! What tests ask of any DNS server: `dig`, a transfer, and changes by `nsupdate` as somebody else would make them.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::command::run;
use crate::error::LabError;
use crate::scratch::Scratch;

/// A server and the key that may change its zones.
pub(crate) struct DnsTools<'a> {
    pub(crate) addr: SocketAddr,
    /// `hmac-sha256:name:secret`, as `dig -y` takes it.
    pub(crate) key: String,
    pub(crate) scratch: &'a Scratch,
}

impl DnsTools<'_> {
    /// The lines of an answer, by `dig +short`.
    pub(crate) async fn dig(&self, query: &[&str]) -> Result<String, LabError> {
        let (server, port) = self.place();
        let fixed = [server.as_str(), "-p", &port, "+short", "+norecurse"];
        run("dig", fixed.iter().chain(query)).await
    }

    /// All records of a zone.
    pub(crate) async fn transfer(&self, zone: &str) -> Result<String, LabError> {
        let (server, port) = self.place();
        run("dig", [server.as_str(), "-p", &port, "-y", &self.key, "+noall", "+answer", "+onesoa", zone, "AXFR"]).await
    }

    /// Changes, all in one message: `add www.lab.test 60 A 192.0.2.1`.
    pub(crate) async fn update(&self, changes: &[&str]) -> Result<(), LabError> {
        let mut script = format!("server {} {}\n", self.addr.ip(), self.addr.port());
        for change in changes {
            let _ = writeln!(script, "update {change}");
        }
        script.push_str("send\n");
        let file = self.scratch.write("update.txt", &script)?;
        run("nsupdate", ["-y".as_ref(), self.key.as_ref(), file.as_os_str()]).await?;
        Ok(())
    }

    fn place(&self) -> (String, String) {
        (format!("@{}", self.addr.ip()), self.addr.port().to_string())
    }
}

/// The text of a zone file. Names without a dot at the end are relative to the zone.
pub(crate) fn zone_file(zone: &super::Zone) -> String {
    let mut text = format!(
        "$ORIGIN {}.\n$TTL 60\n@ IN SOA ns.lab.invalid. hostmaster.lab.invalid. 1 3600 600 86400 60\n@ IN NS ns.lab.invalid.\n",
        zone.name
    );
    for record in &zone.records {
        text.push_str(record);
        text.push('\n');
    }
    text
}
