//! The simulated DHCP server.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::hardware::MacAddr;
use dip_core::id::ServiceName;
use dip_core::subject::Subject;
use dip_network::conformance::{DhcpClients, DhcpHarness};
use dip_network::provider::{BootClient, BootFiles, ClientArchitecture, Dhcp, Held, Reservation};
use dip_sandbox::Access;

use crate::datacenter::Datacenter;

#[derive(Clone)]
pub(crate) struct Harness(Arc<Datacenter>);

impl Harness {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    fn of(&self, access: Access) -> Arc<dyn Dhcp> {
        self.0.provider(&Subject::service(&name()), access)
    }
}

fn name() -> ServiceName {
    ServiceName::new("dhcp").expect("a name")
}

#[async_trait]
impl DhcpHarness for Harness {
    fn dhcp(&self) -> Arc<dyn Dhcp> {
        self.of(Access::Granted)
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dhcp>> {
        Some(self.of(Access::WrongCredentials))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Dhcp>> {
        Some(self.of(Access::DeadServer))
    }

    fn fresh(&self) -> Reservation {
        let number = self.0.fresh();
        let [high, low] = number.to_be_bytes();
        Reservation {
            mac: MacAddr([2, 0, 0, 9, high, low]),
            addresses: vec![IpAddr::from([10, 3, high, low])],
            host_name: Some(format!("h{number}")),
            duid: None,
            boot: None,
        }
    }

    async fn seed_unmarked(&self, reservation: &Reservation) -> Result<Option<()>, Failure> {
        let held = Held { reservation: reservation.clone(), owner: None };
        self.0.sandbox.by_hand().write_reservation(&name(), held);
        Ok(Some(()))
    }

    fn clients(&self) -> Option<Arc<dyn DhcpClients>> {
        Some(Arc::new(self.clone()))
    }
}

/// What the simulated nodes go by: the truth of the server, not what its provider tells.
#[async_trait]
impl DhcpClients for Harness {
    async fn lease(&self, mac: MacAddr) -> Result<Option<IpAddr>, Failure> {
        let snapshot = self.0.sandbox.snapshot();
        let held = snapshot.reservations.get(&name()).into_iter().flatten().find(|held| held.reservation.mac == mac);
        Ok(held.and_then(|held| held.reservation.addresses.first().copied()))
    }

    async fn boot(
        &self,
        mac: MacAddr,
        architecture: u16,
        user_class: Option<&'static str>,
    ) -> Result<Option<(Ipv4Addr, String)>, Failure> {
        let Some(boot) = self.told(mac) else { return Ok(None) };
        let file = boot.file(client(architecture, user_class)?);
        Ok(boot.server().zip(file).map(|(server, file)| (server, file.to_owned())))
    }

    async fn boot6(
        &self,
        mac: MacAddr,
        architecture: u16,
        user_class: Option<&'static str>,
    ) -> Result<Option<String>, Failure> {
        let client = client(architecture, user_class)?;
        Ok(self.told(mac).and_then(|boot| boot.url(client)))
    }
}

impl Harness {
    /// The boot files that an interface is told.
    fn told(&self, mac: MacAddr) -> Option<BootFiles> {
        let snapshot = self.0.sandbox.snapshot();
        let mut all = snapshot.reservations.get(&name()).into_iter().flatten();
        all.find(|held| held.reservation.mac == mac)?.reservation.told_boot()
    }
}

fn client(architecture: u16, user_class: Option<&'static str>) -> Result<BootClient, Failure> {
    Ok(match user_class {
        Some(_) => BootClient::Ipxe,
        None => BootClient::Firmware(ClientArchitecture::of(architecture).ok_or("dip has nothing for it")?),
    })
}
