//! Shipping manifests: nodes that get what was sent, and all that is wrong in a table at once.

use std::path::{Path, PathBuf};

use dip_core::secret::SecretRef;
use dip_core::site::{Field, Loaded, NodeState, SettingsSchema, Shape, Site, Variant};

/// A directory that is removed in the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dip-manifest-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("lists")).expect("a directory");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("written");
    }

    fn load(&self) -> Result<Loaded, String> {
        let protocol = Variant::new("ipmi", "IPMI.", vec![Field::optional("port", Shape::integer(1, 65535), "Port.")]);
        let settings = SettingsSchema { bmc_protocols: vec![protocol], ..SettingsSchema::default() };
        Site::load(&[self.0.join("site.yaml")], &settings).map_err(|faults| faults.to_string())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const SITE: &str = "version: 1
site: lab
manifest: lists/rack1.csv
racks: {r1: {}}
profiles:
  base: {bmc: {user: admin, password: store:secrets/bmc, protocols: [{kind: ipmi}]}}
nodes:
  by-serial: {rack: r1, profile: base, serial: SN-1}
  by-place: {rack: r1, profile: base, position: 7}
  late: {rack: r1, profile: base, serial: SN-3}
  lost: {rack: r1, profile: base, position: 9}
  own: {rack: r1, profile: base, serial: SN-5, bmc: {address: 10.8.0.50}}
";

const TABLE: &str = "Serial,bmc_mac,bmc_address,user,password,model,rack,position
SN-1,52:54:00:00:00:01,10.8.0.1,root,file:factory/SN-1,\"R 650, 10 bays\",r1,5
SN-2,52:54:00:00:00:02,10.8.0.2,,env:FACTORY,R650,r1,7
SN-3,52:54:00:00:00:03,,,,R650,r1,8
SN-4,52:54:00:00:00:04,10.8.0.4,,,R650,,
SN-5,,10.8.0.5,,,R650,r1,11
";

#[test]
fn nodes_get_what_was_sent_and_a_rack_that_is_partly_delivered_is_ready_as_far_as_it_goes() {
    let place = Place::new("whole");
    place.write("site.yaml", SITE);
    place.write("lists/rack1.csv", TABLE);
    let Loaded { site, deliveries, warnings, .. } = place.load().unwrap_or_else(|faults| panic!("{faults}"));
    let bmc = |name: &str| site.nodes[name].bmc.as_ref().expect("it has one");

    let first = bmc("by-serial");
    assert_eq!((&*first.address, &*first.user), ("10.8.0.1", "root"), "what was sent says more than a profile");
    let factory = place.0.join("lists/factory/SN-1");
    assert_eq!(first.factory_password, Some(SecretRef::File(factory)), "relative to the manifest");
    assert_eq!(first.password, SecretRef::Store(place.0.join("secrets/bmc/by-serial")));
    let second = bmc("by-place");
    assert_eq!((&*second.address, &*second.user), ("10.8.0.2", "admin"));
    assert_eq!(
        site.nodes["by-place"].serial.as_deref(),
        Some("SN-2"),
        "the machine at its place is the one that is wanted"
    );
    assert_eq!(bmc("own").address, "10.8.0.50", "the node itself says most");

    let awaited: Vec<_> = site.nodes.values().filter(|node| node.state == NodeState::Awaited).collect();
    assert_eq!(awaited.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["late", "lost"]);
    assert!(awaited.iter().all(|node| node.bmc.is_none()));
    assert_eq!(site.ready_nodes().count(), 3, "the others go on");
    let told: Vec<_> = warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "`late` (serial number `SN-3`) is not delivered yet: the manifest tells no address of its BMC",
            "`lost` (rack `r1`, position 9) is not delivered yet: the manifest tells no address of its BMC",
        ]
    );
    let nodes: Vec<_> =
        deliveries.iter().map(|one| (&*one.serial, one.node.as_ref().map(|node| node.as_str()))).collect();
    assert_eq!(
        nodes,
        [
            ("SN-1", Some("by-serial")),
            ("SN-2", Some("by-place")),
            ("SN-3", Some("late")),
            ("SN-4", None),
            ("SN-5", Some("own"))
        ]
    );
    assert_eq!(deliveries[0].model.as_deref(), Some("R 650, 10 bays"));
}

#[test]
fn all_that_is_wrong_in_a_manifest_is_told_at_once_and_no_password() {
    let place = Place::new("faults");
    place.write("site.yaml", SITE);
    place.write(
        "lists/rack1.csv",
        "serial,bmc_mac,bmc_adress,password,rack,position
SN-1,52:54:00:00:00,10.8.0.1,hunter2,r1,5
SN-1,52:54:00:00:00:02,10.8.0.2,,r1,5
,52:54:00:00:00:03,10.8.0.3,,r1,0
SN-4,52:54:00:00:00:02,10.8.0.4,,r1,6,more
",
    );
    let faults = place.load().expect_err("it is full of faults");
    let file = Path::new(&place.0).join("lists/rack1.csv").display().to_string();
    let wanted = [
        ("unknown column `bmc_adress`", ":1:16"),
        ("`52:54:00:00:00` is not a MAC address", ":2:6"),
        ("a secret is given by reference", ":2:30"),
        ("`SN-1` stands as `serial` in line 2 too", ":3:1"),
        ("position 5 of rack `r1` is taken by line 2", ":3:"),
        ("this machine has no serial number", ":4:1"),
        ("`0` is no unit of a rack", ":4:"),
        ("this row has 7 cells, and there are 6 columns", ":5:"),
    ];
    for (message, at) in wanted {
        let fault = faults.split("\n\n").find(|fault| fault.contains(message));
        let fault = fault.unwrap_or_else(|| panic!("`{message}` is not told:\n{faults}"));
        assert!(fault.contains(&format!("{file}{at}")), "{fault}");
    }
    assert!(!faults.contains("hunter2"), "{faults}");
}

#[test]
fn a_manifest_that_is_not_there_is_told_where_it_is_named() {
    let place = Place::new("missing");
    place.write("site.yaml", SITE);
    let faults = place.load().expect_err("there is none");
    assert!(faults.contains("rack1.csv` cannot be read") && faults.contains("site.yaml:3:11"), "{faults}");
}

#[test]
fn two_nodes_are_not_one_machine() {
    let place = Place::new("twice");
    place.write("site.yaml", &SITE.replace("position: 9", "position: 5"));
    place.write("lists/rack1.csv", TABLE);
    let faults = place.load().expect_err("two nodes want it");
    assert!(faults.contains("`by-serial` and `lost` are both the machine in line 2 of the manifest"), "{faults}");
}

#[test]
fn a_bmc_whose_address_dhcp_tells_is_known_by_its_mac_address() {
    let place = Place::new("dhcp");
    place.write("site.yaml", SITE);
    place.write("lists/rack1.csv", &TABLE.replace("00:03,,", "00:03,dhcp,").replace("00:04,10.8.0.4", "00:04,dhcp"));
    let Loaded { site, .. } = place.load().unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(site.nodes["late"].state, NodeState::Ready, "it is delivered");
    assert_eq!(site.nodes["late"].bmc.as_ref().expect("it has one").address, "52:54:00:00:00:03");
    place.write("lists/rack1.csv", &TABLE.replace("SN-3,52:54:00:00:00:03,,", "SN-3,,dhcp,"));
    let faults = place.load().expect_err("nobody knows by what to find it");
    assert!(faults.contains("told by DHCP (`dhcp`), and the row has no `bmc_mac`"), "{faults}");
    place.write("lists/rack1.csv", TABLE);
    place.write("site.yaml", &SITE.replace("10.8.0.50", "\"52:54:00:00:00:05\""));
    let Loaded { site, .. } = place.load().unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(site.nodes["own"].bmc.as_ref().expect("it has one").address, "52:54:00:00:00:05");
}
