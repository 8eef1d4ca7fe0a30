//! What is true of SNMP beside the trials of every PDU.

use std::time::Duration;

use dip_core::conformance::Failure;
use dip_core::conformance::expect::{fails, refused, same};
use dip_core::hardware::PowerState;
use dip_core::provider::{ErrorKind, Providers, sentence};
use dip_core::subject::Subject;
use dip_network::conformance::PduConsumers as _;
use dip_network::provider::Pdu;
use dip_network::settings::{CommandObject, MibMap, SnmpDigest, StateObject};

use super::rig::{Access, Lab, Open, Product, RPDU2, Rig, secret};
use crate::wait;

pub(super) async fn a_wrong_community_is_silence_with_advice(rig: &Rig) -> Result<(), Failure> {
    let wrong = rig.with(|settings| settings.community = secret("not-the-community"))?;
    let error = wrong.outlet(1).await;
    if let Err(error) = &error
        && sentence(error).contains("not-the-community")
    {
        return Err("the community stands in the error".into());
    }
    refused(error, ErrorKind::Unreachable, "whether the community is right")
}

pub(super) async fn a_community_that_may_only_read_is_denied(rig: &Rig) -> Result<(), Failure> {
    let reader = rig.with(|settings| settings.community = secret(Lab::READ_COMMUNITY))?;
    same("the state", &reader.outlet(5).await?, &PowerState::On)?;
    refused(reader.set_outlet(5, PowerState::Off).await, ErrorKind::Denied, "the right to write")?;
    refused(reader.cycle_outlet(5).await, ErrorKind::Denied, "the right to write")
}

pub(super) async fn a_user_that_may_only_read_is_denied(rig: &Rig) -> Result<(), Failure> {
    let reader = rig.with(|settings| settings.user = Some(Lab::READ_USER.to_owned()))?;
    same("the state", &reader.outlet(5).await?, &PowerState::On)?;
    refused(reader.set_outlet(5, PowerState::Off).await, ErrorKind::Denied, "the right to write")
}

pub(super) async fn each_wrong_credential_is_told_as_far_as_the_agent_tells_it(rig: &Rig) -> Result<(), Failure> {
    let stranger = rig.with(|settings| settings.user = Some("nobody".to_owned()))?;
    refused(stranger.outlet(1).await, ErrorKind::Denied, "does not know `user`")?;
    let digest = rig.with(|settings| settings.digest = SnmpDigest::Sha1)?;
    refused(digest.outlet(1).await, ErrorKind::Denied, "`digest`")?;
    // net-snmp drops what it cannot decrypt without a word.
    let privacy = rig.with(|settings| settings.privacy_password = secret("not-the-password"))?;
    refused(privacy.outlet(1).await, ErrorKind::Unreachable, "whether the privacy password is right")
}

pub(super) async fn an_agent_that_restarted_is_reached_again(rig: &Rig) -> Result<(), Failure> {
    let pdu = &rig.provider;
    pdu.set_outlet(5, PowerState::Off).await?;
    // Its boots are counted up: what the provider knew of its time is out of the window (RFC 3414, section 3.2, step 7).
    wait(async { rig.lab.lock().await.restart().await })?;
    same("the state", &pdu.outlet(5).await?, &PowerState::Off)?;
    wait(async { rig.lab.lock().await.restart().await })?;
    pdu.set_outlet(5, PowerState::On).await?;
    same("the state", &pdu.outlet(5).await?, &PowerState::On)
}

pub(super) async fn a_card_that_was_replaced_is_reached_again(rig: &Rig) -> Result<(), Failure> {
    let pdu = rig.with(|_| ())?;
    same("the state", &pdu.outlet(5).await?, &PowerState::On)?;
    wait(async { rig.lab.lock().await.replace_card().await })?;
    // Clients of this very moment are not made again.
    tokio::time::sleep(Duration::from_secs(5)).await;
    pdu.set_outlet(5, PowerState::Off).await?;
    same("the state", &pdu.outlet(5).await?, &PowerState::Off)?;
    pdu.set_outlet(5, PowerState::On).await?;
    Ok(())
}

pub(super) async fn a_cycle_is_written_once(rig: &Rig) -> Result<(), Failure> {
    let writes =
        |lab: &Lab| lab.writes().into_iter().filter(|write| write == "1.3.6.1.4.1.318.1.1.26.9.2.4.1.5.6 3").count();
    let before = writes(&*rig.lab.lock().await);
    rig.provider.cycle_outlet(6).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    same("the number of cycles written", &(writes(&*rig.lab.lock().await) - before), &1)?;
    // To a PDU that went away, it may have been written: nobody may write it again.
    let gone = rig.with(|settings| settings.product = Some(RPDU2.name.to_owned()))?;
    gone.outlet(6).await?;
    wait(async { rig.lab.lock().await.stop() });
    let failed = gone.cycle_outlet(6).await;
    wait(async { rig.lab.lock().await.restart().await })?;
    fails("a cycle of a PDU that is gone", failed, ErrorKind::Unreachable)
}

/// A map of a site: the objects of an APC, without a cycle.
fn own_map() -> MibMap {
    let object = |column: &str| format!("1.3.6.1.4.1.318.1.1.26.9.2.{column}.{{index}}");
    MibMap {
        product: "our own".to_owned(),
        index: "{outlet}".to_owned(),
        state: StateObject { object: object("3.1.5"), on: vec![2], off: vec![1], ..StateObject::default() },
        command: CommandObject { object: object("4.1.5"), on: 1, off: 2, ..CommandObject::default() },
        ..MibMap::default()
    }
}

pub(super) async fn a_product_that_nobody_knows_is_told_and_a_map_of_the_site_serves(_: &Rig) -> Result<(), Failure> {
    // It looks like an APC and says that it is something else.
    let stranger = Product { object_id: "1.3.6.1.4.1.8072.3.2.10", ..RPDU2 };
    let rig = Rig::start(stranger, Access::V2c).await?;
    let pdu = rig.provider.outlet(1).await;
    refused(pdu, ErrorKind::Unsupported, "describe it by a `map`")?;
    let named = rig.with(|settings| settings.product = Some(RPDU2.name.to_owned()))?;
    same("the state", &named.outlet(1).await?, &PowerState::On)?;
    let mapped = rig.with(|settings| settings.map = Some(own_map()))?;
    mapped.set_outlet(1, PowerState::Off).await?;
    same("the state", &mapped.outlet(1).await?, &PowerState::Off)?;
    same("the name", &mapped.outlet_name(1).await?, &None)?;
    same("that it has meters", &mapped.metering().is_some(), &false)
}

pub(super) async fn a_map_without_a_cycle_is_switched_twice(rig: &Rig) -> Result<(), Failure> {
    let pdu = rig.with(|settings| settings.map = Some(own_map()))?;
    pdu.set_outlet(1, PowerState::On).await?;
    let before = rig.consumers.starts(1).await?;
    pdu.cycle_outlet(1).await?;
    same("the state", &pdu.outlet(1).await?, &PowerState::On)?;
    same("the number of starts", &(rig.consumers.starts(1).await? - before), &1)
}

pub(super) async fn a_pdu_of_a_site_file_is_connected(rig: &Rig) -> Result<(), Failure> {
    use dip_core::layer::Layer;
    use dip_core::site::{Format, Lock, Site, Source};
    let text = format!(
        "version: 1\nsite: lab\npdus:\n  pdu1:\n    outlets: 8\n    kind: snmp\n    address: {}\n    user: {}\n    \
         auth_password: env:{}\n    privacy_password: env:{}\n",
        rig.settings.address,
        Lab::USER,
        Lab::AUTH_PASSWORD,
        Lab::PRIVACY_PASSWORD
    );
    let source = Source::new("site.yaml", Format::Yaml, text);
    let site = Site::parse(&[source], &dip_network::NetworkLayer.settings(), &Lock::default())
        .map_err(|faults| faults.to_string())?
        .site;
    let mut providers = Providers::new();
    dip_network::NetworkLayer.connect(&site, &Open, &mut providers).map_err(|errors| format!("{errors:?}"))?;
    let name = site.pdus.keys().next().ok_or("the site has a PDU")?;
    let pdu = providers.find::<dyn Pdu>(&Subject::pdu(name))?;
    same("the name of an outlet", &pdu.outlet_name(3).await?, &Some("outlet-03".to_owned()))
}
