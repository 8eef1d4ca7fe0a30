//! DNS names as this layer writes them: in lower case, without a dot at their end.

/// A name as this layer writes it.
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a name is a domain or below it; all names are below the root, which is empty.
pub(super) fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.') || domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_below_its_domains_and_not_below_one_that_merely_ends_alike() {
        assert_eq!(plain("N1.Lab.Example."), "n1.lab.example");
        for domain in ["n1.lab.example", "lab.example", "example", ""] {
            assert!(is_below("n1.lab.example", domain), "{domain}");
        }
        assert!(!is_below("n1.notlab.example", "lab.example"));
        assert!(!is_below("lab.example", "n1.lab.example"));
    }
}
