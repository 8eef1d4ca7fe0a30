//! Records as framed lines: `length checksum json`, so that a person can read them and a cut tail is seen.
//!
//! A frame is eight hexadecimal digits of length, a space, eight of CRC-32C, a space, the JSON, a line feed. Length and
//! checksum are those of the JSON's bytes.

use super::Record;

const HEAD: usize = 18;

/// Adds a record's frame to a buffer.
pub(super) fn write(record: &Record, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let start = out.len();
    out.extend_from_slice(&[b' '; HEAD]);
    if let Err(error) = serde_json::to_writer(&mut *out, record) {
        out.truncate(start);
        return Err(error);
    }
    let json = &out[start + HEAD..];
    let head = format!("{:08x} {:08x} ", json.len(), crc32c::crc32c(json));
    out[start..start + HEAD].copy_from_slice(head.as_bytes());
    out.push(b'\n');
    Ok(())
}

/// How the readable part of a journal ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// With its last byte.
    Whole,
    /// Before bytes that are not a whole record: a write was cut, or the file was damaged.
    Cut {
        /// How many bytes are sound.
        sound: u64,
        /// How many follow that are not.
        lost: u64,
    },
}

/// One frame at the start of some bytes.
pub(super) enum Frame {
    /// A record and the length of its frame.
    Record(Box<Record>, usize),
    /// The frame is not all there (yet).
    Part,
    /// It is not a frame; why.
    Bad(String),
    /// It is a whole frame, as its checksum tells, and not a record that this version knows; why.
    Strange(String),
}

/// Reads the frame at the start of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Frame {
    let Some(head) = bytes.get(..HEAD) else {
        return Frame::Part;
    };
    let Some((length, sum)) = parse_head(head) else {
        return Frame::Bad("its head is not a length and a checksum".to_owned());
    };
    let Some(end) = HEAD.checked_add(length) else {
        return Frame::Bad("its length is too large".to_owned());
    };
    let (Some(json), Some(last)) = (bytes.get(HEAD..end), bytes.get(end)) else {
        return Frame::Part;
    };
    if *last != b'\n' || crc32c::crc32c(json) != sum {
        return Frame::Bad("its checksum does not fit".to_owned());
    }
    match serde_json::from_slice(json) {
        Ok(record) => Frame::Record(Box::new(record), end + 1),
        Err(error) => Frame::Strange(error.to_string()),
    }
}

fn parse_head(head: &[u8]) -> Option<(usize, u32)> {
    let head = std::str::from_utf8(head).ok()?;
    let length = usize::from_str_radix(head.get(..8)?, 16).ok()?;
    let sum = u32::from_str_radix(head.get(9..17)?, 16).ok()?;
    (head.as_bytes()[8] == b' ' && head.as_bytes()[17] == b' ').then_some((length, sum))
}
