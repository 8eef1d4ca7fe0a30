//! The Redfish provider on models of several makers' BMCs: the trials of every ability, each quirk, and faults in the middle.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{BootDevice, PowerState};
use dip_core::provider::{ErrorKind, PowerAction, Retry, sentence};
use dip_core::secret::Secret;
use dip_firmware::conformance::{
    BiosSample, BmcHarness, FirmwareSample, RaidSample, bios, bmc, firmware, raid, secure_boot, virtual_media,
};
use dip_firmware::provider::{Accepted, BiosValue, BootOverride, NotActed, Role, TaskState};
use dip_firmware::quirks::{Entry, Quirk};

use crate::machine::expect;
use crate::model::{Fault, Maker, ModelBmc, SLOW};

pub(crate) async fn trials() -> std::io::Result<Vec<Trial>> {
    let mut trials = Vec::new();
    for maker in Maker::ALL {
        let model = Arc::new(ModelBmc::start(maker).await?);
        let harness = Arc::clone(&model) as Arc<dyn BmcHarness>;
        let of_maker = [
            bmc(&harness),
            bios(&harness, bios_sample()),
            secure_boot(&harness),
            virtual_media(&harness, ["http://192.0.2.1/one.iso", "http://192.0.2.1/two.iso"]),
            raid(&harness, RaidSample { controller: "RAID.1", disks: ["Disk.Bay.0", "Disk.Bay.1"] }),
            firmware(
                &harness,
                FirmwareSample {
                    component: "BIOS",
                    image: "http://192.0.2.1/bios.bin".to_owned(),
                    version: Some("2.0.0"),
                },
            ),
            vec![
                on(&model, "users_come_and_go_in_the_makers_own_way", users_come_and_go),
                on(&model, "an_image_that_lies_here_is_pushed", image_is_pushed),
                on(&model, "time_servers_are_set_and_twice_is_once", time_servers),
                on(&model, "a_quirk_that_the_site_denies_is_not_lived_with", quirk_is_denied),
                on(&model, "a_session_that_ends_in_the_middle_is_opened_again", session_ends),
                on(&model, "a_short_refusal_is_waited_for_and_a_long_one_is_told", busy),
                on(&model, "a_slow_answer_is_an_answer", slow),
                on(&model, "a_restart_in_the_middle_leaves_a_task_that_is_gone", task_is_gone),
                on(&model, "a_reset_whose_answer_is_lost_is_not_done_twice", reset_is_not_repeated),
            ],
        ];
        trials.extend(of_maker.into_iter().flatten().map(|trial| trial.on(maker.name())));
    }
    let others = [
        (Maker::Supermicro, "the_virtual_cd_is_called_as_it_is_here", supermicro_boots_from_cd as Story),
        (Maker::Hpe, "a_refusal_in_the_self_test_is_tried_again", self_test),
        (Maker::Hpe, "the_log_goes_where_it_is_told", hpe_syslog),
    ];
    for (maker, name, story) in others {
        let model = Arc::new(ModelBmc::start(maker).await?);
        trials.push(on(&model, name, story).on(maker.name()));
    }
    Ok(trials)
}

type Told = std::pin::Pin<Box<dyn Future<Output = Result<Verdict, Failure>> + Send>>;
type Story = fn(Arc<ModelBmc>) -> Told;

fn on(model: &Arc<ModelBmc>, name: &str, story: Story) -> Trial {
    let model = Arc::clone(model);
    Trial::new(name, move || story(model))
}

fn bios_sample() -> BiosSample {
    let text = |text: &str| BiosValue::Text(text.to_owned());
    BiosSample {
        settings: [
            ("ProcVirtualization", [text("Enabled"), text("Disabled")]),
            ("AcPwrRcvryUserDelay", [BiosValue::Number(60), BiosValue::Number(120)]),
        ],
        refused: vec![
            ("ProcVirtualisation", text("Enabled")),
            ("SystemModelName", text("Another")),
            ("ProcVirtualization", text("On")),
            ("ProcVirtualization", BiosValue::Switch(true)),
            ("AcPwrRcvryUserDelay", BiosValue::Number(601)),
        ],
    }
}

fn users_come_and_go(model: Arc<ModelBmc>) -> Told {
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

fn image_is_pushed(model: Arc<ModelBmc>) -> Told {
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

fn time_servers(model: Arc<ModelBmc>) -> Told {
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

/// Each quirk of the maker is denied, one after the other, and what it is for goes wrong: the table is right about this model.
fn quirk_is_denied(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let denied = |quirk| {
            let entry = Entry {
                quirk,
                holds: false,
                vendor: None,
                model: None,
                firmware: None,
                source: "this trial".to_owned(),
            };
            model.knowing(vec![entry])
        };
        let quirks: &[Quirk] = match model.maker {
            Maker::Dell => &[
                Quirk::AccountSlot1Reserved,
                Quirk::BiosApplyTime,
                Quirk::BootThroughSettings,
                Quirk::InsertWhileEjecting,
            ],
            Maker::Hpe => &[Quirk::LoginName],
            Maker::Lenovo => &[Quirk::CycleByOffAndOn],
            Maker::Supermicro => &[Quirk::BootModeAlways, Quirk::InsertImageAlone],
            Maker::OpenBmc => &[Quirk::BootThroughSettings],
        };
        for quirk in quirks {
            let bmc = denied(*quirk);
            let goes_wrong = match quirk {
                Quirk::AccountSlot1Reserved | Quirk::LoginName => {
                    let accounts = bmc.accounts().ok_or("Redfish has users")?;
                    accounts.set("dip", &Secret::new("Pa55word".to_owned()), Role::Operator).await.is_err()
                }
                Quirk::BiosApplyTime => {
                    let bios = bmc.bios().ok_or("Redfish has a BIOS")?;
                    let [set, other] = ["Enabled", "Disabled"]
                        .map(|text| [("SriovGlobalEnable".to_owned(), BiosValue::Text(text.to_owned()))].into());
                    // One of them is a change.
                    bios.set(&set).await.is_err() || bios.set(&other).await.is_err()
                }
                Quirk::BootThroughSettings => {
                    let boot = bmc.boot().ok_or("Redfish has a boot device")?;
                    boot.set_boot_override(BootOverride::once(BootDevice::Network)).await.is_err()
                }
                Quirk::BootModeAlways => {
                    let boot = bmc.boot().ok_or("Redfish has a boot device")?;
                    let wanted = BootOverride::once(BootDevice::Network);
                    boot.set_boot_override(BootOverride::once(BootDevice::Default)).await?;
                    boot.set_boot_override(wanted).await?;
                    boot.set_boot_override(wanted).await?;
                    !boot.boot_override().await?.agrees_with(&wanted)
                }
                Quirk::InsertWhileEjecting | Quirk::InsertImageAlone => {
                    let media = bmc.virtual_media().ok_or("Redfish has virtual drives")?;
                    let slot = media.slots().await?.remove(0).id;
                    let known = model.bmc().virtual_media().ok_or("Redfish has virtual drives")?;
                    known.insert(&slot, "http://192.0.2.1/one.iso").await?;
                    let goes_wrong = media.insert(&slot, "http://192.0.2.1/two.iso").await.is_err();
                    known.eject(&slot).await?;
                    goes_wrong
                }
                Quirk::CycleByOffAndOn => {
                    model.bring(PowerState::On).await?;
                    let before = model.starts().await;
                    bmc.power().ok_or("Redfish has power")?.request(PowerAction::Cycle).await?;
                    model.starts().await == before
                }
                other => return Err(format!("{} has no trial", other.name()).into()),
            };
            expect(goes_wrong, &format!("without {} it goes wrong", quirk.name()), ())?;
        }
        Ok(Verdict::Passed)
    })
}

fn session_ends(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        model.fails("GET", "/NetworkProtocol", Fault::SessionDropped);
        let seen = model.bmc().controller().ok_or("Redfish tells of the controller")?.state().await?;
        expect(seen.firmware.is_some(), "it goes on", seen)?;
        Ok(Verdict::Passed)
    })
}

fn busy(model: Arc<ModelBmc>) -> Told {
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

fn slow(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        model.fails("GET", "/Systems/", Fault::Slow(SLOW));
        let started = std::time::Instant::now();
        let identity = model.bmc().identity().await?;
        expect(identity == model.identity() && started.elapsed() >= SLOW, "it is waited for", &identity)?;
        Ok(Verdict::Passed)
    })
}

fn task_is_gone(model: Arc<ModelBmc>) -> Told {
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

fn reset_is_not_repeated(model: Arc<ModelBmc>) -> Told {
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

fn supermicro_boots_from_cd(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let boot = model.bmc().boot().ok_or("Redfish has a boot device")?;
        boot.set_boot_override(BootOverride::once(BootDevice::Cdrom)).await?;
        let seen = model.system()["Boot"]["BootSourceOverrideTarget"].clone();
        expect(seen == "UsbCd", "the CD hangs on USB", &seen)?;
        expect(boot.boot_override().await?.device == Some(BootDevice::Cdrom), "it is told as a CD", ())?;
        let not_here = Entry {
            quirk: Quirk::CdIsUsbCd,
            holds: false,
            vendor: Some("Supermicro".to_owned()),
            model: Some("SYS-510T".to_owned()),
            firmware: None,
            source: "this trial".to_owned(),
        };
        let boot = model.knowing(vec![not_here]).boot().ok_or("Redfish has a boot device")?;
        boot.set_boot_override(BootOverride::once(BootDevice::Cdrom)).await?;
        let seen = model.system()["Boot"]["BootSourceOverrideTarget"].clone();
        expect(seen == "Cd", "the site has the last word", &seen)?;
        Ok(Verdict::Passed)
    })
}

fn self_test(model: Arc<ModelBmc>) -> Told {
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

fn hpe_syslog(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let controller = model.bmc().controller().ok_or("Redfish tells of the controller")?;
        for wanted in [vec!["192.0.2.5:1514".to_owned()], vec!["logs.example.org".to_owned()], vec![]] {
            controller.set_syslog(&wanted).await?;
            let seen = controller.state().await?.syslog;
            expect(seen.as_ref() == Some(&wanted), "the log goes there", &seen)?;
        }
        Ok(Verdict::Passed)
    })
}
