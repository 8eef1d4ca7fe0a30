//! A DNS service written as a Python class.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use dip::core::id::SiteName;
use dip::core::operation::Patience;
use dip::core::provider::{ErrorKind, ProviderError, Retry};
use dip::opsmgmt::provider::{Dns, HeldName, HostName};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::{error, json, sandbox};

/// What messages call it.
const PROVIDER: &str = "Python DNS";

const METHODS: [&str; 4] = ["name", "reverse", "ensure", "remove"];

/// An object with the methods of `dip.Dns`. Each call is made on a thread of its own, several may be made at once.
#[derive(Debug)]
pub(crate) struct PythonDns {
    object: Arc<Py<PyAny>>,
    /// The longest that a call may take, in real time: a simulation's time stands still meanwhile.
    timeout: Duration,
}

impl PythonDns {
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let class = object.get_type().name()?;
        for method in METHODS {
            if !object.getattr_opt(method)?.is_some_and(|method| method.is_callable()) {
                let text = format!("`{class}` is no DNS service: it has no method `{method}`; see dip.Dns");
                return Err(PyTypeError::new_err(text));
            }
        }
        let timeout = match object.getattr_opt("timeout")? {
            Some(timeout) => sandbox::seconds(timeout.extract()?)?,
            None => Patience::SERVER.attempt,
        };
        Ok(Self { object: Arc::new(object.clone().unbind()), timeout })
    }

    /// Calls a method and reads its answer.
    async fn call<T: Send + 'static>(
        &self,
        action: String,
        ask: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> + Send + 'static,
        read: fn(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, ProviderError> {
        let (object, timeout) = (Arc::clone(&self.object), self.timeout);
        let (answers, answered) = channel();
        let _released = Release(answers.clone());
        // Nobody can end a call of Python from outside, so it has a thread that may be left behind, which tokio's must not be.
        let started = thread::Builder::new().name("dip dns".to_owned()).spawn(move || {
            let answer = Python::try_attach(|py| {
                let answer = ask(object.bind(py)).and_then(awaited).and_then(|answer| read(&answer));
                // The object's last owner may be this thread, and Python must be held to drop it.
                drop(object);
                answer.map_err(|error| Refusal::of(py, &error))
            });
            let _ = answers.send(answer);
        });
        if let Err(source) = started {
            return Err(ProviderError::new(ErrorKind::Busy, PROVIDER, action).because(source));
        }
        // While a blocking task runs, tokio's paused clock stands still: a simulation waits for Python.
        let answer = tokio::task::spawn_blocking(move || answered.recv_timeout(timeout)).await;
        match answer {
            Ok(Ok(Some(Ok(value)))) => Ok(value),
            Ok(Ok(Some(Err(refusal)))) => Err(refusal.error(action)),
            Ok(Ok(None)) => {
                Err(ProviderError::new(ErrorKind::Unreachable, PROVIDER, action).because("Python is ending"))
            }
            Ok(Err(_)) => {
                let text = format!("no answer within {timeout:?}");
                Err(ProviderError::new(ErrorKind::Unreachable, PROVIDER, action).because(text))
            }
            Err(join) => Err(ProviderError::new(ErrorKind::Unexpected, PROVIDER, action).because(join)),
        }
    }
}

/// Ends the wait for an answer when nobody waits for it any more: else the end of a runtime would wait for it.
struct Release<T>(Sender<Option<T>>);

impl<T> Drop for Release<T> {
    fn drop(&mut self) {
        let _ = self.0.send(None);
    }
}

#[async_trait]
impl Dns for PythonDns {
    async fn name(&self, name: &str) -> Result<Option<HeldName>, ProviderError> {
        let asked = name.to_owned();
        self.call(format!("look up {name}"), move |dns| dns.call_method1("name", (asked,)), held_name).await
    }

    async fn reverse(&self, address: IpAddr) -> Result<Vec<String>, ProviderError> {
        let asked = address.to_string();
        self.call(format!("look up {address}"), move |dns| dns.call_method1("reverse", (asked,)), names).await
    }

    async fn ensure(&self, wanted: &HostName, owner: &SiteName) -> Result<(), ProviderError> {
        let (asked, owner) = (wanted.clone(), owner.to_string());
        self.call(
            format!("register {}", wanted.name),
            move |dns| dns.call_method1("ensure", (json::to_python(dns.py(), &asked)?, owner)),
            |_| Ok(()),
        )
        .await
    }

    async fn remove(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let (asked, owner) = (name.to_owned(), owner.to_string());
        self.call(format!("remove {name}"), move |dns| dns.call_method1("remove", (asked, owner)), |_| Ok(())).await
    }
}

/// What an `async def` promises, kept here: each call has an event loop of its own.
fn awaited(answer: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let py = answer.py();
    let is_coroutine: bool = py.import("inspect")?.call_method1("iscoroutine", (&answer,))?.extract()?;
    if is_coroutine { py.import("asyncio")?.call_method1("run", (answer,)) } else { Ok(answer) }
}

/// `None`, or `{"addresses": ["10.1.0.11"], "owner": "lab1"}`.
fn held_name(answer: &Bound<'_, PyAny>) -> PyResult<Option<HeldName>> {
    const FORM: &str = "`name` must return None or {\"addresses\": [...], \"owner\": \"...\" or None}";
    if answer.is_none() {
        return Ok(None);
    }
    let wrong = || PyTypeError::new_err(format!("{FORM}, not {}", shown(answer)));
    let held = answer.cast::<PyDict>().map_err(|_| wrong())?;
    let mut addresses = Vec::new();
    for address in held.get_item("addresses")?.ok_or_else(wrong)?.try_iter().map_err(|_| wrong())? {
        // Texts and the types of `ipaddress` alike.
        let text = address?.str()?.to_string();
        addresses.push(text.parse().map_err(|_| PyValueError::new_err(format!("`{text}` is not an IP address")))?);
    }
    addresses.sort_unstable();
    let owner = match held.get_item("owner")?.filter(|owner| !owner.is_none()) {
        // The mark of somebody who is no site is a foreign mark all the same: only an equal one is ours.
        Some(owner) => SiteName::new(&owner.extract::<String>()?).ok(),
        None => None,
    };
    Ok(Some(HeldName { addresses, owner }))
}

fn names(answer: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let wrong = || PyTypeError::new_err(format!("`reverse` must return a list of names, not {}", shown(answer)));
    // A text is iterable too, and its letters are no names.
    if answer.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    answer.try_iter().map_err(|_| wrong())?.map(|name| name?.extract().map_err(|_| wrong())).collect()
}

fn shown(value: &Bound<'_, PyAny>) -> String {
    value.repr().map_or_else(|_| "that".to_owned(), |text| text.to_string())
}

/// An exception, read while Python is held.
#[derive(Debug)]
struct Refusal {
    kind: ErrorKind,
    text: String,
    advice: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn of(py: Python<'_>, raised: &PyErr) -> Self {
        if !raised.is_instance_of::<error::ProviderError>(py) {
            return Self { kind: ErrorKind::Unexpected, text: told(py, raised), advice: None, retry_after: None };
        }
        let value = raised.value(py);
        let text_of = |name| value.getattr(name).ok().filter(|value| !value.is_none())?.extract::<String>().ok();
        let kind = text_of("kind").and_then(|kind| serde_json::from_value(kind.into()).ok());
        let retry_after = value.getattr("retry_after").ok().and_then(|seconds| seconds.extract::<f64>().ok());
        Self {
            kind: kind.unwrap_or(ErrorKind::Unexpected),
            text: value.str().map(|text| text.to_string()).unwrap_or_default(),
            advice: text_of("advice"),
            retry_after: retry_after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        }
    }

    fn error(self, action: String) -> ProviderError {
        let mut error = ProviderError::new(self.kind, PROVIDER, action);
        if !self.text.is_empty() {
            error = error.because(self.text);
        }
        if let Some(advice) = self.advice {
            error = error.advise(advice);
        }
        match self.retry_after {
            Some(after) => error.retry_as(Retry::After(after)),
            None => error,
        }
    }
}

/// `KeyError: 'n1' (table.py, line 12)`: an exception that nobody thought of, with the place that raised it.
fn told(py: Python<'_>, raised: &PyErr) -> String {
    let text = raised.to_string();
    match place(py, raised) {
        Ok(Some((file, line))) => format!("{text} ({file}, line {line})"),
        _ => text,
    }
}

fn place(py: Python<'_>, raised: &PyErr) -> PyResult<Option<(String, u32)>> {
    let Some(trace) = raised.traceback(py) else { return Ok(None) };
    let mut trace = trace.into_any();
    while let Some(next) = trace.getattr_opt("tb_next")?.filter(|next| !next.is_none()) {
        trace = next;
    }
    let code = trace.getattr("tb_frame")?.getattr("f_code")?;
    let file: String = code.getattr("co_filename")?.extract()?;
    let file = file.rsplit('/').next().unwrap_or(&file).to_owned();
    Ok(Some((file, trace.getattr("tb_lineno")?.extract()?)))
}
