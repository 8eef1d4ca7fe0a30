//! The answer to a boot question: an offer without an address, or the acknowledgement of port 4011.

use std::net::Ipv4Addr;

use dhcproto::error::EncodeError;
use dhcproto::v4::{DhcpOption, Message, MessageType, Opcode, OptionCode};
use dhcproto::{Encodable, Encoder};

use super::question::{Asked, Class, Port};
use super::server::BootAnswer;

/// PXE_DISCOVERY_CONTROL (vendor option 6) with bit 3 alone, and the end of vendor options: "take the boot file of this very answer, ask no
/// further server and show no menu" (PXE 2.1, table 2-1).
const NO_DISCOVERY: [u8; 4] = [6, 1, 8, 255];

/// The field for a boot file in the head of a packet, with the zero at its end (RFC 2131, section 2).
const FILE_FIELD: usize = 127;

pub(super) fn write(asked: &Asked, boot: &BootAnswer, own: Ipv4Addr) -> Result<Vec<u8>, EncodeError> {
    let request = &asked.message;
    let mut reply = Message::default();
    reply
        .set_opcode(Opcode::BootReply)
        .set_htype(request.htype())
        .set_xid(request.xid())
        .set_flags(request.flags())
        .set_giaddr(request.giaddr())
        .set_chaddr(&asked.question.mac.0);
    let kind = match asked.port {
        Port::Dhcp => MessageType::Offer,
        Port::Binl => {
            reply.set_ciaddr(request.ciaddr());
            MessageType::Ack
        }
    };
    reply.set_siaddr(boot.server);
    if boot.file.len() <= FILE_FIELD {
        reply.set_fname(boot.file.as_bytes());
    }
    let options = reply.opts_mut();
    options.insert(DhcpOption::MessageType(kind));
    options.insert(DhcpOption::ServerIdentifier(own));
    options.insert(DhcpOption::ClassIdentifier(asked.class.word().to_vec()));
    options.insert(DhcpOption::BootfileName(boot.file.clone().into_bytes()));
    if asked.class == Class::Pxe {
        options.insert(DhcpOption::TFTPServerName(boot.server.to_string().into_bytes()));
        options.insert(DhcpOption::VendorExtensions(NO_DISCOVERY.to_vec()));
    }
    // The client knows its answer by what it sent (RFC 4578, section 2.3).
    if let Some(machine) = request.opts().get(OptionCode::ClientMachineIdentifier) {
        options.insert(machine.clone());
    }
    let mut packet = Vec::with_capacity(512);
    reply.encode(&mut Encoder::new(&mut packet))?;
    Ok(packet)
}
