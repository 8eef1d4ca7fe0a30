//! Events: as a stream that the service sends (DSP0266, "server-sent events"), and to whom it sends them by itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::{Value, json};

use super::address::last_part;
use super::answer::refused;
use super::error::Failure;
use super::event_log;
use super::health::severity as severity_of;
use super::machine::Machine;
use super::members::Member;
use super::resource::{EventDestination, EventRecord, EventService, Link, List};
use super::send::Request;
use super::sse::Reader;
use crate::provider::{EventStream, Events, LogEntry, Subscription};
use crate::providers::told::told;

/// How long it waits, in seconds, before it asks again: a service that has just restarted needs a while, and one that is gone should not be asked all the time.
const PAUSES: [u64; 6] = [1, 2, 5, 10, 30, 60];

/// The events of a machine's service.
#[derive(Debug)]
pub(super) struct RedfishEvents(pub(super) Arc<Machine>);

/// A stream of events.
#[derive(Debug)]
struct Following {
    machine: Arc<Machine>,
    url: Url,
    /// The answer that goes on; `None` where it broke off.
    open: Option<Response>,
    reader: Reader,
    /// The id after which it goes on.
    last: Option<String>,
    came: VecDeque<LogEntry>,
    /// How often in a row it broke off before anything came.
    failures: usize,
}

#[async_trait]
impl Events for RedfishEvents {
    async fn follow(&self) -> Result<Box<dyn EventStream>, ProviderError> {
        let open = async {
            let uri = self.0.event_service().await?.server_sent_event_uri.0.filter(|uri| !uri.is_empty());
            let uri =
                uri.ok_or_else(|| Failure::Lacking { what: "the service sends no stream of events".to_owned() })?;
            let mut following = Following {
                url: self.0.client.resolve(&uri)?,
                machine: Arc::clone(&self.0),
                open: None,
                reader: Reader::default(),
                last: None,
                came: VecDeque::new(),
                failures: 0,
            };
            following.open = Some(following.connect().await?);
            Ok(following)
        };
        let following: Result<Following, Failure> = open.await;
        following.map(|it| Box::new(it) as Box<dyn EventStream>).map_err(self.0.failed("follow the events"))
    }

    async fn subscriptions(&self) -> Result<Vec<Subscription>, ProviderError> {
        let listed = self.0.subscribed().await.map(|(_, listed)| listed.into_iter().map(|(_, it)| it).collect());
        listed.map_err(self.0.failed("list the subscriptions"))
    }

    async fn subscribe(&self, destination: &str, context: &str) -> Result<String, ProviderError> {
        let subscribe = async {
            let (list, known) = self.0.subscribed().await?;
            let is_it = |it: &Subscription| it.destination == destination && it.context.as_deref() == Some(context);
            if let Some((_, known)) = known.into_iter().find(|(_, it)| is_it(it)) {
                return Ok(known.id);
            }
            let body = json!({
                "Destination": destination, "Protocol": "Redfish", "Context": context, "EventFormatType": "Event",
                "SubscriptionType": "RedfishEvent",
            });
            let answer = self.0.client.post(&list, &body).await?;
            if let Some(place) = &answer.location {
                return Ok(last_part(place).to_owned());
            }
            let (_, known) = self.0.subscribed().await.map_err(Failure::halfway)?;
            let made = known.into_iter().find(|(_, it)| is_it(it)).map(|(_, it)| it.id);
            made.ok_or_else(|| Failure::Failed {
                what: "the service took the subscription and does not list it".to_owned(),
            })
        };
        subscribe.await.map_err(self.0.failed(&format!("subscribe {destination} to the events")))
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), ProviderError> {
        let remove = async {
            let (_, known) = self.0.subscribed().await?;
            let Some((path, _)) = known.into_iter().find(|(_, it)| it.id == id) else { return Ok(()) };
            match self.0.client.delete(&path).await {
                Err(failure) if failure.status() != Some(StatusCode::NOT_FOUND) => Err(failure),
                _ => Ok(()),
            }
        };
        remove.await.map_err(self.0.failed(&format!("end the subscription {id}")))
    }
}

impl Machine {
    async fn event_service(&self) -> Result<EventService, Failure> {
        let root = self.client.root().await?;
        let service = self.client.follow::<EventService>(root.event_service.as_ref()).await?;
        let lacking = || Failure::Lacking { what: "the service tells of no events".to_owned() };
        let service = service.map(|service| service.body).ok_or_else(lacking)?;
        match service.service_enabled.0 {
            Some(false) => Err(Failure::Lacking { what: "events are switched off at the service".to_owned() }),
            _ => Ok(service),
        }
    }

    /// Where subscriptions are made, and those that there are with their paths.
    async fn subscribed(&self) -> Result<(String, Vec<(String, Subscription)>), Failure> {
        let lacking = || Failure::Lacking { what: "the service takes no subscriptions".to_owned() };
        let list = self.event_service().await?.subscriptions.0.and_then(|link| link.id).ok_or_else(lacking)?;
        let listed = self.all::<EventDestination>(Some(&Link { id: Some(list.clone()) })).await?.ok_or_else(lacking)?;
        let known = listed.into_iter().filter_map(|(member, it)| subscription(&member, it?)).collect();
        Ok((list, known))
    }
}

fn subscription(member: &Member, it: EventDestination) -> Option<(String, Subscription)> {
    let subscription = Subscription {
        id: member.id().to_owned(),
        destination: told(it.destination.as_deref())?,
        protocol: told(it.protocol.as_deref()),
        context: told(it.context.as_deref()),
    };
    Some((member.path.clone(), subscription))
}

#[async_trait]
impl EventStream for Following {
    async fn next(&mut self) -> Result<LogEntry, ProviderError> {
        loop {
            if let Some(event) = self.came.pop_front() {
                return Ok(event);
            }
            if let Err(failure) = self.advance().await {
                self.open = None;
                let is_over = failure.status().is_some_and(|status| status.is_client_error());
                let Some(pause) = PAUSES.get(self.failures).filter(|_| !is_over) else {
                    self.failures = 0;
                    return Err(self.machine.failed("follow the events")(failure));
                };
                tracing::debug!(bmc = self.machine.client.host(), %failure, "the stream of events broke off");
                self.failures += 1;
                tokio::time::sleep(Duration::from_secs(*pause)).await;
            }
        }
    }
}

impl Following {
    /// Opens the stream, after the last event that came.
    async fn connect(&self) -> Result<Response, Failure> {
        let request = Request { events_after: Some(self.last.as_deref()), ..Request::get(&self.url) };
        let response = self.machine.client.send(request).await?;
        refused(Method::GET, &self.url, response).await
    }

    /// Takes the next piece of the stream.
    async fn advance(&mut self) -> Result<(), Failure> {
        if self.open.is_none() {
            self.reader = Reader::default();
            self.open = Some(self.connect().await?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let broke_off = |source: reqwest::Error| Failure::Silent {
            method: Method::GET,
            path: self.url.path().to_owned(),
            source: source.without_url().into(),
        };
        let ended = || Failure::Later { what: "the service ended the stream of events".to_owned() };
        let piece = open.chunk().await.map_err(broke_off)?.ok_or_else(ended)?;
        let endless = || Failure::Odd { what: "an event does not end".to_owned() };
        for sent in self.reader.take(&piece).ok_or_else(endless)? {
            self.failures = 0;
            self.last = sent.id.or(self.last.take());
            let told: Value = serde_json::from_str(&sent.data).unwrap_or_default();
            let records: List<EventRecord> = serde_json::from_value(told["Events"].clone()).unwrap_or_default();
            self.came.extend(records.0.unwrap_or_default().into_iter().map(event));
        }
        Ok(())
    }
}

fn event(record: EventRecord) -> LogEntry {
    let origin = record.origin_of_condition.as_ref().and_then(|link| link.id.as_deref().map(last_part));
    let severity = record.message_severity.as_deref().or(record.severity.as_deref());
    LogEntry {
        id: told(record.event_id.as_deref()).or_else(|| told(record.member_id.as_deref())).unwrap_or_default(),
        at: record.event_timestamp.as_deref().and_then(event_log::time),
        severity: severity.and_then(severity_of),
        subject: told(origin),
        message: told(record.message.as_deref()).or_else(|| told(record.message_id.as_deref())).unwrap_or_default(),
    }
}
