//! One machine with two protocols: Redfish preferred, IPMI behind it.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{Identity, PowerState};
use dip_core::provider::{ErrorKind, PowerAction, Retry, sentence};
use dip_firmware::conformance::{BmcHarness, bmc};
use dip_firmware::provider::Bmc;
use dip_firmware::providers::Preferred;
use dip_lab::{IpmiSim, LabError, SushyEmulator, Tls};

use crate::machine::{LabBmc, Machine, expect, on_a_thread, trials_on};
use crate::{ipmi, redfish};

pub(crate) async fn trials() -> Vec<Trial> {
    let mut trials =
        trials_on("redfish then ipmi", harness().await, |harness| bmc(&(Arc::new(harness) as Arc<dyn BmcHarness>)));
    trials.extend(trials_on("redfish then ipmi", start("fallback").await, |started| {
        vec![on_a_thread("a_dead_redfish_service_is_replaced_by_ipmi_without_acting_twice", move || {
            falls_back(started)
        })]
    }));
    trials
}

async fn start(name: &str) -> Result<(Machine, SushyEmulator, IpmiSim), LabError> {
    let (machine, sim) = ipmi::start(name).await?;
    let emulator = redfish::start_for(&machine, Tls::Off).await?;
    Ok((machine, emulator, sim))
}

fn both(redfish_port: u16, ipmi_port: u16, password: &str) -> Preferred {
    Preferred::new(
        "127.0.0.1",
        vec![
            ("redfish", redfish::client(redfish_port, password, redfish::in_the_clear())),
            ("ipmi", ipmi::client(ipmi_port, password)),
        ],
    )
}

async fn harness() -> Result<LabBmc, LabError> {
    let (machine, emulator, sim) = start("both").await?;
    let (redfish, ipmi, password) = (emulator.addr.port(), sim.addr.port(), &emulator.admin.password);
    Ok(LabBmc {
        machine,
        bmc: Arc::new(both(redfish, ipmi, password)),
        with_wrong_password: Arc::new(both(redfish, ipmi, "wrong")),
        of_nobody: Arc::new(both(9, 9, password)),
        identity: Identity {
            manufacturer: Some("Sushy Emulator".to_owned()),
            model: Some("Simulated Node".to_owned()),
            serial: Some("SN-redfish".to_owned()),
            uuid: Some(redfish::UUID.to_owned()),
            ..Identity::default()
        },
        _keep: Box::new((emulator, sim)),
    })
}

async fn falls_back((machine, mut emulator, mut sim): (Machine, SushyEmulator, IpmiSim)) -> Result<Verdict, Failure> {
    let bmc = both(emulator.addr.port(), sim.addr.port(), &emulator.admin.password);
    let power = bmc.power().ok_or("both have power")?;
    machine.bring(PowerState::On).await?;
    power.state().await?;
    expect(bmc.protocol() == "redfish", "the preferred protocol is asked first", &bmc)?;
    emulator.stop();
    let starts = machine.starts();
    power.request(PowerAction::Cycle).await?;
    expect(bmc.protocol() == "ipmi", "the one that worked is remembered", &bmc)?;
    for _ in 0..100 {
        if machine.starts() > starts && machine.is(PowerState::On) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    expect(machine.starts() == starts + 1, "it was cycled once", (starts, machine.starts()))?;
    emulator.restart().await?;
    sim.stop();
    let state = power.state().await?;
    expect(state == PowerState::On && bmc.protocol() == "redfish", "it goes back when it must", &bmc)?;
    emulator.stop();
    let Err(error) = power.state().await else { return Err("nobody is there to answer".into()) };
    let said = sentence(&error);
    expect((error.kind(), error.retry()) == (ErrorKind::Unreachable, Retry::Backoff), "it is tried again", &said)?;
    expect(said.contains("tried redfish (") && said.contains("then ipmi ("), "it says who was tried", &said)?;
    Ok(Verdict::Passed)
}
