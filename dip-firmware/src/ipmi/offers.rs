//! Which cipher suites a BMC offers: Get Channel Cipher Suites, asked before there is a session (§22.15).
//!
//! Nothing proves the answer: somebody on the way may strip the better suites from it. A site that fears that names one suite.

use std::io;

use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};
use tokio::time::Instant;

use super::commands::{self, Malformed};
use super::opcode::Opcode;
use super::options::Options;
use super::outside;
use super::port::Port;
use super::suite::CipherSuite;

/// Bytes of suite records in a full reply; a shorter one is the last (§22.15.1).
const FULL: usize = 16;
/// The list index has six bits (§22.15.1).
const INDEXES: u8 = 0x40;
/// "The channel that this came in by", and the suites for IPMI messages.
const THIS_CHANNEL: u8 = 0x0E;
const LIST_BY_SUITE: u8 = 0x80;

/// Get Channel Cipher Suites: one piece of the list.
#[derive(Clone, Copy, Debug)]
pub struct GetCipherSuites {
    /// Which piece, from 0.
    pub index: u8,
}

impl From<GetCipherSuites> for Message {
    fn from(command: GetCipherSuites) -> Self {
        let data = vec![THIS_CHANNEL, 0, LIST_BY_SUITE | command.index];
        Message::new_request(NetFn::App, Opcode::GET_CIPHER_SUITES.command(), data)
    }
}

impl IpmiCommand for GetCipherSuites {
    type Output = Vec<u8>;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<Vec<u8>, Malformed> {
        let (_channel, records) = data.split_first().ok_or(Malformed("the list of cipher suites is empty"))?;
        Ok(records.to_vec())
    }
}

/// A list of suites that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Collected {
    bytes: Vec<u8>,
    pieces: u8,
}

impl Collected {
    /// The piece to ask for next.
    pub(super) fn next(&self) -> GetCipherSuites {
        GetCipherSuites { index: self.pieces }
    }

    /// Takes a piece; gives the suites when it was the last.
    pub(super) fn take(&mut self, records: &[u8]) -> Option<Vec<u8>> {
        self.pieces += 1;
        self.bytes.extend(records);
        (records.len() < FULL || self.pieces == INDEXES).then(|| suites(&self.bytes))
    }
}

/// The numbers of the suites in a list of records (§22.15.2). Makers' own suites have no number that means anything here.
fn suites(records: &[u8]) -> Vec<u8> {
    const STANDARD: u8 = 0xC0;
    let mut found = Vec::new();
    let mut rest = records;
    while let Some((&start, tail)) = rest.split_first() {
        rest = tail;
        if start == STANDARD
            && let Some((&number, tail)) = tail.split_first()
        {
            found.push(number);
            rest = tail;
        }
    }
    found
}

/// The suites to try, the best first; those that the BMC lists, or all that dip speaks where it does not say.
pub(super) async fn candidates(
    port: &mut Port,
    options: &Options,
    deadline: Instant,
) -> io::Result<Result<Vec<CipherSuite>, NoneInCommon>> {
    let Some(offered) = ask(port, options, deadline).await? else {
        return Ok(Ok(CipherSuite::BEST_FIRST.to_vec()));
    };
    let common: Vec<_> =
        CipherSuite::BEST_FIRST.into_iter().filter(|suite| offered.contains(&suite.number())).collect();
    Ok(if common.is_empty() { Err(NoneInCommon) } else { Ok(common) })
}

/// The BMC lists suites, and none that dip speaks.
#[derive(Debug)]
pub(super) struct NoneInCommon;

/// The suites that the BMC lists; `None` where it is silent or does not know the command.
async fn ask(port: &mut Port, options: &Options, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
    let mut collected = Collected::default();
    loop {
        let (opcode, message) = commands::encode(collected.next());
        let Some(reply) = outside::ask(port, opcode, message.data(), options, deadline).await? else {
            return Ok(None);
        };
        if reply.completion != 0 {
            return Ok(None);
        }
        let Ok(records) = GetCipherSuites::parse_success_response(&reply.data) else { return Ok(None) };
        if let Some(suites) = collected.take(&records) {
            return Ok((!suites.is_empty()).then_some(suites));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_suites_of_a_list_in_pieces_are_read() {
        // As ipmi_sim lists suites 0 to 2, then a suite of a maker, then 17.
        let first = [0xC0, 0x00, 0x00, 0x40, 0x80, 0xC0, 0x01, 0x01, 0x40, 0x80, 0xC0, 0x02, 0x01, 0x41, 0x80, 0xC1];
        let mut collected = Collected::default();
        assert_eq!(collected.take(&first), None);
        assert_eq!(collected.next().index, 1);
        let suites = collected.take(&[0x05, 0xA2, 0x02, 0x00, 0x01, 0xC0, 0x11, 0x03, 0x44, 0x81]);
        assert_eq!(suites, Some(vec![0, 1, 2, 17]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(suites(&bytes).len() <= bytes.len() / 2);
        }
    }
}
