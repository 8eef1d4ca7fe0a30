//! The layer itself: which BMCs it connects and which steps it proposes.

use dip_core::fact::FactRegistry;
use dip_core::fact::firmware::{
    BMC_PASSWORD, BMC_STRANGERS, BMC_WEAKNESSES, BOOT_DEVICE, HARDWARE, HARDWARE_VERIFIED, IDENTITY, POWER,
    POWER_CYCLED,
};
use dip_core::fact::network::{PORT_VLAN, RESERVATION};
use dip_core::hardware::BootDevice;
use dip_core::id::LayerId;
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Limit, Node, NodeState, SettingsSchema, Site};
use dip_core::step::{Boot, Environment, Need, Step};
use dip_core::subject::Subject;

use crate::expectation::ExpectedHardware;
use crate::hygiene;
use crate::settings::{self, NodeFirmware};
use crate::steps::{
    BarUsers, Discover, Identify, PowerOff, PowerOn, Purpose, RetirePassword, SetBootDevice, SetPassword, Start,
    TendController, VerifyHardware,
};

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
        known.declare(&IDENTITY, "Who a machine is: maker, model, serial number, UUID.");
        known.declare(&HARDWARE, "What a machine consists of, as its BMC tells it.");
        known.declare(
            &HARDWARE_VERIFIED,
            "A machine has the parts that the site expects, or may go on without; what it lacks.",
        );
        known.declare(&BMC_PASSWORD, "Which password a BMC takes, by its generation.");
        known.declare(&BMC_WEAKNESSES, "The weak ways into a BMC that are open.");
        known.declare(&BMC_STRANGERS, "The users of a BMC that may log in and that the site does not name.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<Identify>();
        known.register::<Discover>();
        known.register::<VerifyHardware>();
        known.register::<SetPassword>();
        known.register::<RetirePassword>();
        known.register::<TendController>();
        known.register::<BarUsers>();
        known.register::<SetBootDevice>();
        known.register::<PowerOn>();
        known.register::<PowerOff>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    fn connect(&self, site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        let errors = crate::providers::connect(site, secrets, providers);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let mut steps = Vec::new();
        let mut notes = Vec::new();
        for node in site.ready_nodes() {
            let firmware = node.settings.read::<NodeFirmware>(LayerId::Firmware).unwrap_or_else(|error| {
                let text = format!("the firmware settings of node `{}` cannot be read: {error}", node.name);
                notes.push(Note { text, origin: node.settings.origin("firmware").or(node.origin.as_ref()).cloned() });
                None
            });
            let Some(bmc) = &node.bmc else { continue };
            let bound = site.machines.get(&node.name).cloned();
            let identify = Identify { node: node.name.clone(), serial: node.serial.clone(), bound };
            steps.push(identify.step(bmc.origin.clone()));
            let firmware = firmware.unwrap_or_default();
            if firmware.discovers() {
                steps.push(Discover { node: node.name.clone() }.step(bmc.origin.clone()));
            }
            steps.extend(firmware.hardware.clone().map(|expected| verify(node, expected)));
            match hygiene::steps(node, bmc, firmware.password.as_ref(), firmware.controller.as_ref()) {
                Ok(hygiene) => steps.extend(hygiene),
                Err(text) => notes.push(Note { text, origin: bmc.origin.clone() }),
            }
        }
        if notes.is_empty() { Ok(steps) } else { Err(notes) }
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
        let Some(node) = site.nodes.get(&boot.node).filter(|node| node.bmc.is_some()) else { return Vec::new() };
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
        let guard = |step: Step| identified.iter().cloned().fold(step, Step::need);
        let start = Start::of(boot);
        let off = guard(PowerOff { boot: boot.into(), start, purpose: Purpose::Boot }.step(boot, origin.clone()));
        if boot.to == Environment::Off {
            return vec![off];
        }
        let device = SetBootDevice { boot: boot.into(), device: boot_device(boot.to), mode: firmware.boot_mode, start };
        let on = PowerOn { boot: boot.into() }.step(boot, origin.clone());
        let on = on.need(Need::fact(BOOT_DEVICE.of_boot(&subject, boot.ordinal)));
        let (device, on) = (device.step(boot, origin), cabling(node).fold(on, Step::need));
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

/// What a node's first packets rely on: its ports in their VLANs, its addresses in the DHCP server.
fn cabling(node: &Node) -> impl Iterator<Item = Need> {
    let ports = node.nics.values().filter_map(|nic| nic.link.as_ref());
    let ports = ports.map(|port| PORT_VLAN.of(&Subject::port(&port.switch, &port.port)));
    let reservations = node.nics.values().map(|nic| RESERVATION.of(&Subject::nic(&node.name, &nic.name)));
    ports.chain(reservations).map(Need::IfGiven)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{node_named, node_with_bmc, site_of};
    use dip_core::id::NicName;
    use dip_core::site::{Nic, NicRole};
    use dip_core::step::{Hazard, Sight};

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
