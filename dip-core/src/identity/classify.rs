//! Which profile a machine gets by what it consists of: rules of the site, the first that fits. Pure.

use serde::{Deserialize, Serialize};

use crate::hardware::{Hardware, Identity};
use crate::id::ProfileName;
use crate::site::Origin;

/// A rule: machines that fit all of it get the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The profile.
    pub profile: ProfileName,
    /// The maker, `*` for any characters; the size of letters does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// The model, as the maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The least number of cores, over all processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u64>,
    /// The least memory in GiB, over all modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gib: Option<u64>,
    /// The least number of disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disks: Option<usize>,
    /// Where it stands in the site file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What the rules say of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified<'r> {
    /// The first rule that fits; `None` where none does.
    pub rule: Option<&'r Rule>,
    /// Later rules that fit too and would give another profile: it depends on the order of the rules alone.
    pub others: Vec<&'r Rule>,
}

impl Rule {
    /// What rules say of a machine. What its controller does not tell fits no rule that asks for it.
    #[must_use]
    pub fn classify<'r>(rules: &'r [Self], identity: &Identity, hardware: &Hardware) -> Classified<'r> {
        let mut fitting = rules.iter().filter(|rule| rule.fits(identity, hardware));
        let rule = fitting.next();
        let others = fitting.filter(|other| rule.is_some_and(|rule| rule.profile != other.profile)).collect();
        Classified { rule, others }
    }

    fn fits(&self, identity: &Identity, hardware: &Hardware) -> bool {
        let text = |pattern: &Option<String>, told: &Option<String>| {
            pattern.as_ref().is_none_or(|pattern| told.as_ref().is_some_and(|told| is_like(pattern, told)))
        };
        let cores = hardware.processors.as_ref().map(|all| all.iter().filter_map(|one| one.cores).map(u64::from).sum());
        let mebibytes: Option<u64> =
            hardware.memory.as_ref().map(|all| all.iter().filter_map(|one| one.mebibytes).sum());
        text(&self.manufacturer, &identity.manufacturer)
            && text(&self.model, &identity.model)
            && at_least(self.cores, cores)
            && at_least(self.memory_gib.map(|gib| gib * 1024), mebibytes)
            && at_least(self.disks, hardware.disks.as_ref().map(Vec::len))
    }
}

fn at_least<N: PartialOrd>(least: Option<N>, told: Option<N>) -> bool {
    least.is_none_or(|least| told.is_some_and(|told| told >= least))
}

/// Whether a text is like a pattern in which `*` stands for any characters, also none.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.trim().to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        // The first place is as good as any: what comes behind it only gets longer.
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hardware::{Disk, MemoryModule, Processor};

    fn rule(profile: &str) -> Rule {
        Rule {
            profile: ProfileName::new(profile).expect("a name"),
            manufacturer: None,
            model: None,
            cores: None,
            memory_gib: None,
            disks: None,
            origin: None,
        }
    }

    fn machine(disks: usize) -> (Identity, Hardware) {
        let identity = Identity { model: Some("PowerEdge R650".to_owned()), ..Identity::default() };
        let processor = Processor { cores: Some(32), ..Processor::default() };
        let module = MemoryModule { mebibytes: Some(32_768), ..MemoryModule::default() };
        let hardware = Hardware {
            processors: Some(vec![processor; 2]),
            memory: Some(vec![module; 16]),
            disks: Some(vec![Disk::default(); disks]),
            ..Hardware::default()
        };
        (identity, hardware)
    }

    #[test]
    fn the_first_rule_that_fits_gives_the_profile_and_others_that_would_are_told() {
        let rules = [
            Rule { disks: Some(10), ..rule("storage") },
            Rule { model: Some("poweredge r6*".to_owned()), cores: Some(64), memory_gib: Some(512), ..rule("compute") },
            Rule { model: Some("*".to_owned()), ..rule("other") },
        ];
        let profiles = |disks| {
            let (identity, hardware) = machine(disks);
            let Classified { rule, others } = Rule::classify(&rules, &identity, &hardware);
            let name = |rule: &Rule| rule.profile.to_string();
            (rule.map(name), others.into_iter().map(name).collect::<Vec<_>>())
        };
        assert_eq!(profiles(12), (Some("storage".into()), vec!["compute".to_owned(), "other".to_owned()]));
        assert_eq!(profiles(2), (Some("compute".into()), vec!["other".to_owned()]));
    }

    #[test]
    fn what_is_not_told_fits_no_rule_that_asks_for_it() {
        let asks = [Rule { disks: Some(1), ..rule("storage") }, Rule { model: Some("*".to_owned()), ..rule("any") }];
        let nothing = Rule::classify(&asks, &Identity::default(), &Hardware::default());
        assert_eq!(nothing, Classified { rule: None, others: vec![] });
    }

    /// The obvious way, character by character.
    fn oracle(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => oracle(&pattern[1..], text) || (!text.is_empty() && oracle(pattern, &text[1..])),
            (Some(one), Some(other)) => one == other && oracle(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_mean_what_they_say(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(is_like(&pattern, &text), oracle(&chars(&pattern), &chars(&text)));
        }
    }
}
