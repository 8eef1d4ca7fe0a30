//! Trials with something in the way.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::Verdict;
use dip_core::hardware::{BootDevice, PowerState};
use dip_core::provider::{ErrorKind, PowerAction, Retry, sentence};
use dip_firmware::conformance::BmcHarness;
use dip_firmware::models::Fault;
use dip_firmware::provider::{Accepted, BootOverride, NotActed, TaskState};

use super::list::Told;
use crate::machine::expect;
use crate::model::{InTheWay, ModelBmc, SLOW};

pub(super) fn session_ends(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        model.fails("GET", "/NetworkProtocol", Fault::SessionDropped);
        let seen = model.bmc().controller().ok_or("Redfish tells of the controller")?.state().await?;
        expect(seen.firmware.is_some(), "it goes on", seen)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn busy(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let controller = model.bmc().controller().ok_or("Redfish tells of the controller")?;
        model.fails("GET", "/NetworkProtocol", Fault::Busy(1));
        controller.state().await?;
        model.fails("GET", "/NetworkProtocol", Fault::Busy(120));
        let Err(error) = controller.state().await else { return Err("it was busy".into()) };
        let seen = (error.kind(), error.retry());
        expect(seen == (ErrorKind::Busy, Retry::After(Duration::from_secs(120))), "it says when to come back", seen)?;
        model.fails("PATCH", "", Fault::Busy(1));
        let boot = model.bmc().boot().ok_or("Redfish has a boot device")?;
        let Err(error) = boot.set_boot_override(BootOverride::once(BootDevice::Disk)).await else {
            return Err("a change is not repeated here".into());
        };
        expect(NotActed::is_cause_of(&error), "it has done nothing", sentence(&error))?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn slow(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        model.meets("GET", "/Systems/", InTheWay::Slow(SLOW));
        let started = std::time::Instant::now();
        let identity = model.bmc().identity().await?;
        expect(identity == model.identity() && started.elapsed() >= SLOW, "it is waited for", &identity)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn task_is_gone(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let bmc = model.bmc();
        let firmware = bmc.firmware().ok_or("Redfish has firmware")?;
        let accepted = firmware.install("http://192.0.2.1/bmc.bin", &["BMC".to_owned()]).await?;
        let Accepted::Task(task) = accepted else { return Err("it takes its time".into()) };
        model.fails("GET", "/TaskService/Tasks/", Fault::TasksForgotten);
        let seen = bmc.tasks().ok_or("Redfish has tasks")?.task(&task).await?;
        expect(seen == TaskState::Gone, "nobody knows what came of it", seen)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn reset_is_not_repeated(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        model.bring(PowerState::Off).await?;
        let before = model.starts().await;
        model.fails("POST", "/ComputerSystem.Reset", Fault::RestartsAfter);
        let power = model.bmc().power().ok_or("Redfish has power")?;
        let Err(error) = power.request(PowerAction::On).await else { return Err("there was no answer".into()) };
        expect(error.kind() == ErrorKind::Unreachable, "nobody answered", sentence(&error))?;
        expect(!NotActed::is_cause_of(&error), "it may have acted", sentence(&error))?;
        expect(power.state().await? == PowerState::On, "it has acted", ())?;
        expect(model.starts().await == before.map(|starts| starts + 1), "once", before)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn self_test(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        model.fails("PATCH", "/Systems/1", Fault::SelfTest);
        let boot = model.bmc().boot().ok_or("Redfish has a boot device")?;
        let Err(error) = boot.set_boot_override(BootOverride::once(BootDevice::Disk)).await else {
            return Err("the machine is in its self-test".into());
        };
        expect((error.kind(), error.retry()) == (ErrorKind::Busy, Retry::Backoff), "it passes", sentence(&error))?;
        Ok(Verdict::Passed)
    })
}
