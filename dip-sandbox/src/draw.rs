//! Draws by seed: the same seed, key and count give the same number, whatever was drawn before for anybody else.

use std::hash::Hasher;
use std::time::Duration;

/// Draws numbers that depend only on the seed and on what they are for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw {
    seed: u64,
}

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The `count`-th number for a purpose of somebody.
    pub(crate) fn number(self, who: &str, purpose: &str, count: u64) -> u64 {
        let mut hash = Fnv::default();
        hash.write(who.as_bytes());
        hash.write(&[0]);
        hash.write(purpose.as_bytes());
        mix(mix(hash.finish() ^ self.seed).wrapping_add(count))
    }

    /// A span between two others.
    pub(crate) fn span(self, who: &str, purpose: &str, count: u64, range: (Duration, Duration)) -> Duration {
        let (low, high) = range;
        let width = u64::try_from(high.saturating_sub(low).as_micros()).unwrap_or(u64::MAX);
        if width == 0 {
            return low;
        }
        low + Duration::from_micros(self.number(who, purpose, count) % width)
    }

    /// Whether something with this probability happens.
    pub(crate) fn happens(self, who: &str, purpose: &str, probability: f64) -> bool {
        // 53 bits are what an f64 holds exactly.
        #[allow(clippy::cast_precision_loss)]
        let part = (self.number(who, purpose, 0) >> 11) as f64 / (1_u64 << 53) as f64;
        part < probability
    }

    /// A version 4 UUID (RFC 9562, section 5.4).
    pub(crate) fn uuid(self, who: &str, purpose: &str, count: u64) -> String {
        let high = self.number(who, purpose, count.wrapping_mul(2));
        let low = self.number(who, purpose, count.wrapping_mul(2).wrapping_add(1));
        let high = (high & !0xf000) | 0x4000;
        let low = (low & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

/// The finaliser of `SplitMix64`: every bit of the input changes half of the output's.
const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// FNV-1a: the standard library's hasher may change between releases, and a seed must not.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_another_seed_others() {
        let draw = Draw::new(7);
        assert_eq!(draw.number("node/n1", "post", 0), Draw::new(7).number("node/n1", "post", 0));
        assert_ne!(draw.number("node/n1", "post", 0), Draw::new(8).number("node/n1", "post", 0));
        assert_ne!(draw.number("node/n1", "post", 0), draw.number("node/n2", "post", 0));
    }

    #[test]
    fn a_span_stays_within_its_bounds() {
        let range = (Duration::from_secs(60), Duration::from_secs(90));
        for count in 0..1_000 {
            let span = Draw::new(1).span("node/n1", "post", count, range);
            assert!(range.0 <= span && span < range.1, "{span:?}");
        }
    }

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        let uuid = Draw::new(3).uuid("node/n1", "system", 0);
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
    }

    #[test]
    fn a_rate_is_about_kept() {
        let hits = (0..10_000).filter(|n| Draw::new(5).happens(&format!("node/n{n}"), "fault", 0.1)).count();
        assert!((800..1_200).contains(&hits), "{hits}");
    }
}
