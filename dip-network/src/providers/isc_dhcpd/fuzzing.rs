//! What a dhcpd sends and what stands in its files, from the bytes to what dip takes from them.

use super::declarations;
use super::host::Host;
use super::message::Message;

/// A stream of messages, each of them the answer to a look at a host.
pub(crate) fn stream(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some(received)) = Message::read(rest) {
        std::hint::black_box(Host::read(received.message.handle, &received.message.object)).ok();
        rest = &rest[received.signature.end..];
    }
}

/// A file of configuration or leases.
pub(crate) fn file(bytes: &[u8]) {
    std::hint::black_box(declarations::read(&String::from_utf8_lossy(bytes)));
}
