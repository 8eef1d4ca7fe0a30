//! One function for each reader of bytes that come from the network; none may panic, whatever the bytes. What they read goes into a
//! black box: a reader whose result nobody wants is left out by the compiler, and then nothing is tried.

use std::hint::black_box;

use ipmi_rs_core::app::GetDeviceId;
use ipmi_rs_core::connection::IpmiCommand;

use super::boot::GetBootOverride;
use super::chassis::GetChassisStatus;
use super::credentials::Credentials;
use super::fru::FruInventory;
use super::handshake::{Handshake, Nonces, Progress};
use super::identity::GetSystemGuid;
use super::offers::{Collected, GetCipherSuites};
use super::options::Privilege;
use super::rmcp::{self, Packet, PayloadType};
use super::sdr::SdrRecord;
use super::sel::SelEntry;
use super::session::Session;
use super::sol::{SolPacket, SolState};
use super::suite::CipherSuite;
use super::wire::Reply;

/// Reads a FRU inventory.
pub fn ipmi_fru(bytes: &[u8]) {
    let _ = black_box(FruInventory::parse(bytes));
}

/// Reads a datagram.
pub fn ipmi_packet(bytes: &[u8]) {
    let Some(packet) = black_box(Packet::decode(bytes)) else { return };
    let _ = black_box(packet.console_session());
    if let Packet::Sealed { payload, covered_and_code, .. } = packet {
        for code_len in [12, 16] {
            let _ = black_box(rmcp::split_code(covered_and_code, payload, code_len));
        }
    }
}

/// Reads a LAN message as the reply to each command in turn, and as a list of cipher suites.
pub fn ipmi_reply(bytes: &[u8]) {
    let Some(reply) = Reply::decode(bytes) else { return };
    let data = &reply.data;
    let _ = black_box(GetBootOverride::parse_success_response(data));
    let _ = black_box(GetChassisStatus::parse_success_response(data));
    let _ = black_box(GetDeviceId::parse_success_response(data));
    let _ = black_box(GetSystemGuid::parse_success_response(data));
    if let Ok(records) = GetCipherSuites::parse_success_response(data) {
        let _ = black_box(Collected::default().take(&records));
    }
}

/// Reads a sensor data record, and its sensors' readings.
pub fn ipmi_sdr(bytes: &[u8]) {
    let Some(SdrRecord::Sensors(sensors)) = SdrRecord::parse(bytes) else { return };
    for scale in sensors.iter().filter_map(|sensor| sensor.scale) {
        for raw in 0..=u8::MAX {
            let _ = black_box(scale.conversion.value(raw));
        }
        let _ = black_box(scale.conversion.with_factors(bytes));
    }
}

/// Reads entries of the event log, one after the other.
pub fn ipmi_sel(bytes: &[u8]) {
    for entry in bytes.chunks(SelEntry::LEN).filter_map(<[u8]>::first_chunk) {
        let _ = black_box(SelEntry::parse(entry).record.to_string());
    }
}

/// Opens a session with the answers of a BMC and reads what comes in it. Each datagram stands behind its length in two bytes, the
/// lower first; the first byte of all is the cipher suite. The console's random numbers are always the same, so that a corpus can
/// hold answers that are right.
pub fn ipmi_session(bytes: &[u8]) {
    let _ = black_box(attend(bytes));
}

/// Reads packets of a serial console, each behind its length in one byte, while text is written.
pub fn ipmi_sol(bytes: &[u8]) {
    let mut state = SolState::new(64, 0);
    let mut rest = bytes;
    while let Some((&len, tail)) = rest.split_first() {
        let (payload, tail) = tail.split_at(tail.len().min(usize::from(len)));
        rest = tail;
        if state.takes_more() {
            state.write(payload);
        }
        let _ = black_box(state.outgoing());
        if let Some(packet) = SolPacket::decode(payload) {
            let _ = black_box(state.receive(&packet));
        }
        let count = state.unread().len() / 2;
        let _ = black_box(state.fetched(count));
    }
}

/// How far the bytes of [`ipmi_session`] came: payloads that were read in the session, or `None` where it was not opened.
fn attend(bytes: &[u8]) -> Option<usize> {
    let (&suite, mut rest) = bytes.split_first()?;
    let mut handshake = rehearsed(CipherSuite::numbered(suite)?);
    let mut session: Option<Session> = None;
    let mut read = 0;
    while let Some(([low, high], tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_le_bytes([*low, *high]));
        let (datagram, tail) = tail.split_at(tail.len().min(len));
        rest = tail;
        if let Some(session) = &mut session {
            if let Some((kind, payload)) = session.open_payload(datagram) {
                read += 1;
                match kind {
                    PayloadType::Sol => ipmi_sol(&payload),
                    _ => ipmi_reply(&payload),
                }
            }
        } else {
            match handshake.receive(datagram) {
                Progress::Established(established) => session = Some(established),
                Progress::Advanced => drop(handshake.datagram()),
                Progress::Ignored => {}
                Progress::Ended(_) => return None,
            }
        }
    }
    session.map(|_| read)
}

/// An opening whose random numbers everybody knows.
fn rehearsed(suite: CipherSuite) -> Handshake {
    let credentials = Credentials::new("admin", "secret").expect("short enough");
    let nonces = Nonces { console_session: 0xA0A2_A3A4, random: *b"not random at al", tag: 7 };
    Handshake::new(&credentials, Privilege::Administrator, suite, nonces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipmi::opcode::Opcode;
    use crate::ipmi::responder::Rehearsal;

    /// The right answers to the opening above, and one reply in the session.
    fn rehearsal(suite: CipherSuite) -> Vec<u8> {
        let mut bmc = Rehearsal::new(suite);
        let mut handshake = rehearsed(suite);
        let mut told = vec![suite.number()];
        let mut tell = |answer: &[u8]| {
            told.extend(u16::try_from(answer.len()).expect("datagrams are short").to_le_bytes());
            told.extend(answer);
        };
        let mut session = loop {
            let answer = bmc.answer(&handshake.datagram()).expect("it answers");
            tell(&answer);
            match handshake.receive(&answer) {
                Progress::Advanced => {}
                Progress::Established(session) => break session,
                _ => panic!("the answers are right"),
            }
        };
        for opcode in [Opcode::CHASSIS_STATUS, Opcode::GET_DEVICE_ID] {
            let ticket = session.ticket(opcode);
            tell(&bmc.answer(&session.seal(ticket, &[], [9; 16])).expect("it answers"));
        }
        told
    }

    #[test]
    fn the_right_answers_open_a_session_in_which_replies_are_read() {
        for suite in CipherSuite::BEST_FIRST {
            let told = rehearsal(suite);
            assert_eq!(attend(&told), Some(2), "{suite:?}");
            // `DIP_BLESS=1` keeps them as seeds.
            if std::env::var_os("DIP_BLESS").is_some() {
                let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/ipmi_session");
                std::fs::create_dir_all(dir).expect("the checkout is writable");
                std::fs::write(format!("{dir}/suite-{}", suite.number()), told).expect("the checkout is writable");
            }
        }
    }
}
