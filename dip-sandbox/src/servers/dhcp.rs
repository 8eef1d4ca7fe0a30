//! A simulated DHCP server.

use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::id::{ServiceName, SiteName};
use dip_core::provider::{ErrorKind, Holder, ProviderError};
use dip_network::provider::{Dhcp, Held, Reservation};

use crate::line::{Intent, Line};
use crate::world::{Foreign, Reservations};

#[derive(Debug)]
pub(crate) struct SandboxDhcp {
    line: Line,
    name: ServiceName,
}

impl SandboxDhcp {
    pub(crate) const fn new(line: Line, name: ServiceName) -> Self {
        Self { line, name }
    }

    fn act<T: Default>(&self, act: impl FnOnce(&mut Reservations) -> T) -> T {
        self.line.world().reservations(&self.name, act).unwrap_or_default()
    }
}

impl SandboxDhcp {
    async fn change(
        &self,
        action: String,
        word: String,
        change: impl FnOnce(&mut Reservations) -> Result<bool, Foreign> + Send,
    ) -> Result<(), ProviderError> {
        self.line.carry(Intent::Change, &action).await?;
        match self.act(|reservations| Some(change(reservations))).unwrap_or(Ok(false)) {
            Ok(changed) => {
                if changed {
                    self.line.world().ledger.count(self.line.subject(), word);
                }
                Ok(())
            }
            Err(foreign) => Err(self.line.conflict(action, &foreign)),
        }
    }
}

#[async_trait]
impl Dhcp for SandboxDhcp {
    async fn reservation(&self, mac: MacAddr) -> Result<Option<Held>, ProviderError> {
        self.line.carry(Intent::Look, &format!("look up the reservation of {mac}")).await?;
        Ok(self.act(|reservations| reservations.find(mac).cloned()))
    }

    /// A simulated server lends nothing beside its reservations.
    async fn leases(&self, mac: MacAddr) -> Result<Vec<IpAddr>, ProviderError> {
        self.line.carry(Intent::Look, &format!("look up the leases of {mac}")).await?;
        Ok(Vec::new())
    }

    async fn reserve(&self, reservation: &Reservation, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("reserve addresses for {}", reservation.mac);
        if reservation.addresses.is_empty() {
            return Err(self.line.error(ErrorKind::Invalid, action).because("a reservation needs an address"));
        }
        if reservation.boot.is_some() && reservation.told_boot().is_none() {
            let why = "boot files go with an address of a family that they have a server in";
            return Err(self.line.error(ErrorKind::Invalid, action).because(why));
        }
        let word = format!("reserve for {}", reservation.mac);
        self.change(action, word, |reservations| reservations.reserve(reservation, owner)).await
    }

    async fn release(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("release the reservation of {mac}");
        self.change(action, format!("release of {mac}"), |reservations| reservations.release(mac, owner)).await
    }

    async fn claim(&self, mac: MacAddr, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let (action, to) = (format!("claim the reservation of {mac}"), Holder::Site(owner.clone()));
        self.change(action, format!("mark of {mac}"), |reservations| reservations.hand_over(mac, from, &to)).await
    }

    async fn disown(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let (action, from) = (format!("take the mark off the reservation of {mac}"), Holder::Site(owner.clone()));
        let to = Holder::Nobody;
        self.change(action, format!("mark of {mac}"), |reservations| reservations.hand_over(mac, &from, &to)).await
    }

    async fn list(&self) -> Result<Vec<Held>, ProviderError> {
        self.line.carry(Intent::Look, "list the reservations").await?;
        Ok(self.act(|reservations| reservations.iter().cloned().collect()))
    }
}
