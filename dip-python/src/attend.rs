//! Runs work on a thread of its own, while the thread that called stays Python's: it hears signals and calls back.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use dip::Stop;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use serde_json::Value;

use crate::json;

/// How often the calling thread looks whether Ctrl-C was pressed: faster than a person notices.
const LOOK: Duration = Duration::from_millis(50);

/// Who hears of what happens.
pub(crate) struct Listener<'a> {
    /// What is called with each event.
    pub(crate) on_event: Option<&'a Py<PyAny>>,
    /// Whether the work waits until an event was heard: the time of a simulation stands still meanwhile.
    pub(crate) is_awaited: bool,
}

/// Tells events to the thread that called.
pub(crate) struct Teller {
    events: Sender<Told>,
    is_awaited: bool,
}

struct Told {
    event: Value,
    /// Dropped when the event was heard.
    _heard: Sender<()>,
}

impl Teller {
    pub(crate) fn tell(&self, event: Value) {
        let (heard, hears) = channel();
        if self.events.send(Told { event, _heard: heard }).is_ok() && self.is_awaited {
            // It ends in an error, when the other side is dropped.
            let _ = hears.recv();
        }
    }
}

/// Does the work and tells what came of it, and what Python raised meanwhile.
///
/// Ctrl-C asks the work to stop, a second one to stop at once. An exception of the listener asks it to stop.
pub(crate) fn attend<T: Send>(
    py: Python<'_>,
    listener: &Listener<'_>,
    stop: &Stop,
    work: impl FnOnce(&Teller) -> T + Send,
) -> (T, Option<PyErr>) {
    let (sender, events) = channel();
    let teller = Teller { events: sender, is_awaited: listener.is_awaited };
    let on_event = listener.on_event;
    py.detach(move || {
        thread::scope(|scope| {
            // The teller goes with the work: when it is dropped, the work is done.
            let worker = scope.spawn(move || work(&teller));
            let raised = hear(&events, on_event, stop);
            match worker.join() {
                Ok(done) => (done, raised),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    })
}

fn hear(events: &Receiver<Told>, mut on_event: Option<&Py<PyAny>>, stop: &Stop) -> Option<PyErr> {
    let mut raised: Option<PyErr> = None;
    loop {
        let heard = match events.recv_timeout(LOOK) {
            Ok(told) => on_event.map_or(Ok(()), |on_event| Python::attach(|py| call(py, on_event, &told.event))),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => return raised,
        };
        for error in [heard, Python::attach(|py| py.check_signals())].into_iter().filter_map(Result::err) {
            stop.ask();
            // Ctrl-C may strike while the listener works, which is not its fault; after one of its own it hears no more.
            if !Python::attach(|py| error.is_instance_of::<PyKeyboardInterrupt>(py)) {
                on_event = None;
            }
            raised.get_or_insert(error);
        }
    }
}

fn call(py: Python<'_>, on_event: &Py<PyAny>, event: &Value) -> PyResult<()> {
    on_event.call1(py, (json::to_python(py, event)?,)).map(drop)
}
