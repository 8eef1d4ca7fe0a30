//! The layer itself: which BMCs it connects and which steps it proposes.

use dip_core::fact::FactRegistry;
use dip_core::fact::firmware::{
    BIOS, BMC_ANSWERS, BMC_CERTIFICATE, BMC_PASSWORD, BMC_STRANGERS, BMC_WEAKNESSES, BOOT_DEVICE, FIRMWARE_VERSION,
    HARDWARE, HARDWARE_VERIFIED, IDENTITY, POWER, POWER_CYCLED, SECURE_BOOT, VOLUME,
};
use dip_core::fact::network::cabling;
use dip_core::fact::os::DISK_SERIALS;
use dip_core::hardware::BootDevice;
use dip_core::id::LayerId;
use dip_core::layer::{ConnectError, Deferred, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Limit, Node, NodeState, OutletRef, SettingsSchema, Site};
use dip_core::step::{Boot, Environment, Need, Step};
use dip_core::subject::Subject;

use crate::expectation::ExpectedHardware;
use crate::hygiene;
use crate::settings::{self, LastResort, NodeFirmware};
use crate::steps::{
    BIOS_ACCEPTED, BarUsers, COMPONENTS, Discover, FIRMWARE_ACCEPTED, Identify, InstallCertificate, InstallFirmware,
    MakeVolume, PowerOff, PowerOn, Purpose, ReadComponents, ReadStorage, RemoveVolume, RetirePassword, ReviveBmc,
    SECURE_BOOT_ACCEPTED, SetBios, SetBootDevice, SetPassword, SetSecureBoot, Start, TendController, VOLUME_ACCEPTED,
    VOLUME_REMOVED, VerifyHardware,
};
use crate::storage::STORAGE;
use crate::transaction;

/// Layer 2, firmware and management: identity, boot device and power of nodes.
#[derive(Debug, Clone, Copy, Default)]
pub struct FirmwareLayer;

impl Layer for FirmwareLayer {
    fn id(&self) -> LayerId {
        LayerId::Firmware
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&POWER, "Whether a node has power, as its BMC tells it.");
        known.declare(
            &POWER_CYCLED,
            "The node was without power within the boot: whatever runs after it was started by that boot.",
        );
        known.declare(
            &BOOT_DEVICE,
            "The device that a boot of a node starts from; the wanted one where the node runs and nothing is to be booted.",
        );
        known.declare(&BMC_ANSWERS, "A BMC answers that may be brought back by the power of its node's outlets.");
        known.declare(&IDENTITY, "Who a machine is: maker, model, serial number, UUID.");
        known.declare(&BIOS_ACCEPTED, "The wanted BIOS attributes wait for a boot, or are in force.");
        known.declare(&BIOS, "The wanted BIOS attributes are in force.");
        known.declare(&SECURE_BOOT_ACCEPTED, "Secure Boot is as wanted from the next boot on.");
        known.declare(&SECURE_BOOT, "Secure Boot is in force or not, as it is wanted.");
        known.declare(&STORAGE, "The disks and volumes of a node.");
        known.declare(&DISK_SERIALS, "The serial numbers of all disks that were seen in a node.");
        known.declare(
            &VOLUME_ACCEPTED,
            "A volume is there, or comes about at the next boot; the serial numbers of its disks.",
        );
        known.declare(&VOLUME, "A volume is there; the serial numbers of its disks.");
        known.declare(&VOLUME_REMOVED, "A volume is gone, or goes at the next boot; the serial numbers of its disks.");
        known.declare(&COMPONENTS, "The firmware of a node's components.");
        known.declare(
            &FIRMWARE_ACCEPTED,
            "A component runs the wanted firmware, or does from the next boot on; its version.",
        );
        known.declare(&FIRMWARE_VERSION, "A component runs the wanted firmware; its version.");
        known.declare(&HARDWARE, "What a machine consists of, as its BMC tells it.");
        known.declare(
            &HARDWARE_VERIFIED,
            "A machine has the parts that the site expects, or may go on without; what it lacks.",
        );
        known.declare(&BMC_PASSWORD, "Which password a BMC takes, by its generation.");
        known.declare(&BMC_CERTIFICATE, "The certificate of the site's own authority that a BMC shows; its SHA-256.");
        known.declare(&BMC_WEAKNESSES, "The weak ways into a BMC that are open.");
        known.declare(&BMC_STRANGERS, "The users of a BMC that may log in and that the site does not name.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<Identify>();
        known.register::<ReviveBmc>();
        known.register::<Discover>();
        known.register::<VerifyHardware>();
        known.register::<SetPassword>();
        known.register::<RetirePassword>();
        known.register::<TendController>();
        known.register::<BarUsers>();
        known.register::<InstallCertificate>();
        known.register::<SetBootDevice>();
        known.register::<PowerOn>();
        known.register::<PowerOff>();
        known.register::<SetBios>();
        known.register::<SetSecureBoot>();
        known.register::<ReadStorage>();
        known.register::<MakeVolume>();
        known.register::<RemoveVolume>();
        known.register::<ReadComponents>();
        known.register::<InstallFirmware>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    fn connect(&self, site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        let errors = crate::providers::connect(site, secrets, providers);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn propose(&self, site: &Site, seen: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let mut steps = Vec::new();
        let mut notes = Vec::new();
        for node in site.ready_nodes() {
            let origin = || node.settings.origin("firmware").or(node.origin.as_ref()).cloned();
            let wanted = match node.settings.read::<NodeFirmware>(LayerId::Firmware) {
                Ok(wanted) => wanted.unwrap_or_default(),
                Err(error) => {
                    let text = format!("the firmware settings of node `{}` cannot be read: {error}", node.name);
                    notes.push(Note { text, origin: origin() });
                    NodeFirmware::default()
                }
            };
            transaction::propose(node, &wanted, seen, &mut steps, &mut notes);
            let revive = revive(site, node, &wanted);
            let may_revive = matches!(revive, Ok(Some(_)));
            match revive {
                Ok(step) => steps.extend(step),
                Err(text) => notes.push(Note { text, origin: origin() }),
            }
            let Some(bmc) = &node.bmc else { continue };
            let bound = site.machines.get(&node.name).cloned();
            let identify = Identify { node: node.name.clone(), serial: node.serial.clone(), bound };
            let step = identify.step(bmc.origin.clone());
            let answers = Need::IfGiven(BMC_ANSWERS.of(&Subject::node(&node.name)));
            steps.push(if may_revive { step.need(answers) } else { step });
            if wanted.discovers() {
                steps.push(Discover { node: node.name.clone() }.step(bmc.origin.clone()));
            }
            steps.extend(wanted.hardware.clone().map(|expected| verify(node, expected)));
            match hygiene::steps(node, bmc, &wanted) {
                Ok(hygiene) => steps.extend(hygiene),
                Err(text) => notes.push(Note { text, origin: bmc.origin.clone() }),
            }
        }
        if notes.is_empty() { Ok(steps) } else { Err(notes) }
    }

    fn deferred(&self, site: &Site, _: &Observed) -> Vec<Deferred> {
        let nodes = site.ready_nodes().filter(|node| node.bmc.is_some());
        let wanted = nodes.filter_map(|node| Some((node, node.settings.read(LayerId::Firmware).ok()??)));
        wanted.flat_map(|(node, wanted)| transaction::deferred(node, &wanted)).collect()
    }

    fn remove(&self, site: &Site, step: &Step) -> Option<Step> {
        let PowerOn { boot } = step.call.as_operation()?;
        let node = site.nodes.get(&boot.node)?;
        let address = &node.bmc.as_ref()?.address;
        // The machine may go on under another name.
        let went_on = |other: &Node| {
            other.state != NodeState::Absent && other.bmc.as_ref().is_some_and(|bmc| bmc.address == *address)
        };
        (!site.nodes.values().any(went_on)).then(|| PowerOff::removal(boot, node.serial.clone()))
    }

    fn limits(&self, _: &Site) -> Vec<Limit> {
        // ipmitool and FreeIPMI users know it of several makers; Redfish services queue writes, or answer 503.
        let reason = "BMCs freeze, or drop sessions, when several clients work with them at once";
        vec![Limit { lock: "bmc/*".into(), capacity: 1, reason: reason.to_owned(), origin: None }]
    }

    fn enter(&self, site: &Site, boot: &Boot) -> Vec<Step> {
        let Some(node) = site.nodes.get(&boot.node) else { return Vec::new() };
        if node.bmc.is_none() {
            return by_outlets(site, node, boot);
        }
        let origin = node.bmc.as_ref().and_then(|bmc| bmc.origin.clone());
        let subject = Subject::node(&node.name);
        // `propose` has told the fault of settings that cannot be read.
        let firmware = node.settings.read::<NodeFirmware>(LayerId::Firmware).ok().flatten().unwrap_or_default();
        // Where the site file tells the serial number, or the node is bound, no other machine is switched by mistake.
        let is_known = node.serial.is_some() || site.machines.contains_key(&node.name);
        let identified = is_known.then(|| Need::IfGiven(IDENTITY.of(&subject)));
        // A machine that lacks parts goes no further.
        let whole = firmware.hardware.as_ref().map(|_| Need::IfGiven(HARDWARE_VERIFIED.of(&subject)));
        let identified: Vec<Need> = identified.into_iter().chain(whole).collect();
        let answers = firmware.last_resort.map(|_| Need::IfGiven(BMC_ANSWERS.of(&subject)));
        let guard = |step: Step| identified.iter().chain(&answers).cloned().fold(step, Step::need);
        let start = Start::of(boot);
        let off = guard(PowerOff { boot: boot.into(), start, purpose: Purpose::Boot }.step(boot, origin.clone()));
        if boot.to == Environment::Off {
            return vec![off];
        }
        let device = SetBootDevice { boot: boot.into(), device: boot_device(boot.to), mode: firmware.boot_mode, start };
        let on = PowerOn { boot: boot.into() }.step(boot, origin.clone());
        let on = on.need(Need::fact(BOOT_DEVICE.of_boot(&subject, boot.ordinal)));
        let (device, on) = (device.step(boot, origin), cabling(node).map(Need::IfGiven).fold(on, Step::need));
        match start {
            Start::AsFound => vec![guard(device), guard(on)],
            Start::Afresh => {
                // Neither tells anything before the node was without power: it may have some from before this boot.
                let cycled = Need::fact(POWER_CYCLED.of_boot(&subject, boot.ordinal));
                let after = |step: Step| step.need(cycled.clone()).seen_after_needs();
                vec![off, guard(after(device)), guard(after(on))]
            }
        }
    }
}

/// The part of a boot for a node without a BMC: its outlets switch it. Nobody can tell it what to start from, so it comes only into
/// what its own order leads to.
fn by_outlets(site: &Site, node: &Node, boot: &Boot) -> Vec<Step> {
    let managed = |outlet: &OutletRef| site.pdus.get(&outlet.pdu).is_some_and(|pdu| pdu.driver.is_some());
    let own_order = matches!(boot.to, Environment::Off | Environment::Installed);
    if node.outlets.is_empty() || !node.outlets.iter().all(managed) || !own_order {
        return Vec::new();
    }
    let (start, origin) = (Start::of(boot), node.origin.clone());
    let off = PowerOff { boot: boot.into(), start, purpose: Purpose::Boot }.step(boot, origin.clone());
    if boot.to == Environment::Off {
        return vec![off];
    }
    let on = cabling(node).map(Need::IfGiven).fold(PowerOn { boot: boot.into() }.step(boot, origin), Step::need);
    match start {
        Start::AsFound => vec![on],
        Start::Afresh => {
            let cycled = Need::fact(POWER_CYCLED.of_boot(&Subject::node(&node.name), boot.ordinal));
            vec![off, on.need(cycled).seen_after_needs()]
        }
    }
}

/// The step that brings a silent BMC back, where the site allows it.
fn revive(site: &Site, node: &Node, firmware: &NodeFirmware) -> Result<Option<Step>, String> {
    let (Some(LastResort::Outlet), Some(bmc)) = (firmware.last_resort, &node.bmc) else { return Ok(None) };
    if node.outlets.is_empty() {
        return Err(format!(
            "node `{}` has `last_resort: outlet` and names no `outlets`; add all that feed it, or take `last_resort` out",
            node.name
        ));
    }
    let known_only = |outlet: &&OutletRef| site.pdus.get(&outlet.pdu).is_none_or(|pdu| pdu.driver.is_none());
    if let Some(outlet) = node.outlets.iter().find(known_only) {
        return Err(format!(
            "node `{}` has `last_resort: outlet`, and nobody can switch its outlet {outlet}: add a `kind` to PDU `{}`, or take `last_resort` out",
            node.name, outlet.pdu
        ));
    }
    let step = ReviveBmc { node: node.name.clone(), outlets: node.outlets.clone() }.step(bmc.origin.clone());
    Ok(Some(step))
}

/// The comparison of a machine's parts with those that the site expects of it.
fn verify(node: &Node, expected: ExpectedHardware) -> Step {
    let origin = node.settings.origin("firmware.hardware").cloned();
    let profile = origin.as_ref().and_then(|origin| origin.profile.as_ref());
    let wanted_by = profile.map_or_else(|| "the site file".to_owned(), |profile| format!("the profile `{profile}`"));
    VerifyHardware { node: node.name.clone(), expected, wanted_by }.step(origin)
}

/// What a machine starts from to get into an environment: systems in memory come over the network.
const fn boot_device(to: Environment) -> BootDevice {
    match to {
        Environment::Discovery | Environment::Rescue => BootDevice::Network,
        Environment::Firmware => BootDevice::Setup,
        Environment::Off | Environment::Installed => BootDevice::Disk,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{node_named, node_with_bmc, site_of};
    use dip_core::id::{NicName, PduName, Symbol};
    use dip_core::site::{Driver, Nic, NicRole, Pdu};
    use dip_core::step::{Hazard, Sight};
    use serde_json::json;

    fn boot(to: Environment) -> Boot {
        Boot { node: node_named("n1"), from: None, to, ordinal: 2 }
    }

    fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    #[test]
    fn a_node_with_a_bmc_is_identified_and_one_without_is_left_alone() {
        let mut bare = node_with_bmc("n2", vec![]);
        bare.bmc = None;
        let site = site_of([node_with_bmc("n1", vec![]), bare]);
        let steps = FirmwareLayer.propose(&site, &Observed::new()).expect("nothing is wrong");
        assert_eq!(names(&steps), ["firmware.identify node/n1"]);
        let boot = Boot { node: node_named("n2"), ..boot(Environment::Installed) };
        assert!(FirmwareLayer.enter(&site, &boot).is_empty());
    }

    /// A site whose PDU `pdu1` can be switched.
    fn site_with_pdu(node: Node, kind: Option<&'static str>) -> Site {
        let mut site = site_of([node]);
        let name = PduName::new("pdu1").expect("a name");
        let driver = kind.map(|kind| Driver { kind: Symbol::of(kind), settings: json!({}), origin: None });
        site.pdus.insert(name.clone(), Pdu { name, rack: None, outlets: 8, driver, origin: None });
        site
    }

    fn plugged(mut node: Node) -> Node {
        node.outlets = vec!["pdu1/3".parse().expect("an outlet")];
        node
    }

    #[test]
    fn a_node_without_a_bmc_has_power_by_its_outlets_into_what_its_own_order_leads_to() {
        let mut bare = plugged(node_with_bmc("n1", vec![]));
        bare.bmc = None;
        let enter = |kind, from, to| {
            let steps = FirmwareLayer.enter(&site_with_pdu(bare.clone(), kind), &Boot { from, ..boot(to) });
            names(&steps).join(", ")
        };
        let snmp = Some("snmp");
        assert_eq!(enter(snmp, None, Environment::Installed), "firmware.power_on node/n1#2");
        assert_eq!(enter(snmp, None, Environment::Off), "firmware.power_off node/n1#2");
        let afresh = enter(snmp, Some(Environment::Installed), Environment::Installed);
        assert_eq!(afresh, "firmware.power_off node/n1#2, firmware.power_on node/n1#2");
        assert_eq!(enter(snmp, None, Environment::Discovery), "", "nobody tells it to start from the network");
        assert_eq!(enter(None, None, Environment::Installed), "", "nobody switches its PDU");
    }

    #[test]
    fn a_silent_bmc_is_brought_back_only_where_the_site_allows_it_and_the_outlets_can_be_switched() {
        let propose = |kind, node: Node| FirmwareLayer.propose(&site_with_pdu(node, kind), &Observed::new());
        let allowed = |mut node: Node| {
            node.settings.layers.insert(LayerId::Firmware, json!({"last_resort": "outlet"}));
            node
        };
        let node = || node_with_bmc("n1", vec![]);
        let unasked = propose(Some("snmp"), plugged(node())).expect("nothing is wrong");
        assert_eq!(names(&unasked), ["firmware.identify node/n1"]);
        let asked = propose(Some("snmp"), allowed(plugged(node()))).expect("nothing is wrong");
        assert_eq!(names(&asked), ["firmware.revive_bmc node/n1", "firmware.identify node/n1"]);
        let answers = BMC_ANSWERS.of(&Subject::node(&node_named("n1")));
        assert_eq!(asked[1].needs, [Need::IfGiven(answers)], "nobody asks a BMC that is silent");
        let told = |kind, node| propose(kind, node).expect_err("it cannot be done")[0].text.clone();
        assert!(told(Some("snmp"), allowed(node())).contains("names no `outlets`"));
        assert!(told(None, allowed(plugged(node()))).contains("add a `kind` to PDU `pdu1`"));
    }

    #[test]
    fn a_boot_sets_the_device_then_the_power_once_network_and_identity_are_as_wanted() {
        let mut node = node_with_bmc("n1", vec![]);
        node.serial = Some("SN-1".to_owned());
        let name = NicName::new("eth0").expect("a name");
        let link = Some("sw1/7".parse().expect("a port"));
        let nic = Nic {
            name: name.clone(),
            role: NicRole::Primary,
            mac: None,
            duid: None,
            pci: None,
            link,
            network: None,
            addresses: vec![],
            origin: None,
        };
        node.nics.insert(name, nic);
        let steps = FirmwareLayer.enter(&site_of([node]), &boot(Environment::Installed));
        assert_eq!(names(&steps), ["firmware.set_boot_device node/n1#2", "firmware.power_on node/n1#2"]);
        let needs: Vec<_> = steps[1]
            .needs
            .iter()
            .map(|need| match need {
                Need::All(keys) => keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
                Need::IfGiven(key) => format!("{key} if given"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(
            needs,
            [
                "firmware.boot_device@node/n1#2",
                "network.port_vlan@port/sw1/7 if given",
                "network.reservation@nic/n1/eth0 if given",
                "firmware.identity@node/n1 if given",
            ]
        );
        assert_eq!(steps[1].gives, [POWER.of_boot(&Subject::node(&node_named("n1")), 2)]);
    }

    #[test]
    fn a_boot_into_off_disrupts() {
        let steps = FirmwareLayer.enter(&site_of([node_with_bmc("n1", vec![])]), &boot(Environment::Off));
        assert_eq!(names(&steps), ["firmware.power_off node/n1#2"]);
        assert_eq!(steps[0].hazard, Hazard::Disrupts);
        assert!(steps[0].needs.is_empty(), "the site file does not tell a serial number");
    }

    #[test]
    fn whoever_leaves_a_running_system_goes_through_power_off() {
        let site = site_of([node_with_bmc("n1", vec![])]);
        let enter = |from, to| FirmwareLayer.enter(&site, &Boot { from, ..boot(to) });
        let short = ["firmware.set_boot_device node/n1#2", "firmware.power_on node/n1#2"];
        let whole = [&["firmware.power_off node/n1#2"][..], &short[..]].concat();
        for to in [Environment::Firmware, Environment::Discovery, Environment::Rescue, Environment::Installed] {
            assert_eq!(names(&enter(Some(Environment::Off), to)), short, "off → {to}");
            assert_eq!(names(&enter(Some(Environment::Installed), to)), whole, "installed → {to}");
            assert_eq!(names(&enter(Some(Environment::Rescue), to)), whole, "rescue → {to}");
        }
        assert_eq!(names(&enter(None, Environment::Installed)), short, "what runs already may stay");
        assert_eq!(names(&enter(None, Environment::Discovery)), whole, "whatever runs, it is not that");
        let parts = enter(Some(Environment::Installed), Environment::Installed);
        let cycled = POWER_CYCLED.of_boot(&Subject::node(&node_named("n1")), 2);
        assert_eq!((&parts[0].gives[..], parts[0].hazard), (&[cycled.clone()][..], Hazard::Disrupts));
        for part in &parts[1..] {
            assert!(part.needs.contains(&Need::fact(cycled.clone())), "{}", part.name);
            assert_eq!(part.sight, Sight::AfterNeeds, "a node that is on tells nothing of this boot: {}", part.name);
        }
    }

    #[test]
    fn every_operation_of_a_step_is_registered() {
        let site = site_of([node_with_bmc("n1", vec![])]);
        let mut known = Operations::default();
        FirmwareLayer.operations(&mut known);
        let mut steps = FirmwareLayer.propose(&site, &Observed::new()).expect("nothing is wrong");
        steps.extend(FirmwareLayer.enter(&site, &boot(Environment::Installed)));
        steps.extend(FirmwareLayer.enter(&site, &boot(Environment::Off)));
        assert_eq!(steps.len(), 4);
        for step in steps {
            known.load(&step.call).expect("the call can be loaded again");
        }
    }
}
