//! Cipher suite 17 among three implementations: dip's client, `ipmitool` and FreeIPMI, with dip's responder, since no
//! simulator speaks it.

use std::process::ExitCode;
use std::time::Duration;

use dip_firmware::ipmi::responder::{PASSWORD, Quirk, Responder, USER};
use dip_firmware::ipmi::{
    CipherSuite, Credentials, IpmiBmc, IpmiClient, Options, PowerAction, PowerState, Sockets, Suites,
};
use dip_lab::{LabError, Requirement, find_program};
use libtest_mimic::Arguments;
use tokio::process::Command;

fn main() -> ExitCode {
    let trials = vec![
        dip_lab::trial("ipmitool_switches_by_suite_17_and_dip_sees_it", &[Requirement::Ipmi], || story(ipmitool())),
        dip_lab::trial("freeipmi_switches_by_suite_17_and_dip_sees_it", &[Requirement::FreeIpmi], || story(freeipmi())),
        dip_lab::trial("no_implementation_gets_in_by_a_weaker_suite_or_a_wrong_password", &[Requirement::Ipmi], || {
            story(refused())
        }),
        dip_lab::trial(
            "all_implementations_get_in_by_a_password_of_20_bytes_and_none_by_a_part_of_it",
            &[Requirement::Ipmi, Requirement::FreeIpmi],
            || story(long_password()),
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

async fn story(told: impl Future<Output = ()>) -> Result<(), LabError> {
    told.await;
    Ok(())
}

/// dip's client, which must find suite 17 by itself.
fn dip(responder: &Responder) -> IpmiBmc {
    let options = Options::default().with_deadlines(Duration::from_secs(4), Duration::from_secs(4));
    assert_eq!(options.suites, Suites::Best);
    IpmiBmc::new(&Sockets::new(), responder.addr(), credentials(), options)
}

fn credentials() -> Credentials {
    Credentials::new(USER, PASSWORD).expect("short enough")
}

async fn run(program: &str, words: &[&str]) -> (bool, String) {
    let mut command = Command::new(find_program(program).expect("it is required"));
    let output = command.args(words).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(60), output).await.expect("it ends").expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

async fn with_ipmitool(responder: &Responder, suite: &str, password: &str, words: &[&str]) -> (bool, String) {
    let port = responder.addr().port().to_string();
    let fixed = ["-I", "lanplus", "-C", suite, "-H", "127.0.0.1", "-p", &port, "-U", USER, "-P", password, "-R", "1"];
    run("ipmitool", &[&fixed[..], words].concat()).await
}

async fn ipmitool() {
    let responder = Responder::start(&[CipherSuite::C17], Quirk::None).await;
    let (worked, told) = with_ipmitool(&responder, "17", PASSWORD, &["chassis", "power", "on"]).await;
    assert!(worked && told.contains("Up/On") && responder.is_on(), "{told}");
    let bmc = dip(&responder);
    assert_eq!(bmc.power_state().await.expect("it answers"), PowerState::On);
    bmc.power(PowerAction::Off).await.expect("it switches");
    let (worked, told) = with_ipmitool(&responder, "17", PASSWORD, &["chassis", "power", "status"]).await;
    assert!(worked && told.contains("Chassis Power is off"), "{told}");
    let client = IpmiClient::connect(&Sockets::new(), responder.addr(), &credentials(), Options::default()).await;
    assert_eq!(client.expect("it connects").suite(), CipherSuite::C17);
}

async fn freeipmi() {
    let responder = Responder::start(&[CipherSuite::C3, CipherSuite::C17], Quirk::None).await;
    let host = responder.addr().to_string();
    let fixed = ["-D", "LAN_2_0", "-I", "17", "-h", &host, "-u", USER, "-p", PASSWORD];
    let with = |more: &'static str| [&fixed[..], &[more]].concat();
    let (worked, told) = run("ipmipower", &with("--on")).await;
    assert!(worked && told.contains("ok") && responder.is_on(), "{told}");
    let bmc = dip(&responder);
    assert_eq!(bmc.power_state().await.expect("it answers"), PowerState::On);
    bmc.power(PowerAction::Off).await.expect("it switches");
    let (worked, told) = run("ipmipower", &with("--stat")).await;
    assert!(worked && told.contains(": off"), "{told}");
    let (worked, told) = run("ipmi-chassis", &with("--get-chassis-status")).await;
    assert!(worked && told.contains("System Power") && told.contains("off"), "{told}");
}

async fn long_password() {
    // The longest that IPMI 2.0 carries; that of IPMI 1.5 has 16 bytes (§22.30).
    const LONGEST: &str = "abcdefghijklmnopqrst";
    let suites = [CipherSuite::C3, CipherSuite::C17];
    let responder = Responder::with_password(&suites, Quirk::None, LONGEST).await;
    for (password, lets_in) in [(LONGEST, true), (&LONGEST[..17], false), (&LONGEST[..16], false)] {
        for suite in ["3", "17"] {
            let told = with_ipmitool(&responder, suite, password, &["chassis", "power", "status"]).await;
            assert_eq!(told.0, lets_in, "ipmitool, suite {suite}, {} bytes: {}", password.len(), told.1);
        }
        let host = responder.addr().to_string();
        let words = ["-D", "LAN_2_0", "-I", "17", "-h", &host, "-u", USER, "-p", password, "--stat"];
        let (_, told) = run("ipmipower", &words).await;
        assert_eq!(told.contains(": off"), lets_in, "FreeIPMI, {} bytes: {told}", password.len());
        let credentials = Credentials::new(USER, password).expect("short enough");
        let client = IpmiClient::connect(&Sockets::new(), responder.addr(), &credentials, Options::default()).await;
        assert_eq!(client.is_ok(), lets_in, "dip, {} bytes: {client:?}", password.len());
    }
}

async fn refused() {
    let responder = Responder::start(&[CipherSuite::C17], Quirk::None).await;
    for (suite, password) in [("3", PASSWORD), ("17", "wrong")] {
        let (worked, told) = with_ipmitool(&responder, suite, password, &["chassis", "power", "on"]).await;
        assert!(!worked && !responder.is_on(), "{told}");
    }
    let wrong = Credentials::new(USER, "wrong").expect("short enough");
    let error = IpmiClient::connect(&Sockets::new(), responder.addr(), &wrong, Options::default()).await;
    assert!(error.is_err());
}
