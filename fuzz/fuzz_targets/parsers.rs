//! Every parser of bytes from outside: which one is fuzzed, the environment variable `DIP_FUZZ` says, by the name of its corpus.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static PARSE: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("DIP_FUZZ").unwrap_or_default();
    let all = || dip_firmware::fuzzing::PARSERS.iter().chain(dip_network::fuzzing::PARSERS);
    match all().find(|(name, _)| *name == wanted) {
        Some((_, parse)) => *parse,
        None => panic!("DIP_FUZZ names no parser; there are {:?}", all().map(|(name, _)| name).collect::<Vec<_>>()),
    }
});

fuzz_target!(|bytes: &[u8]| PARSE(bytes));
