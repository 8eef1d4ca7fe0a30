//! Several protocols for one BMC, in the order that the site file prefers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dip_core::hardware::{Identity, PowerState};
use dip_core::provider::{ErrorKind, Power, PowerAction, ProviderError, Retry, sentence};

use crate::provider::{
    Accounts, Bios, Bmc, Boot, BootOverride, BootState, Console, Controller, EventLog, Firmware, IdentifyLight,
    Inventory, NotActed, Raid, SecureBoot, Sensors, Tasks, VirtualMedia,
};

/// A BMC that speaks several protocols.
///
/// A reading is tried by one protocol after the other. A change goes on to the next only where the last one cannot have
/// acted: it does not offer the change, or the error carries [`NotActed`]. A protocol that refuses the credentials ends the call: trying a wrong
/// password everywhere locks accounts. The protocol that worked is asked first from then on.
pub struct Preferred(Arc<Protocols>);

impl Preferred {
    /// A BMC at an address with its protocols by name, the preferred one first.
    ///
    /// # Panics
    /// Where there is no protocol.
    #[must_use]
    pub fn new(address: &str, protocols: Vec<(&'static str, Arc<dyn Bmc>)>) -> Self {
        assert!(!protocols.is_empty(), "a BMC has at least one protocol");
        let address = address.to_owned();
        let protocols = protocols.into_iter().map(|(name, bmc)| Protocol { name, bmc }).collect();
        Self(Arc::new(Protocols { address, protocols, worked: AtomicUsize::new(0) }))
    }

    /// The protocol that is asked first: the one that worked last.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        self.0.protocols[self.0.worked.load(Ordering::Relaxed)].name
    }
}

impl fmt::Debug for Preferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.protocols.iter().map(|protocol| protocol.name);
        f.debug_struct("Preferred")
            .field("address", &self.0.address)
            .field("protocols", &names.collect::<Vec<_>>())
            .field("worked", &self.protocol())
            .finish()
    }
}

#[async_trait]
impl Bmc for Preferred {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        self.0.call("ask who the machine is", Effect::Reads, |protocol| Some(Box::pin(protocol.bmc.identity()))).await
    }

    fn power(&self) -> Option<Arc<dyn Power>> {
        let offered = self.0.protocols.iter().any(|protocol| protocol.bmc.power().is_some());
        offered.then(|| Arc::clone(&self.0) as Arc<dyn Power>)
    }

    fn boot(&self) -> Option<Arc<dyn Boot>> {
        let offered = self.0.protocols.iter().any(|protocol| protocol.bmc.boot().is_some());
        offered.then(|| Arc::clone(&self.0) as Arc<dyn Boot>)
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        None
    }

    fn sensors(&self) -> Option<Arc<dyn Sensors>> {
        None
    }

    fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        None
    }

    fn identify_light(&self) -> Option<Arc<dyn IdentifyLight>> {
        None
    }

    fn console(&self) -> Option<Arc<dyn Console>> {
        None
    }

    fn virtual_media(&self) -> Option<Arc<dyn VirtualMedia>> {
        None
    }

    fn bios(&self) -> Option<Arc<dyn Bios>> {
        None
    }

    fn secure_boot(&self) -> Option<Arc<dyn SecureBoot>> {
        None
    }

    fn raid(&self) -> Option<Arc<dyn Raid>> {
        None
    }

    fn firmware(&self) -> Option<Arc<dyn Firmware>> {
        None
    }

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        None
    }

    fn accounts(&self) -> Option<Arc<dyn Accounts>> {
        None
    }

    fn controller(&self) -> Option<Arc<dyn Controller>> {
        None
    }
}

struct Protocols {
    address: String,
    protocols: Vec<Protocol>,
    /// The index of the protocol that worked last.
    worked: AtomicUsize,
}

struct Protocol {
    name: &'static str,
    bmc: Arc<dyn Bmc>,
}

/// Whether a call that failed may have changed the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Reads,
    Changes,
}

/// The call by one protocol; `None` where it does not offer the ability.
type Attempt<'a, T> = Option<Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>>;

impl Protocols {
    async fn call<'a, T>(
        &'a self,
        action: &str,
        effect: Effect,
        attempt: impl Fn(&'a Protocol) -> Attempt<'a, T> + Send + Sync,
    ) -> Result<T, ProviderError> {
        let first = self.worked.load(Ordering::Relaxed);
        let others = (0..self.protocols.len()).filter(|index| *index != first);
        let mut tried: Vec<(&'static str, ProviderError)> = Vec::new();
        for index in std::iter::once(first).chain(others) {
            let protocol = &self.protocols[index];
            let Some(call) = attempt(protocol) else {
                tried.push((protocol.name, ProviderError::new(ErrorKind::Unsupported, protocol.name, action)));
                continue;
            };
            match call.await {
                Ok(done) => {
                    // A protocol that lacks one ability is still the first choice for the others.
                    if tried.iter().any(|(_, error)| error.kind() != ErrorKind::Unsupported) {
                        tracing::info!(bmc = %self.address, protocol = protocol.name, "another protocol of the BMC works");
                        self.worked.store(index, Ordering::Relaxed);
                    }
                    return Ok(done);
                }
                Err(error) => {
                    let goes_on = may_go_on(effect, &error);
                    tried.push((protocol.name, error));
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        Err(self.failed(action, tried))
    }

    /// One error for all: the class of the first that can be tried again, else of the first that is more than "unsupported".
    fn failed(&self, action: &str, tried: Vec<(&'static str, ProviderError)>) -> ProviderError {
        let is_hopeful = |error: &ProviderError| error.retry() != Retry::Never;
        let telling = tried
            .iter()
            .map(|(_, error)| error)
            .find(|error| is_hopeful(error))
            .or_else(|| tried.iter().map(|(_, error)| error).find(|error| error.kind() != ErrorKind::Unsupported));
        // The last one decides where it ended the call: it may have acted, or refused the credentials.
        let last = tried.last().map(|(_, error)| error).filter(|error| error.kind() == ErrorKind::Denied);
        let (kind, retry) =
            last.or(telling).map_or((ErrorKind::Unsupported, Retry::Never), |error| (error.kind(), error.retry()));
        ProviderError::new(kind, "bmc", format!("{action} at {}", self.address)).retry_as(retry).because(Tried(tried))
    }
}

fn may_go_on(effect: Effect, error: &ProviderError) -> bool {
    match (effect, error.kind()) {
        (_, ErrorKind::Denied) => false,
        (Effect::Reads, _) | (Effect::Changes, ErrorKind::Unsupported) => true,
        (Effect::Changes, _) => NotActed::is_cause_of(error),
    }
}

/// Who was tried, and what came of it.
#[derive(Debug)]
struct Tried(Vec<(&'static str, ProviderError)>);

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried ")?;
        for (index, (name, error)) in self.0.iter().enumerate() {
            let separator = if index > 0 { "; then " } else { "" };
            write!(f, "{separator}{name} ({})", sentence(error))?;
        }
        Ok(())
    }
}

impl std::error::Error for Tried {}

#[async_trait]
impl Power for Protocols {
    async fn state(&self) -> Result<PowerState, ProviderError> {
        self.call("read the power state", Effect::Reads, |protocol| {
            let power = protocol.bmc.power()?;
            Some(Box::pin(async move { power.state().await }))
        })
        .await
    }

    async fn request(&self, action: PowerAction) -> Result<(), ProviderError> {
        let words = match action {
            PowerAction::On => "switch on the machine",
            PowerAction::Off => "switch off the machine",
            PowerAction::Shutdown => "ask for the shutdown of the machine",
            PowerAction::Cycle => "switch the machine off and on",
        };
        self.call(words, Effect::Changes, |protocol| {
            let power = protocol.bmc.power()?;
            Some(Box::pin(async move { power.request(action).await }))
        })
        .await
    }
}

#[async_trait]
impl Boot for Protocols {
    async fn boot_override(&self) -> Result<BootState, ProviderError> {
        self.call("read the boot device", Effect::Reads, |protocol| {
            let boot = protocol.bmc.boot()?;
            Some(Box::pin(async move { boot.boot_override().await }))
        })
        .await
    }

    async fn set_boot_override(&self, wanted: BootOverride) -> Result<(), ProviderError> {
        self.call("set the boot device", Effect::Changes, |protocol| {
            let boot = protocol.bmc.boot()?;
            Some(Box::pin(async move { boot.set_boot_override(wanted).await }))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{MockBmc, MockBoot};
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
            power
                .expect_state()
                .times(1)
                .returning(move || Err(ProviderError::new(ErrorKind::Unreachable, text, "look")));
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
}
