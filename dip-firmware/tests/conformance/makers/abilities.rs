//! Trials of abilities, each on every model.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::Verdict;
use dip_core::secret::Secret;
use dip_firmware::conformance::BmcHarness;
use dip_firmware::models::Maker;
use dip_firmware::provider::{Accepted, Health, Light, Role, TaskState, Unit};

use super::list::Told;
use crate::machine::expect;
use crate::model::ModelBmc;

pub(super) fn users_come_and_go(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let accounts = model.bmc().accounts().ok_or("Redfish has users")?;
        let (first, second) = (Secret::new("first-Pa55".to_owned()), Secret::new("second-Pa55".to_owned()));
        for _ in 0..2 {
            accounts.set("dip", &first, Role::Operator).await?;
        }
        let users = accounts.list().await?;
        let found: Vec<_> = users.iter().filter(|user| user.name == "dip").collect();
        let is_so = found.len() == 1 && found[0].enabled && found[0].role == Role::Operator && found[0].id != "1";
        expect(is_so, "there is one such user", &users)?;
        expect(accounts.has_password("dip", &first).await?, "its password is the first", ())?;
        accounts.set_password("dip", &second).await?;
        expect(!accounts.has_password("dip", &first).await?, "its password is not the first", ())?;
        expect(accounts.has_password("dip", &second).await?, "its password is the second", ())?;
        for _ in 0..2 {
            accounts.remove("dip").await?;
        }
        let users = accounts.list().await?;
        expect(users.len() == 1 && users[0].name == "admin", "it is gone", &users)?;
        let policy = accounts.lockout().await?.ok_or("the policy is told")?;
        expect((policy.after, policy.seconds) == (Some(5), None), "a number of 0 is none", policy)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn image_is_pushed(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let file = std::env::temp_dir().join(format!("dip-image-{}-{:?}", std::process::id(), model.maker));
        std::fs::write(&file, "IMAGE of a BIOS")?;
        let bmc = model.bmc();
        let firmware = bmc.firmware().ok_or("Redfish has firmware")?;
        let accepted = firmware.install(&format!("file://{}", file.display()), &[]).await;
        std::fs::remove_file(&file)?;
        let Accepted::Task(task) = accepted? else { return Err("it takes its time".into()) };
        let tasks = bmc.tasks().ok_or("Redfish has tasks")?;
        let mut seen = tasks.task(&task).await?;
        expect(seen == TaskState::Running(Some(40)), "it tells how far it is", &seen)?;
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            seen = tasks.task(&task).await?;
        }
        expect(seen == TaskState::Done, "it is through", &seen)?;
        let listed = firmware.components().await?;
        expect(listed.len() == 2, "what was installed before is not installed", &listed)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn time_servers(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let controller = model.bmc().controller().ok_or("Redfish tells of the controller")?;
        let wanted = vec!["192.0.2.123".to_owned()];
        for _ in 0..2 {
            controller.set_ntp(&wanted).await?;
            let seen = controller.state().await?;
            expect(seen.ntp.as_ref() == Some(&wanted), "it follows them", &seen)?;
        }
        let patches = model.server.changes().iter().filter(|change| change.contains("NTPServers")).count();
        expect(patches == 1, "twice is once", patches)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn log_receivers(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let controller = model.bmc().controller().ok_or("Redfish tells of the controller")?;
        let receivers = ["192.0.2.5:1514", "logs.example.org", "2001:db8::5", "[2001:db8::5]:1514"];
        for wanted in receivers.map(|receiver| vec![receiver.to_owned()]).into_iter().chain([vec![]]) {
            for _ in 0..2 {
                controller.set_syslog(&wanted).await?;
                let seen = controller.state().await?.syslog;
                expect(seen.as_ref() == Some(&wanted), "the log goes there", &seen)?;
            }
        }
        let list = model.at("/redfish/v1/EventService/Subscriptions");
        expect(list.is_null() || list["Members"].as_array().map(Vec::len) == Some(1), "the others stay", &list)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn weaknesses(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let controller = model.bmc().controller().ok_or("Redfish tells of the controller")?;
        let seen = controller.state().await?.weaknesses;
        expect(seen == ["telnet", "SNMP v1"], "they are told", &seen)?;
        for _ in 0..2 {
            let left = controller.close_weaknesses().await?;
            expect(left.is_empty(), "they are closed", &left)?;
        }
        Ok(Verdict::Passed)
    })
}

pub(super) fn certificate(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let controller = model.bmc().controller().ok_or("Redfish tells of the controller")?;
        let request = controller.certificate_request("n1.example.org").await?;
        expect(request.contains("n1.example.org"), "the request is for this name", &request)?;
        let pem = "-----BEGIN CERTIFICATE-----\nc2Vjb25k\n-----END CERTIFICATE-----\n";
        for _ in 0..2 {
            controller.set_certificate(pem).await?;
        }
        let replaced = model.server.changes().iter().filter(|it| it.contains("ReplaceCertificate")).count();
        expect(replaced == 1, "twice is once", replaced)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn parts(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let seen = model.bmc().inventory().ok_or("Redfish has parts")?.hardware().await?;
        let processors = seen.processors.as_ref().ok_or("processors are told")?;
        let is_so = processors.len() == 1 && processors[0].part.slot == "CPU 1" && processors[0].cores == Some(32);
        expect(is_so, "one of two places is taken", processors)?;
        let memory = seen.memory.as_ref().ok_or("memory is told")?;
        expect(memory.len() == 2 && memory[1].mebibytes == Some(65536), "two of three places are taken", memory)?;
        let nics = seen.nics.as_ref().ok_or("ports are told")?;
        let links: Vec<_> = nics.iter().map(|port| (port.mac.is_some(), port.has_link)).collect();
        expect(links == [(true, Some(true)), (true, None), (false, None)], "ports as they are", nics)?;
        let disks = seen.disks.as_ref().map(Vec::len);
        let supplies = seen.power_supplies.as_ref().map(Vec::len);
        expect((disks, supplies) == (Some(4), Some(1)), "disks and power supplies", &seen)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn sensors(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let readings = model.bmc().sensors().ok_or("Redfish has sensors")?.readings().await?;
        let seen: Vec<_> = readings.iter().map(|it| (it.name.as_str(), it.value, it.unit)).collect();
        let inlet = ("Inlet", Some(21.5), Unit::Celsius);
        let wanted = match model.maker {
            Maker::Dell | Maker::OpenBmc => [inlet, ("Fan 1", Some(5400.0), Unit::Rpm), ("Dead", None, Unit::Volts)],
            _ => [inlet, ("Dead", None, Unit::Celsius), ("Fan 1", Some(54.0), Unit::Percent)],
        };
        expect(seen == wanted, "the sensors are told", &seen)?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn event_log(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let log = model.bmc().event_log().ok_or("Redfish has a log")?;
        let entries = log.entries().await?;
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str()).collect();
        expect(ids == ["1", "2", "3"], "oldest first, from both pages", &ids)?;
        let first = &entries[0];
        let is_so = first.at.is_some_and(|at| at.to_string() == "2026-11-21T09:00:00Z")
            && first.severity == Some(Health::Warning)
            && first.subject.as_deref() == Some("Power Supply");
        expect(is_so, "an entry is told whole", first)?;
        for _ in 0..2 {
            log.clear().await?;
            expect(log.entries().await?.is_empty(), "it is empty", ())?;
        }
        Ok(Verdict::Passed)
    })
}

pub(super) fn light(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let light = model.bmc().identify_light().ok_or("Redfish has a light")?;
        for wanted in [Light::On, Light::On, Light::Off, Light::Off] {
            light.set(wanted).await?;
            expect(light.state().await? == Some(wanted), "it shines or not", wanted)?;
        }
        Ok(Verdict::Passed)
    })
}
