//! JSON-RPC messages out of a stream of bytes. OVSDB puts no frame around them: one JSON object follows the other.

use serde_json::Value;

/// No answer to what we ask is near this; a peer that sends more is not an OVSDB server, or means harm.
const LARGEST: usize = 8 * 1024 * 1024;

/// Bytes that arrived and are not yet a message.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
}

/// The bytes are no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("it does not speak JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("it sent JSON that is not an object")]
    NotAnObject,
    #[error("it sent a message of more than {LARGEST} bytes")]
    TooLarge,
}

impl Frames {
    /// Takes bytes as they arrive.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, if it has arrived.
    pub(super) fn pop(&mut self) -> Result<Option<Value>, FrameError> {
        // A bare number or word could go on with the next byte; looking at the first byte settles it.
        match self.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Ok(None),
            Some(b'{') => {}
            Some(_) => return Err(FrameError::NotAnObject),
        }
        let mut messages = serde_json::Deserializer::from_slice(&self.bytes).into_iter::<Value>();
        let message = match messages.next() {
            Some(Ok(message)) => message,
            Some(Err(error)) if !error.is_eof() => return Err(FrameError::NotJson(error)),
            _ if self.bytes.len() > LARGEST => return Err(FrameError::TooLarge),
            _ => return Ok(None),
        };
        let end = messages.byte_offset();
        self.bytes.drain(..end);
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn messages_are_found_however_the_bytes_are_cut() {
        let text = br#" {"id":1,"result":["}"]}{"id":"echo","method":"echo","params":[]}"#;
        for cut in 0..text.len() {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for part in [&text[..cut], &text[cut..]] {
                frames.push(part);
                while let Some(message) = frames.pop().expect("sound JSON") {
                    found.push(message);
                }
            }
            assert_eq!(
                found,
                [json!({"id": 1, "result": ["}"]}), json!({"id": "echo", "method": "echo", "params": []})]
            );
        }
    }

    #[test]
    fn a_message_without_end_is_given_up() {
        let mut frames = Frames::default();
        frames.push(b"{\"a\":\"");
        frames.push(&vec![b'x'; LARGEST]);
        assert!(matches!(frames.pop(), Err(FrameError::TooLarge)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..8)) {
            let mut frames = Frames::default();
            for part in parts {
                frames.push(&part);
                while let Ok(Some(_)) = frames.pop() {}
            }
        }

        #[test]
        fn nothing_that_starts_like_a_message_makes_it_panic(tail in "[\\[\\]{}\",:a-z0-9\\\\ ]{0,200}") {
            let mut frames = Frames::default();
            frames.push(b"{");
            frames.push(tail.as_bytes());
            while let Ok(Some(_)) = frames.pop() {}
        }
    }
}
