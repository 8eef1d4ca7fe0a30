//! The terminal as a machine needs it: every key at once, none of them meant for this program.

use std::io::{self, Read};

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// A terminal in raw mode, for as long as it lives. Standard input that is no terminal is left as it is.
#[derive(Debug)]
pub(crate) struct RawTerminal(Option<Termios>);

impl RawTerminal {
    pub(crate) fn enter() -> io::Result<Self> {
        let stdin = io::stdin();
        if !isatty(&stdin) {
            return Ok(Self(None));
        }
        let former = tcgetattr(&stdin)?;
        let mut raw = former.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Self(Some(former)))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some(former) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, former);
        }
    }
}

/// What is typed, or comes by a pipe.
#[derive(Debug)]
pub(crate) struct Keys(mpsc::Receiver<io::Result<Vec<u8>>>);

impl Keys {
    /// A thread of its own reads, and is not waited for: nothing but a key ends a read of a terminal, and one of the runtime's own
    /// threads would keep the program until somebody presses one.
    pub(crate) fn open() -> Self {
        let (send, keys) = mpsc::channel(1);
        std::thread::spawn(move || {
            let mut typed = [0; 256];
            loop {
                let read = io::stdin().lock().read(&mut typed).map(|count| typed[..count].to_vec());
                let is_last = !matches!(&read, Ok(some) if !some.is_empty());
                if send.blocking_send(read).is_err() || is_last {
                    return;
                }
            }
        });
        Self(keys)
    }

    /// The next ones; empty at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Vec<u8>> {
        self.0.recv().await.unwrap_or_else(|| Ok(Vec::new()))
    }
}
