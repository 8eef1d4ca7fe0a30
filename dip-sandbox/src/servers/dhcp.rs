//! A simulated DHCP server.

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::id::{ServiceName, SiteName};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_network::provider::{Dhcp, Held, Reservation};

use crate::line::{Intent, Line};
use crate::world::Reservations;

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

#[async_trait]
impl Dhcp for SandboxDhcp {
    async fn reservation(&self, mac: MacAddr) -> Result<Option<Held>, ProviderError> {
        self.line.carry(Intent::Look, &format!("look up the reservation of {mac}")).await?;
        Ok(self.act(|reservations| reservations.find(mac).cloned()))
    }

    async fn reserve(&self, reservation: &Reservation, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("reserve addresses for {}", reservation.mac);
        if reservation.addresses.is_empty() {
            return Err(self.line.error(ErrorKind::Invalid, action).because("a reservation needs an address"));
        }
        self.line.carry(Intent::Change, &action).await?;
        let outcome = self.act(|reservations| Some(reservations.reserve(reservation, owner)));
        match outcome.unwrap_or(Ok(false)) {
            Ok(changed) => {
                if changed {
                    self.line.world().ledger.count(self.line.subject(), format!("reserve for {}", reservation.mac));
                }
                Ok(())
            }
            Err(foreign) => Err(self.line.conflict(action, &foreign)),
        }
    }

    async fn release(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("release the reservation of {mac}");
        self.line.carry(Intent::Change, &action).await?;
        match self.act(|reservations| Some(reservations.release(mac, owner))).unwrap_or(Ok(false)) {
            Ok(changed) => {
                if changed {
                    self.line.world().ledger.count(self.line.subject(), format!("release of {mac}"));
                }
                Ok(())
            }
            Err(foreign) => Err(self.line.conflict(action, &foreign)),
        }
    }

    async fn list(&self) -> Result<Vec<Held>, ProviderError> {
        self.line.carry(Intent::Look, "list the reservations").await?;
        Ok(self.act(|reservations| reservations.iter().cloned().collect()))
    }
}
