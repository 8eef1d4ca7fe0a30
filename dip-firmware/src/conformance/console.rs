//! Trials of the serial console.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, Retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::{BmcHarness, expect, expect_error, facet, offered, trial};
use crate::provider::{Console, ConsoleStream};

/// How long an answer of the machine may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long whoever lost the console may take to learn of it: some controllers say nothing, and it must be asked.
const LEARNS: Duration = Duration::from_secs(30);

/// The trials of [`Console`].
#[must_use]
pub fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![
        trial(harness, "what_is_typed_reaches_the_machine_and_what_it_says_comes_back", |harness| async move {
            let console = offered!(echoing(&*harness));
            let mut stream = open_when_free(&*console).await?;
            // More than one packet of any protocol carries.
            for text in ["a line\r".to_owned(), "0123456789abcdef".repeat(64)] {
                echo(&mut *stream, &text).await?;
            }
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_console_that_somebody_has_is_busy_and_stays_theirs", |harness| async move {
            let console = offered!(echoing(&*harness));
            let mut first = open_when_free(&*console).await?;
            expect_error(console.open().await.map(|_| "a console"), ErrorKind::Busy, Retry::Backoff)?;
            echo(&mut *first, "still mine").await?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_console_is_taken_and_the_other_one_learns_of_it", |harness| async move {
            let console = offered!(echoing(&*harness));
            let mut first = open_when_free(&*console).await?;
            let mut second = console.take().await?;
            echo(&mut *second, "mine now").await?;
            let mut rest = Vec::new();
            // It ends, well or with an error.
            let ended = tokio::time::timeout(LEARNS, first.read_to_end(&mut rest)).await;
            expect(ended.is_ok(), "the first one ends", rest)?;
            echo(&mut *second, "and still").await?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_console_that_was_let_go_can_be_opened_again", |harness| async move {
            let console = offered!(echoing(&*harness));
            for n in 0..3 {
                let mut stream = open_when_free(&*console).await?;
                echo(&mut *stream, &format!("time {n}")).await?;
            }
            Ok(Verdict::Passed)
        }),
    ]
}

fn echoing(harness: &dyn BmcHarness) -> Result<Arc<dyn Console>, Verdict> {
    let console = facet(harness.bmc().console(), "a console")?;
    if !harness.echoes() {
        return Err(Verdict::Ignored("nothing answers at the serial port here".to_owned()));
    }
    Ok(console)
}

/// Opens the console once the BMC knows that the last one has let it go.
async fn open_when_free(console: &dyn Console) -> Result<Box<dyn ConsoleStream>, Failure> {
    for _ in 0..50 {
        match console.open().await {
            Err(error) if error.kind() == ErrorKind::Busy => tokio::time::sleep(PATIENCE / 50).await,
            opened => return Ok(opened?),
        }
    }
    Err("nobody lets the console go".into())
}

async fn echo(stream: &mut dyn ConsoleStream, text: &str) -> Result<(), Failure> {
    stream.write_all(text.as_bytes()).await?;
    let mut heard = Vec::new();
    let listen = async {
        let mut buffer = [0; 512];
        // What was left from before may come first.
        while !String::from_utf8_lossy(&heard).contains(text) {
            match stream.read(&mut buffer).await? {
                0 => return Err::<(), Failure>("the console ended".into()),
                count => heard.extend(&buffer[..count]),
            }
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, listen).await {
        Ok(heard) => heard,
        Err(_) => expect(false, &format!("{text:?} comes back"), String::from_utf8_lossy(&heard)),
    }
}
