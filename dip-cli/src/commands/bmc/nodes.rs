//! Which nodes a person means.

use dip::core::id::NodeName;
use dip::core::site::Site;

use crate::args::Bmc;
use crate::error::CliError;

/// The nodes with a BMC that were named, each once, in the order of their names.
pub(super) fn named(site: &Site, args: &Bmc) -> Result<Vec<NodeName>, CliError> {
    let with_bmc = || site.nodes.values().filter(|node| node.bmc.is_some()).map(|node| node.name.clone());
    if args.all {
        let all: Vec<NodeName> = with_bmc().collect();
        return if all.is_empty() {
            Err(CliError::Usage(format!("no node of {} has a BMC", site.name)))
        } else {
            Ok(all)
        };
    }
    let mut found = std::collections::BTreeSet::new();
    for wanted in &args.nodes {
        let matching: Vec<NodeName> = with_bmc().filter(|name| fits(wanted, name.as_str())).collect();
        if matching.is_empty() {
            return Err(CliError::Usage(unknown(site, wanted)));
        }
        found.extend(matching);
    }
    Ok(found.into_iter().collect())
}

fn unknown(site: &Site, wanted: &str) -> String {
    match site.nodes.keys().find(|name| fits(wanted, name.as_str())) {
        Some(name) => format!("node `{name}` has no `bmc` in the site file"),
        None if wanted.contains('*') => format!("no node of {} is named like `{wanted}`", site.name),
        None => {
            let near = site.nearest_node(wanted);
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            format!("{} has no node `{wanted}`{near}", site.name)
        }
    }
}

/// Whether a name fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, does) in [
            ("r1-n1", "r1-n1", true),
            ("r1-n1", "r1-n10", false),
            ("r1-*", "r1-n10", true),
            ("r1-*", "r2-n1", false),
            ("*-n1", "r1-n1", true),
            ("*-n1", "r1-n10", false),
            ("r*-n*0", "r12-n30", true),
            ("r*-n*0", "r12-x30", false),
            ("*", "anything", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits(pattern, name), does, "{pattern} {name}");
        }
    }
}
