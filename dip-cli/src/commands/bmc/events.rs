//! The events of a BMC as they come.

use std::sync::Arc;

use dip::core::provider::{ProviderError, sentence};
use dip::firmware::provider::{Bmc, LogEntry};

use super::look::{health_words, offered};
use crate::error::CliError;
use crate::out::Out;

/// Prints each event when it comes, until Ctrl-C or until the BMC does not come back.
pub(super) async fn run(bmc: &Arc<dyn Bmc>, out: &Out) -> Result<u8, CliError> {
    let failed = |error: ProviderError| CliError::Bmc(sentence(&error));
    let mut stream = offered(bmc.events(), "follow the events").map_err(failed)?.follow().await.map_err(failed)?;
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
