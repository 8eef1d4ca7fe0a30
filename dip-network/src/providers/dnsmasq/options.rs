//! Boot files as dnsmasq tells them: options for the tag that a reservation sets, in a file of `dhcp-optsdir`. The kind of firmware is told
//! apart by tags of dnsmasq's own configuration, which it reads only when it starts.
//!
//! Source: `dnsmasq(8)`, `--dhcp-optsfile`, `--dhcp-match`, `--dhcp-userclass`.

use std::collections::BTreeMap;

use dip_core::id::SiteName;

use super::super::boot_tag::tag;
use super::entry;
use crate::provider::{BootClient, BootFiles};

const BOOT: &str = "# dip: boot=";

/// By what dnsmasq's configuration can tell a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Ipxe,
    Architecture(u16),
}

/// The tags that the configuration sets for clients; the first for each sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Matches(BTreeMap<Sign, String>);

impl Matches {
    /// What a file of the configuration says of them.
    pub(super) fn read(text: &str) -> Self {
        let mut matches = Self::default();
        for line in text.lines() {
            if let Some((sign, tag)) = sign(line) {
                matches.0.entry(sign).or_insert(tag);
            }
        }
        matches
    }

    pub(super) fn and(mut self, other: &Self) -> Self {
        for (sign, tag) in &other.0 {
            self.0.entry(*sign).or_insert_with(|| tag.clone());
        }
        self
    }

    /// The lines of configuration that are absent for some boot files.
    pub(super) fn absent(&self, boot: &BootFiles) -> Vec<String> {
        let signs = boot.iter().flat_map(|(client, _)| signs(client).into_iter().map(move |sign| (client, sign)));
        let absent = signs.filter(|(_, sign)| !self.0.contains_key(sign));
        absent
            .map(|(client, sign)| match sign {
                Sign::Ipxe => "dhcp-userclass=set:ipxe,iPXE".to_owned(),
                Sign::Architecture(number) => format!("dhcp-match=set:{},option:client-arch,{number}", client.word()),
            })
            .collect()
    }
}

fn signs(client: BootClient) -> Vec<Sign> {
    match client {
        BootClient::Ipxe => vec![Sign::Ipxe],
        BootClient::Firmware(architecture) => architecture.numbers().iter().copied().map(Sign::Architecture).collect(),
    }
}

fn sign(line: &str) -> Option<(Sign, String)> {
    let (key, rest) = entry::strip_comment(line).trim().split_once('=')?;
    let mut words = rest.split(',').map(str::trim);
    let tag = words.next()?.strip_prefix("set:")?.to_owned();
    let sign = match (key.trim(), words.next()?, words.next()) {
        ("dhcp-userclass", "iPXE", None) | ("dhcp-match", "175" | "option:175", None) => Sign::Ipxe,
        ("dhcp-match", "option:client-arch" | "93", Some(number)) => Sign::Architecture(number.parse().ok()?),
        _ => return None,
    };
    Some((sign, tag))
}

/// The text of a file.
pub(super) fn write(site: &SiteName, boot: &BootFiles, matches: &Matches) -> String {
    let ours = format!("tag:{}", tag(site, boot));
    let told = serde_json::to_string(boot).expect("plain data");
    let mut text = format!("{}{BOOT}{told}\n{ours},option:server-ip-address,{}\n", entry::mark(site), boot.server());
    // iPXE tells the architecture of its firmware too, and is not told the firmware's file where it has one of its own.
    let not_ipxe = boot.file(BootClient::Ipxe).and_then(|_| matches.0.get(&Sign::Ipxe));
    let not_ipxe = not_ipxe.map(|tag| format!(",tag:!{tag}")).unwrap_or_default();
    for (client, file) in boot.iter() {
        let unless = if client == BootClient::Ipxe { "" } else { not_ipxe.as_str() };
        let mut tags: Vec<&String> = signs(client).iter().filter_map(|sign| matches.0.get(sign)).collect();
        tags.dedup();
        for tag in tags {
            let who = format!("{ours},tag:{tag}{unless}");
            text.push_str(&format!("{who},option:bootfile-name,{file}\n"));
            if client.is_http() {
                // It takes no answer but one to an HTTP client (UEFI 2.10, section 24.7.2).
                text.push_str(&format!("{who},option:vendor-class,HTTPClient\n"));
            }
        }
    }
    text
}

/// Whose a file is, and the boot files that it tells; `None` where it is no such file, or says otherwise than dip would.
pub(super) fn read(text: &str, matches: &Matches) -> (Option<SiteName>, Option<BootFiles>) {
    let mut lines = text.lines();
    let owner = lines.next().and_then(entry::read_owner);
    let boot = lines.next().and_then(|line| serde_json::from_str::<BootFiles>(line.strip_prefix(BOOT)?).ok());
    let whole = |boot: &BootFiles| owner.as_ref().is_some_and(|owner| write(owner, boot, matches) == text);
    let boot = boot.filter(whole);
    (owner, boot)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::boot_tag::is_tag;
    use super::*;

    const CONF: &str = "dhcp-range=10.0.0.1,10.0.0.9\ndhcp-match=set:bios,option:client-arch,0\ndhcp-match = set:efi,93,7 # most\n\
                        dhcp-match=set:efi,option:client-arch,9\ndhcp-userclass=set:loaded,iPXE\ndhcp-match=set:no,option:client-arch,a\n";

    fn boot(told: serde_json::Value) -> BootFiles {
        serde_json::from_value(told).expect("they can be told")
    }

    #[test]
    fn each_firmware_is_told_its_file_by_the_tag_that_the_configuration_has_for_it() {
        let lab = SiteName::new("lab").expect("a name");
        let files = boot(json!({"server": "10.0.0.5", "ipxe": "http://a/x", "bios": "k", "uefi_x64": "e"}));
        let (matches, tag) = (Matches::read(CONF), tag(&lab, &files));
        assert!(is_tag(&tag), "{tag}");
        let text = write(&lab, &files, &matches);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let wanted = [
            format!("tag:{tag},option:server-ip-address,10.0.0.5"),
            format!("tag:{tag},tag:loaded,option:bootfile-name,http://a/x"),
            format!("tag:{tag},tag:bios,tag:!loaded,option:bootfile-name,k"),
            format!("tag:{tag},tag:efi,tag:!loaded,option:bootfile-name,e"),
        ];
        assert_eq!(lines, wanted);
        assert_eq!(read(&text, &matches), (Some(lab.clone()), Some(files)));
        assert_eq!(read(&text.replace(",k\n", ",l\n"), &matches), (Some(lab), None));
    }

    #[test]
    fn what_the_configuration_does_not_tell_apart_is_named() {
        let files = boot(json!({"server": "10.0.0.5", "uefi_x64": "e", "http_x64": "http://a/e"}));
        assert_eq!(Matches::read(CONF).absent(&files), ["dhcp-match=set:http_x64,option:client-arch,16"]);
        let both = Matches::default().absent(&boot(json!({"server": "10.0.0.5", "ipxe": "x", "bios": "k"})));
        assert_eq!(both, ["dhcp-userclass=set:ipxe,iPXE", "dhcp-match=set:bios,option:client-arch,0"]);
    }
}
