//! Reads the repository of sensor data records piece by piece (§33).

use std::collections::HashSet;

use ipmi_rs_core::connection::NetFn;

use super::error::IpmiError;
use super::opcode::Opcode;
use super::options::Resend;
use super::sdr::{HEADER, SdrRecord};
use super::transport::Transport;

/// Bytes asked for at once; BMCs with small buffers refuse more than 32.
const PIECE: usize = 32;
/// Below this a refusal is not about the number of bytes.
const SMALLEST_PIECE: usize = 8;
/// More than any machine has; a BMC that tells of more goes round in circles.
const MOST_RECORDS: usize = 8192;
/// How often a record is begun again because somebody else changed the repository.
const CANCELLED: u32 = 5;
const FIRST: u16 = 0x0000;
const LAST: u16 = 0xFFFF;

/// What tells one state of the repository from another: when records were last added and erased, and how many there are.
pub(super) type Stamp = [u8; 10];

/// The stamp of the repository now (§33.9).
pub(super) async fn stamp(session: &dyn Transport) -> Result<Stamp, IpmiError> {
    let command = Opcode::new(NetFn::Storage, 0x20);
    let told = session.request(command, &[], Resend::Allowed).await?;
    let short = || session.malformed(command, "the repository info has fewer than 13 bytes");
    let (count, times) = (told.get(1..3).ok_or_else(short)?, told.get(5..13).ok_or_else(short)?);
    let mut stamp = [0; 10];
    stamp[..2].copy_from_slice(count);
    stamp[2..].copy_from_slice(times);
    Ok(stamp)
}

/// All records, in the repository's order. Records that cannot be read are left out.
pub(super) async fn read(session: &dyn Transport) -> Result<Vec<SdrRecord>, IpmiError> {
    let mut reader = Reader { session, reservation: 0, piece: PIECE };
    let mut records = Vec::new();
    let mut seen = HashSet::new();
    let mut id = FIRST;
    while id != LAST && seen.insert(id) && seen.len() <= MOST_RECORDS {
        let (bytes, next) = match reader.record(id).await {
            // An empty repository.
            Err(IpmiError::Completion { code, .. }) if id == FIRST && code.value() == 0xCB => break,
            other => other?,
        };
        match SdrRecord::parse(&bytes) {
            Some(record) => records.push(record),
            None => tracing::debug!(bmc = %session.place(), id, "a sensor data record cannot be read"),
        }
        id = next;
    }
    Ok(records)
}

struct Reader<'a> {
    session: &'a dyn Transport,
    /// Zero while no record had to be read in pieces.
    reservation: u16,
    piece: usize,
}

impl Reader<'_> {
    /// A record and the id of the next.
    async fn record(&mut self, id: u16) -> Result<(Vec<u8>, u16), IpmiError> {
        let mut cancelled = 0;
        loop {
            match self.whole(id).await {
                // Somebody changed the repository (§33.11).
                Err(IpmiError::Completion { code, .. }) if code.value() == 0xC5 && cancelled < CANCELLED => {
                    cancelled += 1;
                    self.reserve().await?;
                }
                other => return other,
            }
        }
    }

    async fn whole(&mut self, id: u16) -> Result<(Vec<u8>, u16), IpmiError> {
        let (mut bytes, next) = self.piece(id, 0, HEADER).await?;
        if bytes.len() < HEADER {
            return Err(self.session.malformed(GET_SDR, "the header of a record is cut off"));
        }
        let len = HEADER + usize::from(bytes[HEADER - 1]);
        // Only what comes behind an offset needs a reservation (§33.12).
        if len > HEADER && self.reservation == 0 {
            self.reserve().await?;
        }
        while bytes.len() < len {
            let wanted = self.piece.min(len - bytes.len());
            match self.piece(id, bytes.len(), wanted).await {
                Ok((more, _)) if more.is_empty() => {
                    return Err(self.session.malformed(GET_SDR, "a piece of a record is empty"));
                }
                Ok((more, _)) => bytes.extend(more),
                // Too many bytes for this BMC, said in one of several ways.
                Err(IpmiError::Completion { code, .. })
                    if matches!(code.value(), 0xC4 | 0xC6..=0xCA | 0xFF) && self.piece > SMALLEST_PIECE =>
                {
                    self.piece /= 2;
                }
                Err(error) => return Err(error),
            }
        }
        Ok((bytes, next))
    }

    async fn piece(&self, id: u16, at: usize, count: usize) -> Result<(Vec<u8>, u16), IpmiError> {
        let mut data = self.reservation.to_le_bytes().to_vec();
        data.extend(id.to_le_bytes());
        data.push(u8::try_from(at).map_err(|_| self.session.malformed(GET_SDR, "a record is longer than 255 bytes"))?);
        data.push(u8::try_from(count).expect("a piece has at most 32 bytes"));
        let reply = self.session.request(GET_SDR, &data, Resend::Allowed).await?;
        let (next, bytes) = reply
            .split_first_chunk::<2>()
            .ok_or_else(|| self.session.malformed(GET_SDR, "the id of the next record is missing"))?;
        Ok((bytes[..bytes.len().min(count)].to_vec(), u16::from_le_bytes(*next)))
    }

    async fn reserve(&mut self) -> Result<(), IpmiError> {
        let command = Opcode::new(NetFn::Storage, 0x22);
        let reply = self.session.request(command, &[], Resend::Allowed).await?;
        let id =
            reply.first_chunk::<2>().ok_or_else(|| self.session.malformed(command, "the reservation is too short"))?;
        self.reservation = u16::from_le_bytes(*id);
        Ok(())
    }
}

const GET_SDR: Opcode = Opcode::raw(0x0A, 0x23);
