//! A subscriber that keeps all spans and events with their fields, of every level and target.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

/// A span as it was recorded.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) metadata: &'static Metadata<'static>,
    /// The place of its parent among the spans.
    pub(crate) parent: Option<usize>,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) spans: Vec<Kept>,
    pub(crate) events: Vec<Kept>,
    entered: Vec<usize>,
}

/// Keeps what happens on one thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Log>>);

impl Recorder {
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().expect("no test panics with the log locked")
    }
}

impl Log {
    pub(crate) fn named(&self, name: &str) -> Vec<&Kept> {
        self.spans.iter().filter(|span| span.metadata.name() == name).collect()
    }

    pub(crate) fn parent(&self, span: &Kept) -> &'static str {
        span.parent.map_or("", |parent| self.spans[parent].metadata.name())
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

fn place(id: &Id) -> usize {
    usize::try_from(id.into_u64()).expect("spans are few") - 1
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut log = self.log();
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        let parent = match attributes.parent() {
            Some(parent) => Some(place(parent)),
            None if attributes.is_contextual() => log.entered.last().copied(),
            None => None,
        };
        log.spans.push(Kept { metadata: attributes.metadata(), parent, fields });
        Id::from_u64(log.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut self.log().spans[place(span)].fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut log = self.log();
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let parent = log.entered.last().copied();
        log.events.push(Kept { metadata: event.metadata(), parent, fields });
    }

    fn enter(&self, span: &Id) {
        self.log().entered.push(place(span));
    }

    fn exit(&self, span: &Id) {
        let mut log = self.log();
        if let Some(at) = log.entered.iter().rposition(|entered| *entered == place(span)) {
            log.entered.remove(at);
        }
    }

    fn current_span(&self) -> Current {
        let log = self.log();
        match log.entered.last() {
            Some(&at) => Current::new(Id::from_u64(at as u64 + 1), log.spans[at].metadata),
            None => Current::none(),
        }
    }
}
