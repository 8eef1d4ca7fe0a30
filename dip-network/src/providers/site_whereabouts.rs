//! Where the interfaces of a site are, as its DHCP servers know it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::provider::{ProviderError, Providers, Whereabouts};
use dip_core::site::Site;
use dip_core::subject::Subject;

use crate::provider::Dhcp;
use crate::settings::DHCP_KINDS;

/// The reservations and leases of all DHCP servers of a site.
pub struct SiteWhereabouts(Vec<Arc<dyn Dhcp>>);

impl fmt::Debug for SiteWhereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SiteWhereabouts").field(&self.0.len()).finish()
    }
}

impl SiteWhereabouts {
    /// By the DHCP servers of a site that are among the providers; `None` where there is none.
    #[must_use]
    pub fn of(site: &Site, providers: &Providers) -> Option<Self> {
        let of_service = |name| providers.find::<dyn Dhcp>(&Subject::service(name)).ok();
        let all: Vec<_> = site.services_of(DHCP_KINDS).filter_map(|service| of_service(&service.name)).collect();
        (!all.is_empty()).then_some(Self(all))
    }
}

#[async_trait]
impl Whereabouts for SiteWhereabouts {
    async fn addresses_of(&self, mac: MacAddr) -> Result<Vec<IpAddr>, ProviderError> {
        let mut all = Vec::new();
        for dhcp in &self.0 {
            all.extend(dhcp.reservation(mac).await?.into_iter().flat_map(|held| held.reservation.addresses));
            all.extend(dhcp.leases(mac).await?);
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}
