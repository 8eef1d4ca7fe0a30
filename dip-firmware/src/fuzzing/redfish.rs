//! Readers of Redfish resources, from the bytes of an answer to what the rest of dip is told.

/// A reader.
pub type Reader = fn(&[u8]);

/// The readers by the names of what they read.
#[must_use]
pub fn readers() -> Vec<(&'static str, Reader)> {
    crate::providers::redfish_readers()
}

/// Feeds all of them.
pub fn all(bytes: &[u8]) {
    for (_, read) in readers() {
        read(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Bodies that were odd enough to keep.
    fn corpus() -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/redfish");
        let files = std::fs::read_dir(folder).expect("the corpus is part of the source");
        files.map(|file| std::fs::read(file.expect("it is listed").path()).expect("it can be read")).collect()
    }

    #[test]
    fn every_reader_takes_a_body_that_ends_anywhere_or_has_a_byte_wrong() {
        for body in corpus() {
            for at in 0..body.len() {
                let mut wrong = body.clone();
                wrong[at] ^= 0x55;
                all(&body[..at]);
                all(&wrong);
            }
        }
    }

    #[test]
    fn what_nests_without_end_is_refused_and_not_followed() {
        let deep = [b"{\"Members\":".repeat(100_000), b"[".repeat(100_000)].concat();
        all(&deep);
    }
}
