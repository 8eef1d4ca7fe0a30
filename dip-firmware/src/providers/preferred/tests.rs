//! Who is asked, and what is remembered of it.

use std::sync::Arc;

use dip_core::provider::{ErrorKind, Power, PowerAction, ProviderError, Retry, sentence};

use super::{Facet, Preferred};
use crate::provider::{Bmc, Boot, BootOverride, NotActed, SensorReading, Unit};
use crate::provider::{MockBmc, MockBoot, MockSensors};
use dip_core::hardware::BootDevice;
use dip_core::provider::MockPower;

/// A protocol whose power answers every request so; it must be asked this often.
fn requested(times: usize, answer: impl Fn() -> Result<(), ProviderError> + Send + Sync + 'static) -> Arc<dyn Bmc> {
    let mut power = MockPower::new();
    power.expect_request().times(times).returning(move |_| answer());
    with(Some(Arc::new(power)), None)
}

fn with(power: Option<Arc<dyn Power>>, boot: Option<Arc<dyn Boot>>) -> Arc<dyn Bmc> {
    let mut bmc = MockBmc::new();
    bmc.expect_power().returning(move || power.clone());
    bmc.expect_boot().returning(move || boot.clone());
    Arc::new(bmc)
}

fn refused() -> ProviderError {
    let cause = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    ProviderError::new(ErrorKind::Unreachable, "redfish", "switch").because(NotActed::new(cause))
}

fn silent() -> ProviderError {
    ProviderError::new(ErrorKind::Unreachable, "redfish", "switch")
}

fn both(redfish: Arc<dyn Bmc>, ipmi: Arc<dyn Bmc>) -> Preferred {
    Preferred::new("192.0.2.9", vec![("redfish", redfish), ("ipmi", ipmi)])
}

async fn request(bmc: &Preferred, action: PowerAction) -> Result<(), ProviderError> {
    bmc.power().expect("both have power").request(action).await
}

#[tokio::test]
async fn what_never_left_goes_by_the_next_protocol_which_is_remembered() {
    let bmc = both(requested(1, || Err(refused())), requested(2, || Ok(())));
    assert_eq!(bmc.protocol(), "redfish");
    request(&bmc, PowerAction::Cycle).await.expect("the second protocol works");
    assert_eq!(bmc.protocol(), "ipmi");
    request(&bmc, PowerAction::Cycle).await.expect("the second protocol is asked first");
}

#[tokio::test]
async fn what_may_have_acted_is_not_done_again_by_another_protocol() {
    let bmc = both(requested(1, || Err(silent())), requested(0, || Ok(())));
    let error = request(&bmc, PowerAction::Cycle).await.expect_err("nobody knows what came of it");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(sentence(&error).contains("tried redfish ("), "{}", sentence(&error));
    assert!(!sentence(&error).contains("ipmi"), "{}", sentence(&error));
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_everywhere() {
    let denied = || Err(ProviderError::new(ErrorKind::Denied, "redfish", "switch"));
    let bmc = both(requested(1, denied), requested(0, || Ok(())));
    let error = request(&bmc, PowerAction::On).await.expect_err("the password is wrong");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Denied, Retry::Never));
}

#[tokio::test]
async fn a_reading_is_tried_by_all_and_the_error_names_them() {
    let dead = |text: &'static str| {
        let mut power = MockPower::new();
        power.expect_state().times(1).returning(move || Err(ProviderError::new(ErrorKind::Unreachable, text, "look")));
        with(Some(Arc::new(power)), None)
    };
    let bmc = both(dead("redfish"), dead("ipmi"));
    let error = bmc.power().expect("both have power").state().await.expect_err("both are dead");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unreachable, Retry::Backoff));
    assert_eq!(
        sentence(&error),
        "bmc could not read the power state at 192.0.2.9: unreachable: tried redfish (redfish could not look: unreachable); \
         then ipmi (ipmi could not look: unreachable)"
    );
}

#[tokio::test]
async fn an_ability_that_one_protocol_lacks_is_another_ones_and_the_first_stays_first() {
    let mut boot = MockBoot::new();
    boot.expect_set_boot_override().times(1).returning(|_| Ok(()));
    let bmc = both(requested(1, || Ok(())), with(None, Some(Arc::new(boot))));
    let facet = bmc.boot().expect("one of them has it");
    facet.set_boot_override(BootOverride::once(BootDevice::Disk)).await.expect("the second protocol can");
    assert_eq!(bmc.protocol(), "redfish");
    request(&bmc, PowerAction::On).await.expect("the first protocol works");
}

#[test]
fn an_ability_that_no_protocol_has_is_absent() {
    assert!(both(with(None, None), with(None, None)).boot().is_none());
}

#[tokio::test]
async fn a_facet_that_the_first_protocol_turns_out_to_lack_is_asked_of_the_other_from_then_on() {
    let lacking = |times: usize| {
        let mut sensors = MockSensors::new();
        let unsupported = || Err(ProviderError::new(ErrorKind::Unsupported, "redfish", "read the sensors"));
        sensors.expect_readings().times(times).returning(unsupported);
        with_sensors(sensors)
    };
    let mut sensors = MockSensors::new();
    let reading = SensorReading { name: "Inlet".to_owned(), value: Some(21.0), unit: Unit::Celsius, health: None };
    sensors.expect_readings().times(2).returning(move || Ok(vec![reading.clone()]));
    let bmc = both(lacking(1), with_sensors(sensors));
    for _ in 0..2 {
        bmc.sensors().expect("both have it").readings().await.expect("the second protocol can");
    }
    assert_eq!((bmc.protocol(), bmc.protocol_for(Facet::Sensors)), ("redfish", "ipmi"));
}

#[tokio::test]
async fn a_facet_that_the_first_protocol_fails_over_does_not_take_the_others_with_it() {
    for (kind, asked_next) in [(ErrorKind::Unexpected, "ipmi"), (ErrorKind::Busy, "redfish")] {
        let mut failing = MockSensors::new();
        failing.expect_readings().returning(move || Err(ProviderError::new(kind, "redfish", "read the sensors")));
        let mut working = MockSensors::new();
        working.expect_readings().times(1).returning(|| Ok(vec![]));
        let bmc = both(with_sensors(failing), with_sensors(working));
        bmc.sensors().expect("both have it").readings().await.expect("the second protocol can");
        assert_eq!((bmc.protocol(), bmc.protocol_for(Facet::Sensors)), ("redfish", asked_next), "{kind}");
    }
}

#[tokio::test]
async fn what_nobody_did_may_be_tried_by_whoever_wraps_this() {
    let bmc = both(requested(1, || Err(refused())), requested(1, || Err(refused())));
    let error = request(&bmc, PowerAction::Cycle).await.expect_err("nobody listens");
    assert!(NotActed::is_cause_of(&error));
    let bmc = both(requested(1, || Err(refused())), requested(1, || Err(silent())));
    let error = request(&bmc, PowerAction::Cycle).await.expect_err("nobody knows what came of it");
    assert!(!NotActed::is_cause_of(&error));
}

fn with_sensors(sensors: MockSensors) -> Arc<dyn Bmc> {
    let sensors: Arc<dyn crate::provider::Sensors> = Arc::new(sensors);
    let mut bmc = MockBmc::new();
    bmc.expect_sensors().returning(move || Some(Arc::clone(&sensors)));
    Arc::new(bmc)
}
