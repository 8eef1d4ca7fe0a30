//! Who holds addresses by what a DHCP server knows, under the trials of `Ipam`.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial};
use dip_core::hardware::MacAddr;
use dip_core::provider::{Holder, Ipam, Providers};
use dip_core::subject::Subject;
use dip_network::conformance::{self, DhcpHarness, IpamHarness};
use dip_network::provider::{Dhcp, Reservation};
use dip_network::providers::SiteRanges;
use serde_json::json;

use crate::step;

/// The trials of `Dhcp` for a server of a kind, and those of `Ipam` for what it knows.
pub(crate) fn dhcp_and_ipam<H: DhcpHarness + 'static>(kind: &'static str, rig: &Arc<H>) -> Vec<Trial> {
    let dhcp: Arc<dyn DhcpHarness> = Arc::clone(rig) as _;
    let mut trials = conformance::dhcp(Arc::clone(&dhcp));
    trials.extend(conformance::ipam(Arc::new(ByDhcp { kind, dhcp })));
    trials
}

/// The addresses of a site with one DHCP server of a kind.
struct ByDhcp {
    kind: &'static str,
    dhcp: Arc<dyn DhcpHarness>,
}

impl ByDhcp {
    fn ranges(&self, dhcp: &Arc<dyn Dhcp>) -> Arc<dyn Ipam> {
        let site =
            step::site().and_then(|site| step::with_dhcp(site, self.kind, json!({}), "02:d1:70:00:09:01", "10.77.9.1"));
        let site = site.expect("the site is made here");
        let mut providers = Providers::new();
        for name in site.services.keys() {
            providers.insert::<dyn Dhcp>(&Subject::service(name), Arc::clone(dhcp));
        }
        Arc::new(SiteRanges::of(&site, &providers).expect("the site has a network"))
    }
}

#[async_trait]
impl IpamHarness for ByDhcp {
    fn ipam(&self) -> Arc<dyn Ipam> {
        self.ranges(&self.dhcp.dhcp())
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Ipam>> {
        self.dhcp.of_dead_server().map(|dhcp| self.ranges(&dhcp))
    }

    fn fresh(&self) -> (IpAddr, MacAddr) {
        let fresh = self.dhcp.fresh();
        (fresh.addresses[0], fresh.mac)
    }

    async fn give(&self, address: IpAddr, mac: MacAddr, to: &Holder) -> Result<Option<()>, Failure> {
        let host_name = Some(format!("h{}", mac.0[5]));
        let reservation = Reservation { mac, addresses: vec![address], host_name, duid: None, boot: None };
        match to {
            Holder::Nobody => self.dhcp.seed_unmarked(&reservation).await,
            Holder::Site(site) => Ok(Some(self.dhcp.dhcp().reserve(&reservation, site).await?)),
        }
    }

    async fn take(&self, _: IpAddr, mac: MacAddr, from: &Holder) -> Result<(), Failure> {
        let site = from.site().ok_or("only a site gives back")?;
        Ok(self.dhcp.dhcp().release(mac, site).await?)
    }
}
