//! The addresses of a simulated CMDB: every prefix is kept there that a network of the site has.

use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::id::{ServiceName, SiteName};
use dip_core::provider::{AddressHolder, AddressPool, ErrorKind, ProviderError};
use ipnetwork::IpNetwork;

use super::cmdb::change_records;
use crate::line::{Intent, Line};
use crate::world::{ForeignRecord, Records};

#[derive(Debug)]
pub(crate) struct SandboxPool {
    line: Line,
    name: ServiceName,
}

impl SandboxPool {
    pub(crate) const fn new(line: Line, name: ServiceName) -> Self {
        Self { line, name }
    }

    fn act<T>(&self, act: impl FnOnce(&mut Records) -> T) -> Option<T> {
        self.line.world().records(&self.name, act)
    }

    async fn change(
        &self,
        action: String,
        change: impl FnOnce(&mut Records) -> Result<bool, ForeignRecord> + Send,
    ) -> Result<(), ProviderError> {
        change_records(&self.line, &self.name, action.clone(), action, change).await
    }
}

#[async_trait]
impl AddressPool for SandboxPool {
    async fn free(&self, prefix: IpNetwork, most: usize) -> Result<Vec<IpAddr>, ProviderError> {
        let action = format!("ask which addresses of {prefix} are free");
        self.line.carry(Intent::Look, &action).await?;
        let mut kept = self.line.world().site.networks.values().flat_map(|network| &network.prefixes);
        if !kept.any(|known| known.prefix.contains(prefix.network())) {
            return Err(self.line.error(ErrorKind::NotFound, action).advise(format!("there is no prefix {prefix}")));
        }
        Ok(self.act(|records| records.free(prefix, most)).unwrap_or_default())
    }

    async fn holder(&self, address: IpAddr) -> Result<Option<AddressHolder>, ProviderError> {
        self.line.carry(Intent::Look, &format!("ask who has {address}")).await?;
        let holder = self.act(|records| records.holder(address)).flatten();
        let record = format!("the address {address} in `{}`", self.name);
        Ok(holder.map(|holder| AddressHolder { record, mac: None, name: None, holder }))
    }

    async fn take(&self, address: IpNetwork, _: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let ip = address.ip();
        self.change(format!("take the address {ip}"), |records| records.take_address(ip, owner)).await
    }

    async fn give_back(&self, address: IpAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("give the address {address} back");
        self.change(action, |records| records.give_address_back(address, owner)).await
    }
}
