//! How the classes are written that tell boot files, for DHCPv4 and for DHCPv6, and how they are read again.
//!
//! Source: Kea ARM, "Client Classification"; a class whose test has `KNOWN` is looked at when the reservation has been found.

use std::net::Ipv4Addr;

use dip_core::id::SiteName;
use serde_json::{Value, json};

use super::super::boot_tag::{is_tag, tag};
use super::entry::Family;
use super::mark;
use crate::provider::{BootClient, BootFiles};

/// OPT_BOOTFILE_URL (RFC 5970, section 3.1).
const URL: u64 = 59;
/// The option of the boot file of DHCPv4 (RFC 2132, section 9.5).
const FILE: u64 = 67;

/// "HTTPClient" as a vendor class of DHCPv6 (RFC 8415, section 21.16), with its length before it and the number that firmware has in its own
/// (343, Intel's). It is given in octets, as Kea tells them again: Kea's text for this option cannot say the length.
const HTTP_CLIENT: &str = "00000157000A48545450436C69656E74";

/// The classes of boot files, as they are written.
pub(super) fn written(family: Family, site: &SiteName, boot: &BootFiles) -> Vec<Value> {
    let base = tag(site, boot);
    let context = mark::marked(None, Some(site), None);
    let mut whole = json!({"name": base, "user-context": context});
    if family == Family::V6 {
        // URLs do not tell which of them are files of the server.
        whole["user-context"]["dip"]["boot"] = json!(boot);
    }
    let mut all = vec![whole];
    for (client, file) in boot.iter() {
        let mut class = json!({
            "name": format!("{base}-{}", client.word()),
            "test": format!("member('KNOWN') and member('{base}') and {}", asks(family, client, boot)),
            "user-context": context,
        });
        match family {
            Family::V4 => tell(&mut class, boot, client, file),
            Family::V6 => tell_url(&mut class, boot, client),
        }
        all.push(class);
    }
    all
}

fn tell(class: &mut Value, boot: &BootFiles, client: BootClient, file: &str) {
    class["boot-file-name"] = json!(file);
    class["next-server"] = json!(boot.server());
    if client.is_http() {
        // It takes no answer but one to an HTTP client, and looks for its URL in the option alone (UEFI 2.10, section 24.7.2).
        class["option-data"] = json!([
            {"name": "vendor-class-identifier", "data": "HTTPClient", "always-send": true},
            {"name": "boot-file-name", "data": file, "always-send": true},
        ]);
    }
}

fn tell_url(class: &mut Value, boot: &BootFiles, client: BootClient) {
    // A client that boots asks for it (option 6), and no other has to hear of it.
    let mut options = vec![json!({"name": "bootfile-url", "data": boot.url(client)})];
    if client.is_http() {
        // It takes no answer but one to an HTTP client here too, and asks for this option (16).
        let echo = json!({"name": "vendor-class", "csv-format": false, "data": HTTP_CLIENT, "always-send": true});
        options.push(echo);
    }
    class["option-data"] = json!(options);
}

/// Whether it is this client.
fn asks(family: Family, client: BootClient, boot: &BootFiles) -> String {
    // The user class may have its length before it (RFC 3004); over DHCPv6 it has (RFC 8415, section 21.15).
    let (ipxe, architecture) = match family {
        Family::V4 => ("substring(option[77].hex,-4,4) == 'iPXE'", "option[93].hex"),
        // Of several (RFC 5970, section 3.3) the first one counts.
        Family::V6 => ("substring(option[15].hex,-4,4) == 'iPXE'", "substring(option[61].hex,0,2)"),
    };
    let BootClient::Firmware(of) = client else { return ipxe.to_owned() };
    let is = |number: &u16| format!("{architecture} == 0x{number:04x}");
    let test = of.numbers().iter().map(is).collect::<Vec<_>>().join(" or ");
    let unless = boot.file(BootClient::Ipxe).map(|_| format!(" and not ({ipxe})")).unwrap_or_default();
    format!("({test}){unless}")
}

/// The boot files that the classes of a name tell; `None` where they say otherwise than dip would.
pub(super) fn files(family: Family, base: &str, list: &[Value]) -> Option<BootFiles> {
    let named = |name: &str| list.iter().find(|class| class["name"] == name);
    let context = named(base)?.get("user-context");
    let site = mark::owner(context)?;
    let boot = match family {
        Family::V4 => told(base, list)?,
        Family::V6 => serde_json::from_value(context?.get("dip")?.get("boot")?.clone()).ok()?,
    };
    let wanted = written(family, &site, &boot);
    let same = |wanted: &Value| named(wanted["name"].as_str()?).filter(|class| says(class, wanted)).map(drop);
    (tag(&site, &boot) == base && wanted.iter().all(|class| same(class).is_some())).then_some(boot)
}

/// What the classes of DHCPv4 say.
fn told(base: &str, list: &[Value]) -> Option<BootFiles> {
    let told = BootClient::ALL.into_iter().filter_map(|client| {
        let name = format!("{base}-{}", client.word());
        let class = list.iter().find(|class| class["name"] == name)?;
        let server: Ipv4Addr = class["next-server"].as_str()?.parse().ok()?;
        Some((client, class["boot-file-name"].as_str()?.to_owned(), server))
    });
    let told: Vec<_> = told.collect();
    let (_, _, server) = told.first()?;
    BootFiles::new(*server, told.iter().map(|(client, file, _)| (*client, file.clone()))).ok()
}

/// Whether a value says what is wanted, and perhaps more: Kea tells all defaults.
fn says(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| found.get(key).is_some_and(|found| says(found, wanted)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| says(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

/// Kea takes the file of the first class that tells one; those that need no reservation come first.
pub(super) fn is_rival(family: Family, class: &Value) -> bool {
    let test = class["test"].as_str().unwrap_or_default();
    let (file, firmware): (bool, &[&str]) = match family {
        Family::V4 => (
            class["boot-file-name"].as_str().is_some_and(|file| !file.is_empty()),
            &["option[93]", "option[60]", "vendor-class-identifier"],
        ),
        Family::V6 => (
            tells_file(family, class),
            &["option[61]", "option[16]", "option[15]", "vendor", "client-arch-type", "vendor-class", "user-class"],
        ),
    };
    file && firmware.iter().any(|word| test.contains(word)) && !test.contains("KNOWN")
}

/// Whether the options of something in a configuration tell a boot file.
pub(super) fn tells_file(family: Family, of: &Value) -> bool {
    let (code, name) = match family {
        Family::V4 => (FILE, "boot-file-name"),
        Family::V6 => (URL, "bootfile-url"),
    };
    let options = of["option-data"].as_array().into_iter().flatten();
    options.into_iter().any(|option| option["code"] == code || option["name"] == name)
}

/// The names of the classes of these files that Kea has to look at.
pub(super) fn names<'b>(base: &'b str, boot: &'b BootFiles) -> impl Iterator<Item = String> + 'b {
    boot.iter().map(move |(client, _)| format!("{base}-{}", client.word()))
}

/// The name of the boot files that a class belongs to.
pub(super) fn base(name: &str) -> Option<&str> {
    if is_tag(name) {
        return Some(name);
    }
    let words = BootClient::ALL.map(BootClient::word);
    let base = words.into_iter().find_map(|word| name.strip_suffix(word)?.strip_suffix('-'))?;
    is_tag(base).then_some(base)
}
