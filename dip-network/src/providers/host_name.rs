//! Which host names a DHCP server can tell a client.

/// Letters, digits and hyphens, in labels that dots part (RFC 1123, section 2.1).
#[cfg(feature = "kea")]
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

/// A name without dots.
pub(super) fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}
