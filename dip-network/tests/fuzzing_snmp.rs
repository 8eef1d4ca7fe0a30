//! What an agent may answer, right or wrong, is read without a panic: every file of the corpus, and bytes that differ from them.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/snmp");
    let entries = std::fs::read_dir(&directory).expect("the corpus is in the repository");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("it can be read");
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

#[test]
fn every_answer_of_the_corpus_is_read() {
    let corpus = corpus();
    assert!(corpus.len() >= 10, "{} files", corpus.len());
    for (path, bytes) in corpus {
        let read = std::panic::catch_unwind(|| dip_network::fuzzing::snmp(&bytes));
        assert!(read.is_ok(), "{}", path.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_mutated_answer_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        tail in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let corpus = corpus();
        let mut bytes = corpus[which.index(corpus.len())].1.clone();
        for (place, byte) in changes {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        if !tail.is_empty() {
            bytes.truncate(cut.index(bytes.len() + 1));
            bytes.extend(tail);
        }
        dip_network::fuzzing::snmp(&bytes);
    }
}
