//! The steps of the transaction (settings, Secure Boot, volumes, firmware) on the emulator of sushy-tools, as far as it goes.
//!
//! It keeps storage controllers and disks by its configuration, and settings and Secure Boot by its driver. It makes volumes only
//! with libvirt, takes none away, and lists no firmware: that is told, and nothing is done.

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::PowerState;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Operation, OperationError};
use dip_core::provider::{ErrorKind, sentence};
use dip_core::step::Step;
use dip_core::subject::Subject;
use dip_firmware::steps::{
    InstallFirmware, MakeVolume, ReadComponents, ReadStorage, RemoveVolume, SetBios, SetSecureBoot,
};
use dip_lab::{SushyEmulator, Tls};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::machine::{Machine, expect, on_a_thread, trials_on};
use crate::redfish;
use crate::steps::of_machine;

pub(crate) async fn trials() -> Vec<Trial> {
    trials_on("sushy-emulator", redfish::start(Tls::Off).await, |(machine, emulator)| {
        vec![on_a_thread("settings_and_secure_boot_come_about_at_one_boot_and_what_it_lacks_is_told", move || {
            story(machine, emulator)
        })]
    })
}

async fn story(machine: Machine, emulator: SushyEmulator) -> Result<Verdict, Failure> {
    let name = NodeName::new("n1")?;
    let settings = json!({ "port": emulator.addr.port(), "scheme": "http", "system": redfish::UUID });
    let bench = of_machine(&name, "redfish", settings, "SN-redfish")?;
    at_one_boot(&machine, &bench, &name).await?;

    let told = bench.holds(&step::<ReadStorage>(&name, json!({ "volumes": [] }))?).await?;
    let told = format!("{told:?}");
    expect(
        ["\"32ADF365C6C1B7BD\"", "\"32ADF365C6C1B7C3\""].iter().all(|disk| told.contains(disk)),
        "disks are told",
        &told,
    )?;

    let disks: Value = ["32ADF365C6C1B7BD", "32ADF365C6C1B7C3"]
        .map(|slot| json!({ "controller": "1", "slot": slot, "serial": "1234570" }))
        .to_vec()
        .into();
    let make = step::<MakeVolume>(&name, json!({ "volume": "system", "level": "raid1", "disks": disks }))?;
    bench.differs(&make).await?;
    lacks(bench.apply(&make).await, "/Volumes was answered 501")?;
    let gone = json!({ "controller": "1", "volume": "absent", "name": "old", "disks": disks });
    bench.holds(&step::<RemoveVolume>(&name, gone)?).await?;

    let update = json!({ "version": "2.0", "image": "http://192.0.2.1/bios.bin" });
    let install = step::<InstallFirmware>(&name, json!({ "component": "BIOS", "update": update }))?;
    for step in [install, step::<ReadComponents>(&name, json!({}))?] {
        lacks(bench.check(&step).await, "the service lists no firmware")?;
    }
    machine.bring(PowerState::Off).await?;
    Ok(Verdict::Passed)
}

/// Asked for while the machine is off, in force once it was started, and twice is once.
async fn at_one_boot(machine: &Machine, bench: &Bench, name: &NodeName) -> Result<(), Failure> {
    machine.bring(PowerState::Off).await?;
    let bios = |stage: &str| {
        let attributes = json!({ "ProcTurboMode": "Disabled", "ProcVirtualization": "Disabled" });
        step::<SetBios>(name, json!({ "attributes": attributes, "stage": stage }))
    };
    let secure = |stage: &str| step::<SetSecureBoot>(name, json!({ "wanted": "enabled", "stage": stage }));
    for (accepted, in_force) in [(bios("accepted")?, bios("in_force")?), (secure("accepted")?, secure("in_force")?)] {
        bench.differs(&accepted).await?;
        bench.differs(&in_force).await?;
        for _ in 0..2 {
            expect(bench.apply(&accepted).await? == Applied::Done, "it is asked for", &accepted.name)?;
            bench.holds(&accepted).await?;
        }
    }
    bench.differs(&bios("in_force")?).await?;
    machine.bring(PowerState::On).await?;
    for step in [bios("accepted")?, bios("in_force")?, secure("accepted")?, secure("in_force")?] {
        bench.holds(&step).await?;
    }
    Ok(())
}

/// A step as a stored plan holds it.
fn step<T: Operation>(node: &NodeName, mut input: Value) -> Result<Step, Failure> {
    input["node"] = json!(node);
    let operation: T = serde_json::from_value(input)?;
    Ok(Step::new(LayerId::Firmware, Subject::node(node), &operation))
}

/// That the emulator cannot do it is said, and nothing else.
fn lacks<T: std::fmt::Debug>(answer: Result<T, OperationError>, why: &str) -> Result<(), Failure> {
    match answer {
        Err(OperationError::Provider(error)) => {
            let said = sentence(&error);
            expect(error.kind() == ErrorKind::Unsupported && said.contains(why), why, said)
        }
        other => Err(format!("{why}; seen: {other:?}").into()),
    }
}
