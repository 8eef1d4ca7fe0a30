//! One message of OMAPI.
//!
//! After each end told its version and the length of a header (two words of 32 bits), both send messages: a header of six words (key,
//! length of the signature, operation, handle of an object, number, number that is answered), pairs of name and value about the message,
//! pairs of the object, signature. A name has its length in 16 bits before it, a value in 32; a name of no length ends the pairs. All
//! numbers are big-endian. The signature is over all but the key and itself.

/// Every name and value in the order of the wire.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// What each end says first: version 1.00, and the length of a header.
pub(super) const GREETING: [u8; 8] = [0, 0, 0, 100, 0, 0, 0, 24];

/// The length of a header.
const HEADER: usize = 24;

/// The longest message that is taken: dhcpd's are some hundred bytes, a host with many addresses some thousand.
const LONGEST: usize = 0x1_0000;

/// The longest signature, that of SHA-512.
const LONGEST_SIGNATURE: u32 = 64;

/// What a message asks for or tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Operation {
    Open = 1,
    Refresh = 2,
    Update = 3,
    Notify = 4,
    Status = 5,
    Delete = 6,
}

/// One message, without its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) key: u32,
    pub(super) operation: Operation,
    pub(super) handle: u32,
    pub(super) number: u32,
    pub(super) answers: u32,
    pub(super) about: Pairs,
    pub(super) object: Pairs,
}

/// A message as it came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) message: Message,
    /// The bytes that its signature is over.
    pub(super) signed: std::ops::Range<usize>,
    /// Empty where it has none.
    pub(super) signature: std::ops::Range<usize>,
}

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("a message of more than {LONGEST} bytes")]
    Long,
    #[error("an operation {0} that OMAPI does not have")]
    Operation(u32),
    #[error("a signature of {0} bytes")]
    Signature(u32),
}

impl Message {
    /// Its bytes, with a signature that is made over those which are signed.
    pub(super) fn write(&self, length: usize, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut bytes = self.key.to_be_bytes().to_vec();
        let length = u32::try_from(length).expect("a signature is short");
        for word in [length, self.operation as u32, self.handle, self.number, self.answers] {
            bytes.extend(word.to_be_bytes());
        }
        for pairs in [&self.about, &self.object] {
            for (name, value) in pairs {
                bytes.extend(u16::try_from(name.len()).expect("dip's names are short").to_be_bytes());
                bytes.extend(name);
                bytes.extend(u32::try_from(value.len()).expect("dip's values are short").to_be_bytes());
                bytes.extend(value);
            }
            bytes.extend([0, 0]);
        }
        let signature = sign(&bytes[4..]);
        bytes.extend(signature);
        bytes
    }

    /// Reads a message that bytes begin with; `None` where they end before it does.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Received>, Malformed> {
        let mut reader = Reader { bytes, at: 0 };
        match reader.message()? {
            None if bytes.len() >= LONGEST => Err(Malformed::Long),
            read => Ok(read),
        }
    }

    /// A value of the message itself.
    pub(super) fn about(&self, name: &str) -> Option<&[u8]> {
        value(&self.about, name)
    }
}

/// A value by its name.
pub(super) fn value<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p [u8]> {
    pairs.iter().find(|(found, _)| found == name.as_bytes()).map(|(_, value)| value.as_slice())
}

/// A pair.
pub(super) fn pair(name: &str, value: impl AsRef<[u8]>) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.as_ref().to_vec())
}

/// A value that is a number.
pub(super) fn number(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_be_bytes)
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn message(&mut self) -> Result<Option<Received>, Malformed> {
        let Some(header) = self.take(HEADER) else { return Ok(None) };
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (key, length, operation, handle, number, answers) =
            (word(0), word(4), word(8), word(12), word(16), word(20));
        let operation = Operation::of(operation).ok_or(Malformed::Operation(operation))?;
        if length > LONGEST_SIGNATURE {
            return Err(Malformed::Signature(length));
        }
        let Some(about) = self.pairs()? else { return Ok(None) };
        let Some(object) = self.pairs()? else { return Ok(None) };
        let signed = 4..self.at;
        if self.take(length as usize).is_none() {
            return Ok(None);
        }
        let message = Message { key, operation, handle, number, answers, about, object };
        Ok(Some(Received { message, signature: signed.end..self.at, signed }))
    }

    fn pairs(&mut self) -> Result<Option<Pairs>, Malformed> {
        let mut pairs = Pairs::new();
        loop {
            let Some(length) = self.take(2) else { return Ok(None) };
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            if length == 0 {
                return Ok(Some(pairs));
            }
            let Some(name) = self.take(length).map(<[u8]>::to_vec) else { return Ok(None) };
            let Some(length) = self.take(4).and_then(number) else { return Ok(None) };
            let length = usize::try_from(length).map_err(|_| Malformed::Long)?;
            // What is announced must fit, or a peer could let us wait for four gigabytes.
            if length > LONGEST {
                return Err(Malformed::Long);
            }
            let Some(value) = self.take(length).map(<[u8]>::to_vec) else { return Ok(None) };
            pairs.push((name, value));
        }
    }

    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }
}

impl Operation {
    const fn of(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Open,
            2 => Self::Refresh,
            3 => Self::Update,
            4 => Self::Notify,
            5 => Self::Status,
            6 => Self::Delete,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(about: Pairs, object: Pairs) -> Message {
        Message { key: 1, operation: Operation::Update, handle: 2, number: 3, answers: 4, about, object }
    }

    fn pairs() -> impl Strategy<Value = Pairs> {
        prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 1..9), prop::collection::vec(any::<u8>(), 0..9)),
            0..4,
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_less_is_waited_for(about in pairs(), object in pairs(), cut in any::<prop::sample::Index>()) {
            let wanted = message(about, object);
            let bytes = wanted.write(3, |signed| vec![7, 7, signed[3]]);
            let received = Message::read(&bytes).expect("it is a message").expect("it is whole");
            prop_assert_eq!(&bytes[received.signature.clone()], &[7, 7, 3][..]);
            prop_assert_eq!(received.signed, 4..bytes.len() - 3);
            prop_assert_eq!(received.message, wanted);
            prop_assert_eq!(Message::read(&bytes[..cut.index(bytes.len())]), Ok(None));
        }
    }

    #[test]
    fn what_is_no_message_is_refused_before_it_is_waited_for() {
        let bytes = message(Vec::new(), Vec::new()).write(0, |_| Vec::new());
        let mut wrong = bytes.clone();
        wrong[11] = 9;
        assert_eq!(Message::read(&wrong), Err(Malformed::Operation(9)));
        let mut wrong = bytes.clone();
        wrong[6] = 1;
        assert_eq!(Message::read(&wrong), Err(Malformed::Signature(256)));
        let long = [&bytes[..HEADER], &[0, 1, b'a', 0x7f, 0, 0, 0]].concat();
        assert_eq!(Message::read(&long), Err(Malformed::Long));
    }
}
