//! A client's packet, read as a boot question.

use dhcproto::v4::{DhcpOption, HType, Message, MessageType, Opcode, OptionCode};
use dhcproto::{Decodable, Decoder};
use dip_core::hardware::MacAddr;

use crate::provider::ClientArchitecture;

/// What a client wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootQuestion {
    /// The interface that it boots from.
    pub mac: MacAddr,
    /// Its firmware.
    pub architecture: ClientArchitecture,
    /// Whether it is iPXE that asks (user class, option 77), which was loaded already and wants its script.
    pub ipxe: bool,
}

/// Where the question came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// 67, where a client looks for offers.
    Dhcp,
    /// 4011, where it asks for its boot file when it has an address (PXE 2.1, section 2.2.1).
    Binl,
}

/// By what the client says it is (option 60), and must be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Pxe,
    Http,
}

impl Class {
    pub(super) const fn word(self) -> &'static [u8] {
        match self {
            Self::Pxe => b"PXEClient",
            Self::Http => b"HTTPClient",
        }
    }
}

/// The head of a packet and the cookie that says that options follow (RFC 2131, sections 2 and 3).
const HEAD: usize = 236;
const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// A packet with those options alone that a boot question has: what the other ones say is none of its business, and the library asserts
/// the lengths of some of them instead of refusing them (a prefix of 33 bits in a classless route ends the program).
fn without_other_options(packet: &[u8]) -> Option<Vec<u8>> {
    const ASKED: [OptionCode; 5] = [
        OptionCode::MessageType,
        OptionCode::ClassIdentifier,
        OptionCode::UserClass,
        OptionCode::ClientSystemArchitecture,
        OptionCode::ClientMachineIdentifier,
    ];
    let mut rest = packet.get(HEAD..)?.strip_prefix(&COOKIE)?;
    let mut kept = packet[..HEAD + COOKIE.len()].to_vec();
    while let Some(code) = rest.first() {
        match OptionCode::from(*code) {
            OptionCode::Pad => rest = &rest[1..],
            OptionCode::End => break,
            code => {
                let whole = 2 + usize::from(*rest.get(1)?);
                let option = rest.get(..whole)?;
                if ASKED.contains(&code) {
                    kept.extend_from_slice(option);
                }
                rest = &rest[whole..];
            }
        }
    }
    kept.push(OptionCode::End.into());
    Some(kept)
}

/// A question with the packet that it stood in.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) message: Message,
    pub(super) question: BootQuestion,
    pub(super) class: Class,
    pub(super) port: Port,
}

impl Asked {
    /// `None` for all that is no boot question: other people's DHCP, and what is no packet at all.
    pub(super) fn read(packet: &[u8], port: Port) -> Option<Self> {
        let message = Message::decode(&mut Decoder::new(&without_other_options(packet)?)).ok()?;
        let options = message.opts();
        let wanted = match port {
            Port::Dhcp => MessageType::Discover,
            Port::Binl => MessageType::Request,
        };
        // A hardware address of more than 16 octets must not be looked at: the library trusts the length that the client tells.
        let is_ethernet = message.htype() == HType::Eth && message.hlen() == 6;
        if options.msg_type() != Some(wanted) || message.opcode() != Opcode::BootRequest || !is_ethernet {
            return None;
        }
        let mac = MacAddr(message.chaddr().try_into().ok()?);
        let class = match options.get(OptionCode::ClassIdentifier)? {
            DhcpOption::ClassIdentifier(word) if word.starts_with(Class::Pxe.word()) => Class::Pxe,
            DhcpOption::ClassIdentifier(word) if word.starts_with(Class::Http.word()) => Class::Http,
            _ => return None,
        };
        let architecture = match options.get(OptionCode::ClientSystemArchitecture) {
            Some(DhcpOption::ClientSystemArchitecture(number)) => ClientArchitecture::of(u16::from(*number))?,
            _ => return None,
        };
        // A class that does not fit the architecture would be answered in a way that the client does not take.
        if (class == Class::Http) != architecture.is_http() {
            return None;
        }
        let ipxe = matches!(options.get(OptionCode::UserClass), Some(DhcpOption::UserClass(class)) if class.ends_with(b"iPXE"));
        Some(Self { question: BootQuestion { mac, architecture, ipxe }, message, class, port })
    }
}
