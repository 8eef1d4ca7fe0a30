//! In-band IPMI in a guest with a management controller of its own (QEMU's, behind a KCS interface and Linux' driver).
//!
//! This program is also what runs in the guest: there it asks the BMC through the provider, and has itself switched off.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dip_core::hardware::PowerState;
use dip_core::provider::{ErrorKind, PowerAction, sentence};
use dip_core::secret::Secret;
use dip_firmware::ipmi::{IpmiBmc, NetFn, Opcode, Options, Resend, Sockets};
use dip_firmware::provider::Bmc;
use dip_firmware::providers::Ipmi;
use dip_firmware::settings::{IpmiSettings, IpmiWay};
use dip_lab::{GuestConfig, LabError, Requirement, run_guest};
use libtest_mimic::Arguments;

const IN_GUEST: &str = "--in-guest";
/// All was as it should be; the next thing is the power.
const ALL_RIGHT: &str = "in-band: every answer was right";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(IN_GUEST) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(in_guest());
        return ExitCode::SUCCESS;
    }
    let trials = vec![
        dip_lab::trial("a_machine_asks_its_own_bmc_and_is_switched_off_by_it", &[Requirement::Guest], with_bmc),
        dip_lab::trial("a_machine_without_a_bmc_is_told_so", &[Requirement::Guest], without_bmc),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The driver's parts, in the order in which they need each other.
const MODULES: [&str; 3] =
    ["drivers/char/ipmi/ipmi_msghandler", "drivers/char/ipmi/ipmi_devintf", "drivers/char/ipmi/ipmi_si"];

async fn with_bmc() -> Result<(), LabError> {
    const BMC: &str = "ipmi-bmc-sim,id=bmc0,mfg_id=674,product_id=258,fwrev1=3,fwrev2=7";
    let said = guest(&[BMC, "isa-ipmi-kcs,bmc=bmc0"]).await?;
    assert!(said.contains(ALL_RIGHT), "{said}");
    assert!(!said.contains("guest: the program ended"), "it was switched off while it waited for that: {said}");
    Ok(())
}

async fn without_bmc() -> Result<(), LabError> {
    let said = guest(&[]).await?;
    assert!(said.contains("this machine has no /dev/ipmi0; load the modules"), "{said}");
    assert!(said.contains("guest: the program ended with 0"), "{said}");
    Ok(())
}

async fn guest(devices: &[&str]) -> Result<String, LabError> {
    let program = std::env::current_exe().expect("a program has a file");
    run_guest(GuestConfig { program: &program, arguments: &[IN_GUEST], modules: &MODULES, devices }).await
}

async fn in_guest() {
    let settings = IpmiSettings { via: Some(IpmiWay::InBand), ..IpmiSettings::default() };
    // Longer than a session could carry: nothing of it is sent.
    let password = Secret::new("a password that nobody asks for".to_owned());
    let bmc: Arc<dyn Bmc> = Arc::new(Ipmi::new(&Sockets::new(), "", "", &password, &settings).expect("no login"));
    let power = bmc.power().expect("IPMI has power");
    let started = Instant::now();
    let state = loop {
        match power.state().await {
            // The driver looks for its hardware in the background.
            Err(error) if error.kind() == ErrorKind::Unsupported && started.elapsed() < Duration::from_secs(15) => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) => return say(&sentence(&error)),
            Ok(state) => break state,
        }
    };
    assert_eq!(state, PowerState::On, "we run");
    // QEMU's BMC knows neither Get System GUID nor an inventory: what is not there is no failure.
    let identity = bmc.identity().await.expect("it answers");
    assert_eq!((identity.uuid, identity.serial), (None, None));
    commands().await;
    let log = bmc.event_log().expect("IPMI has a log");
    log.clear().await.expect("it is cleared");
    log.clear().await.expect("and twice is once");
    add_event().await;
    let entries = log.entries().await.expect("it answers");
    assert_eq!(entries.len(), 1, "{entries:?}");
    log.clear().await.expect("it is cleared");
    assert!(log.entries().await.expect("it answers").is_empty());
    bmc.sensors().expect("IPMI has sensors").readings().await.expect("they are read");
    let opened = bmc.console().expect("IPMI has one").open().await;
    let error = opened.map(|_| "a console").expect_err("it takes a session");
    assert!(error.kind() == ErrorKind::Unsupported && sentence(&error).contains("over the network"), "{error:?}");
    say(ALL_RIGHT);
    power.request(PowerAction::Off).await.expect("it switches");
    tokio::time::sleep(Duration::from_secs(30)).await;
}

/// The same commands as over the network, without the provider.
async fn commands() {
    let bmc = IpmiBmc::in_band(0, Options::default());
    assert_eq!(bmc.place().to_string(), "/dev/ipmi0");
    assert_eq!(bmc.firmware().await.expect("it answers").to_string(), "3.07");
    let identity = bmc.identity().await.expect("it answers");
    assert_eq!((identity.maker, identity.product), (674, 258));
    let error = bmc.request(Opcode::raw(0x06, 0x7F), &[], Resend::Allowed).await.expect_err("nobody knows it");
    assert!(error.to_string().contains("BMC /dev/ipmi0 answers"), "{error}");
    // Several callers at a time share the device.
    let asked = futures_util::future::join_all((0..8).map(|_| bmc.chassis_status())).await;
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
}

/// A temperature that is too high (Add SEL Entry, IPMI 2.0 §31.6).
async fn add_event() {
    let event = [0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 1, 1, 1, 0x59, 0xA0, 0x90];
    let bmc = IpmiBmc::in_band(0, Options::default());
    bmc.request(Opcode::new(NetFn::Storage, 0x44), &event, Resend::Never).await.expect("it takes it");
}

fn say(text: &str) {
    let line = format!("{text}\n");
    std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes()).expect("the serial port takes it");
}
