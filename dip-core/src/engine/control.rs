//! Commands to a run while it goes on: retry, skip, hold, continue.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::Refusal;
use crate::journal::Order;

/// Gives commands to a run. Clones command the same run; one that has not begun obeys when it begins.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    orders: Mutex<Orders>,
    given: Notify,
}

#[derive(Debug, Default)]
struct Orders {
    waiting: VecDeque<Given>,
    /// The run has ended: nobody will obey.
    is_over: bool,
}

/// An order and the one who wants to know what came of it.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) order: Order,
    pub(super) answer: oneshot::Sender<Result<(), Refusal>>,
}

impl Control {
    /// A control of a run that will be given it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives an order and waits until the run has written it down and obeyed, or refuses. An order that was obeyed before is
    /// not obeyed again, and is no error.
    ///
    /// # Errors
    /// Where it cannot be obeyed: why, and what can be done instead.
    ///
    /// # Cancel safety
    /// The order stays given.
    pub async fn give(&self, order: Order) -> Result<(), Refusal> {
        let (answer, told) = oneshot::channel();
        {
            let mut orders = self.orders();
            if orders.is_over {
                return Err(Refusal::Over);
            }
            orders.waiting.push_back(Given { order, answer });
        }
        self.0.given.notify_one();
        told.await.unwrap_or(Err(Refusal::Over))
    }

    /// The run begins to obey, and does until what this gives is dropped.
    pub(super) fn obeying(&self) -> Obeying {
        self.orders().is_over = false;
        Obeying(self.clone())
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.0.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a control that a run holds.
#[derive(Debug)]
pub(super) struct Obeying(Control);

impl Obeying {
    /// Waits until an order is given.
    pub(super) async fn given(&self) {
        self.0.0.given.notified().await;
    }

    pub(super) fn next(&self) -> Option<Given> {
        self.0.orders().waiting.pop_front()
    }
}

impl Drop for Obeying {
    /// Whoever waits for an answer is told that there is nobody to give one: their ends of the answers are dropped.
    fn drop(&mut self) {
        let mut orders = self.0.orders();
        orders.is_over = true;
        orders.waiting.clear();
    }
}
