//! The parsers of what comes from switches, PDUs and nodes, on the corpora of fuzzers.

#[test]
fn whatever_comes_from_the_network_is_survived() {
    dip_lab::corpus::survive(dip_network::fuzzing::PARSERS);
}
