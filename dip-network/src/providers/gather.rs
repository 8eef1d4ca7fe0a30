//! What is asked while one change, or one look, is under way is served together by the next.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, oneshot};

/// What is asked, and who is told what came of it.
type Waiting<A, R> = Vec<(A, oneshot::Sender<R>)>;

/// A queue of asks and the turn to serve them.
#[derive(Debug)]
pub(crate) struct Gather<A, R> {
    waiting: Arc<Mutex<Waiting<A, R>>>,
    turn: Arc<Turn<()>>,
}

/// Whoever served the ask ended without an answer: it panicked, or the runtime shuts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was asked together was given up half-way")]
pub(crate) struct GivenUp;

impl<A: Send + 'static, R: Send + 'static> Gather<A, R> {
    pub(crate) fn new() -> Self {
        Self { waiting: Arc::default(), turn: Arc::default() }
    }

    /// Asks, and serves all that wait where nobody does. `serve` answers in the order of what it was asked.
    ///
    /// # Cancel safety
    /// An ask that waits is taken back. A change that has begun goes on to its end, for all that it is made for.
    pub(crate) async fn ask<F>(&self, ask: A, serve: impl FnOnce(Vec<A>) -> F) -> Result<R, GivenUp>
    where
        F: Future<Output = Vec<R>> + Send + 'static,
    {
        let (sender, mut answer) = oneshot::channel();
        self.lock().push((ask, sender));
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if let Ok(answer) = answer.try_recv() {
            return Ok(answer);
        }
        let (asks, senders): (Vec<A>, Vec<_>) =
            std::mem::take(&mut *self.lock()).into_iter().filter(|(_, sender)| !sender.is_closed()).unzip();
        let served = serve(asks);
        tokio::spawn(async move {
            for (sender, answer) in senders.into_iter().zip(served.await) {
                // Who was cancelled meanwhile hears nothing.
                let _ = sender.send(answer);
            }
            drop(turn);
        });
        answer.await.map_err(|_| GivenUp)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting<A, R>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_arrives_while_a_change_is_under_way_is_served_by_one_further_change() {
        let (gather, changes) = (Gather::<u32, u32>::new(), Arc::new(AtomicUsize::new(0)));
        let ask = |number: u32| {
            let changes = Arc::clone(&changes);
            gather.ask(number, move |asks| async move {
                changes.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                asks.into_iter().map(|number| number * 2).collect()
            })
        };
        let all: Vec<_> = (0..100).map(ask).collect();
        let answers = futures_util::future::join_all(all).await;
        for (number, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.map(|double| double as usize), Ok(number * 2));
        }
        assert_eq!(changes.load(Ordering::Relaxed), 2, "the first alone, and all others together");
    }

    #[tokio::test(start_paused = true)]
    async fn an_ask_that_was_cancelled_while_it_waited_is_not_served() {
        let gather = Gather::<&str, usize>::new();
        let slow = gather.ask("first", |asks| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            vec![asks.len()]
        });
        let cancelled = tokio::time::timeout(Duration::from_millis(10), async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            gather.ask("cancelled", |asks| async move { vec![asks.len()] }).await
        });
        let (first, second) = tokio::join!(slow, cancelled);
        assert_eq!(first, Ok(1));
        assert!(second.is_err());
        assert_eq!(gather.ask("last", |asks| async move { vec![asks.len()] }).await, Ok(1));
    }
}
