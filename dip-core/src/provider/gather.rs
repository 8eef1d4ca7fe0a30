//! Group commit: those who come to a zone, a file or a server together go together, and what arrives while a message to it is under way
//! goes into the next one.
//!
//! Nothing runs in the background: whoever has the turn carries what all others wait for. If that caller is cancelled, those whose
//! answers were lost ask again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Mutex as Turn, oneshot};
use tokio::task::yield_now;
use tokio::time::sleep;

/// So often those who came are kept waiting for others, where each time some came: nobody waits for a slow trickle to end.
const LOOKS: usize = 16;

/// So many are worth a journey: nobody else is waited for. As DNS names they fill a message.
const MANY: usize = 400;

/// Takes what was gathered for one place (a zone of a DNS server, say) there, one batch of a place at a time.
#[async_trait]
pub trait Carry<T, A>: Send + Sync {
    /// An answer for each item, in their order.
    async fn carry(&self, place: &str, items: &[Arc<T>]) -> Vec<A>;

    /// How long to wait for further items before a few that came are carried, again and again while some come. By default only for those
    /// whose tasks can run at once, which takes a lone item no time; longer where a message costs the place far more than an item in it.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }
}

/// A line of waiting callers for each place.
///
/// # Cancel safety
/// An item whose caller is cancelled while it waits is not carried. Where the caller that carries is cancelled, the others carry again
/// what they have no answer for: an item may reach its place twice.
#[derive(Debug)]
pub struct Gather<T, A> {
    lines: Mutex<BTreeMap<String, Arc<Line<T, A>>>>,
}

#[derive(Debug)]
struct Line<T, A> {
    waiting: Mutex<Vec<Waiting<T, A>>>,
    turn: Turn<()>,
}

#[derive(Debug)]
struct Waiting<T, A> {
    item: Arc<T>,
    tell: oneshot::Sender<A>,
}

impl<T, A> Default for Gather<T, A> {
    fn default() -> Self {
        Self { lines: Mutex::default() }
    }
}

impl<T: Send + Sync, A: Send> Gather<T, A> {
    /// Nobody waits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until an item was carried to a place, by this caller or by another.
    pub async fn join(&self, place: &str, item: T, carrier: &dyn Carry<T, A>) -> A {
        let line = self.line(place);
        let item = Arc::new(item);
        loop {
            let (tell, mut told) = oneshot::channel();
            line.waiting().push(Waiting { item: Arc::clone(&item), tell });
            let turn = tokio::select! {
                biased;
                answer = &mut told => match answer {
                    Ok(answer) => return answer,
                    Err(_) => continue,
                },
                turn = line.turn.lock() => turn,
            };
            match told.try_recv() {
                Ok(answer) => return answer,
                Err(TryRecvError::Closed) => continue,
                Err(TryRecvError::Empty) => {}
            }
            let batch = line.all(carrier.linger()).await;
            // Whoever was cancelled meanwhile wants nothing any more.
            let wanted = batch.into_iter().filter(|one| !one.tell.is_closed());
            let (items, tells): (Vec<_>, Vec<_>) = wanted.map(|one| (one.item, one.tell)).unzip();
            for (tell, answer) in tells.into_iter().zip(carrier.carry(place, &items).await) {
                let _ = tell.send(answer);
            }
            drop(turn);
            if let Ok(answer) = told.await {
                return answer;
            }
        }
    }

    fn line(&self, place: &str) -> Arc<Line<T, A>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(place) {
            return Arc::clone(line);
        }
        let line = Arc::new(Line { waiting: Mutex::new(Vec::new()), turn: Turn::new(()) });
        lines.insert(place.to_owned(), Arc::clone(&line));
        line
    }
}

impl<T, A> Line<T, A> {
    /// All who wait, once no more come.
    async fn all(&self, linger: Duration) -> Vec<Waiting<T, A>> {
        for _ in 0..LOOKS {
            while self.grows_by(yield_now()).await {}
            let waits = !linger.is_zero() && self.waiting().len() < MANY;
            if !waits || !self.grows_by(sleep(linger)).await {
                break;
            }
        }
        std::mem::take(&mut *self.waiting())
    }

    /// Whether somebody comes meanwhile.
    async fn grows_by(&self, meanwhile: impl Future<Output = ()>) -> bool {
        let before = self.waiting().len();
        meanwhile.await;
        self.waiting().len() > before
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting<T, A>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a while for each batch, and keeps how large each was.
    #[derive(Default)]
    struct Slow(Mutex<Vec<usize>>);

    #[async_trait]
    impl Carry<u32, u32> for Slow {
        async fn carry(&self, _: &str, items: &[Arc<u32>]) -> Vec<u32> {
            self.0.lock().expect("nobody panics").push(items.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
            items.iter().map(|item| **item * 2).collect()
        }
    }

    #[tokio::test]
    async fn those_who_come_together_go_together_and_what_arrives_meanwhile_goes_into_the_next_message() {
        let (gather, slow) = (Arc::new(Gather::new()), Arc::new(Slow::default()));
        let join = |items: std::ops::Range<u32>| {
            let (gather, slow) = (&gather, &slow);
            let task = |item| {
                let (gather, slow) = (Arc::clone(gather), Arc::clone(slow));
                tokio::spawn(async move { gather.join("zone", item, &*slow).await })
            };
            items.map(task).collect::<Vec<_>>()
        };
        let mut tasks = join(0..100);
        tokio::time::sleep(Duration::from_millis(5)).await;
        tasks.extend(join(100..150));
        for (item, task) in (0..).zip(tasks) {
            assert_eq!(task.await.expect("it does not panic"), item * 2);
        }
        assert_eq!(*slow.0.lock().expect("nobody panics"), [100, 50]);
    }

    #[tokio::test]
    async fn a_caller_that_is_cancelled_while_it_carries_for_others_loses_none_of_them() {
        let (gather, slow) = (Arc::new(Gather::new()), Arc::new(Slow::default()));
        let join = |item| {
            let (gather, slow) = (Arc::clone(&gather), Arc::clone(&slow));
            tokio::spawn(async move { gather.join("zone", item, &*slow).await })
        };
        let first = join(1);
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (second, third) = (join(2), join(3));
        // The first carries itself; then the second carries the third too.
        tokio::time::sleep(Duration::from_millis(25)).await;
        second.abort();
        assert_eq!(first.await.expect("it ends"), 2);
        assert_eq!(third.await.expect("it ends"), 6);
    }
}
