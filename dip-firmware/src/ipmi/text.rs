//! The ways in which FRU inventories and sensor records pack texts (FRU definition §13, IPMI §43.15).

/// How a text is packed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text {
    /// Two digits or signs in a byte.
    BcdPlus,
    /// One byte a character.
    Latin1,
    /// Four characters in three bytes.
    SixBit,
    /// Two bytes a character.
    Utf16,
}

impl Text {
    /// The text in `field`.
    pub(super) fn decode(self, field: &[u8]) -> String {
        match self {
            Self::BcdPlus => bcd_plus(field),
            Self::Latin1 => field.iter().map(|byte| char::from(*byte)).collect(),
            Self::SixBit => six_bit(field),
            Self::Utf16 => utf16(field),
        }
    }
}

/// A text without the blanks and zeros around it; `None` when nothing else is in it.
pub(super) fn clean(text: &str) -> Option<String> {
    let clean = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!clean.is_empty()).then(|| clean.to_owned())
}

fn bcd_plus(field: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789 -.???";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0x0F)]);
    field.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Four characters in three bytes, lowest bits first, starting at the space.
fn six_bit(field: &[u8]) -> String {
    let mut out = String::new();
    for chunk in field.chunks(3) {
        let bits = chunk.iter().rev().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for n in 0..(chunk.len() * 8 / 6) {
            out.push(char::from(0x20 + (bits >> (6 * n) & 0x3F) as u8));
        }
    }
    out
}

fn utf16(field: &[u8]) -> String {
    let units = field.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_texts_are_those_of_the_definition() {
        // "IPMI", the example of §13.3.
        assert_eq!(six_bit(&[0x29, 0xDC, 0xA6]), "IPMI");
        assert_eq!(bcd_plus(&[0x12, 0xAB]), "12 -");
        assert_eq!(utf16(&[0x41, 0x00, 0xE9, 0x00]), "Aé");
    }
}
