//! Every file of the corpora goes through its parser, and so do files that were mangled at random: none may panic.

use std::path::PathBuf;

use dip_network::fuzzing::PARSERS;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// The files of a corpus.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable directory").path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(&path).expect("a readable file"))).collect()
}

#[test]
fn every_file_of_every_corpus_is_survived() {
    for (name, parse) in PARSERS {
        let files = corpus(name);
        assert!(!files.is_empty(), "the corpus `{name}` is empty");
        for (_, bytes) in files {
            parse(&bytes);
        }
    }
}

/// What happens to bytes on their way.
#[derive(Debug, Clone)]
enum Harm {
    Put(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(prop::sample::Index, prop::sample::Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Put(at, byte)),
        at().prop_map(Harm::Cut),
        (at(), prop::collection::vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        (at(), at()).prop_map(|(from, to)| Harm::Repeat(from, to)),
    ]
}

fn mangled(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms.iter().filter(|_| !bytes.is_empty()).cloned().collect::<Vec<_>>() {
        let length = bytes.len().max(1);
        match harm {
            Harm::Put(at, byte) => bytes.get_mut(at.index(length)).into_iter().for_each(|old| *old = byte),
            Harm::Cut(at) => bytes.truncate(at.index(length)),
            Harm::Insert(at, new) => {
                let at = at.index(length).min(bytes.len());
                bytes.splice(at..at, new);
            }
            Harm::Repeat(from, to) => {
                let (from, to) = (from.index(length).min(bytes.len()), to.index(length).min(bytes.len()));
                let part = bytes.get(from.min(to)..from.max(to)).unwrap_or_default().to_vec();
                bytes.extend(part);
            }
        }
    }
    bytes
}

#[test]
fn mangled_files_are_survived() {
    for (name, parse) in PARSERS {
        let seeds: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, bytes)| bytes).collect();
        let input = (prop::sample::select(seeds), prop::collection::vec(harm(), 0..6));
        let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
        let survived = runner.run(&input, |(bytes, harms)| {
            parse(&mangled(bytes, &harms));
            Ok(())
        });
        assert!(survived.is_ok(), "{name}: {survived:?}");
    }
}
