//! Every file of the corpora, and what comes near it, through the reader that it is for.

use std::fs;
use std::path::PathBuf;

use dip_firmware::fuzzing::TARGETS;
use proptest::prelude::*;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{} cannot be read: {error}", dir.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("it can be read")).collect()
}

#[test]
fn no_file_of_the_corpora_makes_its_reader_panic() {
    for (target, read) in TARGETS {
        let files = corpus(target);
        assert!(!files.is_empty(), "{target} has seeds");
        for bytes in files {
            read(&bytes);
        }
    }
}

/// What happens to a seed.
#[derive(Clone, Debug)]
enum Change {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), 1u8..).prop_map(|(at, flip)| Change::Flip(at, flip)),
        1 => any::<prop::sample::Index>().prop_map(Change::Cut),
        1 => any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(from, to)| Change::Repeat(from, to)),
        1 => (any::<prop::sample::Index>(), proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            return bytes;
        }
        match change {
            Change::Flip(at, flip) => {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Change::Repeat(from, to) => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.extend(piece);
            }
            Change::Insert(at, piece) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn no_change_to_a_seed_makes_its_reader_panic() {
    for (target, read) in TARGETS {
        let seeds = corpus(target);
        let mut runner = proptest::test_runner::TestRunner::default();
        let changes = (0..seeds.len(), proptest::collection::vec(change(), 1..6));
        runner
            .run(&changes, |(seed, changes)| {
                read(&changed(seeds[seed].clone(), &changes));
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{target}: {error}"));
    }
}
