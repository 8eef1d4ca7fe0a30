//! The layer's steps, as it proposes them, on real BMCs: check, apply, check.

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::fact::firmware::{BOOT_DEVICE, IDENTITY, POWER};
use dip_core::hardware::{BootDevice, Identity, PowerState};
use dip_core::id::NodeName;
use dip_core::operation::{Applied, OperationError};
use dip_core::site::Node;
use dip_core::step::Environment;
use dip_core::subject::Subject;
use dip_lab::Tls;
use serde_json::{Value, json};

use crate::bench::{Bench, Known, node, protocol};
use crate::machine::{Machine, expect, on_a_thread, trials_on};
use crate::{ipmi, redfish};

pub(crate) async fn trials() -> Vec<Trial> {
    let mut trials = trials_on("ipmi_sim", ipmi::start("steps").await, |(machine, sim)| {
        let settings = json!({ "port": sim.addr.port() });
        vec![on_a_thread("a_node_is_identified_booted_and_switched_off", move || {
            story(machine, "ipmi", settings, "SN-steps", sim)
        })]
    });
    trials.extend(trials_on("sushy-emulator", redfish::start(Tls::Off).await, |(machine, emulator)| {
        let settings = json!({ "port": emulator.addr.port(), "scheme": "http", "system": redfish::UUID });
        vec![on_a_thread("a_node_is_identified_booted_and_switched_off", move || {
            story(machine, "redfish", settings, "SN-redfish", emulator)
        })]
    }));
    trials
}

async fn story<S: Send>(
    machine: Machine,
    kind: &'static str,
    settings: Value,
    serial: &str,
    servers: S,
) -> Result<Verdict, Failure> {
    machine.bring(PowerState::Off).await?;
    let name = NodeName::new("n1")?;
    let subject = Subject::node(&name);
    let bench = of_machine(&name, kind, settings.clone(), serial)?;

    let [identify] = &bench.proposed()?[..] else { return Err("one step is proposed".into()) };
    let told: Option<Identity> = bench.holds(identify).await?.read(&IDENTITY.of(&subject))?;
    expect(told.as_ref().is_some_and(|told| told.serial.as_deref() == Some(serial)), "the identity is told", &told)?;

    let [device, on] = &bench.enter(&name, Environment::Installed)[..] else {
        return Err("two steps bring it up".into());
    };
    bench.differs(device).await?;
    expect(bench.apply(device).await? == Applied::Done, "the boot device is set", ())?;
    let seen: Option<BootDevice> = bench.holds(device).await?.read(&BOOT_DEVICE.of_boot(&subject, 1))?;
    expect(seen == Some(BootDevice::Disk), "the boot device is told", seen)?;
    bench.differs(on).await?;
    bench.settle(on).await?;
    let seen: Option<PowerState> = bench.holds(on).await?.read(&POWER.of_boot(&subject, 1))?;
    expect(seen == Some(PowerState::On) && machine.is(PowerState::On), "the power is told as it is", seen)?;
    // The machine has used up the override, and still nothing differs.
    bench.holds(device).await?;

    let [off] = &bench.enter(&name, Environment::Off)[..] else { return Err("one step switches it off".into()) };
    bench.differs(off).await?;
    bench.settle(off).await?;
    expect(machine.is(PowerState::Off), "the machine is off", machine.0.power())?;
    let bench = of_machine(&name, kind, settings, "another")?;
    let [identify] = &bench.proposed()?[..] else { return Err("one step is proposed".into()) };
    bench.differs(identify).await?;
    let Err(error) = bench.apply(identify).await else { return Err("another machine was taken for the node".into()) };
    expect(matches!(error, OperationError::Impossible(_)), "a person must look", error.to_string())?;
    drop(servers);
    Ok(Verdict::Passed)
}

/// A site of a node that is the machine with this serial number.
fn of_machine(name: &NodeName, kind: &'static str, settings: Value, serial: &str) -> Result<Bench, Failure> {
    let node = node(name, "env:BMC_PASSWORD", vec![protocol(kind, settings)], None);
    Bench::new(Node { serial: Some(serial.to_owned()), ..node }, &Known { password: "secret", store: None })
}
