//! What a machine tells of itself, without what makers leave in fields that nobody filled in.

/// A field as told, or `None` where it is blank or says that nobody filled it in.
pub(super) fn told(field: Option<&str>) -> Option<String> {
    /// Seen in recorded answers of several makers, in their own and other spellings.
    const NOTHING: &[&str] = &[
        "default string",
        "n/a",
        "na",
        "none",
        "not available",
        "not specified",
        "null",
        "o.e.m.",
        "system serial number",
        "to be filled by o.e.m.",
        "unknown",
    ];
    let text = field?.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let nothing = text.is_empty() || NOTHING.contains(&text.to_lowercase().as_str()) || text.chars().all(|c| c == '0');
    (!nothing).then(|| text.to_owned())
}

/// A UUID in the canonical lower-case form, or `None` where the text is none, or one that means "no UUID".
#[cfg(feature = "redfish")]
pub(super) fn uuid(field: Option<&str>) -> Option<String> {
    let text = told(field)?.to_lowercase();
    let groups: Vec<_> = text.split('-').collect();
    let sound = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let blank = text.chars().all(|c| matches!(c, '0' | '-')) || text.chars().all(|c| matches!(c, 'f' | '-'));
    (sound && !blank).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_filled_in_is_not_told() {
        for blank in ["", "  ", "To be filled by O.E.M.", "Not Specified", "N/A", "Default string", "0000000000"] {
            assert_eq!(told(Some(blank)), None, "{blank}");
        }
        assert_eq!(told(None), None);
        assert_eq!(told(Some(" SN-1\0 ")), Some("SN-1".to_owned()));
        assert_eq!(told(Some("007")), Some("007".to_owned()));
    }

    #[cfg(feature = "redfish")]
    #[test]
    fn a_uuid_is_told_in_one_spelling() {
        let uuid = |text| super::uuid(Some(text));
        assert_eq!(
            uuid("4C4C4544-0030-5210-8047-C6C04F5A4333").as_deref(),
            Some("4c4c4544-0030-5210-8047-c6c04f5a4333")
        );
        assert_eq!(uuid("4C4C4544"), None);
        assert_eq!(uuid("00000000-0000-0000-0000-000000000000"), None);
        assert_eq!(uuid("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"), None);
    }
}
