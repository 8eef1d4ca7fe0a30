//! FRU inventory: what a maker wrote into the machine about chassis, board and product.
//!
//! Format: *Platform Management FRU Information Storage Definition v1.0 rev. 1.3*.

use super::text::{self, Text};
use super::wire::checksum;

const HEADER: usize = 8;
/// All offsets and lengths count in these.
const UNIT: usize = 8;
/// Type and length byte that ends the fields.
const END: u8 = 0xC1;

/// The inventory of one field-replaceable unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FruInventory {
    /// Chassis area.
    pub chassis: Option<ChassisArea>,
    /// Board area.
    pub board: Option<BoardArea>,
    /// Product area.
    pub product: Option<ProductArea>,
    /// Areas that the header names but that cannot be read: cut off, or with a wrong checksum.
    pub damaged: Vec<FruArea>,
}

/// An area of the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FruArea {
    /// Chassis area.
    Chassis,
    /// Board area.
    Board,
    /// Product area.
    Product,
}

/// Who made the chassis (§10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChassisArea {
    /// Part number.
    pub part_number: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
}

/// Who made the main board (§11).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BoardArea {
    /// Manufacturer.
    pub manufacturer: Option<String>,
    /// Product name.
    pub name: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Part number.
    pub part_number: Option<String>,
}

/// Who made the machine (§12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProductArea {
    /// Manufacturer.
    pub manufacturer: Option<String>,
    /// Product name.
    pub name: Option<String>,
    /// Part or model number.
    pub part_number: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Asset tag.
    pub asset_tag: Option<String>,
}

impl FruInventory {
    /// Reads an inventory; `None` when the header is not one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let header = FruHeader::parse(bytes)?;
        let mut inventory = Self::default();
        for (area, at) in header.areas() {
            let Some(body) = area_body(bytes, at) else {
                inventory.damaged.push(area);
                continue;
            };
            match area {
                FruArea::Chassis => inventory.chassis = Some(chassis(body)),
                FruArea::Board => inventory.board = Some(board(body)),
                FruArea::Product => inventory.product = Some(product(body)),
            }
        }
        Some(inventory)
    }
}

/// The first eight bytes: where the areas are (§8).
pub(super) struct FruHeader {
    chassis: usize,
    board: usize,
    product: usize,
}

impl FruHeader {
    pub(super) const LEN: usize = HEADER;

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>()?;
        // All zeros have a right checksum too, but no version.
        if header[0] & 0x0F != 1 || checksum(header) != 0 {
            return None;
        }
        let at = |byte: u8| usize::from(byte) * UNIT;
        Some(Self { chassis: at(header[2]), board: at(header[3]), product: at(header[4]) })
    }

    /// The areas that exist, and where they begin.
    pub(super) fn areas(&self) -> impl Iterator<Item = (FruArea, usize)> {
        [(FruArea::Chassis, self.chassis), (FruArea::Board, self.board), (FruArea::Product, self.product)]
            .into_iter()
            .filter(|(_, at)| *at != 0)
    }
}

/// Bytes of an area, from its first two.
pub(super) fn area_len(start: &[u8]) -> usize {
    start.get(1).map_or(0, |units| usize::from(*units) * UNIT)
}

/// The area's contents after its version and length, without the checksum; `None` when it is not whole.
fn area_body(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let start = bytes.get(at..)?;
    let area = start.get(..area_len(start))?;
    if area.first()? & 0x0F != 1 || checksum(area) != 0 {
        return None;
    }
    area.get(2..area.len() - 1)
}

fn chassis(body: &[u8]) -> ChassisArea {
    // Chassis type.
    let mut fields = Fields::after(body, 1, Text::Latin1);
    ChassisArea { part_number: fields.text(), serial: fields.text() }
}

fn board(body: &[u8]) -> BoardArea {
    // Language, and the date of manufacture in three bytes.
    let mut fields = Fields::after(body, 4, of_language(body));
    BoardArea {
        manufacturer: fields.text(),
        name: fields.text(),
        serial: fields.text_latin1(),
        part_number: fields.text_latin1(),
    }
}

fn product(body: &[u8]) -> ProductArea {
    // Language.
    let mut fields = Fields::after(body, 1, of_language(body));
    ProductArea {
        manufacturer: fields.text(),
        name: fields.text(),
        part_number: fields.text(),
        version: fields.text(),
        serial: fields.text_latin1(),
        asset_tag: fields.text(),
    }
}

/// What type code 3 means: it depends on the area's language (§13).
fn of_language(body: &[u8]) -> Text {
    // 0 and 25 are English, for which the text is 8-bit.
    match body.first() {
        Some(0 | 25) | None => Text::Latin1,
        Some(_) => Text::Utf16,
    }
}

/// The fields of an area, one after the other.
struct Fields<'a> {
    rest: &'a [u8],
    text: Text,
}

impl<'a> Fields<'a> {
    fn after(body: &'a [u8], skip: usize, text: Text) -> Self {
        Self { rest: body.get(skip..).unwrap_or_default(), text }
    }

    fn text(&mut self) -> Option<String> {
        self.next(self.text)
    }

    /// Serial and part numbers of a board are English in every language (§11).
    fn text_latin1(&mut self) -> Option<String> {
        self.next(Text::Latin1)
    }

    /// The next field; absent when empty or after the end.
    fn next(&mut self, text: Text) -> Option<String> {
        let (&head, rest) = self.rest.split_first()?;
        if head == END {
            self.rest = &[];
            return None;
        }
        let Some((field, rest)) = rest.split_at_checked(usize::from(head & 0x3F)) else {
            self.rest = &[];
            return None;
        };
        self.rest = rest;
        text::clean(&match head >> 6 {
            0 => field.iter().map(|byte| format!("{byte:02x}")).collect(),
            1 => Text::BcdPlus.decode(field),
            2 => Text::SixBit.decode(field),
            _ => text.decode(field),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area(mut body: Vec<u8>) -> Vec<u8> {
        body.insert(0, 1);
        body.insert(1, 0);
        body.push(END);
        while !(body.len() + 1).is_multiple_of(UNIT) {
            body.push(0);
        }
        body[1] = ((body.len() + 1) / UNIT) as u8;
        body.push(checksum(&body));
        body
    }

    fn field(text: &str) -> Vec<u8> {
        let mut out = vec![0xC0 | text.len() as u8];
        out.extend(text.as_bytes());
        out
    }

    fn sample() -> Vec<u8> {
        let board = area([vec![0, 0, 0, 0], field("ACME"), field("B-1"), field("BS77"), field("BP")].concat());
        let product =
            area([vec![0], field("ACME"), field("Server 9"), vec![0xC0], field("v2"), field("S123")].concat());
        let at_product = 1 + board.len() / UNIT;
        let mut header = vec![1, 0, 0, 1, at_product as u8, 0, 0];
        header.push(checksum(&header));
        [header, board, product].concat()
    }

    #[test]
    fn board_and_product_are_read() {
        let inventory = FruInventory::parse(&sample()).expect("a right header");
        let product = inventory.product.expect("there is one");
        assert_eq!(product.name.as_deref(), Some("Server 9"));
        assert_eq!(product.part_number, None, "an empty field is absent");
        assert_eq!(product.serial.as_deref(), Some("S123"));
        assert_eq!(product.asset_tag, None, "after the end");
        assert_eq!(inventory.board.expect("there is one").serial.as_deref(), Some("BS77"));
        assert!(inventory.damaged.is_empty() && inventory.chassis.is_none());
    }

    #[test]
    fn a_damaged_area_is_named_and_not_read() {
        let mut bytes = sample();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        let inventory = FruInventory::parse(&bytes).expect("the header is right");
        assert_eq!((inventory.product, inventory.damaged), (None, vec![FruArea::Product]));
        assert!(inventory.board.is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = FruInventory::parse(&bytes);
        }

        #[test]
        fn no_damage_behind_the_header_makes_it_panic(at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
            let mut bytes = sample();
            let place = at.index(bytes.len());
            bytes[place] = value;
            // The checksum is set right again, so that the damage is read.
            bytes[7] = 0;
            bytes[7] = checksum(&bytes[..8]);
            let _ = FruInventory::parse(&bytes[..cut.index(bytes.len() + 1)]);
            let _ = product(&bytes[place..]);
        }
    }
}
