//! Boot files as Kea tells them: a client class that a reservation puts its client into, and, for each kind of firmware, a class that
//! depends on it and tells the file. Here it is decided which of them are there; how they are written is in `boot_class`.

use std::collections::{BTreeMap, BTreeSet};

use dip_core::id::SiteName;
use dip_core::provider::ErrorKind;
use serde_json::Value;

use super::super::boot_tag::{is_tag, tag};
use super::super::failure::Failure;
use super::boot_class;
use super::entry::{Family, SubnetId};
use super::mark;
use super::surroundings::{Rival, Shared};
use crate::provider::{BootFiles, Reservation};

/// Who writes classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Keeper {
    /// Dip does, with the rest of the configuration.
    #[default]
    Dip,
    /// Somebody who keeps the configuration by hand or by a tool.
    Operator,
}

/// The classes of the servers' configurations, as far as they matter for boot files.
#[derive(Debug, Clone, Default)]
pub(super) struct Classes {
    known: BTreeMap<String, BootFiles>,
    rivals: Vec<Rival>,
    shared: BTreeMap<(Family, SubnetId), Shared>,
    keeper: Keeper,
}

impl Classes {
    /// What stands in the list of `client-classes` of a server.
    pub(super) fn read(family: Family, list: &[Value]) -> Self {
        let bases = list.iter().filter_map(|class| class["name"].as_str()).filter(|name| is_tag(name));
        let known = bases.filter_map(|base| Some((base.to_owned(), boot_class::files(family, base, list)?))).collect();
        let rival = list.iter().find(|class| boot_class::is_rival(family, class));
        let rivals = rival.and_then(|class| class["name"].as_str()).map(|name| Rival {
            family,
            subnet: None,
            what: format!("the class `{name}`"),
            advice: "take its boot file out, or end its test with `and not member('KNOWN')`, so that it is for clients without a reservation",
        });
        Self { known, rivals: rivals.into_iter().collect(), ..Self::default() }
    }

    /// The same with what surrounds the subnets.
    pub(super) fn beside(mut self, rivals: Vec<Rival>, shared: BTreeMap<(Family, SubnetId), Shared>) -> Self {
        self.rivals.extend(rivals);
        self.shared.extend(shared);
        self
    }

    /// The classes of both servers.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.known.extend(other.known);
        self.rivals.extend(other.rivals);
        self.shared.extend(other.shared);
        self
    }

    pub(super) fn kept_by(mut self, keeper: Keeper) -> Self {
        self.keeper = keeper;
        self
    }

    /// The boot files that the client of a reservation in a subnet hears of by these classes.
    pub(super) fn boot(&self, family: Family, subnet: SubnetId, classes: &[String]) -> Option<&BootFiles> {
        let heard = |class: &String, boot: &&BootFiles| self.unrequired(family, subnet, class, boot).is_none();
        classes.iter().find_map(|class| self.known.get(class).filter(|boot| heard(class, boot)))
    }

    /// Whether a client in a subnet hears of these files by a class that is there.
    pub(super) fn tell(&self, family: Family, subnet: SubnetId, class: &str, boot: &BootFiles) -> bool {
        self.known.get(class) == Some(boot) && self.unrequired(family, subnet, class, boot).is_none()
    }

    /// The shared network of a subnet where it does not require the classes of these files.
    fn unrequired(&self, family: Family, subnet: SubnetId, class: &str, boot: &BootFiles) -> Option<&Shared> {
        let network = self.shared.get(&(family, subnet))?;
        boot_class::names(class, boot).any(|name| !network.required.contains(&name)).then_some(network)
    }

    /// Whether a client in one of these subnets would hear of these files.
    pub(super) fn accept(
        &self,
        family: Family,
        subnets: &BTreeSet<SubnetId>,
        site: &SiteName,
        boot: &BootFiles,
    ) -> Result<(), Failure> {
        let comes_first =
            |rival: &&Rival| rival.family == family && rival.subnet.is_none_or(|subnet| subnets.contains(&subnet));
        if let Some(Rival { what, advice, .. }) = self.rivals.iter().find(comes_first) {
            let why = format!("{what} of Kea's configuration tells a boot file too, and Kea takes that one");
            return Err(Failure::new(ErrorKind::Conflict, why).advise(*advice));
        }
        if self.keeper == Keeper::Dip {
            return Ok(());
        }
        let (class, root) = (tag(site, boot), family.root());
        if self.known.get(&class) != Some(boot) {
            let why = format!("Kea's configuration (`{root}`) has no classes `{class}` that tell {boot}");
            let wanted = Value::Array(boot_class::written(family, site, boot));
            let advice = format!(
                "dip does not write the configuration of a Kea with a hosts backend: add these to `client-classes` of `{root}` and reload it: {wanted}"
            );
            return Err(Failure::new(ErrorKind::NotFound, why).advise(advice));
        }
        if let Some(network) = subnets.iter().find_map(|subnet| self.unrequired(family, *subnet, &class, boot)) {
            let Shared { name, key, .. } = network;
            let why = format!(
                "the shared network `{name}` does not require the classes of `{class}`, which Kea looks at too early else"
            );
            let wanted: Value = boot_class::names(&class, boot).collect();
            let advice = format!("add these to `{key}` of `{name}` in `{root}` and reload it: {wanted}");
            return Err(Failure::new(ErrorKind::NotFound, why).advise(advice));
        }
        Ok(())
    }
}

/// The boot files that each of the servers has to tell.
pub(super) fn parts(wanted: &Reservation) -> Result<BTreeMap<Family, BootFiles>, Failure> {
    let Some(boot) = &wanted.boot else { return Ok(BTreeMap::new()) };
    let Some(told) = wanted.told_boot() else {
        let (by, address) = match boot.server() {
            Some(_) => ("DHCPv4", "IPv4"),
            None => ("DHCPv6", "IPv6"),
        };
        let why = format!("boot files are told by {by}, and no {address} address is wanted");
        let advice = format!("give the interface an {address} address, or the boot files a server of the other family");
        return Err(Failure::new(ErrorKind::Invalid, why).advise(advice));
    };
    let parts = [(Family::V4, told.over_v4()), (Family::V6, told.over_v6())];
    Ok(parts.into_iter().filter_map(|(family, part)| Some((family, part?))).collect())
}

/// Makes a server's list of classes tell the wanted boot files of reservations, and none of these sites' that no reservation has.
pub(super) fn apply(
    family: Family,
    list: &mut Vec<Value>,
    wanted: &BTreeMap<String, (SiteName, BootFiles)>,
    used: &BTreeSet<String>,
    sites: &BTreeSet<SiteName>,
) {
    let known = Classes::read(family, list);
    let missing =
        wanted.iter().filter(|(class, (_, boot))| used.contains(*class) && known.known.get(*class) != Some(boot));
    let missing: BTreeMap<_, _> = missing.collect();
    list.retain(|class| {
        let Some(base) = class["name"].as_str().and_then(boot_class::base) else { return true };
        let ours = mark::owner(class.get("user-context")).is_some_and(|owner| sites.contains(&owner));
        !(ours && (!used.contains(base) || missing.contains_key(&base.to_owned())))
    });
    for (site, boot) in missing.into_values() {
        list.extend(boot_class::written(family, site, boot));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

    fn site(name: &str) -> SiteName {
        SiteName::new(name).expect("a name")
    }

    fn boot(family: Family, file: &str) -> BootFiles {
        let told = json!({"server": "10.0.0.5", "server6": "fd00::5", "ipxe": "http://10.0.0.5/x", "uefi_x64": file, "http_x64": "http://a/e"});
        let boot: BootFiles = serde_json::from_value(told).expect("they can be told");
        let part = match family {
            Family::V4 => boot.over_v4(),
            Family::V6 => boot.over_v6(),
        };
        part.expect("they are told by both")
    }

    fn wanted(boots: &[&BootFiles]) -> BTreeMap<String, (SiteName, BootFiles)> {
        boots.iter().map(|boot| (tag(&site("lab"), boot), (site("lab"), (*boot).clone()))).collect()
    }

    fn used(boots: &[&BootFiles]) -> BTreeSet<String> {
        boots.iter().map(|boot| tag(&site("lab"), boot)).collect()
    }

    fn told<'c>(classes: &'c Classes, boot: &BootFiles) -> Option<&'c BootFiles> {
        classes.boot(Family::V4, SubnetId(1), &[tag(&site("lab"), boot)])
    }

    #[test]
    fn classes_come_and_go_with_the_reservations_that_have_them_and_others_stay() {
        for family in FAMILIES {
            let theirs = json!({"name": "voip", "test": "option[60].hex == 'phone'", "boot-file-name": ""});
            let (first, second) = (boot(family, "a.efi"), boot(family, "b.efi"));
            let ours = BTreeSet::from([site("lab")]);
            let mut list = vec![theirs.clone()];
            list.extend(boot_class::written(family, &site("other"), &first));
            let before = list.clone();
            apply(family, &mut list, &wanted(&[&first]), &used(&[&first]), &ours);
            assert_eq!(told(&Classes::read(family, &list), &first), Some(&first));
            let once = list.clone();
            apply(family, &mut list, &wanted(&[&first]), &used(&[&first]), &ours);
            assert_eq!(list, once);
            apply(family, &mut list, &wanted(&[&second]), &used(&[&second]), &ours);
            assert_eq!(told(&Classes::read(family, &list), &first), None);
            assert_eq!(told(&Classes::read(family, &list), &second), Some(&second));
            apply(family, &mut list, &BTreeMap::new(), &BTreeSet::new(), &ours);
            assert_eq!(list, before);
        }
    }

    #[test]
    fn classes_that_somebody_changed_are_not_known_and_are_written_anew() {
        for (family, at) in [(Family::V4, "/next-server"), (Family::V6, "/option-data/0/data")] {
            let (files, ours) = (boot(family, "a.efi"), BTreeSet::from([site("lab")]));
            let mut list = boot_class::written(family, &site("lab"), &files);
            *list[2].pointer_mut(at).expect("it says that") = json!("10.0.0.9");
            assert_eq!(told(&Classes::read(family, &list), &files), None);
            apply(family, &mut list, &wanted(&[&files]), &used(&[&files]), &ours);
            assert_eq!(list, boot_class::written(family, &site("lab"), &files));
        }
    }

    #[test]
    fn what_the_operator_has_to_add_is_told_whole_and_a_class_that_comes_before_by_name() {
        let (lab, here) = (site("lab"), BTreeSet::from([SubnetId(1)]));
        for (family, option) in [(Family::V4, 93), (Family::V6, 61)] {
            let files = boot(family, "a.efi");
            let accept = |list: &[Value], keeper: Keeper| {
                Classes::read(family, list).kept_by(keeper).accept(family, &here, &lab, &files)
            };
            let absent = accept(&[], Keeper::Operator).expect_err("it is not there");
            assert_eq!(absent.kind, ErrorKind::NotFound);
            let advice = absent.advice.expect("it says what to do");
            assert!(advice.contains(family.root()), "{advice}");
            let list = advice.split_once(": [").map(|(_, list)| format!("[{list}")).expect("with the classes");
            let list: Vec<Value> = serde_json::from_str(&list).expect("as Kea reads them");
            assert!(accept(&list, Keeper::Operator).is_ok());
            let mut theirs = json!({"name": "efi", "test": format!("option[{option}].hex == 0x0007"), "boot-file-name": "grub.efi",
                "option-data": [{"code": 59, "data": "tftp://[fd00::9]/grub.efi"}]});
            let rival = accept(&[theirs.clone()], Keeper::Dip).expect_err("it comes first");
            assert!(rival.why.contains("the class `efi`"), "{rival}");
            theirs["test"] = json!(format!("option[{option}].hex == 0x0007 and not member('KNOWN')"));
            assert!(accept(&[theirs], Keeper::Dip).is_ok());
        }
    }
}
