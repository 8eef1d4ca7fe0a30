//! The addresses of the simulated site.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::{Failure, PoolHarness};
use dip_core::hardware::MacAddr;
use dip_core::id::{ServiceName, SiteName};
use dip_core::provider::{AddressPool, Holder, Ipam};
use dip_core::subject::Subject;
use dip_network::conformance::IpamHarness;
use dip_network::provider::{Dhcp, Held, Reservation};
use dip_sandbox::Access;
use ipnetwork::IpNetwork;

use crate::datacenter::Datacenter;

pub(crate) struct Harness(Arc<Datacenter>);

impl Harness {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    fn of(&self, access: Access) -> Arc<dyn Ipam> {
        let site = SiteName::new("conformance").expect("a name");
        self.0.provider(&Subject::addresses(&site), access)
    }
}

fn dhcp() -> ServiceName {
    ServiceName::new("dhcp").expect("a name")
}

#[async_trait]
impl IpamHarness for Harness {
    fn ipam(&self) -> Arc<dyn Ipam> {
        self.of(Access::Granted)
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Ipam>> {
        Some(self.of(Access::DeadServer))
    }

    fn fresh(&self) -> (IpAddr, MacAddr) {
        let [high, low] = self.0.fresh().to_be_bytes();
        (IpAddr::from([10, 4, high, low]), MacAddr([2, 0, 0, 10, high, low]))
    }

    async fn give(&self, address: IpAddr, mac: MacAddr, to: &Holder) -> Result<Option<()>, Failure> {
        let reservation = Reservation { mac, addresses: vec![address], host_name: None, duid: None, boot: None };
        let held = Held { reservation, owner: to.site().cloned() };
        self.0.sandbox.by_hand().write_reservation(&dhcp(), held);
        Ok(Some(()))
    }

    async fn take(&self, _: IpAddr, mac: MacAddr, from: &Holder) -> Result<(), Failure> {
        let site = from.site().ok_or("only a site gives back")?;
        let dhcp = self.0.provider::<dyn Dhcp>(&Subject::service(&dhcp()), Access::Granted);
        Ok(dhcp.release(mac, site).await?)
    }
}

/// Addresses out of the prefixes of the simulated CMDB.
pub(crate) struct Pool(Arc<Datacenter>);

impl Pool {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    fn of(&self, access: Access) -> Arc<dyn AddressPool> {
        self.0.provider(&Subject::service(&cmdb()), access)
    }
}

fn cmdb() -> ServiceName {
    ServiceName::new("cmdb").expect("a name")
}

#[async_trait]
impl PoolHarness for Pool {
    fn pool(&self) -> Arc<dyn AddressPool> {
        self.of(Access::Granted)
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn AddressPool>> {
        Some(self.of(Access::WrongCredentials))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn AddressPool>> {
        Some(self.of(Access::DeadServer))
    }

    async fn fresh(&self) -> Result<IpNetwork, Failure> {
        // Of the prefix 10.6.0.0/16 of the site.
        Ok(IpNetwork::new(IpAddr::from([10, 6, u8::try_from(self.0.fresh())?, 0]), 24)?)
    }

    fn unknown(&self) -> IpNetwork {
        IpNetwork::new(IpAddr::from([192, 0, 2, 0]), 24).expect("a prefix")
    }

    async fn give(&self, address: IpNetwork) -> Result<(), Failure> {
        self.0.sandbox.by_hand().write_address(&cmdb(), address.ip(), Holder::Nobody);
        Ok(())
    }
}
