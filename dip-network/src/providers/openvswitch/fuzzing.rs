//! What an OVSDB server sends, from the bytes to what dip takes from them.

use super::answer::Results;
use super::frame::Frames;
use super::row::{InterfaceRow, PortRow, uuids};

/// A stream of JSON-RPC messages, each of them the answer to a look at a port.
pub(crate) fn stream(bytes: &[u8]) {
    let mut frames = Frames::default();
    // A stream arrives in parts of any length.
    for part in bytes.chunks(7) {
        frames.push(part);
        loop {
            match frames.pop() {
                Ok(Some(message)) => {
                    let Ok(results) = Results::read(&message, 1) else { continue };
                    for row in results.rows(0).unwrap_or_default() {
                        let _ = (PortRow::read(row), InterfaceRow::read(row), uuids(row));
                    }
                    let _ = results.count(0);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}
