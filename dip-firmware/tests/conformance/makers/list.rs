//! Which trials run on which model.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_firmware::conformance::{
    BiosSample, BmcHarness, FirmwareSample, RaidSample, bios, bmc, firmware, raid, secure_boot, virtual_media,
};
use dip_firmware::models::Maker;
use dip_firmware::provider::BiosValue;

use super::abilities::{
    certificate, event_log, image_is_pushed, light, log_receivers, parts, sensors, time_servers, users_come_and_go,
    weaknesses,
};
use super::expansion::{liars_are_read_one_by_one, reads_in_fewer_requests, site_says_that_it_lies};
use super::faults::{busy, reset_is_not_repeated, self_test, session_ends, slow, task_is_gone};
use super::quirks::{quirk_is_denied, supermicro_boots_from_cd};
use crate::model::ModelBmc;

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
                on(&model, "the_log_goes_where_it_is_told_and_other_subscriptions_stay", log_receivers),
                on(&model, "weak_ways_in_are_told_and_closed", weaknesses),
                on(&model, "a_certificate_is_requested_and_replaced", certificate),
                on(&model, "the_parts_of_the_machine_are_told", parts),
                on(&model, "sensors_are_told_in_the_newer_form_and_the_older", sensors),
                on(&model, "the_log_is_told_oldest_first_and_cleared", event_log),
                on(&model, "the_light_is_turned_on_and_off", light),
                on(&model, "a_quirk_that_the_site_denies_is_not_lived_with", quirk_is_denied),
                on(&model, "a_session_that_ends_in_the_middle_is_opened_again", session_ends),
                on(&model, "a_short_refusal_is_waited_for_and_a_long_one_is_told", busy),
                on(&model, "a_slow_answer_is_an_answer", slow),
                on(&model, "a_restart_in_the_middle_leaves_a_task_that_is_gone", task_is_gone),
                on(&model, "a_reset_whose_answer_is_lost_is_not_done_twice", reset_is_not_repeated),
            ],
        ];
        trials.extend(of_maker.into_iter().flatten().map(|trial| trial.on(&format!("model of {}", maker.name()))));
    }
    let others = [
        (Maker::Dell, "what_is_expanded_is_read_in_fewer_requests", reads_in_fewer_requests as Story),
        (
            Maker::Dell,
            "whoever_says_that_it_expands_and_does_not_is_read_one_by_one_and_not_asked_so_again",
            liars_are_read_one_by_one,
        ),
        (Maker::Dell, "a_site_that_says_that_nothing_is_expanded_is_believed", site_says_that_it_lies),
        (Maker::Supermicro, "the_virtual_cd_is_called_as_it_is_here", supermicro_boots_from_cd),
        (Maker::Hpe, "a_refusal_in_the_self_test_is_tried_again", self_test),
    ];
    for (maker, name, story) in others {
        let model = Arc::new(ModelBmc::start(maker).await?);
        trials.push(on(&model, name, story).on(&format!("model of {}", maker.name())));
    }
    Ok(trials)
}

pub(super) type Told = std::pin::Pin<Box<dyn Future<Output = Result<Verdict, Failure>> + Send>>;
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
