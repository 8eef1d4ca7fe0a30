//! Bytes that nobody can guess.

/// For session ids, RAKP numbers and initialisation vectors.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
