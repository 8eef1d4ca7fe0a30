//! What can stand in the way of a request.

use std::time::Duration;

/// A fault. It meets the next request that its matcher wants, once.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The answer comes so late.
    Slow(Duration),
    /// The service is busy for so many seconds.
    Busy(u64),
    /// The session has ended.
    SessionDropped,
    /// The request is carried out, and then the BMC restarts: no answer, sessions and tasks are forgotten.
    RestartsAfter,
    /// The BMC has restarted before: tasks are forgotten.
    TasksForgotten,
    /// The machine is in its self-test (HPE).
    SelfTest,
}
