//! The FRU inventory of a simulated node (IPMI Platform Management FRU Information Storage Definition v1.0).

/// Makes an inventory with a board and a product area, both with the same names.
pub(crate) fn inventory(manufacturer: &str, product: &str, serial: &str) -> Vec<u8> {
    // Section 11: version, language, minutes since 1996 (unknown), fields. Section 12: version, language, fields.
    let board = area(&[1, 0, 25, 0, 0, 0], &[manufacturer, product, serial, "DIP-BOARD-1", ""]);
    let product_area = area(&[1, 0, 25], &[manufacturer, product, "DIP-MODEL-1", "A0", serial, "", ""]);
    // Section 8: offsets count in units of 8 bytes; internal use and chassis areas are absent.
    let board_at = 1;
    let product_at = board_at + u8::try_from(board.len() / 8).unwrap_or(u8::MAX);
    let mut header = vec![1, 0, 0, board_at, product_at, 0, 0];
    header.push(checksum(&header));
    [header, board, product_area].concat()
}

fn area(start: &[u8], fields: &[&str]) -> Vec<u8> {
    let mut bytes = start.to_vec();
    for field in fields {
        // Type 3 is 8-bit text; the length has six bits, and one character alone would read as the end mark.
        let text: Vec<u8> = field.bytes().take(63).collect();
        bytes.push(0xc0 | u8::try_from(text.len()).unwrap_or(0));
        bytes.extend(text);
    }
    bytes.push(0xc1);
    while bytes.len() % 8 != 7 {
        bytes.push(0);
    }
    bytes[1] = u8::try_from((bytes.len() + 1) / 8).unwrap_or(u8::MAX);
    bytes.push(checksum(&bytes));
    bytes
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_area_sums_to_zero() {
        let bytes = inventory("Lab", "Node", "SN-1");
        let sum = |part: &[u8]| part.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        let product_at = usize::from(bytes[4]) * 8;
        assert_eq!(sum(&bytes[..8]), 0);
        assert_eq!(sum(&bytes[8..product_at]), 0);
        assert_eq!(sum(&bytes[product_at..]), 0);
        assert_eq!(usize::from(bytes[product_at + 1]) * 8, bytes.len() - product_at);
    }
}
