//! Reads a FRU inventory from a BMC piece by piece (§34).

use ipmi_rs_core::connection::NetFn;

use super::error::IpmiError;
use super::fru::{FruHeader, FruInventory, area_len};
use super::opcode::Opcode;
use super::options::Resend;
use super::transport::Transport;

/// Bytes asked for at once; BMCs with small buffers refuse more than 32.
const PIECE: usize = 32;
/// Below this a refusal is not about the number of bytes.
const SMALLEST_PIECE: usize = 8;

/// The inventory of unit `fru`; `None` when its header cannot be read.
pub(super) async fn read(session: &dyn Transport, fru: u8) -> Result<Option<FruInventory>, IpmiError> {
    let mut reader = Reader { session, fru, bytes: vec![0; size(session, fru).await?], piece: PIECE };
    reader.fill(0, FruHeader::LEN).await?;
    let Some(header) = FruHeader::parse(&reader.bytes) else {
        return Ok(None);
    };
    // Only what is parsed is read: a whole inventory of 2 KiB would take 64 requests.
    for (_, at) in header.areas() {
        reader.fill(at, at + SMALLEST_PIECE).await?;
        let len = area_len(reader.bytes.get(at..).unwrap_or_default());
        reader.fill(at + SMALLEST_PIECE, at + len).await?;
    }
    Ok(FruInventory::parse(&reader.bytes))
}

async fn size(session: &dyn Transport, fru: u8) -> Result<usize, IpmiError> {
    let command = Opcode::new(NetFn::Storage, 0x10);
    let reply = session.request(command, &[fru], Resend::Allowed).await?;
    match *reply {
        [low, high, access, ..] => {
            let size = usize::from(u16::from_le_bytes([low, high]));
            if access & 1 == 0 {
                Ok(size)
            } else {
                Err(session.malformed(command, "the inventory is addressed by words, which dip does not read"))
            }
        }
        _ => Err(session.malformed(command, "the area info has fewer than 3 bytes")),
    }
}

struct Reader<'a> {
    session: &'a dyn Transport,
    fru: u8,
    bytes: Vec<u8>,
    piece: usize,
}

impl Reader<'_> {
    /// Reads the bytes from `at` to `end`, as far as the inventory has them.
    async fn fill(&mut self, mut at: usize, end: usize) -> Result<(), IpmiError> {
        let command = Opcode::new(NetFn::Storage, 0x11);
        let end = end.min(self.bytes.len());
        while at < end {
            let wanted = self.piece.min(end - at);
            let [low, high] = u16::try_from(at).expect("the size has 16 bits").to_le_bytes();
            let count = u8::try_from(wanted).expect("a piece has at most 32 bytes");
            let reply = match self.session.request(command, &[self.fru, low, high, count], Resend::Allowed).await {
                // Too many bytes for this BMC, said in one of several ways.
                Err(IpmiError::Completion { code, .. })
                    if matches!(code.value(), 0xC4 | 0xC6..=0xCA | 0xFF) && self.piece > SMALLEST_PIECE =>
                {
                    self.piece /= 2;
                    continue;
                }
                other => other?,
            };
            let got = match reply.split_first() {
                Some((&count, data)) if count != 0 && data.len() >= usize::from(count) => &data[..usize::from(count)],
                _ => {
                    return Err(self.session.malformed(command, "the piece is shorter than it says, or empty"));
                }
            };
            let got = &got[..got.len().min(wanted)];
            self.bytes[at..at + got.len()].copy_from_slice(got);
            at += got.len();
        }
        Ok(())
    }
}
