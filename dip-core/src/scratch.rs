//! Texts that are put together and then shared: one allocation each, where a `String` on the way would take two more.

use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    /// Kept from text to text. Whoever writes one takes it away meanwhile, so that texts within texts are no harm.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The text that `write` puts together.
///
/// # Errors
/// Those of `write`.
pub(crate) fn shared<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Arc<str>, E> {
    let mut bytes = SCRATCH.take();
    bytes.clear();
    let written = write(&mut bytes);
    let text = Arc::from(std::str::from_utf8(&bytes).expect("texts are put together from texts"));
    SCRATCH.set(bytes);
    written.map(|()| text)
}

/// Some texts, one after the other.
pub(crate) fn concat(parts: &[&str]) -> Arc<str> {
    let written = shared(|bytes| {
        parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
        Ok::<(), std::convert::Infallible>(())
    });
    written.unwrap_or_else(|never| match never {})
}
