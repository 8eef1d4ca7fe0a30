//! The mark of a name: a TXT record beside it, `_dip.<name> TXT "site=<site>"`.

use dip_core::id::SiteName;

use super::record::Data;

/// The label of the record that marks a name.
const LABEL: &str = "_dip.";

/// Goes before the site's name in the record.
const SITE: &str = "site=";

/// Where the mark of a name stands.
pub(super) fn mark_name(name: &str) -> String {
    format!("{LABEL}{name}")
}

/// The name whose mark stands there.
pub(super) fn marked_name(at: &str) -> Option<&str> {
    at.strip_prefix(LABEL)
}

/// What the mark of a site says.
pub(super) fn mark(owner: &SiteName) -> Data {
    Data::Txt(format!("{SITE}{owner}"))
}

/// The site that a mark names.
pub(super) fn marked_by(data: &Data) -> Option<SiteName> {
    let Data::Txt(text) = data else { return None };
    SiteName::new(text.strip_prefix(SITE)?).ok()
}
