//! Waits until something is so: polled, never a fixed sleep.

use std::time::{Duration, Instant};

/// Between two looks: short, because most servers are ready after a few hundred milliseconds.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until the answer is yes or the time is over; tells which.
pub(crate) async fn until<F>(limit: Duration, mut probe: impl FnMut() -> F) -> bool
where
    F: Future<Output = bool>,
{
    let deadline = Instant::now() + limit;
    loop {
        if probe().await {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
