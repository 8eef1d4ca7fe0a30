//! The parsers of what comes from BMCs, on the corpora of fuzzers.

#[test]
fn whatever_comes_from_a_bmc_is_survived() {
    dip_lab::corpus::survive(dip_firmware::fuzzing::PARSERS);
}
