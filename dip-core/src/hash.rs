//! Hashing of short keys in large plans: no secret, the same in every process, and a few nanoseconds instead of some tens.
//!
//! Names in plans come from the operator's own site and not from strangers, so nobody gains by making them collide.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map with short keys.
pub(crate) type ShortMap<K, V> = HashMap<K, V, BuildHasherDefault<ShortHasher>>;

/// A set of short keys.
pub(crate) type ShortSet<K> = HashSet<K, BuildHasherDefault<ShortHasher>>;

/// The hash of a short text.
pub(crate) fn short_hash(text: &str) -> u64 {
    let mut hasher = ShortHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Eight bytes a turn: multiply to 128 bits and fold the halves, so that every bit of the input reaches every bit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ShortHasher(u64);

/// Any odd number with about as many ones as zeros does; this one is 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl ShortHasher {
    fn turn(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ FACTOR) * u128::from(FACTOR.rotate_left(29) ^ word.rotate_left(32));
        self.0 = self.0.rotate_left(23) ^ (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for ShortHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.turn(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.turn(u64::from_le_bytes(last));
        }
        self.turn(bytes.len() as u64);
    }

    fn write_u8(&mut self, number: u8) {
        self.turn(u64::from(number));
    }

    fn write_u16(&mut self, number: u16) {
        self.turn(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.turn(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.turn(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.turn(number as u64);
    }

    fn finish(&self) -> u64 {
        // The tables of std take their slot from the low bits and their tag from the high ones: both must be good.
        let product = u128::from(self.0) * u128::from(FACTOR);
        (product as u64) ^ ((product >> 64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{Hash, Hasher};

    use super::ShortHasher;

    #[test]
    fn names_that_differ_in_one_digit_are_spread_over_all_slots() {
        let of = |name: String| {
            let mut hasher = ShortHasher::default();
            name.hash(&mut hasher);
            hasher.finish()
        };
        let hashes: Vec<u64> = (0..100_000).map(|index| of(format!("bench.done@node/n{index}"))).collect();
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len());
        for shift in [0, 57] {
            // 128 slots of about 781 names; a good hash is off by less than six times the root of that.
            let mut slots = [0_u32; 128];
            hashes.iter().for_each(|hash| slots[(hash >> shift) as usize % 128] += 1);
            assert!(slots.iter().all(|&count| (610..950).contains(&count)), "{slots:?}");
        }
    }
}
