//! What surrounds a subnet in Kea's configuration and decides whether its clients hear of their boot files: options that come before those
//! of classes, and shared networks.
//!
//! In a shared network Kea cannot know a client's reservation before it has chosen the subnet, which is after it looked at the classes. It
//! looks again at those that the network requires (`evaluate-additional-classes`, `require-client-classes` before Kea 3.0; Kea ARM,
//! "Additional Classification").

use std::collections::{BTreeMap, BTreeSet};

use dip_core::id::SiteName;
use serde_json::{Value, json};

use super::super::boot_tag::site_of;
use super::boot_class;
use super::config::Place;
use super::entry::{Family, SubnetId};

/// What a network of this configuration calls the classes that it requires. Kea 3.0 (2.7.4) calls them anew and tells none by the old word,
/// and refuses a network that has both; it is known by the list of its control sockets, which no Kea before 2.7.2 has.
fn required(family: Family, whole: &Value) -> &'static str {
    if whole[family.root()]["control-sockets"].is_array() {
        "evaluate-additional-classes"
    } else {
        "require-client-classes"
    }
}

/// What tells a boot file before the classes of reservations do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rival {
    pub(super) family: Family,
    /// The subnet whose clients hear it; `None` where all of them may.
    pub(super) subnet: Option<SubnetId>,
    /// In words: a class or a subnet of the configuration.
    pub(super) what: String,
    pub(super) advice: &'static str,
}

/// A shared network as one of its subnets has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shared {
    pub(super) name: String,
    /// Where it names them.
    pub(super) key: &'static str,
    /// The classes that Kea looks at when it knows the reservation.
    pub(super) required: BTreeSet<String>,
}

/// The subnets whose clients hear of a boot file before Kea comes to their classes: from the subnet, one of its pools or its shared network.
pub(super) fn rivals(family: Family, whole: &Value, places: &[Place]) -> Vec<Rival> {
    let of = |place: &Place| {
        let subnet = place.subnet.as_ref()?;
        let here = whole.pointer(&place.pointer)?;
        let pools = here["pools"].as_array().into_iter().flatten();
        let network = place.network.as_ref().and_then(|network| whole.pointer(network));
        let tells = |of: &Value| boot_class::tells_file(family, of);
        pools.chain([here]).chain(network).any(tells).then(|| Rival {
            family,
            subnet: Some(subnet.id),
            what: format!("the subnet {}, one of its pools or its shared network", subnet.prefix),
            advice: "take the boot file out of its `option-data`, or put it into a class for clients without a reservation (`not member('KNOWN')`)",
        })
    };
    places.iter().filter_map(of).collect()
}

/// The shared networks, by the subnets that are in one.
pub(super) fn shared(family: Family, whole: &Value, places: &[Place]) -> BTreeMap<(Family, SubnetId), Shared> {
    let key = required(family, whole);
    let of = |place: &Place| {
        let (subnet, network) = (place.subnet.as_ref()?, whole.pointer(place.network.as_ref()?)?);
        let both = [network, whole.pointer(&place.pointer)?].into_iter().flat_map(|of| names(of, key));
        let name = network["name"].as_str().unwrap_or_default().to_owned();
        Some(((family, subnet.id), Shared { name, key, required: both.map(str::to_owned).collect() }))
    };
    places.iter().filter_map(of).collect()
}

fn names<'n>(of: &'n Value, key: &str) -> impl Iterator<Item = &'n str> {
    of[key].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Makes each shared network require the classes of the boot files that its reservations have, and none of these sites' that they have not.
/// What else it requires stays.
pub(super) fn require(
    family: Family,
    whole: &mut Value,
    places: &[Place],
    classes: &[Value],
    used: &BTreeMap<SubnetId, BTreeSet<String>>,
    sites: &BTreeSet<SiteName>,
) {
    let key = required(family, whole);
    let mut by_network = BTreeMap::<&str, BTreeSet<&str>>::new();
    for place in places {
        let (Some(network), Some(subnet)) = (&place.network, &place.subnet) else { continue };
        let used = used.get(&subnet.id).into_iter().flatten().map(String::as_str);
        by_network.entry(network).or_default().extend(used);
    }
    let tests = classes.iter().filter(|class| class["test"].is_string()).filter_map(|class| class["name"].as_str());
    let tests: Vec<_> = tests.filter_map(|name| Some((boot_class::base(name)?, name))).collect();
    for (network, used) in by_network {
        let Some(network) = whole.pointer_mut(network).and_then(Value::as_object_mut) else { continue };
        let before = network.get(key).and_then(Value::as_array).cloned();
        let ours = |base: &str| site_of(base).is_some_and(|site| sites.contains(&site));
        let mut list = before.clone().unwrap_or_default();
        list.retain(|name| {
            let base = name.as_str().and_then(boot_class::base);
            base.is_none_or(|base| !ours(base) || used.contains(base))
        });
        for (_, name) in tests.iter().filter(|(base, _)| ours(base) && used.contains(base)) {
            if !list.contains(&json!(name)) {
                list.push(json!(name));
            }
        }
        // One that had no list gets none that is empty.
        if before.is_some() || !list.is_empty() {
            network.insert(key.to_owned(), Value::Array(list));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: &str = "dip-lab-boot-3f2a91c0";

    /// The shared network of a configuration after a reservation in it has boot files, and after it has none any more.
    fn required_before_and_after(mut whole: Value) -> [Value; 2] {
        let subnet = SubnetId(1);
        let place = Place {
            pointer: "/Dhcp4/shared-networks/0/subnet4/0".to_owned(),
            network: Some("/Dhcp4/shared-networks/0".to_owned()),
            subnet: Some(super::super::entry::Subnet {
                id: subnet,
                prefix: "10.0.0.0/24".parse().expect("a prefix"),
                reservable: true,
            }),
        };
        whole["Dhcp4"]["shared-networks"] = json!([{"name": "floor", "subnet4": [{"id": 1, "subnet": "10.0.0.0/24"}]}]);
        let classes = [json!({"name": format!("{CLASS}-bios"), "test": "member('KNOWN')"})];
        let sites = BTreeSet::from([SiteName::new("lab").expect("a name")]);
        let mut told = |used: BTreeSet<String>| {
            require(
                Family::V4,
                &mut whole,
                std::slice::from_ref(&place),
                &classes,
                &BTreeMap::from([(subnet, used)]),
                &sites,
            );
            let read = shared(Family::V4, &whole, std::slice::from_ref(&place));
            let network = whole["Dhcp4"]["shared-networks"][0].clone();
            assert_eq!(json!(read[&(Family::V4, subnet)].required), network[required(Family::V4, &whole)]);
            network
        };
        [told(BTreeSet::from([CLASS.to_owned()])), told(BTreeSet::new())]
    }

    #[test]
    fn a_shared_network_is_told_its_classes_in_the_words_of_its_kea() {
        let old = json!({"Dhcp4": {"control-socket": {"socket-type": "unix"}}});
        let new = json!({"Dhcp4": {"control-sockets": [{"socket-type": "unix"}]}});
        for (kea, word, other) in [
            (old, "require-client-classes", "evaluate-additional-classes"),
            (new, "evaluate-additional-classes", "require-client-classes"),
        ] {
            let [with, without] = required_before_and_after(kea);
            assert_eq!(with[word], json!([format!("{CLASS}-bios")]));
            assert_eq!(without[word], json!([]));
            assert!(with.get(other).is_none(), "{with}");
        }
    }
}
