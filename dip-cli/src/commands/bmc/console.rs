//! The serial console at a terminal.

use std::io::IsTerminal;
use std::sync::Arc;

use dip::core::provider::sentence;
use dip::firmware::provider::Bmc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::look::offered;
use crate::error::CliError;
use crate::out::Out;
use crate::present::terminal::{Keys, RawTerminal};

/// How often `.` after `~` at the start of a line ends a console, as with ssh and ipmitool.
const ESCAPE: u8 = b'~';
const END: u8 = b'.';

/// What comes from the machine goes to standard output, what is typed goes to the machine, until `~.` or the end of the input.
pub(super) async fn run(bmc: &Arc<dyn Bmc>, take: bool, out: &Out) -> Result<u8, CliError> {
    let failed = |error: dip::core::provider::ProviderError| CliError::Bmc(sentence(&error));
    let console = offered(bmc.console(), "open the console").map_err(failed)?;
    let opened = if take { console.take().await } else { console.open().await };
    let mut stream = opened.map_err(failed)?;
    if std::io::stdin().is_terminal() {
        out.note("the console is open; `~.` at the start of a line ends it");
    }
    let _raw = RawTerminal::enter()?;
    let mut keys = Keys::open();
    let mut screen = tokio::io::stdout();
    let mut escape = Escape::default();
    let mut shown = [0; 4096];
    // The terminal and the console must be given back also where the window is closed or the program is told to end.
    let mut ends = Ends::new()?;
    loop {
        tokio::select! {
            read = stream.read(&mut shown) => match read {
                Ok(0) => {
                    return Err(CliError::Bmc("the BMC has ended the console: somebody else took it, or it restarts".to_owned()));
                }
                Ok(count) => {
                    screen.write_all(&shown[..count]).await?;
                    screen.flush().await?;
                }
                Err(error) => return Err(broke_off(error)),
            },
            () = ends.next() => {
                let _ = stream.shutdown().await;
                return Ok(super::super::DECLINED);
            }
            typed = keys.next() => {
                let typed = typed?;
                let (send, ends) = escape.filter(&typed);
                stream.write_all(&send).await.map_err(broke_off)?;
                if ends || typed.is_empty() {
                    break;
                }
            }
        }
    }
    // What gives the console back is sent before this ends.
    let _ = stream.shutdown().await;
    Ok(super::super::READY)
}

/// Signals that end the program.
struct Ends {
    hang_up: Signal,
    terminate: Signal,
}

impl Ends {
    fn new() -> std::io::Result<Self> {
        Ok(Self { hang_up: signal(SignalKind::hangup())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.hang_up.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn broke_off(error: std::io::Error) -> CliError {
    CliError::Bmc(format!("the console broke off: {error}"))
}

/// Finds `~.` at the start of a line in what is typed; `~~` is one `~`.
#[derive(Debug)]
struct Escape(At);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    Escaped,
    Within,
}

impl Default for Escape {
    fn default() -> Self {
        Self(At::LineStart)
    }
}

impl Escape {
    /// What of it goes to the machine, and whether the console ends.
    fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut send = Vec::with_capacity(typed.len());
        for &byte in typed {
            match (self.0, byte) {
                (At::LineStart, ESCAPE) => {
                    self.0 = At::Escaped;
                    continue;
                }
                (At::Escaped, END) => return (send, true),
                (At::Escaped, ESCAPE) | (At::LineStart | At::Within, _) => {}
                (At::Escaped, _) => send.push(ESCAPE),
            }
            send.push(byte);
            self.0 = if matches!(byte, b'\r' | b'\n') { At::LineStart } else { At::Within };
        }
        (send, false)
    }
}

#[cfg(test)]
mod tests {
    use super::Escape;

    #[test]
    fn a_tilde_and_a_dot_at_the_start_of_a_line_end_the_console() {
        let run = |parts: &[&str]| {
            let mut escape = Escape::default();
            let mut sent = Vec::new();
            for part in parts {
                let (send, ends) = escape.filter(part.as_bytes());
                sent.extend(send);
                if ends {
                    return (String::from_utf8(sent).expect("text"), true);
                }
            }
            (String::from_utf8(sent).expect("text"), false)
        };
        assert_eq!(run(&["ls\r~."]), ("ls\r".to_owned(), true));
        assert_eq!(run(&["~", "."]), (String::new(), true));
        assert_eq!(run(&["a~.b"]), ("a~.b".to_owned(), false));
        assert_eq!(run(&["~~.\r"]), ("~.\r".to_owned(), false));
        assert_eq!(run(&["~x"]), ("~x".to_owned(), false));
    }
}
