//! The power of many machines at once.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use dip_core::hardware::PowerState;
use dip_core::provider::{ErrorKind, ProviderError};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use crate::provider::Bmc;

/// How many BMCs are asked at the same time, and how long one may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So many at the same time; those that are silent hold a place until their deadline.
    pub at_once: NonZeroUsize,
    /// After this long a BMC counts as unreachable. It runs from when the BMC is first asked.
    pub deadline: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            // All of their answers fit into the buffer of one socket at once: 208 KiB on Linux, of which a short datagram takes 768 bytes.
            at_once: NonZeroUsize::new(256).expect("it is not zero"),
            // An opening that was lost has time to begin again.
            deadline: Duration::from_secs(10),
        }
    }
}

/// The answers of many BMCs, in the order in which they come. Dropping it ends what is under way.
pub struct Sweep<'a, K, T> {
    waiting: Box<dyn Iterator<Item = BoxFuture<'a, Answer<K, T>>> + Send + 'a>,
    asked: FuturesUnordered<BoxFuture<'a, Answer<K, T>>>,
    pace: Pace,
}

/// Which BMC, and what it said.
pub type Answer<K, T> = (K, Result<T, ProviderError>);

/// Asks many BMCs whether their machines are on, by whatever protocol each of them speaks.
///
/// Those by IPMI that were made with the same [`Sockets`](crate::ipmi::Sockets) share one socket. A BMC that is silent delays
/// no other, as long as there are places left.
///
/// ```
/// use std::sync::Arc;
/// use dip_firmware::provider::Bmc;
/// use dip_firmware::providers::sweep;
///
/// async fn print(rack: Vec<(String, Arc<dyn Bmc>)>) {
///     let mut answers = sweep::power(rack, sweep::Pace::default());
///     while let Some((name, power)) = answers.next().await {
///         match power {
///             Ok(power) => println!("{name}: {power}"),
///             Err(error) => println!("{name}: {}", dip_core::provider::sentence(&error)),
///         }
///     }
/// }
/// ```
pub fn power<'a, K, I>(bmcs: I, pace: Pace) -> Sweep<'a, K, PowerState>
where
    K: Send + 'a,
    I: IntoIterator<Item = (K, Arc<dyn Bmc>), IntoIter: Send + 'a>,
{
    const ACTION: &str = "read the power state";
    ask(bmcs, pace, ACTION, |bmc| async move {
        match bmc.power() {
            Some(power) => power.state().await,
            None => Err(ProviderError::new(ErrorKind::Unsupported, "sweep", ACTION)),
        }
    })
}

/// Asks many BMCs the same, or lets them do the same; `action` says what, for those that do not answer in time.
pub fn ask<'a, K, T, I, F, R>(bmcs: I, pace: Pace, action: &'a str, question: F) -> Sweep<'a, K, T>
where
    K: Send + 'a,
    T: Send + 'a,
    I: IntoIterator<Item = (K, Arc<dyn Bmc>), IntoIter: Send + 'a>,
    F: Fn(Arc<dyn Bmc>) -> R + Send + 'a,
    R: Future<Output = Result<T, ProviderError>> + Send + 'a,
{
    let deadline = pace.deadline;
    let waiting = bmcs.into_iter().map(move |(key, bmc)| {
        let answer = question(bmc);
        Box::pin(async move { (key, in_time(answer, deadline, action).await) }) as BoxFuture<'a, Answer<K, T>>
    });
    Sweep { waiting: Box::new(waiting), asked: FuturesUnordered::new(), pace }
}

impl<'a, K: Send + 'a, T: Send + 'a> Sweep<'a, K, T> {
    /// The next answer, or `None` when all have answered or were given up.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Answer<K, T>> {
        while self.asked.len() < self.pace.at_once.get()
            && let Some(next) = self.waiting.next()
        {
            self.asked.push(next);
        }
        self.asked.next().await
    }

    /// All answers.
    pub async fn all(mut self) -> Vec<Answer<K, T>> {
        let mut answers = Vec::new();
        while let Some(answer) = self.next().await {
            answers.push(answer);
        }
        answers
    }
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, ProviderError>>,
    deadline: Duration,
    action: &str,
) -> Result<T, ProviderError> {
    tokio::time::timeout(deadline, answer).await.unwrap_or_else(|elapsed| {
        let action = format!("{action} within {deadline:?}");
        Err(ProviderError::new(ErrorKind::Unreachable, "sweep", action).because(elapsed))
    })
}

impl<K, T> fmt::Debug for Sweep<'_, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep").field("asked", &self.asked.len()).field("pace", &self.pace).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "mocks"))]
mod tests {
    use super::*;
    use crate::provider::MockBmc;
    use async_trait::async_trait;
    use dip_core::provider::{Power, PowerAction};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A BMC that answers after a while, and counts how many are asked at the same time.
    struct Slow {
        after: Duration,
        now: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    #[async_trait]
    impl Power for Slow {
        async fn state(&self) -> Result<PowerState, ProviderError> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(self.after).await;
            self.now.fetch_sub(1, Ordering::SeqCst);
            Ok(PowerState::On)
        }

        async fn request(&self, _: PowerAction) -> Result<(), ProviderError> {
            unreachable!("a sweep only reads")
        }
    }

    type Rack = Vec<(usize, Arc<dyn Bmc>)>;

    /// A rack whose BMCs take so many seconds, and the most that were asked at the same time.
    fn rack(seconds: &[u64]) -> (Rack, Arc<AtomicUsize>) {
        let (now, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let bmc = |after: u64| {
            let power: Arc<dyn Power> =
                Arc::new(Slow { after: Duration::from_secs(after), now: Arc::clone(&now), most: Arc::clone(&most) });
            let mut bmc = MockBmc::new();
            bmc.expect_power().returning(move || Some(Arc::clone(&power)));
            Arc::new(bmc) as Arc<dyn Bmc>
        };
        (seconds.iter().map(|after| bmc(*after)).enumerate().collect(), most)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_bmc_delays_nobody_and_is_given_up_at_its_deadline() {
        let (rack, _) = rack(&[1, 1000, 1, 2]);
        let started = tokio::time::Instant::now();
        let mut sweep = power(rack, Pace::default());
        for _ in 0..3 {
            let (which, told) = sweep.next().await.expect("four were asked");
            assert!(which != 1 && told.is_ok() && started.elapsed() <= Duration::from_secs(2));
        }
        let (which, told) = sweep.next().await.expect("the silent one");
        let error = told.expect_err("it is silent");
        assert_eq!((which, error.kind(), started.elapsed()), (1, ErrorKind::Unreachable, Duration::from_secs(10)));
        assert!(sweep.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_asked_at_once_than_the_pace_says() {
        let (rack, most) = rack(&[1; 50]);
        let at_once = NonZeroUsize::new(7).expect("it is not zero");
        let answers = power(rack, Pace { at_once, ..Pace::default() }).all().await;
        assert_eq!((answers.len(), most.load(Ordering::SeqCst)), (50, 7));
    }
}
