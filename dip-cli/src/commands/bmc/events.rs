//! The events of a BMC: as they come, and to whom it sends them.

use std::sync::Arc;

use dip::core::provider::{ProviderError, sentence};
use dip::firmware::provider::{Bmc, Events, LogEntry};
use serde_json::json;

use super::answer::{Answer, columns};
use super::look::{health_words, offered};
use crate::error::CliError;
use crate::out::Out;

/// The events of a BMC, or the sentence that it has none.
pub(super) fn of(bmc: &dyn Bmc) -> Result<Arc<dyn Events>, ProviderError> {
    offered(bmc.events(), "tell its events")
}

/// To whom they are sent.
pub(super) async fn list(events: &dyn Events) -> Result<Answer, ProviderError> {
    let all = events.subscriptions().await?;
    if all.is_empty() {
        return Ok(Answer::line("sends its events to nobody", all));
    }
    let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<_> =
        all.iter().map(|it| [it.id.clone(), it.destination.clone(), word(&it.protocol), word(&it.context)]).collect();
    Ok(Answer::new(columns(&rows), all))
}

/// Has them sent to a URL.
pub(super) async fn send_to(events: &dyn Events, url: &str, context: &str) -> Result<Answer, ProviderError> {
    let id = events.subscribe(url, context).await?;
    Ok(Answer::line(format!("{id}: {url}"), json!({"id": id, "destination": url, "context": context})))
}

/// Has them sent no more.
pub(super) async fn end(events: &dyn Events, id: &str) -> Result<Answer, ProviderError> {
    events.unsubscribe(id).await?;
    Ok(Answer::line(format!("{id}: ended"), json!({"ended": id})))
}

/// Prints each event when it comes, until Ctrl-C or until the BMC does not come back.
pub(super) async fn run(bmc: &Arc<dyn Bmc>, out: &Out) -> Result<u8, CliError> {
    let failed = |error: ProviderError| CliError::Bmc(sentence(&error));
    let mut stream = of(&**bmc).map_err(failed)?.follow().await.map_err(failed)?;
    out.note("following the events; Ctrl-C ends it");
    loop {
        tokio::select! {
            event = stream.next() => tell(&event.map_err(failed)?, out)?,
            ended = tokio::signal::ctrl_c() => {
                ended?;
                return Ok(super::super::READY);
            }
        }
    }
}

fn tell(event: &LogEntry, out: &Out) -> Result<(), CliError> {
    if out.json {
        return out.json(event);
    }
    let at = event.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let severity = event.severity.map_or("-", health_words);
    out.line(format!("{at}  {severity}  {}  {}", event.subject.as_deref().unwrap_or("-"), event.message))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use dip::firmware::provider::{EventStream, Subscription};

    use super::*;

    /// A BMC that sends to whom it is told.
    #[derive(Default)]
    struct Sends(Mutex<Vec<Subscription>>);

    #[async_trait]
    impl Events for Sends {
        async fn follow(&self) -> Result<Box<dyn EventStream>, ProviderError> {
            unreachable!("nobody follows here")
        }

        async fn subscriptions(&self) -> Result<Vec<Subscription>, ProviderError> {
            Ok(self.0.lock().expect("no panic").clone())
        }

        async fn subscribe(&self, destination: &str, context: &str) -> Result<String, ProviderError> {
            let (destination, context) = (destination.to_owned(), Some(context.to_owned()));
            let it = Subscription { id: "1".to_owned(), destination, protocol: None, context };
            self.0.lock().expect("no panic").push(it);
            Ok("1".to_owned())
        }

        async fn unsubscribe(&self, id: &str) -> Result<(), ProviderError> {
            self.0.lock().expect("no panic").retain(|it| it.id != id);
            Ok(())
        }
    }

    #[tokio::test]
    async fn who_gets_events_is_listed_from_the_first_to_the_last() {
        let bmc = Sends::default();
        let lines = |answer: Answer| answer.lines;
        assert_eq!(list(&bmc).await.map(lines).expect("it tells"), ["sends its events to nobody"]);
        let sent = send_to(&bmc, "https://192.0.2.9/events", "dip").await.map(lines).expect("it does");
        assert_eq!(sent, ["1: https://192.0.2.9/events"]);
        assert_eq!(list(&bmc).await.map(lines).expect("it tells"), ["1  https://192.0.2.9/events  -  dip"]);
        end(&bmc, "1").await.expect("it does");
        assert_eq!(list(&bmc).await.map(lines).expect("it tells"), ["sends its events to nobody"]);
    }
}
