//! Corpora of bytes from outside, `fuzz/corpus/<parser>/` at the top of the workspace: every file of one, and files that were mangled
//! at random, go through their parser.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

/// A parser with the name of its corpus. It must return whatever the bytes are.
pub type Parser = (&'static str, fn(&[u8]));

/// Lets every parser read every file of its corpus, and four hundred that were mangled.
///
/// # Panics
/// Where a corpus is missing or empty, and where a parser panics; the message names the corpus and the bytes.
pub fn survive(parsers: &[Parser]) {
    for (name, parse) in parsers {
        let files = corpus(name);
        for (path, bytes) in &files {
            let read = std::panic::catch_unwind(|| parse(bytes));
            assert!(read.is_ok(), "{} made its parser panic", path.display());
        }
        let seeds: Vec<Vec<u8>> = files.into_iter().map(|(_, bytes)| bytes).collect();
        let input = (prop::sample::select(seeds), prop::collection::vec(harm(), 1..6));
        let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
        let survived = runner.run(&input, |(bytes, harms)| {
            parse(&mangled(bytes, &harms));
            Ok(())
        });
        assert!(survived.is_ok(), "{name}: {survived:?}");
    }
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable directory").path()).collect();
    assert!(!files.is_empty(), "the corpus `{name}` is empty");
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(&path).expect("a readable file"))).collect()
}

/// What happens to bytes on their way.
#[derive(Debug, Clone)]
enum Harm {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), 1_u8..).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        1 => at().prop_map(Harm::Cut),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        1 => (at(), at()).prop_map(|(from, to)| Harm::Repeat(from, to)),
    ]
}

fn mangled(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        if bytes.is_empty() {
            return bytes;
        }
        let length = bytes.len();
        match harm {
            Harm::Flip(at, bits) => bytes[at.index(length)] ^= bits,
            Harm::Cut(at) => bytes.truncate(at.index(length)),
            Harm::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Harm::Repeat(one, other) => {
                let (one, other) = (one.index(length), other.index(length));
                bytes.extend_from_within(one.min(other)..one.max(other));
            }
        }
    }
    bytes
}
