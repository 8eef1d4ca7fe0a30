//! Boot files as Kea tells them: a client class that a reservation puts its client into, and, for each kind of firmware, a class that
//! depends on it and tells the file.
//!
//! Source: Kea ARM, "Client Classification"; a class whose test has `KNOWN` is looked at when the reservation has been found.

use std::collections::{BTreeMap, BTreeSet};

use dip_core::id::SiteName;
use dip_core::provider::ErrorKind;
use serde_json::{Value, json};

use super::super::boot_tag::{is_tag, tag};
use super::super::failure::Failure;
use super::mark;
use crate::provider::{BootClient, BootFiles};

/// Who writes classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Keeper {
    /// Dip does, with the rest of the configuration.
    #[default]
    Dip,
    /// Somebody who keeps the configuration by hand or by a tool.
    Operator,
}

/// The classes of a configuration, as far as they matter for boot files.
#[derive(Debug, Clone, Default)]
pub(super) struct Classes {
    known: BTreeMap<String, BootFiles>,
    /// A class of somebody else that tells a boot file first.
    rival: Option<String>,
    keeper: Keeper,
}

impl Classes {
    /// What stands in a list of `client-classes`.
    pub(super) fn read(list: &[Value]) -> Self {
        let bases = list.iter().filter_map(|class| class["name"].as_str()).filter(|name| is_tag(name));
        let known = bases.filter_map(|base| Some((base.to_owned(), files(base, list)?))).collect();
        let rival = list.iter().find(|class| is_rival(class)).and_then(|class| class["name"].as_str());
        Self { known, rival: rival.map(str::to_owned), keeper: Keeper::Dip }
    }

    pub(super) fn kept_by(mut self, keeper: Keeper) -> Self {
        self.keeper = keeper;
        self
    }

    /// The boot files of a reservation with these classes.
    pub(super) fn boot(&self, classes: &[String]) -> Option<&BootFiles> {
        classes.iter().find_map(|class| self.known.get(class))
    }

    /// Whether a class is there that tells these files.
    pub(super) fn tell(&self, class: &str, boot: &BootFiles) -> bool {
        self.known.get(class) == Some(boot)
    }

    /// Whether a client would hear of these files.
    pub(super) fn accept(&self, site: &SiteName, boot: &BootFiles) -> Result<(), Failure> {
        if let Some(rival) = &self.rival {
            let why =
                format!("the class `{rival}` of Kea's configuration tells a boot file too, and Kea takes that one");
            let advice = "take its `boot-file-name` out, or end its test with `and not member('KNOWN')`, so that it is for clients without a reservation";
            return Err(Failure::new(ErrorKind::Conflict, why).advise(advice));
        }
        let class = tag(site, boot);
        if self.keeper == Keeper::Dip || self.tell(&class, boot) {
            return Ok(());
        }
        let why = format!("Kea's configuration has no classes `{class}` that tell {boot}");
        let wanted = Value::Array(written(site, boot));
        let advice = format!(
            "dip does not write the configuration of a Kea with a hosts backend: add these to its `client-classes` and reload it: {wanted}"
        );
        Err(Failure::new(ErrorKind::NotFound, why).advise(advice))
    }
}

/// Makes a list of classes tell the wanted boot files of reservations, and none of these sites' that no reservation has.
pub(super) fn apply(
    list: &mut Vec<Value>,
    wanted: &BTreeMap<String, (SiteName, BootFiles)>,
    used: &BTreeSet<String>,
    sites: &BTreeSet<SiteName>,
) {
    let known = Classes::read(list);
    let missing = wanted.iter().filter(|(class, (_, boot))| used.contains(*class) && !known.tell(class, boot));
    let missing: BTreeMap<_, _> = missing.collect();
    list.retain(|class| {
        let Some(base) = class["name"].as_str().and_then(base) else { return true };
        let ours = mark::owner(class.get("user-context")).is_some_and(|owner| sites.contains(&owner));
        !(ours && (!used.contains(base) || missing.contains_key(&base.to_owned())))
    });
    for (site, boot) in missing.into_values() {
        list.extend(written(site, boot));
    }
}

/// The classes of boot files, as they are written.
fn written(site: &SiteName, boot: &BootFiles) -> Vec<Value> {
    let base = tag(site, boot);
    let context = mark::marked(None, Some(site), None);
    let mut all = vec![json!({"name": base, "user-context": context})];
    for (client, file) in boot.iter() {
        let test = format!("member('KNOWN') and member('{base}') and {}", asks(client, boot));
        let mut class = json!({
            "name": format!("{base}-{}", client.word()),
            "test": test,
            "boot-file-name": file,
            "next-server": boot.server(),
            "user-context": context,
        });
        if client.is_http() {
            // It takes no answer but one to an HTTP client, and looks for its URL in the option alone (UEFI 2.10, section 24.7.2).
            class["option-data"] = json!([
                {"name": "vendor-class-identifier", "data": "HTTPClient", "always-send": true},
                {"name": "boot-file-name", "data": file, "always-send": true},
            ]);
        }
        all.push(class);
    }
    all
}

/// Whether it is this client. The user class of iPXE may have its length before it (RFC 3004).
fn asks(client: BootClient, boot: &BootFiles) -> String {
    const IPXE: &str = "substring(option[77].hex,-4,4) == 'iPXE'";
    let BootClient::Firmware(architecture) = client else { return IPXE.to_owned() };
    let is = |number: &u16| format!("option[93].hex == 0x{number:04x}");
    let test = architecture.numbers().iter().map(is).collect::<Vec<_>>().join(" or ");
    let unless = boot.file(BootClient::Ipxe).map(|_| format!(" and not ({IPXE})")).unwrap_or_default();
    format!("({test}){unless}")
}

/// The boot files that the classes of a name tell; `None` where they say otherwise than dip would.
fn files(base: &str, list: &[Value]) -> Option<BootFiles> {
    let named = |name: &str| list.iter().find(|class| class["name"] == name);
    let site = mark::owner(named(base)?.get("user-context"))?;
    let told = BootClient::ALL.into_iter().filter_map(|client| {
        let class = named(&format!("{base}-{}", client.word()))?;
        Some((client, class["boot-file-name"].as_str()?.to_owned(), class["next-server"].as_str()?.parse().ok()?))
    });
    let told: Vec<_> = told.collect();
    let (_, _, server) = told.first()?;
    let boot = BootFiles::new(*server, told.iter().map(|(client, file, _)| (*client, file.clone()))).ok()?;
    let wanted = written(&site, &boot);
    let same = |wanted: &Value| named(wanted["name"].as_str()?).filter(|class| says(class, wanted)).map(drop);
    (tag(&site, &boot) == base && wanted.iter().all(|class| same(class).is_some())).then_some(boot)
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
fn is_rival(class: &Value) -> bool {
    let file = class["boot-file-name"].as_str().is_some_and(|file| !file.is_empty());
    let test = class["test"].as_str().unwrap_or_default();
    let firmware = ["option[93]", "option[60]", "vendor-class-identifier"].iter().any(|word| test.contains(word));
    file && firmware && !test.contains("KNOWN")
}

/// The name of the boot files that a class belongs to.
fn base(name: &str) -> Option<&str> {
    if is_tag(name) {
        return Some(name);
    }
    let words = BootClient::ALL.map(BootClient::word);
    let base = words.into_iter().find_map(|word| name.strip_suffix(word)?.strip_suffix('-'))?;
    is_tag(base).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str) -> SiteName {
        SiteName::new(name).expect("a name")
    }

    fn boot(file: &str) -> BootFiles {
        let told = json!({"server": "10.0.0.5", "ipxe": "http://a/x", "uefi_x64": file, "http_x64": "http://a/e"});
        serde_json::from_value(told).expect("they can be told")
    }

    fn wanted(boots: &[&BootFiles]) -> BTreeMap<String, (SiteName, BootFiles)> {
        boots.iter().map(|boot| (tag(&site("lab"), boot), (site("lab"), (*boot).clone()))).collect()
    }

    fn used(boots: &[&BootFiles]) -> BTreeSet<String> {
        boots.iter().map(|boot| tag(&site("lab"), boot)).collect()
    }

    #[test]
    fn classes_come_and_go_with_the_reservations_that_have_them_and_others_stay() {
        let theirs = json!({"name": "voip", "test": "option[60].hex == 'phone'", "boot-file-name": ""});
        let (first, second, ours) = (boot("a.efi"), boot("b.efi"), BTreeSet::from([site("lab")]));
        let mut list = vec![theirs.clone()];
        list.extend(written(&site("other"), &first));
        let before = list.clone();
        apply(&mut list, &wanted(&[&first]), &used(&[&first]), &ours);
        assert_eq!(Classes::read(&list).boot(&[tag(&site("lab"), &first)]), Some(&first));
        let once = list.clone();
        apply(&mut list, &wanted(&[&first]), &used(&[&first]), &ours);
        assert_eq!(list, once);
        apply(&mut list, &wanted(&[&second]), &used(&[&second]), &ours);
        assert_eq!(Classes::read(&list).boot(&[tag(&site("lab"), &first)]), None);
        assert_eq!(Classes::read(&list).boot(&[tag(&site("lab"), &second)]), Some(&second));
        apply(&mut list, &BTreeMap::new(), &BTreeSet::new(), &ours);
        assert_eq!(list, before);
    }

    #[test]
    fn classes_that_somebody_changed_are_not_known_and_are_written_anew() {
        let (files, ours) = (boot("a.efi"), BTreeSet::from([site("lab")]));
        let mut list = written(&site("lab"), &files);
        list[2]["next-server"] = json!("10.0.0.9");
        assert_eq!(Classes::read(&list).boot(&[tag(&site("lab"), &files)]), None);
        apply(&mut list, &wanted(&[&files]), &used(&[&files]), &ours);
        assert_eq!(list, written(&site("lab"), &files));
    }

    #[test]
    fn what_the_operator_has_to_add_is_told_whole_and_a_class_that_comes_before_by_name() {
        let (lab, files) = (site("lab"), boot("a.efi"));
        let absent = Classes::read(&[]).kept_by(Keeper::Operator).accept(&lab, &files).expect_err("it is not there");
        assert_eq!(absent.kind, ErrorKind::NotFound);
        let advice = absent.advice.expect("it says what to do");
        let list = advice.split_once(": [").map(|(_, list)| format!("[{list}")).expect("with the classes");
        let list: Vec<Value> = serde_json::from_str(&list).expect("as Kea reads them");
        assert!(Classes::read(&list).kept_by(Keeper::Operator).accept(&lab, &files).is_ok());
        let theirs = json!({"name": "efi", "test": "option[93].hex == 0x0007", "boot-file-name": "grub.efi"});
        let rival = Classes::read(&[theirs]).accept(&lab, &files).expect_err("it comes first");
        assert!(rival.why.contains("the class `efi`"), "{rival}");
    }
}
