//! The names of a site and of its domains, read as the same for two sites of one base.

use serde_json::Value;

use crate::site::Site;

/// The names that are read as something else, the longest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    /// All names are what they are.
    pub(super) const fn kept() -> Self {
        Self(Vec::new())
    }

    /// The names of the site and its domains are read as `<site>` and `<domain>`.
    pub(super) fn of_site(site: &Site) -> Self {
        let mut names = vec![(site.name.to_string(), "<site>".to_owned())];
        names.extend(site.domain.iter().map(|domain| (domain.clone(), "<domain>".to_owned())));
        for network in site.networks.values() {
            let read_as = || format!("<domain of {}>", network.name);
            names.extend(network.domain.iter().map(|domain| (domain.clone(), read_as())));
        }
        // One domain may lie in another, and the site's name in both.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.dedup_by(|later, kept| later.0 == kept.0);
        Self(names)
    }

    pub(super) fn read(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, read_as)| replace(&text, name, read_as))
    }

    /// A value with all its texts read; keys stay.
    pub(super) fn read_all(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.read(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.read_all(item)).collect(),
            Value::Object(map) => map.into_iter().map(|(key, value)| (key, self.read_all(value))).collect(),
            other => other,
        }
    }
}

/// Replaces a name where it stands for itself: behind a dot a domain does, and a site in the midst of a longer name does not.
fn replace(text: &str, name: &str, by: &str) -> String {
    let is_domain = name.contains('.');
    let is_inner = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, found) = rest.split_at(at);
        let after = &found[name.len()..];
        out.push_str(before);
        let joins_before = |c: char| is_inner(c) || (c == '.' && !is_domain);
        let goes_on = after.trim_start_matches('.').starts_with(|c: char| is_inner(c)) && after.starts_with('.');
        let is_part = out.chars().next_back().is_some_and(joins_before) || after.starts_with(is_inner) || goes_on;
        out.push_str(if is_part { name } else { by });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn a_name_is_read_only_where_it_stands_for_itself() {
        assert_eq!(replace("n1.lab.example", "lab.example", "<domain>"), "n1.<domain>");
        assert_eq!(replace("n1.lab.example.", "lab.example", "<domain>"), "n1.<domain>.");
        assert_eq!(replace("lab.example.org", "lab.example", "<domain>"), "lab.example.org");
        assert_eq!(replace("owner lab, not labs or lab.local", "lab", "<site>"), "owner <site>, not labs or lab.local");
    }
}
