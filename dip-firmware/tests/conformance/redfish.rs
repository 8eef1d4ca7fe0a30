//! The Redfish provider against the emulator of sushy-tools, over TLS with a pinned certificate and in the clear.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{BootDevice, Identity, PowerState};
use dip_core::provider::{ErrorKind, PowerAction, sentence};
use dip_core::secret::Secret;
use dip_firmware::conformance::{
    BiosSample, BmcHarness, FirmwareSample, RaidSample, bios, bmc, firmware, raid, secure_boot, virtual_media,
};
use dip_firmware::provider::{BiosValue, Bmc, BootOverride};
use dip_firmware::providers::Redfish;
use dip_firmware::providers::service::Answer;
use dip_firmware::settings::{RedfishSettings, Scheme};
use dip_lab::{LabError, RedfishSystem, SushyEmulator, Tls};

use crate::http::Server;
use crate::machine::{LabBmc, Machine, expect, trials_on};

pub(crate) const UUID: &str = "1d1b0000-0000-4000-8000-000000000001";
const OTHER: &str = "1d1b0000-0000-4000-8000-000000000002";

pub(crate) async fn trials() -> Vec<Trial> {
    let images = images().await;
    let mut trials = trials_on("sushy-emulator", harness(Tls::Off).await, |harness| {
        let harness = Arc::new(harness) as Arc<dyn BmcHarness>;
        let urls = ["one.iso", "two.iso"].map(|name| format!("http://{}/{name}", images.addr));
        [
            bmc(&harness),
            bios(&harness, bios_sample()),
            secure_boot(&harness),
            virtual_media(&harness, urls.each_ref().map(String::as_str)),
            raid(&harness, RaidSample { controller: "1", disks: ["32ADF365C6C1B7BD", "32ADF365C6C1B7C3"] }),
            firmware(&harness, FirmwareSample { component: "BIOS", image: urls[0].clone(), version: None }),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
    // It serves until the last trial has run.
    trials.push(
        Trial::new("images_were_fetched", move || async move {
            let asked = images.asked();
            expect(asked.iter().any(|request| request.path == "/two.iso"), "the emulator fetched them", asked.len())?;
            Ok(Verdict::Passed)
        })
        .on("sushy-emulator"),
    );
    trials.extend(trials_on("sushy-emulator", start(Tls::SignedByRoot).await, |(machine, emulator)| {
        vec![Trial::new("a_certificate_that_the_site_signed_is_trusted_by_its_root", move || signed(machine, emulator))]
    }));
    trials.extend(trials_on("sushy-emulator", start(Tls::SelfSigned).await, |(machine, emulator)| {
        let emulator = Arc::new(emulator);
        let (first, second, third) = (Arc::clone(&emulator), Arc::clone(&emulator), emulator);
        vec![
            Trial::new("a_pinned_certificate_is_trusted_and_curl_sees_what_dip_does", move || pinned(machine, first)),
            Trial::new("a_certificate_that_nobody_vouches_for_is_not_trusted", move || untrusted(second)),
            Trial::new("of_several_systems_the_site_must_name_one", move || several(third)),
        ]
    }));
    trials
}

/// Somebody who has images.
async fn images() -> Server {
    let served = Server::start(|_| Some(Answer::text("an image".to_owned()))).await;
    served.expect("a server listens on a free port of this host")
}

fn bios_sample() -> BiosSample {
    let text = |text: &str| BiosValue::Text(text.to_owned());
    BiosSample {
        settings: [
            ("ProcTurboMode", [text("Enabled"), text("Disabled")]),
            ("ProcVirtualization", [text("Enabled"), text("Disabled")]),
        ],
        refused: vec![("NoSuchSetting", text("Enabled")), ("ProcTurboMode", BiosValue::Number(7))],
    }
}

async fn signed(machine: Machine, emulator: SushyEmulator) -> Result<Verdict, Failure> {
    let root = emulator.root.as_ref().ok_or("a root signed it")?.display().to_string();
    let trusting = |ca_file: Option<String>| {
        let settings = RedfishSettings { ca_file, system: Some(UUID.to_owned()), ..RedfishSettings::default() };
        client(emulator.addr.port(), &emulator.admin.password, settings)
    };
    let bmc = trusting(Some(root));
    bmc.identity().await?;
    let shown = bmc.controller().ok_or("Redfish tells of the controller")?.state().await?.certificate;
    expect(shown == emulator.certificate_fingerprint, "the certificate that it shows is told", &shown)?;
    let Err(error) = trusting(None).identity().await else { return Err("nobody vouches for it".into()) };
    expect(error.kind() == ErrorKind::Denied, "it is not spoken to", sentence(&error))?;
    machine.bring(PowerState::Off).await?;
    Ok(Verdict::Passed)
}

pub(crate) async fn start(tls: Tls) -> Result<(Machine, SushyEmulator), LabError> {
    let machine = Machine::new("redfish")?;
    let emulator = start_for(&machine, tls).await?;
    Ok((machine, emulator))
}

/// An emulator with the machine and another one.
pub(crate) async fn start_for(machine: &Machine, tls: Tls) -> Result<SushyEmulator, LabError> {
    let system = |name: &str, uuid: &str, node| RedfishSystem {
        name: name.to_owned(),
        uuid: uuid.to_owned(),
        serial: format!("SN-{name}"),
        mac: "02:5d:1b:00:00:01".to_owned(),
        node,
    };
    let other = Machine::new("other")?;
    SushyEmulator::start(vec![system("redfish", UUID, machine.0.clone()), system("other", OTHER, other.0)], tls).await
}

pub(crate) fn client(port: u16, password: &str, settings: RedfishSettings) -> Arc<dyn Bmc> {
    let settings = RedfishSettings { port: Some(port), ..settings };
    let client = Redfish::new("127.0.0.1", "admin", &Secret::new(password.to_owned()), &settings);
    Arc::new(client.expect("the settings are sound"))
}

/// The settings for the machine of the emulator, in the clear.
pub(crate) fn in_the_clear() -> RedfishSettings {
    RedfishSettings { scheme: Scheme::Http, system: Some(UUID.to_owned()), ..RedfishSettings::default() }
}

async fn harness(tls: Tls) -> Result<LabBmc, LabError> {
    let (machine, emulator) = start(tls).await?;
    let port = emulator.addr.port();
    let password = &emulator.admin.password;
    let bmc = client(port, password, in_the_clear());
    // The emulator's maker is its own.
    let manufacturer = Some("Sushy Emulator".to_owned());
    Ok(LabBmc {
        machine,
        bmc,
        with_wrong_password: client(port, "wrong", in_the_clear()),
        of_nobody: client(9, password, in_the_clear()),
        identity: Identity {
            manufacturer,
            model: Some("Simulated Node".to_owned()),
            serial: Some("SN-redfish".to_owned()),
            uuid: Some(UUID.to_owned()),
            ..Identity::default()
        },
        _keep: Box::new(emulator),
    })
}

/// What `openssl x509 -fingerprint` prints, after the `=`.
fn fingerprint(emulator: &SushyEmulator) -> Result<String, Failure> {
    let certificate = emulator.certificate.as_ref().ok_or("the emulator speaks TLS")?;
    let mut openssl = std::process::Command::new("openssl");
    let done = openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(certificate).output()?;
    let text = String::from_utf8(done.stdout)?;
    Ok(text.trim().rsplit('=').next().unwrap_or_default().to_owned())
}

async fn pinned(machine: Machine, emulator: Arc<SushyEmulator>) -> Result<Verdict, Failure> {
    machine.bring(PowerState::Off).await?;
    let settings = RedfishSettings {
        tls_fingerprint: Some(fingerprint(&emulator)?),
        // By its name, which the service does not list.
        system: Some("redfish".to_owned()),
        ..RedfishSettings::default()
    };
    let bmc = client(emulator.addr.port(), &emulator.admin.password, settings);
    bmc.boot().ok_or("Redfish has a boot device")?.set_boot_override(BootOverride::always(BootDevice::Cdrom)).await?;
    bmc.power().ok_or("Redfish has power")?.request(PowerAction::On).await?;
    let seen = emulator.curl(&[], &format!("/redfish/v1/Systems/{UUID}")).await?;
    let seen: serde_json::Value = serde_json::from_str(&seen)?;
    expect(seen["PowerState"] == "On", "curl sees the power", &seen["PowerState"])?;
    expect(seen["Boot"]["BootSourceOverrideTarget"] == "Cd", "curl sees the boot device", &seen["Boot"])?;
    expect(seen["Boot"]["BootSourceOverrideEnabled"] == "Continuous", "curl sees for how long", &seen["Boot"])?;
    machine.bring(PowerState::Off).await?;
    Ok(Verdict::Passed)
}

async fn untrusted(emulator: Arc<SushyEmulator>) -> Result<Verdict, Failure> {
    let other = "00".repeat(32);
    for (pin, advice) in [(None, "as `tls_fingerprint`"), (Some(other), "another certificate")] {
        let settings = RedfishSettings { tls_fingerprint: pin, ..RedfishSettings::default() };
        let bmc = client(emulator.addr.port(), &emulator.admin.password, settings);
        let Err(error) = bmc.identity().await else { return Err("it was trusted".into()) };
        expect(error.kind() == ErrorKind::Denied, "it is not spoken to", sentence(&error))?;
        expect(sentence(&error).contains(advice), "the sentence says what to do", sentence(&error))?;
    }
    Ok(Verdict::Passed)
}

async fn several(emulator: Arc<SushyEmulator>) -> Result<Verdict, Failure> {
    let settings = RedfishSettings { tls_fingerprint: Some(fingerprint(&emulator)?), ..RedfishSettings::default() };
    let bmc = |system: Option<&str>| {
        let settings = RedfishSettings { system: system.map(str::to_owned), ..settings.clone() };
        client(emulator.addr.port(), &emulator.admin.password, settings)
    };
    let Err(error) = bmc(None).identity().await else { return Err("it guessed".into()) };
    let said = sentence(&error);
    expect(error.kind() == ErrorKind::Invalid && said.contains(UUID) && said.contains(OTHER), "it lists them", &said)?;
    let Err(error) = bmc(Some("absent")).identity().await else {
        return Err("it found a system that is not there".into());
    };
    let said = sentence(&error);
    expect(
        error.kind() == ErrorKind::NotFound && said.contains("no system `absent`"),
        "it says what is missing",
        &said,
    )?;
    Ok(Verdict::Passed)
}
