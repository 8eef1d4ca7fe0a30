//! What a NETCONF server sends, from the bytes to what dip takes from them.

use super::frame::{Frames, Framing};
use super::openconfig;
use super::rpc::{Capabilities, RpcError};
use super::xml::Element;

/// A stream in the frames of NETCONF 1.1.
pub(crate) fn chunks(bytes: &[u8]) {
    stream(Framing::Chunks, bytes);
}

/// A stream in the frames of NETCONF 1.0.
pub(crate) fn marks(bytes: &[u8]) {
    stream(Framing::EndMark, bytes);
}

/// One message: a `hello`, a refusal, data.
pub(crate) fn xml(bytes: &[u8]) {
    let Ok(message) = Element::read(bytes) else { return };
    let _ = (Capabilities::read(&message), RpcError::of(&message));
    let data = message.child("data").unwrap_or(&message);
    let _ = (openconfig::neighbours(data), openconfig::learned(data), openconfig::members(data, "po1"));
    if let Some(interface) = openconfig::interface(data, "p1") {
        let _ = (openconfig::state(interface, None, None), openconfig::aggregation_of(interface));
    }
    let _ = message.sorted();
}

fn stream(framing: Framing, bytes: &[u8]) {
    let mut frames = Frames::of(framing);
    // A stream arrives in parts of any length.
    for part in bytes.chunks(7) {
        frames.push(part);
        loop {
            match frames.pop() {
                Ok(Some(message)) => xml(&message),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}
