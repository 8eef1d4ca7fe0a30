//! Versions of firmware, as makers write them: `2.72`, `iLO 5 v2.72`, `v2.12.0-dev-5`.

use std::cmp::Ordering;

/// A version, in numbers from the left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version(Vec<u64>);

impl Version {
    /// The first run of numbers with points between them; `None` where there is none.
    pub(super) fn find(text: &str) -> Option<Self> {
        text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|run| run.trim_matches('.')).find_map(|run| {
            let parts: Option<Vec<u64>> = run.split('.').map(|part| part.parse().ok()).collect();
            parts.filter(|parts| parts.len() > 1).map(Self)
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let longest = self.0.len().max(other.0.len());
        let part = |version: &Self, at: usize| version.0.get(at).copied().unwrap_or(0);
        (0..longest)
            .map(|at| part(self, at).cmp(&part(other, at)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_among_other_words() {
        for (text, wanted) in [
            ("2.72", Some(vec![2, 72])),
            ("iLO 5 v2.72", Some(vec![2, 72])),
            ("v2.12.0-dev-5-gabc", Some(vec![2, 12, 0])),
            ("AFBT10N 9.10 2024-03-01", Some(vec![9, 10])),
            ("1.45.455b66-rev4", Some(vec![1, 45, 455])),
            ("none", None),
            ("7", None),
            ("99999999999999999999.1", None),
        ] {
            assert_eq!(Version::find(text).map(|version| version.0), wanted, "{text}");
        }
    }

    #[test]
    fn versions_are_compared_by_numbers_and_missing_ones_are_zero() {
        let version = |text| Version::find(text).expect("a version");
        assert!(version("9.10") > version("9.9"));
        assert_eq!(version("9.10").cmp(&version("9.10.0")), Ordering::Equal);
        assert!(version("1.20.50.52") < version("1.21.0.0"));
    }
}
