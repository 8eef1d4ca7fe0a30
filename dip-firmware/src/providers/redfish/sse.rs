//! The form of server-sent events (WHATWG HTML, 9.2), read from pieces as they come.

/// An event that comes whole in fewer bytes than these; a service that sends more without an end is broken.
const LARGEST: usize = 1024 * 1024;

/// What has come and is not complete.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The beginning of a line.
    buffer: Vec<u8>,
    id: Option<String>,
    data: String,
}

/// A whole event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// By which it is asked to go on after it.
    pub(super) id: Option<String>,
    pub(super) data: String,
}

impl Reader {
    /// Takes a piece; gives the events that are complete with it. `None` where it does not end.
    pub(super) fn take(&mut self, piece: &[u8]) -> Option<Vec<Sent>> {
        // What is kept has no whole line, so only the piece can end one: looking at all that is kept would be quadratic.
        let last = piece.iter().rposition(|byte| *byte == b'\n').map(|at| self.buffer.len() + at);
        self.buffer.extend_from_slice(piece);
        let mut sent = Vec::new();
        let Some(last) = last else { return (self.buffer.len() + self.data.len() < LARGEST).then_some(sent) };
        // All whole lines leave the buffer at once: moving the rest for each would be quadratic in a piece of short lines.
        let rest = self.buffer.split_off(last + 1);
        let whole = std::mem::replace(&mut self.buffer, rest);
        for line in whole[..last].split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            sent.extend(self.line(line.trim_end_matches('\r')));
        }
        (self.buffer.len() + self.data.len() < LARGEST).then_some(sent)
    }

    fn line(&mut self, line: &str) -> Option<Sent> {
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return (!data.is_empty()).then(|| Sent { id: self.id.clone(), data });
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" => self.id = Some(value.to_owned()),
            // A comment keeps the connection alive; other names are for others.
            _ => {}
        }
        None
    }
}

/// Reads bytes as a stream, at once and in pieces: both must tell the same.
#[cfg(feature = "fuzzing")]
pub(super) fn read(bytes: &[u8]) {
    let whole = Reader::default().take(bytes);
    let mut reader = Reader::default();
    let pieces: Option<Vec<_>> = bytes.chunks(7).map(|piece| reader.take(piece)).collect();
    if let (Some(whole), Some(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces.concat(), "pieces tell something else");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = ": hello\r\n\r\nid: 1\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nevent: x\nid:2\ndata:{}\n\n\n";

    fn sent(id: &str, data: &str) -> Sent {
        Sent { id: Some(id.to_owned()), data: data.to_owned() }
    }

    proptest! {
        #[test]
        fn events_are_the_same_in_whatever_pieces_they_come(cuts in prop::collection::vec(0..TEXT.len(), 0..8)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let (mut reader, mut told, mut from) = (Reader::default(), Vec::new(), 0);
            for to in cuts.into_iter().chain([TEXT.len()]) {
                told.extend(reader.take(&TEXT.as_bytes()[from..to]).expect("it ends"));
                from = to;
            }
            prop_assert_eq!(told, [sent("1", "{\"a\":\n1}"), sent("2", "{}")]);
        }
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        assert!(Reader::default().take(&vec![b'x'; LARGEST]).is_none());
    }
}
