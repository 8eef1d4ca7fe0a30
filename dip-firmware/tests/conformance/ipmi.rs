//! The IPMI provider against `ipmi_sim`, cross-checked with `ipmitool`.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{BootDevice, Identity, PowerState};
use dip_core::provider::PowerAction;
use dip_core::secret::Secret;
use dip_firmware::conformance::{BmcHarness, bmc};
use dip_firmware::ipmi::Sockets;
use dip_firmware::provider::{Bmc, BootOverride};
use dip_firmware::providers::Ipmi;
use dip_firmware::settings::{IpmiPrivilege, IpmiSettings};
use dip_lab::{IpmiSim, IpmiSimConfig, LabError};
use tokio::sync::Mutex;

use crate::machine::{LabBmc, Machine, expect, on_a_thread, trials_on};

/// In the byte order of SMBIOS; in no other order do the bytes make a UUID of a known version.
pub(crate) const GUID: &str = "33221100554407468899aabbccddeeff";
const UUID: &str = "00112233-4455-4607-8899-aabbccddeeff";

pub(crate) async fn trials() -> Vec<Trial> {
    let mut trials =
        trials_on("ipmi_sim", harness("ipmi").await, |harness| bmc(&(Arc::new(harness) as Arc<dyn BmcHarness>)));
    trials.extend(trials_on("ipmi_sim", start("cross").await, |(machine, sim)| {
        let sim = Arc::new(Mutex::new(sim));
        let (first, second, third) = (Arc::clone(&sim), Arc::clone(&sim), sim);
        let (one, two) = (machine.clone(), machine);
        vec![
            Trial::new("ipmitool_sees_what_dip_does", move || ipmitool_sees(one, first)),
            on_a_thread("a_bmc_that_restarts_is_asked_on_in_a_new_session", move || restarts(second)),
            Trial::new("an_operator_may_switch_and_set_the_boot_device", move || operator(two, third)),
        ]
    }));
    trials
}

pub(crate) async fn start(name: &str) -> Result<(Machine, IpmiSim), LabError> {
    let machine = Machine::new(name)?;
    let config = IpmiSimConfig { guid: GUID.to_owned(), ..IpmiSimConfig::named(name) };
    let sim = IpmiSim::start(config, &machine.0).await?;
    Ok((machine, sim))
}

pub(crate) fn client(port: u16, password: &str) -> Arc<dyn Bmc> {
    client_as(port, "admin", password, IpmiPrivilege::Administrator)
}

fn client_as(port: u16, user: &str, password: &str, privilege: IpmiPrivilege) -> Arc<dyn Bmc> {
    let settings = IpmiSettings { port: Some(port), privilege: Some(privilege), ..IpmiSettings::default() };
    Arc::new(
        Ipmi::new(&Sockets::new(), "127.0.0.1", user, &Secret::new(password.to_owned()), &settings)
            .expect("it fits into IPMI"),
    )
}

/// A client for another user, who may be anybody.
pub(crate) fn client_for(port: u16, user: &str, password: &str) -> Arc<dyn Bmc> {
    client_as(port, user, password, IpmiPrivilege::User)
}

async fn harness(name: &str) -> Result<LabBmc, LabError> {
    let (machine, sim) = start(name).await?;
    let (port, password) = (sim.addr.port(), sim.admin.password.clone());
    Ok(harness_of(machine, port, &password, Box::new(sim)))
}

pub(crate) fn harness_of(machine: Machine, port: u16, password: &str, keep: Box<dyn Send + Sync>) -> LabBmc {
    let name = machine.0.dir().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    LabBmc {
        machine,
        bmc: client(port, password),
        with_wrong_password: client(port, "wrong"),
        // The port of discard (RFC 863): nobody listens there.
        of_nobody: client(9, password),
        identity: Identity {
            manufacturer: Some("DIP Lab".to_owned()),
            model: Some("Simulated Node".to_owned()),
            serial: Some(format!("SN-{name}")),
            uuid: Some(UUID.to_owned()),
            ..Identity::default()
        },
        _keep: keep,
    }
}

async fn ipmitool_sees(machine: Machine, sim: Arc<Mutex<IpmiSim>>) -> Result<Verdict, Failure> {
    let sim = sim.lock().await;
    machine.bring(PowerState::Off).await?;
    let bmc = client(sim.addr.port(), &sim.admin.password);
    let (power, boot) = (bmc.power().ok_or("IPMI has power")?, bmc.boot().ok_or("IPMI has a boot device")?);
    boot.set_boot_override(BootOverride::once(BootDevice::Network)).await?;
    let seen = sim.ipmitool(&["chassis", "bootparam", "get", "5"]).await?;
    expect(seen.contains("Force PXE"), "ipmitool sees the boot device", &seen)?;
    let told = machine.0.boot_device().map(|device| device.0);
    expect(told.as_deref() == Some("pxe"), "the machine would boot from the network", &told)?;
    power.request(PowerAction::On).await?;
    let seen = sim.ipmitool(&["chassis", "power", "status"]).await?;
    expect(seen.contains("is on"), "ipmitool sees the power", &seen)?;
    sim.ipmitool(&["chassis", "power", "off"]).await?;
    let state = power.state().await?;
    expect(state == PowerState::Off, "dip sees what ipmitool did", state)?;
    Ok(Verdict::Passed)
}

async fn restarts(sim: Arc<Mutex<IpmiSim>>) -> Result<Verdict, Failure> {
    let mut sim = sim.lock().await;
    let bmc = client(sim.addr.port(), &sim.admin.password);
    let before = bmc.identity().await?;
    sim.restart().await?;
    let after = bmc.identity().await?;
    expect(before == after, "the same machine", (before, &after))?;
    Ok(Verdict::Passed)
}

async fn operator(machine: Machine, sim: Arc<Mutex<IpmiSim>>) -> Result<Verdict, Failure> {
    let sim = sim.lock().await;
    machine.bring(PowerState::Off).await?;
    let bmc = client_as(sim.addr.port(), "oper", "operpw", IpmiPrivilege::Operator);
    bmc.boot().ok_or("IPMI has a boot device")?.set_boot_override(BootOverride::once(BootDevice::Disk)).await?;
    bmc.power().ok_or("IPMI has power")?.request(PowerAction::On).await?;
    expect(machine.is(PowerState::On), "the machine is on", machine.0.power())?;
    machine.bring(PowerState::Off).await?;
    Ok(Verdict::Passed)
}
