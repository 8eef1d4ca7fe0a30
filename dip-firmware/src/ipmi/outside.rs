//! Requests outside of any session, for the few commands that need none (§6.11).

use std::io;

use tokio::time::{Instant, timeout_at};

use super::opcode::Opcode;
use super::options::Options;
use super::port::Port;
use super::rmcp::{self, Packet};
use super::wire::{self, Reply};

/// How often one request is sent before the question is given up.
const SENDS: u32 = 3;

/// Sends a request that only reads until its reply comes; `None` where the BMC is silent. Nothing proves the reply.
pub(super) async fn ask(
    port: &mut Port,
    opcode: Opcode,
    data: &[u8],
    options: &Options,
    deadline: Instant,
) -> io::Result<Option<Reply>> {
    let outside = port.outside();
    let Ok(mut last) = timeout_at(deadline, outside.lock()).await else { return Ok(None) };
    *last = last.next();
    let sequence = *last;
    let datagram = rmcp::encode_sessionless(&wire::encode_request(opcode, sequence, data));
    for _ in 0..SENDS {
        if Instant::now() >= deadline {
            break;
        }
        port.send(&datagram).await?;
        let until = deadline.min(Instant::now() + options.resend_after);
        while let Some(datagram) = port.receive(until).await? {
            let Some(Packet::Sessionless { payload }) = Packet::decode(&datagram) else { continue };
            if let Some(reply) = Reply::decode(payload)
                && (reply.opcode, reply.sequence) == (opcode, sequence)
            {
                return Ok(Some(reply));
            }
        }
    }
    Ok(None)
}
