//! Reads and clears the system event log (§31).

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::bmc::IpmiBmc;
use super::error::IpmiError;
use super::opcode::Opcode;
use super::options::Resend;
use super::sel::SelEntry;

const FIRST: u16 = 0x0000;
const LAST: u16 = 0xFFFF;
/// How long a BMC may take to erase; flash takes some seconds.
const ERASURE: Duration = Duration::from_secs(30);

const GET_INFO: Opcode = Opcode::raw(0x0A, 0x40);
const RESERVE: Opcode = Opcode::raw(0x0A, 0x42);
const GET_ENTRY: Opcode = Opcode::raw(0x0A, 0x43);
const CLEAR: Opcode = Opcode::raw(0x0A, 0x47);

/// How full the log is (§31.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelFill {
    /// Entries in it.
    pub entries: u16,
    /// Bytes that are free; 65535 where there are that many or more.
    pub free: u16,
    /// Events were lost because it was full.
    pub has_overflowed: bool,
    /// Whether clearing it takes a reservation.
    pub(super) reserves: bool,
}

impl IpmiBmc {
    /// How full the event log is.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn event_log_fill(&self) -> Result<SelFill, IpmiError> {
        let told = self.request(GET_INFO, &[], Resend::Allowed).await?;
        let Some([_version, low, high, free_low, free_high, .., support]) = told.first_chunk::<14>().copied() else {
            return Err(self.session.malformed(GET_INFO, "the log's info has fewer than 14 bytes"));
        };
        Ok(SelFill {
            entries: u16::from_le_bytes([low, high]),
            free: u16::from_le_bytes([free_low, free_high]),
            has_overflowed: support & 0x80 != 0,
            reserves: support & 0x02 != 0,
        })
    }

    /// All entries of the event log, oldest first; those that come while it is read are left out.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn event_log(&self) -> Result<Vec<SelEntry>, IpmiError> {
        let count = usize::from(self.event_log_fill().await?.entries);
        let (mut entries, mut seen, mut id) = (Vec::with_capacity(count), HashSet::new(), FIRST);
        while id != LAST && entries.len() < count && seen.insert(id) {
            let [low, high] = id.to_le_bytes();
            // A whole entry fits into every reply, so no reservation is needed (§31.5).
            let reply = match self.request(GET_ENTRY, &[0, 0, low, high, 0, 0xFF], Resend::Allowed).await {
                // Somebody else has cleared it meanwhile.
                Err(IpmiError::Completion { code, .. }) if code.value() == 0xCB => break,
                other => other?,
            };
            let (next, entry) = reply
                .split_first_chunk::<2>()
                .and_then(|(next, entry)| Some((next, entry.first_chunk::<{ SelEntry::LEN }>()?)))
                .ok_or_else(|| self.session.malformed(GET_ENTRY, "the entry has fewer than 16 bytes"))?;
            entries.push(SelEntry::parse(entry));
            id = u16::from_le_bytes(*next);
        }
        Ok(entries)
    }

    /// Removes all entries of the event log, and waits until that is done.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state); [`IpmiError::Timeout`] where erasing takes longer than half a minute.
    pub async fn clear_event_log(&self) -> Result<(), IpmiError> {
        let fill = self.event_log_fill().await?;
        // Clearing it again would lose events that came between; most BMCs also write one about each clearing.
        if fill.entries == 0 && !fill.has_overflowed {
            return Ok(());
        }
        let reservation = if fill.reserves { self.reserve_event_log().await? } else { [0; 2] };
        let started = Instant::now();
        let mut done = self.erasure(reservation, INITIATE, Resend::Never).await?;
        while !done {
            if started.elapsed() > ERASURE {
                let (addr, waited) = (self.place(), started.elapsed());
                return Err(IpmiError::Timeout { addr, what: CLEAR.to_string(), waited, may_have_acted: true });
            }
            sleep(Duration::from_millis(200)).await;
            done = self.erasure(reservation, STATUS, Resend::Allowed).await?;
        }
        Ok(())
    }

    async fn reserve_event_log(&self) -> Result<[u8; 2], IpmiError> {
        let reply = self.request(RESERVE, &[], Resend::Allowed).await?;
        reply.first_chunk().copied().ok_or_else(|| self.session.malformed(RESERVE, "the reservation is too short"))
    }

    /// Begins an erasure or asks how far it is (§31.9); whether it is done.
    async fn erasure(&self, reservation: [u8; 2], act: u8, resend: Resend) -> Result<bool, IpmiError> {
        let [low, high] = reservation;
        let reply = self.request(CLEAR, &[low, high, b'C', b'L', b'R', act], resend).await?;
        let progress = reply.first().ok_or_else(|| self.session.malformed(CLEAR, "the progress is missing"))?;
        Ok(progress & 0x0F == 1)
    }
}

const INITIATE: u8 = 0xAA;
const STATUS: u8 = 0x00;
