//! The IPMI session layer and commands against OpenIPMI's `ipmi_sim`, cross-checked with `ipmitool`.

mod ipmi_sim_rig;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dip_core::secret::Secret;
use dip_firmware::fuzzing;
use dip_firmware::ipmi::{
    BootDevice, BootMode, BootOverride, BootPersistence, ChassisControl, CompletionCode, Credentials, ErrorClass,
    GetBootOverride, GetChassisStatus, GuidOrder, Identify, IpmiBmc, IpmiClient, IpmiError, NetFn, Opcode, Options,
    PowerAction, PowerOutcome, PowerState, Privilege, Resend, Sockets,
};
use dip_firmware::provider::Bmc;
use dip_firmware::providers::Ipmi;
use dip_firmware::settings::{IpmiSession, IpmiSettings};
use dip_lab::{LabError, Requirement};
use ipmi_sim_rig::{Faults, LossyNetwork, PASSWORD, Sim, USER};
use libtest_mimic::{Arguments, Trial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    macro_rules! trial {
        ($($name:ident),* $(,)?) => {$( trials.push(trial(stringify!($name), || Box::pin($name()))); )*};
    }
    trial![
        power_on_twice_is_once_and_off_twice_is_once,
        reset_and_cycle_act_once,
        a_slow_reset_acts_once,
        a_cancelled_call_leaves_a_session_that_works,
        ipmitool_and_dip_see_the_same_power,
        every_boot_device_is_read_back,
        ipmitool_sees_the_boot_device,
        identity_tells_guid_and_inventory,
        the_light_is_switched,
        a_wrong_password_and_an_unknown_user_are_denied,
        a_password_of_16_bytes_is_set_and_lets_in_and_one_of_21_is_refused,
        an_operator_may_switch_the_power,
        a_user_session_may_read_and_not_switch,
        an_unknown_command_is_named_as_such,
        a_dead_server_is_a_closed_port_after_the_deadline,
        a_silent_server_is_a_timeout_after_the_deadline,
        a_bmc_that_falls_silent_is_a_timeout_after_the_deadline,
        a_restarted_bmc_has_lost_the_session_and_the_caller_reconnects,
        a_session_that_the_site_wants_kept_outlives_the_patience_of_the_bmc,
        a_bmc_that_goes_away_ends_the_console_and_says_why,
        sessions_are_closed_one_after_the_other,
        many_clients_at_the_same_time,
        one_bmc_shared_by_many_callers,
        what_the_simulator_sends_is_read_and_makes_the_seeds_of_fuzzers,
        silent_bmcs_on_a_shared_socket_delay_nobody,
        a_bad_network_loses_no_request,
        a_bad_network_doubles_no_reset,
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

type Story = std::pin::Pin<Box<dyn Future<Output = ()>>>;

fn trial(name: &str, story: fn() -> Story) -> Trial {
    dip_lab::trial(name, &[Requirement::Ipmi], move || async move {
        story().await;
        Ok::<(), LabError>(())
    })
}

fn credentials() -> Credentials {
    Credentials::new(USER, PASSWORD).expect("short enough")
}

/// Quick enough for tests on a machine that answers at once.
fn options() -> Options {
    Options::default()
        .with_resend_after(Duration::from_millis(250))
        .with_deadlines(Duration::from_secs(4), Duration::from_secs(8))
}

fn bmc(addr: SocketAddr) -> IpmiBmc {
    IpmiBmc::new(&Sockets::new(), addr, credentials(), options())
}

async fn power_on_twice_is_once_and_off_twice_is_once() {
    let sim = Sim::start().await;
    let bmc = bmc(sim.addr());
    assert_eq!(bmc.power_state().await.expect("it answers"), PowerState::Off);
    assert_eq!(bmc.power(PowerAction::On).await.expect("it switches"), PowerOutcome::Accepted);
    assert_eq!(bmc.power_state().await.expect("it answers"), PowerState::On);
    assert!(sim.machine().is_some());
    assert_eq!(bmc.power(PowerAction::On).await.expect("nothing to do"), PowerOutcome::Already);
    assert_eq!(bmc.power(PowerAction::Off).await.expect("it switches"), PowerOutcome::Accepted);
    assert_eq!(bmc.power(PowerAction::Off).await.expect("nothing to do"), PowerOutcome::Already);
    assert_eq!(bmc.power(PowerAction::SoftOff).await.expect("nothing to do"), PowerOutcome::Already);
    assert!(sim.machine().is_none());
    assert_eq!(sim.events(), ["power 1", "power 0"]);
}

async fn reset_and_cycle_act_once() {
    let sim = Sim::start().await;
    let bmc = bmc(sim.addr());
    bmc.power(PowerAction::On).await.expect("it switches");
    let before = sim.machine();
    assert_eq!(bmc.power(PowerAction::Reset).await.expect("it resets"), PowerOutcome::Accepted);
    assert_ne!(sim.machine(), before, "the machine was started anew");
    bmc.power(PowerAction::Cycle).await.expect("it cycles");
    // Off at once, on again after a second.
    let started = Instant::now();
    while bmc.power_state().await.expect("it answers") == PowerState::Off && started.elapsed() < Duration::from_secs(5)
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bmc.power(PowerAction::SoftOff).await.expect("it asks for a shutdown");
    assert_eq!(sim.events(), ["power 1", "reset 1", "power 0", "power 1", "shutdown 1"]);
}

async fn a_slow_reset_acts_once() {
    let sim = Sim::start().await;
    let bmc = bmc(sim.addr());
    bmc.power(PowerAction::On).await.expect("it switches");
    // Five times the silence after which other requests are sent again.
    sim.slow_down(Duration::from_millis(1250));
    bmc.power(PowerAction::Reset).await.expect("it resets within the deadline");
    assert_eq!(sim.events(), ["power 1", "reset 1"]);
}

async fn a_cancelled_call_leaves_a_session_that_works() {
    let sim = Sim::start().await;
    let client =
        IpmiClient::connect(&Sockets::new(), sim.addr(), &credentials(), options()).await.expect("it connects");
    sim.slow_down(Duration::from_millis(200));
    let cancelled =
        tokio::time::timeout(Duration::from_millis(50), client.run(ChassisControl(PowerAction::On), Resend::Allowed));
    cancelled.await.expect_err("it takes longer");
    // The late reply to the cancelled request comes first, and is not taken for this one's.
    let status = client.run(GetChassisStatus, Resend::Allowed).await.expect("it answers");
    assert_eq!(status.power, PowerState::On);
    assert_eq!(sim.events(), ["power 1"]);
}

async fn ipmitool_and_dip_see_the_same_power() {
    let sim = Sim::start().await;
    let bmc = bmc(sim.addr());
    assert!(sim.ipmitool(&["chassis", "power", "on"]).await.contains("Up/On"));
    assert_eq!(bmc.power_state().await.expect("it answers"), PowerState::On);
    bmc.power(PowerAction::Off).await.expect("it switches");
    assert!(sim.ipmitool(&["chassis", "power", "status"]).await.contains("Chassis Power is off"));
}

async fn every_boot_device_is_read_back() {
    let sim = Sim::start().await;
    let bmc = bmc(sim.addr());
    for device in [BootDevice::Pxe, BootDevice::Disk, BootDevice::Cdrom, BootDevice::BiosSetup, BootDevice::None] {
        for (persistence, mode) in [(BootPersistence::Once, BootMode::Efi), (BootPersistence::Always, BootMode::Bios)] {
            bmc.set_boot_device(BootOverride { device, persistence, mode }).await.expect("it is set");
            // ipmi_sim forgets persistence and mode.
            assert_eq!(bmc.boot_device().await.expect("it answers").device, device);
        }
    }
}

async fn ipmitool_sees_the_boot_device() {
    let sim = Sim::start().await;
    bmc(sim.addr()).set_boot_device(BootOverride::once(BootDevice::Pxe)).await.expect("it is set");
    assert!(sim.ipmitool(&["chassis", "bootparam", "get", "5"]).await.contains("Force PXE"));
    sim.ipmitool(&["chassis", "bootdev", "cdrom"]).await;
    assert_eq!(bmc(sim.addr()).boot_device().await.expect("it answers").device, BootDevice::Cdrom);
}

async fn identity_tells_guid_and_inventory() {
    let sim = Sim::start().await;
    let identity = bmc(sim.addr()).identity().await.expect("it answers");
    assert_eq!((identity.maker, identity.product), (0x1291, 0x0F02));
    assert_eq!(identity.firmware.to_string(), "9.08");
    let guid = identity.guid.expect("it has one").uuid(GuidOrder::Rfc).replace('-', "");
    assert_eq!(guid, sim.guid());
    assert!(sim.ipmitool(&["mc", "guid"]).await.to_lowercase().replace('-', "").contains(&guid));
    let inventory = sim.ipmitool(&["fru", "print", "0"]).await;
    let board = identity.fru.as_ref().and_then(|fru| fru.board.as_ref());
    for (name, value) in [
        ("Product Manufacturer", identity.manufacturer()),
        ("Product Name", identity.product_name()),
        ("Product Serial", identity.serial()),
        ("Board Serial", board.and_then(|board| board.serial.as_deref())),
        ("Board Part Number", board.and_then(|board| board.part_number.as_deref())),
    ] {
        let line = inventory.lines().find(|line| line.trim_start().starts_with(name)).expect("ipmitool names it");
        assert_eq!(line.split_once(':').map(|(_, told)| told.trim()), value, "{name}");
    }
    assert_eq!(identity.serial(), Some(sim.serial()));
}

async fn the_light_is_switched() {
    let sim = Sim::start().await;
    let bmc = bmc(sim.addr());
    for identify in [Identify::For(Duration::from_secs(3)), Identify::Always, Identify::Off] {
        bmc.identify(identify).await.expect("it is switched");
    }
    let events = sim.events();
    assert!(events.len() == 3 && events.iter().all(|event| event.starts_with("identify ")), "{events:?}");
}

async fn a_wrong_password_and_an_unknown_user_are_denied() {
    let sim = Sim::start().await;
    for (user, password) in [(USER, "wrong"), ("nobody", PASSWORD), (USER, "")] {
        let credentials = Credentials::new(user, password).expect("short enough");
        let started = Instant::now();
        let error =
            IpmiClient::connect(&Sockets::new(), sim.addr(), &credentials, options()).await.expect_err("it is denied");
        assert!(matches!(error, IpmiError::AuthenticationFailed { .. }), "{user}: {error:?}");
        assert_eq!(error.class(), ErrorClass::Denied);
        assert!(started.elapsed() < Duration::from_secs(1), "known at once, not at the deadline");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("wrong\"") && !shown.contains(PASSWORD), "{shown}");
    }
    bmc(sim.addr()).power_state().await.expect("the right one still works");
}

async fn a_password_of_16_bytes_is_set_and_lets_in_and_one_of_21_is_refused() {
    // ipmi_sim keeps 16 bytes of a longer one; those are tried in `ipmi_suite_17.rs`.
    let (sim, password, other) = (Sim::start().await, "abcdefghijklmnop", "ABCDEFGHIJKLMNOP");
    let admin = bmc(sim.addr());
    // The operator of every BMC of the lab is number 3.
    let as_operator = |password: &str| {
        let operator = Credentials::new("oper", password).expect("short enough");
        IpmiBmc::new(&Sockets::new(), sim.addr(), operator, options().with_privilege(Privilege::Operator))
    };
    // Set by another implementation, used by dip; and the other way round.
    sim.ipmitool(&["user", "set", "password", "3", password, "16"]).await;
    as_operator(password).power_state().await.expect("it lets in");
    admin.set_user_password(3, other).await.expect("it is set");
    let told = sim.ipmitool_as("oper", other, &["-L", "OPERATOR", "chassis", "power", "status"]).await;
    assert!(told.contains("Chassis Power is off"), "{told}");
    let error = as_operator(password).power_state().await.expect_err("it has another now");
    assert_eq!(error.class(), ErrorClass::Denied, "{error}");
    let too_long = "abcdefghijklmnopqrstu";
    for error in [
        Credentials::new("oper", too_long).expect_err("IPMI cannot carry it"),
        admin.set_user_password(3, too_long).await.expect_err("IPMI cannot carry it"),
    ] {
        assert_eq!(
            error.to_string(),
            "the password is longer than the 20 bytes that IPMI 2.0 can carry; choose a shorter one on the BMC"
        );
    }
}

async fn an_operator_may_switch_the_power() {
    let sim = Sim::start().await;
    let operator = Credentials::new("oper", "operpw").expect("short enough");
    let bmc = IpmiBmc::new(&Sockets::new(), sim.addr(), operator, options().with_privilege(Privilege::Operator));
    bmc.power(PowerAction::On).await.expect("an operator may switch the power");
    assert!(sim.machine().is_some());
}

async fn a_user_session_may_read_and_not_switch() {
    let sim = Sim::start().await;
    let bmc = IpmiBmc::new(&Sockets::new(), sim.addr(), credentials(), options().with_privilege(Privilege::User));
    assert_eq!(bmc.power_state().await.expect("a user may read"), PowerState::Off);
    let error = bmc.power(PowerAction::On).await.expect_err("a user may not switch");
    assert!(matches!(error, IpmiError::Completion { code: CompletionCode::INSUFFICIENT_PRIVILEGE, .. }), "{error:?}");
    assert_eq!((error.class(), error.may_have_acted()), (ErrorClass::Denied, false));
    assert!(!error.refuses_login(), "the user got in");
    assert!(sim.events().is_empty());
}

async fn an_unknown_command_is_named_as_such() {
    let sim = Sim::start().await;
    let client =
        IpmiClient::connect(&Sockets::new(), sim.addr(), &credentials(), options()).await.expect("it connects");
    let error = client.request(Opcode::raw(0x06, 0x7F), &[], Resend::Allowed).await.expect_err("nobody knows it");
    assert!(matches!(error, IpmiError::Completion { code: CompletionCode::INVALID_COMMAND, .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Unsupported);
}

/// Deadlines for trials in which nobody answers.
fn impatient() -> Options {
    options().with_deadlines(Duration::from_millis(1200), Duration::from_millis(1200))
}

fn assert_at_deadline(started: Instant) {
    let waited = started.elapsed();
    assert!((Duration::from_millis(1150)..Duration::from_millis(2000)).contains(&waited), "{waited:?}");
}

async fn a_dead_server_is_a_closed_port_after_the_deadline() {
    let addr = ipmi_sim_rig::free_address();
    let started = Instant::now();
    let error =
        IpmiClient::connect(&Sockets::new(), addr, &credentials(), impatient()).await.expect_err("nobody is there");
    assert!(matches!(error, IpmiError::PortClosed { may_have_acted: false, .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Unreachable);
    assert_at_deadline(started);
}

async fn a_silent_server_is_a_timeout_after_the_deadline() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let addr = socket.local_addr().expect("it is bound");
    let started = Instant::now();
    let error =
        IpmiClient::connect(&Sockets::new(), addr, &credentials(), impatient()).await.expect_err("nobody answers");
    assert!(matches!(error, IpmiError::Timeout { may_have_acted: false, .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Unreachable);
    assert_at_deadline(started);
}

async fn a_bmc_that_falls_silent_is_a_timeout_after_the_deadline() {
    let sim = Sim::start().await;
    let network = LossyNetwork::before(sim.addr(), Faults::default()).await;
    let client =
        IpmiClient::connect(&Sockets::new(), network.addr(), &credentials(), impatient()).await.expect("it connects");
    // Raised already, or the command that changes something would not be sent at all.
    client.run(GetBootOverride, Resend::Allowed).await.expect("an administrator may read it");
    network.cut();
    for (opcode, data, resend, may_have_acted) in [
        (Opcode::new(NetFn::Chassis, 0x01), &[][..], Resend::Allowed, false),
        (Opcode::new(NetFn::Chassis, 0x02), &[3], Resend::Never, true),
    ] {
        let started = Instant::now();
        let error = client.request(opcode, data, resend).await.expect_err("nobody answers");
        assert!(matches!(error, IpmiError::Timeout { .. }), "{error:?}");
        assert_eq!(error.may_have_acted(), may_have_acted, "{opcode}");
        assert_at_deadline(started);
    }
    // A BMC takes session sequences up to 15 ahead (§6.12.13); fewer datagrams were lost here.
    network.mend();
    client.run(GetChassisStatus, Resend::Allowed).await.expect("the session lives on");
}

async fn a_restarted_bmc_has_lost_the_session_and_the_caller_reconnects() {
    let mut sim = Sim::start().await;
    let client =
        IpmiClient::connect(&Sockets::new(), sim.addr(), &credentials(), options()).await.expect("it connects");
    let bmc = bmc(sim.addr());
    bmc.power(PowerAction::On).await.expect("it switches");
    sim.restart().await;
    let error = client.run(GetChassisStatus, Resend::Allowed).await.expect_err("the session is gone");
    assert!(matches!(error, IpmiError::SessionLost { .. }), "{error:?}");
    let started = Instant::now();
    let error = client.run(GetChassisStatus, Resend::Allowed).await.expect_err("it stays gone");
    assert_eq!((error.class(), error.may_have_acted()), (ErrorClass::SessionLost, false));
    assert!(started.elapsed() < Duration::from_millis(50), "nothing is sent any more");
    assert_eq!(bmc.power_state().await.expect("it connects again"), PowerState::On);
}

async fn a_session_that_the_site_wants_kept_outlives_the_patience_of_the_bmc() {
    let sim = Sim::start().await;
    let asked = |session: IpmiSession| {
        let server = sim.addr();
        async move {
            let network = LossyNetwork::before(server, Faults::default()).await;
            let port = Some(network.addr().port());
            let settings = IpmiSettings { port, session: Some(session), ..IpmiSettings::default() };
            let password = Secret::new(PASSWORD.to_owned());
            let bmc = Ipmi::new(&Sockets::new(), "127.0.0.1", USER, &password, &settings).expect("short enough");
            let power = Bmc::power(&bmc).expect("every BMC has it");
            power.state().await.expect("it answers");
            // Longer than the 60 s ± 3 s of the specification (§6.12.15).
            tokio::time::sleep(Duration::from_secs(70)).await;
            power.state().await.expect("it answers");
            // Open Session Responses (§13.18), one for each session.
            network.heard().iter().filter(|datagram| datagram[5] & 0x3F == 0x11).count()
        }
    };
    let sessions = tokio::join!(asked(IpmiSession::Kept), asked(IpmiSession::Used));
    assert_eq!(sessions, (1, 2));
}

async fn a_bmc_that_goes_away_ends_the_console_and_says_why() {
    let serial_port = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut sim = Sim::with_console(serial_port.local_addr().expect("it is bound")).await;
    let bmc = bmc(sim.addr());
    // Several times: the end of the pipe and the reason for it come from another task.
    for _ in 0..3 {
        let mut console = bmc.console().await.expect("it is free");
        sim.stop();
        console.write_all(b"root\r").await.expect("it is on its way");
        let error = console.read_to_end(&mut Vec::new()).await.expect_err("nobody takes it");
        assert!(error.to_string().contains("did not answer the serial console within 4"), "{error}");
        sim.restart().await;
    }
}

async fn sessions_are_closed_one_after_the_other() {
    let sim = Sim::start().await;
    // More than ipmi_sim has; both ways to end one.
    for n in 0..100 {
        let client = IpmiClient::connect(&Sockets::new(), sim.addr(), &credentials(), options())
            .await
            .expect("a session is free");
        client.run(GetChassisStatus, Resend::Allowed).await.expect("it answers");
        if n % 2 == 0 {
            client.close().await.expect("it confirms");
        }
    }
}

async fn many_clients_at_the_same_time() {
    let sims = [Sim::start().await, Sim::start().await, Sim::start().await];
    let mut clients = JoinSet::new();
    for n in 0..30 {
        let addr = sims[n % sims.len()].addr();
        clients.spawn(async move {
            let client = IpmiClient::connect(&Sockets::new(), addr, &credentials(), options()).await?;
            for _ in 0..20 {
                client.run(GetChassisStatus, Resend::Allowed).await?;
            }
            client.close().await
        });
    }
    let started = Instant::now();
    for result in clients.join_all().await {
        result.expect("every client is served");
    }
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

async fn one_bmc_shared_by_many_callers() {
    let sim = Sim::start().await;
    let bmc = Arc::new(bmc(sim.addr()));
    let mut callers = JoinSet::new();
    for _ in 0..30 {
        let bmc = Arc::clone(&bmc);
        callers.spawn(async move { bmc.power_state().await });
    }
    for state in callers.join_all().await {
        assert_eq!(state.expect("every caller is served"), PowerState::Off);
    }
    bmc.close().await;
}

async fn silent_bmcs_on_a_shared_socket_delay_nobody() {
    let sims = [Sim::start().await, Sim::start().await, Sim::start().await];
    let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let silent = silent.local_addr().expect("it is bound");
    let sockets = Sockets::new();
    let new = |addr| IpmiBmc::new(&sockets, addr, credentials(), options());
    let mut unanswered = JoinSet::new();
    for _ in 0..20 {
        let bmc = new(silent);
        unanswered.spawn(async move { bmc.power_state().await });
    }
    let started = Instant::now();
    let mut answered = JoinSet::new();
    for n in 0..30 {
        // Several sessions with each BMC too, told apart by their ids.
        let bmc = new(sims[n % sims.len()].addr());
        answered.spawn(async move {
            bmc.power(PowerAction::On).await?;
            bmc.power_state().await
        });
    }
    for state in answered.join_all().await {
        assert_eq!(state.expect("every one is served"), PowerState::On);
    }
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(unanswered.try_join_next().is_none(), "the silent ones are still asked");
    for state in unanswered.join_all().await {
        assert_eq!(state.expect_err("it is silent").class(), ErrorClass::Unreachable);
    }
}

/// Some bytes of a sensor data record, behind the id of the next.
async fn record(bmc: &IpmiBmc, id: [u8; 2], at: u8, count: u8) -> Vec<u8> {
    let reservation = bmc.request(Opcode::new(NetFn::Storage, 0x22), &[], Resend::Allowed).await.expect("it gives one");
    let request = [reservation[0], reservation[1], id[0], id[1], at, count];
    bmc.request(Opcode::new(NetFn::Storage, 0x23), &request, Resend::Allowed).await.expect("it is there")
}

async fn what_the_simulator_sends_is_read_and_makes_the_seeds_of_fuzzers() {
    let sim = Sim::start().await;
    let network = LossyNetwork::before(sim.addr(), Faults::default()).await;
    let bmc = IpmiBmc::new(&Sockets::new(), network.addr(), credentials(), options());
    // A temperature that is too high, as Add SEL Entry (§31.6) takes it.
    let event = "raw 0x0a 0x44 0 0 2 0 0 0 0 0x20 0 4 1 1 1 0x59 0xa0 0x90";
    sim.ipmitool(&event.split(' ').collect::<Vec<_>>()).await;
    bmc.identity().await.expect("it answers");
    let (mut seeds, storage) = (Vec::new(), |command| Opcode::new(NetFn::Storage, command));
    for (n, datagram) in network.heard().into_iter().enumerate() {
        // The middle of the message of a packet outside a session is a message of its own.
        if datagram[4] == 0 {
            seeds.push(("ipmi_reply", format!("sim-{n:02}"), datagram[14..].to_vec()));
        }
        seeds.push(("ipmi_packet", format!("sim-{n:02}"), datagram));
    }
    for fru in [0, 1] {
        let mut inventory = Vec::new();
        for at in (0u8..=248).step_by(8) {
            // The simulator's file is shorter than it says.
            let Ok(piece) = bmc.request(storage(0x11), &[fru, at, 0, 8], Resend::Allowed).await else { break };
            inventory.extend(&piece[1..]);
        }
        assert!(inventory.len() >= 64, "{inventory:?}");
        seeds.push(("ipmi_fru", format!("sim-{fru}"), inventory));
    }
    let mut id = [0, 0];
    while id != [0xFF, 0xFF] {
        let record = record(&bmc, id, 0, 5).await;
        let mut bytes = record[2..].to_vec();
        // The fifth byte is the length of the rest.
        while bytes.len() < 5 + usize::from(bytes[4]) {
            let count = (5 + bytes[4] - bytes.len() as u8).min(16);
            bytes.extend(&self::record(&bmc, id, bytes.len() as u8, count).await[2..]);
        }
        seeds.push(("ipmi_sdr", format!("sim-{:02}", id[0]), bytes));
        id = [record[0], record[1]];
    }
    let entry = bmc.request(storage(0x43), &[0, 0, 0, 0, 0, 0xFF], Resend::Allowed).await.expect("there is an event");
    seeds.push(("ipmi_sel", "sim".to_owned(), entry[2..].to_vec()));
    seeds.push(("ipmi_sol", "typed".to_owned(), [&[9, 1, 0, 0, 0][..], b"login", &[4, 0, 1, 5, 0]].concat()));
    for (target, name, bytes) in &seeds {
        let (_, read) = fuzzing::PARSERS.iter().find(|(known, _)| known == target).expect("it is one");
        read(bytes);
        // `DIP_BLESS=1` keeps them.
        if std::env::var_os("DIP_BLESS").is_some() {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
            std::fs::create_dir_all(&dir).expect("the checkout is writable");
            std::fs::write(dir.join(name), bytes).expect("the checkout is writable");
        }
    }
    let of = |target| seeds.iter().filter(|(of, ..)| *of == target).count();
    assert!(of("ipmi_packet") > 10 && of("ipmi_sdr") == 7 && of("ipmi_reply") > 0, "{seeds:?}");
}

/// A fifth of all datagrams is lost each way, others come twice, late, or are rubbish.
const BAD: Faults = Faults { lost: 20, doubled: 20, late: 20, rubbish: 20 };

async fn a_bad_network_loses_no_request() {
    let sim = Sim::start().await;
    let network = LossyNetwork::before(sim.addr(), BAD).await;
    let patient = options()
        .with_resend_after(Duration::from_millis(60))
        .with_deadlines(Duration::from_secs(10), Duration::from_secs(20));
    let bmc = IpmiBmc::new(&Sockets::new(), network.addr(), credentials(), patient);
    for _ in 0..6 {
        bmc.power(PowerAction::On).await.expect("it switches");
        assert_eq!(bmc.power_state().await.expect("it answers"), PowerState::On);
        bmc.set_boot_device(BootOverride::once(BootDevice::Pxe)).await.expect("it is set");
        bmc.power(PowerAction::Off).await.expect("it switches");
        assert_eq!(bmc.power_state().await.expect("it answers"), PowerState::Off);
        assert_eq!(bmc.identity().await.expect("it answers").serial(), Some(sim.serial()));
    }
    let told = network.faults_made();
    assert!(told.lost > 30 && told.doubled > 30 && told.late > 30 && told.rubbish > 30, "{told:?}");
}

async fn a_bad_network_doubles_no_reset() {
    let sim = Sim::start().await;
    // ipmi_sim acts on a datagram that the network doubled, against the specification; no client can help that.
    let network = LossyNetwork::before(sim.addr(), Faults { doubled: 0, ..BAD }).await;
    let patient = options()
        .with_resend_after(Duration::from_millis(60))
        .with_deadlines(Duration::from_millis(600), Duration::from_secs(20));
    let bmc = IpmiBmc::new(&Sockets::new(), network.addr(), credentials(), patient);
    bmc.power(PowerAction::On).await.expect("it switches");
    let (mut acted, mut in_doubt) = (0, 0);
    for _ in 0..15 {
        match bmc.power(PowerAction::Reset).await {
            Ok(_) => acted += 1,
            Err(error) if error.may_have_acted() => in_doubt += 1,
            Err(error) => panic!("{error}"),
        }
    }
    let resets = sim.events().iter().filter(|event| *event == "reset 1").count();
    assert!((acted..=acted + in_doubt).contains(&resets), "{resets} resets; {acted} confirmed, {in_doubt} in doubt");
    assert!(acted > 0 && in_doubt > 0, "{acted} confirmed, {in_doubt} in doubt: the network was not bad enough");
}
