//! The mains of a node: all outlets that feed it, as one switch.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::hardware::PowerState;
use dip_core::id::NodeName;
use dip_core::provider::{ErrorKind, Power, PowerAction, ProviderError, Providers};
use dip_core::site::{Node, OutletRef};
use dip_core::subject::Subject;
use tokio::time::{Instant, sleep};

use crate::provider::Pdu;

const NAME: &str = "outlets";

/// How long a node is without mains in a cycle. Power supplies bridge parts of a second, their standby supply some seconds: a
/// management controller that keeps its memory was not restarted.
const WITHOUT_MAINS: Duration = Duration::from_secs(10);
/// PDUs switch one outlet after the other, with pauses of seconds against inrush.
const SWITCHES: Duration = Duration::from_secs(60);
/// Between two looks at an outlet that is being switched.
const LOOK: Duration = Duration::from_millis(500);

/// The outlets of one node, switched together: a machine with two feeds has mains until both are off.
///
/// `On` and `Off` are of its mains: a machine starts by itself where its firmware is set so ("restore on AC power loss"), and one
/// that runs loses its power without being asked. `Shutdown` is `Unsupported`.
#[derive(Clone)]
pub struct Mains(Arc<Feeds>);

struct Feeds {
    node: NodeName,
    outlets: Vec<(OutletRef, Arc<dyn Pdu>)>,
}

impl fmt::Debug for Mains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outlets: Vec<_> = self.0.outlets.iter().map(|(outlet, _)| outlet.to_string()).collect();
        f.debug_struct("Mains").field("node", &self.0.node).field("outlets", &outlets).finish()
    }
}

impl Mains {
    /// The mains of a node whose PDUs are among the providers; `None` where it names no outlets, or one of their PDUs cannot be
    /// switched: its power could not be taken away.
    #[must_use]
    pub fn of(node: &Node, providers: &Providers) -> Option<Self> {
        let with_pdu = |outlet: &OutletRef| {
            let pdu = providers.find::<dyn Pdu>(&Subject::pdu(&outlet.pdu)).ok()?;
            Some((outlet.clone(), pdu))
        };
        let outlets: Vec<_> = node.outlets.iter().map(with_pdu).collect::<Option<_>>()?;
        (!outlets.is_empty()).then(|| Self(Arc::new(Feeds { node: node.name.clone(), outlets })))
    }
}

impl Feeds {
    fn error(&self, kind: ErrorKind, what: &str) -> ProviderError {
        ProviderError::new(kind, NAME, format!("{what} the mains of {}", self.node))
    }

    /// Whether any outlet has power; one that is being switched counts as what it is not yet.
    async fn any_is(&self, state: PowerState) -> Result<bool, ProviderError> {
        let mut any = false;
        for (outlet, pdu) in &self.outlets {
            any |= match pdu.outlet(outlet.outlet).await {
                Ok(now) => now == state,
                Err(error) if error.kind() == ErrorKind::Busy => true,
                Err(error) => return Err(error),
            };
        }
        Ok(any)
    }

    /// Switches all outlets, those after one that failed too, and tells the first failure.
    async fn set(&self, state: PowerState) -> Result<(), ProviderError> {
        let mut result = Ok(());
        for (outlet, pdu) in &self.outlets {
            let done = pdu.set_outlet(outlet.outlet, state).await;
            result = result.and(done);
        }
        result
    }

    async fn cycle(&self) -> Result<(), ProviderError> {
        // A PDU that does not answer is told while nothing is off yet.
        if !self.any_is(PowerState::On).await? {
            return self.set(PowerState::On).await;
        }
        let off = match self.set(PowerState::Off).await {
            Ok(()) => self.all_off().await,
            failed => failed,
        };
        if off.is_ok() {
            sleep(WITHOUT_MAINS).await;
        }
        // Whatever happened, no outlet is left off.
        off.and(self.set(PowerState::On).await)
    }

    async fn all_off(&self) -> Result<(), ProviderError> {
        let end = Instant::now() + SWITCHES;
        while self.any_is(PowerState::On).await? {
            if Instant::now() > end {
                let still = format!("an outlet still has power {} s after it was switched off", SWITCHES.as_secs());
                return Err(self.error(ErrorKind::Unexpected, "switch off and on").because(still));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

#[async_trait]
impl Power for Mains {
    async fn state(&self) -> Result<PowerState, ProviderError> {
        Ok(if self.0.any_is(PowerState::On).await? { PowerState::On } else { PowerState::Off })
    }

    async fn request(&self, action: PowerAction) -> Result<(), ProviderError> {
        match action {
            PowerAction::On => self.0.set(PowerState::On).await,
            PowerAction::Off => self.0.set(PowerState::Off).await,
            PowerAction::Shutdown => Err(self.0.error(ErrorKind::Unsupported, "shut down a system by")),
            PowerAction::Cycle => {
                // Once the outlets are off it goes on to its end, also where the caller is cancelled: a node without mains helps
                // nobody.
                let feeds = Arc::clone(&self.0);
                let work = tokio::spawn(async move { feeds.cycle().await });
                work.await.unwrap_or_else(|stopped| {
                    Err(self.0.error(ErrorKind::Unexpected, "switch off and on").because(stopped))
                })
            }
        }
    }
}

#[cfg(all(test, feature = "mocks"))]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::provider::Metering;
    use crate::testing::site;
    use dip_core::id::PduName;

    /// Two PDUs in memory, with a log of what was switched.
    #[derive(Default)]
    struct Room {
        log: Mutex<Vec<String>>,
        off: Mutex<Vec<String>>,
    }

    struct Memory(&'static str, Arc<Room>, bool);

    #[async_trait]
    impl Pdu for Memory {
        async fn outlet(&self, outlet: u16) -> Result<PowerState, ProviderError> {
            if self.2 {
                return Err(ProviderError::new(ErrorKind::Unreachable, "memory", "look"));
            }
            let name = format!("{}/{outlet}", self.0);
            let off = self.1.off.lock().expect("no test panics with it").contains(&name);
            Ok(if off { PowerState::Off } else { PowerState::On })
        }

        async fn set_outlet(&self, outlet: u16, state: PowerState) -> Result<(), ProviderError> {
            let name = format!("{}/{outlet}", self.0);
            self.1.log.lock().expect("no test panics with it").push(format!("{name} {state}"));
            let mut off = self.1.off.lock().expect("no test panics with it");
            off.retain(|other| *other != name);
            if state == PowerState::Off {
                off.push(name);
            }
            Ok(())
        }

        async fn cycle_outlet(&self, _: u16) -> Result<(), ProviderError> {
            panic!("a feed that is cycled alone takes no power away from a machine with two")
        }

        async fn outlet_name(&self, _: u16) -> Result<Option<String>, ProviderError> {
            Ok(None)
        }

        fn metering(&self) -> Option<Arc<dyn Metering>> {
            None
        }
    }

    fn mains(second_is_dead: bool) -> (Mains, Arc<Room>) {
        let room = Arc::new(Room::default());
        let mut providers = Providers::new();
        for (name, dead) in [("pdu1", false), ("pdu2", second_is_dead)] {
            let pdu = Memory(name, Arc::clone(&room), dead);
            providers.insert::<dyn Pdu>(&Subject::pdu(&PduName::new(name).expect("a name")), Arc::new(pdu));
        }
        let mut node = site().nodes.into_values().next().expect("it has a node");
        node.outlets = ["pdu1/3", "pdu2/4"].map(|outlet| outlet.parse().expect("an outlet")).to_vec();
        (Mains::of(&node, &providers).expect("both PDUs can be switched"), room)
    }

    #[tokio::test(start_paused = true)]
    async fn redundant_feeds_are_off_together_before_any_is_on_again() {
        let (mains, room) = mains(false);
        let began = Instant::now();
        mains.request(PowerAction::Cycle).await.expect("both PDUs obey");
        let log = room.log.lock().expect("no test panics with it").clone();
        assert_eq!(log, ["pdu1/3 off", "pdu2/4 off", "pdu1/3 on", "pdu2/4 on"]);
        assert!(began.elapsed() >= WITHOUT_MAINS);
        assert_eq!(mains.state().await.expect("both answer"), PowerState::On);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_switched_where_one_pdu_does_not_answer() {
        let (mains, room) = mains(true);
        let error = mains.request(PowerAction::Cycle).await.expect_err("one is dead");
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(room.log.lock().expect("no test panics with it").is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cycle_that_nobody_waits_for_ends_with_power() {
        let (mains, room) = mains(false);
        tokio::time::timeout(Duration::from_secs(3), mains.request(PowerAction::Cycle))
            .await
            .expect_err("it takes longer");
        assert_eq!(room.off.lock().expect("no test panics with it").len(), 2, "it is in the middle");
        sleep(WITHOUT_MAINS).await;
        assert!(room.off.lock().expect("no test panics with it").is_empty());
    }

    #[test]
    fn a_node_with_a_feed_that_cannot_be_switched_has_no_mains() {
        let mut node = site().nodes.into_values().next().expect("it has a node");
        assert!(Mains::of(&node, &Providers::new()).is_none(), "it names no outlets");
        node.outlets = vec!["pdu1/3".parse().expect("an outlet")];
        assert!(Mains::of(&node, &Providers::new()).is_none(), "nobody switches its PDU");
    }
}
