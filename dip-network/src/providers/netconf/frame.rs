//! Messages out of a stream of bytes: the end mark of NETCONF 1.0 and the chunks of 1.1 (RFC 6242, sections 4.2 and 4.3).

/// A whole configuration of a large switch has some megabytes; a peer that sends more without an end means harm.
const LARGEST: usize = 32 * 1024 * 1024;

/// What ends a message of NETCONF 1.0, and the `hello` of 1.1 too.
const END: &[u8] = b"]]>]]>";

/// How messages are framed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Framing {
    /// Each ends with a mark: base 1.0, and every `hello`.
    #[default]
    EndMark,
    /// Each is sent in chunks that begin with their length: base 1.1.
    Chunks,
}

/// The bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("it sent a chunk without a sound length")]
    Chunk,
    #[error("it sent a message of more than {LARGEST} bytes")]
    TooLarge,
}

/// Bytes that arrived and are not yet a message.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) framing: Framing,
    bytes: Vec<u8>,
    /// The chunks of a message that has not ended.
    message: Vec<u8>,
    /// How far the end mark was looked for already.
    searched: usize,
}

impl Frames {
    /// No bytes yet, of messages that are framed so.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn of(framing: Framing) -> Self {
        Self { framing, ..Self::default() }
    }

    /// Takes bytes as they arrive.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, if it has arrived.
    pub(super) fn pop(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let message = match self.framing {
            Framing::EndMark => self.marked(),
            Framing::Chunks => self.chunked()?,
        };
        if message.is_none() && self.bytes.len() + self.message.len() > LARGEST {
            return Err(FrameError::TooLarge);
        }
        Ok(message)
    }

    fn marked(&mut self) -> Option<Vec<u8>> {
        let from = self.searched.min(self.bytes.len());
        let found = self.bytes[from..].windows(END.len()).position(|window| window == END);
        match found {
            Some(at) => {
                let message = self.bytes[..from + at].to_vec();
                self.bytes.drain(..from + at + END.len());
                self.searched = 0;
                Some(message)
            }
            None => {
                // The mark may begin at the end of what is here.
                self.searched = self.bytes.len().saturating_sub(END.len() - 1);
                None
            }
        }
    }

    fn chunked(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        loop {
            let Some((head, length)) = header(&self.bytes)? else { return Ok(None) };
            let Some(length) = length else {
                self.bytes.drain(..head);
                return Ok(Some(std::mem::take(&mut self.message)));
            };
            if length > LARGEST {
                return Err(FrameError::TooLarge);
            }
            let Some(chunk) = self.bytes.get(head..head + length) else { return Ok(None) };
            self.message.extend_from_slice(chunk);
            self.bytes.drain(..head + length);
            if self.message.len() > LARGEST {
                return Err(FrameError::TooLarge);
            }
        }
    }
}

/// The head of a chunk, `\n#<length>\n`, or of the end of a message, `\n##\n`: how long the head is, and how long the chunk; `None`
/// where it has not arrived.
fn header(bytes: &[u8]) -> Result<Option<(usize, Option<usize>)>, FrameError> {
    /// The length has at most ten digits: it goes to 4294967295.
    const LONGEST: usize = 13;
    let known = &bytes[..bytes.len().min(LONGEST)];
    if !b"\n#".starts_with(&known[..known.len().min(2)]) {
        return Err(FrameError::Chunk);
    }
    let Some(end) = known.iter().skip(2).position(|byte| *byte == b'\n') else {
        return if known.len() < LONGEST { Ok(None) } else { Err(FrameError::Chunk) };
    };
    let digits = &known[2..2 + end];
    let head = digits.len() + 3;
    if digits == b"#" {
        return Ok(Some((head, None)));
    }
    let sound = digits.first().is_some_and(|first| (b'1'..=b'9').contains(first));
    let length =
        std::str::from_utf8(digits).ok().filter(|text| sound && text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = length.and_then(|text| text.parse::<u32>().ok()).and_then(|length| usize::try_from(length).ok());
    length.map(|length| Some((head, Some(length)))).ok_or(FrameError::Chunk)
}

/// A message as it is sent.
pub(super) fn framed(framing: Framing, message: &str) -> Vec<u8> {
    match framing {
        Framing::EndMark => [message.as_bytes(), END].concat(),
        Framing::Chunks => format!("\n#{}\n{message}\n##\n", message.len()).into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(framing: Framing, parts: &[&[u8]]) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut frames = Frames::of(framing);
        let mut found = Vec::new();
        for part in parts {
            frames.push(part);
            while let Some(message) = frames.pop()? {
                found.push(message);
            }
        }
        Ok(found)
    }

    #[test]
    fn the_example_of_the_rfc_is_read() {
        // RFC 6242, section 4.2.
        let sent = b"\n#4\n<rpc\n#18\n message-id=\"102\"\n\n#79\n     xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\n  <close-session/>\n</rpc>\n##\n";
        let found = read(Framing::Chunks, &[sent]).expect("sound chunks");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with(b"<rpc message-id=\"102\"\n") && found[0].ends_with(b"</rpc>"));
    }

    #[test]
    fn unsound_lengths_are_refused() {
        for sent in
            ["#4\n", "\n4\n", "\n#0\n", "\n#04\nabcd", "\n#x\n", "\n#4294967296\n", "\n#99999999999999\n", "\n#\n"]
        {
            assert!(read(Framing::Chunks, &[sent.as_bytes()]).is_err(), "{sent:?}");
        }
        assert_eq!(read(Framing::Chunks, &[b"\n#4294967295\n"]), Err(FrameError::TooLarge));
    }

    #[test]
    fn a_message_without_end_is_given_up() {
        assert_eq!(read(Framing::EndMark, &[&vec![b'x'; LARGEST + 1]]), Err(FrameError::TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_framed_is_read_however_it_is_cut(texts in prop::collection::vec("[^\\]]{1,40}", 1..4), cut in any::<prop::sample::Index>()) {
            for framing in [Framing::EndMark, Framing::Chunks] {
                let sent: Vec<u8> = texts.iter().flat_map(|text| framed(framing, text)).collect();
                let (first, second) = sent.split_at(cut.index(sent.len()));
                let found = read(framing, &[first, second]).expect("sound");
                prop_assert_eq!(found, texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>());
            }
        }

        #[test]
        fn no_bytes_make_it_panic(parts in prop::collection::vec("[\\n#0-9\\]>a]{0,12}", 0..8)) {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            let _ = (read(Framing::EndMark, &parts), read(Framing::Chunks, &parts));
        }
    }
}
