//! How boot files are called in a server that keeps them apart from the reservations that have them: `dip-lab-boot-3f2a91c0`.

use dip_core::id::SiteName;

use crate::provider::BootFiles;

/// The name of a site's boot files. Other files have another name, so what a reservation has never changes under it.
pub(super) fn tag(site: &SiteName, boot: &BootFiles) -> String {
    format!("dip-{site}-boot-{}", boot.tag())
}

/// The site of a name; `None` where it is none of dip's.
pub(super) fn site_of(text: &str) -> Option<SiteName> {
    let (site, tag) = text.strip_prefix("dip-")?.rsplit_once("-boot-")?;
    let is_tag = tag.len() == 8 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    SiteName::new(site).ok().filter(|_| is_tag)
}

/// Whether a name is one of dip's.
pub(super) fn is_tag(text: &str) -> bool {
    site_of(text).is_some()
}
