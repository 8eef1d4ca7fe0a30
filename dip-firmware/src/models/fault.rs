//! What can stand in the way of a request.

/// A fault that meets one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The service is busy for so many seconds.
    Busy(u64),
    /// The session has ended.
    SessionDropped,
    /// The request is carried out, and then the BMC restarts: no answer, sessions and tasks are forgotten.
    RestartsAfter,
    /// The BMC has restarted before: tasks are forgotten.
    TasksForgotten,
    /// Tasks are told as they were when they were told first.
    TasksStale,
    /// The machine is in its self-test (HPE).
    SelfTest,
}
