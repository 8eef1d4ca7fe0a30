//! Trials of quirks: with each of them it works, without it does not.

use std::sync::Arc;

use dip_core::conformance::Verdict;
use dip_core::hardware::{BootDevice, PowerState};
use dip_core::provider::PowerAction;
use dip_core::secret::Secret;
use dip_firmware::conformance::BmcHarness;
use dip_firmware::models::Maker;
use dip_firmware::provider::{BiosValue, BootOverride, Role};
use dip_firmware::quirks::{Entry, Quirk};

use super::list::Told;
use crate::machine::expect;
use crate::model::ModelBmc;

/// Each quirk of the maker is denied, one after the other, and what it is for goes wrong: the table is right about this model.
pub(super) fn quirk_is_denied(model: Arc<ModelBmc>) -> Told {
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

pub(super) fn supermicro_boots_from_cd(model: Arc<ModelBmc>) -> Told {
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
