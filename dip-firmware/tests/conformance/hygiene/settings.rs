//! Time servers, log receivers, weak ways in and users of models over HTTP, as steps; and what the emulator of sushy-tools lacks.

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::fact::firmware::{BMC_STRANGERS, BMC_WEAKNESSES};
use dip_core::id::NodeName;
use dip_core::provider::sentence;
use dip_core::secret::Secret;
use dip_core::subject::Subject;
use dip_firmware::conformance::BmcHarness as _;
use dip_firmware::provider::Role;
use dip_lab::{SushyEmulator, Tls};
use serde_json::{Value, json};

use crate::bench::{Bench, Known, node, protocol};
use crate::machine::{Machine, expect, on_a_thread, trials_on};
use crate::model::{Maker, ModelBmc};
use crate::redfish;

pub(crate) async fn trials() -> Vec<Trial> {
    let tended = Maker::ALL.map(|maker| {
        on_a_thread("a_controller_is_set_up_as_the_site_wants_it_once", move || tended(maker)).on(maker.name())
    });
    let barred = Maker::ALL.map(|maker| {
        on_a_thread("users_whom_the_site_does_not_name_are_barred", move || barred(maker)).on(maker.name())
    });
    let mut trials: Vec<Trial> = tended.into_iter().chain(barred).collect();
    trials.extend(trials_on("sushy-emulator", redfish::start(Tls::Off).await, |(machine, emulator)| {
        vec![on_a_thread("what_the_emulator_lacks_is_told_in_sentences", move || lacking(machine, emulator))]
    }));
    trials
}

fn bench(port: u16, system: Option<&str>, password: &'static str, controller: &Value) -> Result<Bench, Failure> {
    let mut settings = json!({ "port": port, "scheme": "http" });
    if let Some(system) = system {
        settings["system"] = json!(system);
    }
    let firmware = json!({ "controller": controller });
    let node = node(&NodeName::new("n1")?, "env:BMC_PASSWORD", vec![protocol("redfish", settings)], Some(firmware));
    Bench::new(node, &Known { password, store: None })
}

async fn tended(maker: Maker) -> Result<Verdict, Failure> {
    let model = ModelBmc::start(maker).await?;
    let wanted = json!({ "ntp": ["192.0.2.123"], "syslog": ["192.0.2.5:1514"], "weaknesses": "close" });
    let bench = bench(model.server.addr.port(), None, "password", &wanted)?;
    let weak: Option<Vec<String>> = bench
        .bring("firmware.tend_controller")
        .await?
        .read(&BMC_WEAKNESSES.of(&Subject::node(&NodeName::new("n1")?)))?;
    expect(weak == Some(vec![]), "no weak way in is left", &weak)?;
    let changes = model.server.changes().len();
    bench.holds(&bench.step("firmware.tend_controller")?).await?;
    let seen = model.bmc().controller().ok_or("Redfish tells of the controller")?.state().await?;
    let is = (seen.ntp.as_deref(), seen.syslog.as_deref());
    let wanted = (["192.0.2.123".to_owned()], ["192.0.2.5:1514".to_owned()]);
    expect(is == (Some(&wanted.0), Some(&wanted.1)), "it follows the site", &seen)?;
    let since: Vec<_> = model.server.changes().split_off(changes);
    expect(since.iter().all(|change| change.contains("/Sessions")), "looking changes nothing", &since)?;
    Ok(Verdict::Passed)
}

async fn barred(maker: Maker) -> Result<Verdict, Failure> {
    let model = ModelBmc::start(maker).await?;
    let accounts = model.bmc().accounts().ok_or("Redfish has users")?;
    let password = Secret::new("first-Pa55".to_owned());
    for name in ["rescue", "intruder"] {
        accounts.set(name, &password, Role::Operator).await?;
    }
    let wanted = json!({ "users": { "keep": ["rescue"], "others": "disable" } });
    let bench = bench(model.server.addr.port(), None, "password", &wanted)?;
    let diff = bench.differs(&bench.step("firmware.bar_users")?).await?;
    expect(diff.to_string() == "- user intruder", "only the stranger is told", &diff)?;
    let left: Option<Vec<String>> =
        bench.bring("firmware.bar_users").await?.read(&BMC_STRANGERS.of(&Subject::node(&NodeName::new("n1")?)))?;
    expect(left == Some(vec![]), "none is left", &left)?;
    let enabled: Vec<_> =
        accounts.list().await?.into_iter().filter(|user| user.enabled).map(|user| user.name).collect();
    expect(enabled == ["admin", "rescue"], "dip and the way in for the day when it has none stay", &enabled)?;
    Ok(Verdict::Passed)
}

/// It has neither users nor network protocols (sushy-tools 2.2).
async fn lacking(machine: Machine, emulator: SushyEmulator) -> Result<Verdict, Failure> {
    let port = emulator.addr.port();
    let users = json!({ "users": { "others": "report" } });
    let bench_of = |wanted: &Value| bench(port, Some(redfish::UUID), "secret", wanted);
    let bar = bench_of(&users)?;
    let Err(error) = bar.check(&bar.step("firmware.bar_users")?).await else { return Err("it has no users".into()) };
    let said = sentence(&error);
    expect(said.contains("tells nothing about its users"), "it says what is lacking", &said)?;
    for (wanted, lacking) in
        [(json!({ "ntp": ["192.0.2.123"] }), "network protocols"), (json!({ "syslog": ["192.0.2.5"] }), "log")]
    {
        let tend = bench_of(&wanted)?;
        let step = tend.step("firmware.tend_controller")?;
        tend.differs(&step).await?;
        let Err(error) = tend.apply(&step).await else { return Err("it has nothing to set".into()) };
        let said = sentence(&error);
        expect(said.contains(lacking), "it says what is lacking", &said)?;
    }
    let close = bench_of(&json!({ "weaknesses": "close" }))?;
    let told: Option<Vec<String>> = close
        .holds(&close.step("firmware.tend_controller")?)
        .await?
        .read(&BMC_WEAKNESSES.of(&Subject::node(&NodeName::new("n1")?)))?;
    expect(told == Some(vec![]), "it tells no weak way in", &told)?;
    drop(machine);
    Ok(Verdict::Passed)
}
