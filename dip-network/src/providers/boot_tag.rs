//! How boot files are called in a server that keeps them apart from the reservations that have them: `dip-lab-boot-3f2a91c0`.

use dip_core::id::SiteName;

use crate::provider::BootFiles;

/// The name of a site's boot files. Other files have another name, so what a reservation has never changes under it.
pub(super) fn tag(site: &SiteName, boot: &BootFiles) -> String {
    format!("dip-{site}-boot-{}", boot.tag())
}

/// Whether a name could be one of dip's.
pub(super) fn is_tag(text: &str) -> bool {
    let parts = text.strip_prefix("dip-").and_then(|rest| rest.rsplit_once("-boot-"));
    parts.is_some_and(|(_, tag)| tag.len() == 8 && tag.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a name is one of a site.
#[cfg(feature = "kea")]
pub(super) fn is_tag_of(text: &str, site: &SiteName) -> bool {
    is_tag(text) && text.rsplit_once("-boot-").is_some_and(|(head, _)| head == format!("dip-{site}"))
}
