//! Addresses out of the prefixes of NetBox or Nautobot, reserved there.

use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::id::SiteName;
use dip_core::provider::{AddressHolder, AddressPool, ErrorKind, Holder, Ipam, ProviderError};
use ipnetwork::IpNetwork;
use serde_json::{Value, json};

use super::native::{Id, Mark};
use super::{Dialect, Netbox, pages};

const ADDRESSES: &str = "ipam/ip-addresses/";

#[async_trait]
impl AddressPool for Netbox {
    async fn free(&self, prefix: IpNetwork, most: usize) -> Result<Vec<IpAddr>, ProviderError> {
        let action = format!("ask which addresses of {prefix} are free");
        let path = format!("ipam/prefixes/{}/available-ips/", self.prefix(prefix, &action).await?);
        let most = most.to_string();
        let answer = self.client.get(&path, &[("limit", &most)], &action).await?.body;
        let address = |free: &Value| free.get("address")?.as_str()?.split('/').next()?.parse().ok();
        Ok(answer.as_array().into_iter().flatten().filter_map(address).collect())
    }

    async fn holder(&self, address: IpAddr) -> Result<Option<AddressHolder>, ProviderError> {
        let holders = self.holders(&[address]).await?.into_iter().map(|(_, holder)| holder);
        // Where several have it, one that no site has marked is told.
        Ok(holders.max_by_key(|holder| holder.holder == Holder::Nobody))
    }

    async fn take(&self, address: IpNetwork, of: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("take the address {}", address.ip());
        if self.is_ours(address.ip(), owner, &action).await? {
            // An attempt that was cut off has made it, and may not have been the first.
            return self.is_alone(address.ip(), owner, &action).await;
        }
        match self.make_address(address, of, owner, &action).await {
            Ok(()) => self.is_alone(address.ip(), owner, &action).await,
            // Somebody was there first, or our own order was carried out and its answer lost.
            Err(error) if error.kind() == ErrorKind::Denied => Err(error),
            Err(error) => match self.is_ours(address.ip(), owner, &action).await? {
                true => self.is_alone(address.ip(), owner, &action).await,
                false => Err(error),
            },
        }
    }

    async fn give_back(&self, address: IpAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("give the address {address} back");
        if !self.is_ours(address, owner, &action).await? {
            return Ok(());
        }
        for (id, _) in self.records(address, &action).await?.iter().filter(|(_, mark)| is_of(mark.as_ref(), owner)) {
            let path = format!("{ADDRESSES}{id}/");
            let read = match self.client.get(&path, &[], &action).await {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                other => other?,
            };
            // Whoever took the mark off meanwhile made it their own.
            if is_of(Mark::in_thing(&read.body).as_ref(), owner) {
                self.client.delete(&path, &read, &action).await?;
            }
        }
        Ok(())
    }
}

impl Netbox {
    /// The id of a prefix.
    async fn prefix(&self, prefix: IpNetwork, action: &str) -> Result<Id, ProviderError> {
        let text = prefix.to_string();
        let query = [("prefix", text.as_str()), self.dialect.in_global_table()];
        let found = pages::all(&self.client, "ipam/prefixes/", &query, self.settings.page, action).await?;
        found.iter().find_map(Id::of).ok_or_else(|| {
            self.client.error(ErrorKind::NotFound, action).advise(format!(
                "there is no prefix {prefix} in {}; make it there, or take `from` out of the prefix in the site file",
                self.settings.url
            ))
        })
    }

    /// Makes an address with the mark. Nautobot gives out one of its own choice within bounds, here of one address; NetBox knows no
    /// bounds, and so is told which one.
    async fn make_address(
        &self,
        address: IpNetwork,
        of: &str,
        owner: &SiteName,
        action: &str,
    ) -> Result<(), ProviderError> {
        let mark = Mark { site: owner.clone(), of: of.to_owned() }.to_string();
        let mut body = json!({"status": self.dialect.status("Active"), "description": mark});
        let made = match self.dialect {
            Dialect::Nautobot => {
                let prefix = IpNetwork::new(address.network(), address.prefix()).unwrap_or(address);
                let (id, only) = (self.prefix(prefix, action).await?, address.ip());
                let path = format!("ipam/prefixes/{id}/available-ips/?range_start={only}&range_end={only}");
                self.client.post(&path, &body, action).await?
            }
            Dialect::Netbox => {
                body["address"] = json!(address.to_string());
                self.client.post(ADDRESSES, &body, action).await?
            }
        };
        // Nautobot answers with nothing where the address is not free.
        if made.is_null() { Err(self.taken(address.ip(), None, action)) } else { Ok(()) }
    }

    /// Whether a site has a record of an address; that others alone have one is a conflict.
    async fn is_ours(&self, address: IpAddr, owner: &SiteName, action: &str) -> Result<bool, ProviderError> {
        let records = self.records(address, action).await?;
        if records.is_empty() || records.iter().any(|(_, mark)| is_of(mark.as_ref(), owner)) {
            return Ok(!records.is_empty());
        }
        Err(self.taken(address, self.holder(address).await?, action))
    }

    /// Two may have made one address at the same moment, where the server lets them: then the first one stays.
    async fn is_alone(&self, address: IpAddr, owner: &SiteName, action: &str) -> Result<(), ProviderError> {
        let records = self.records(address, action).await?;
        let Some(((_, first), others)) = records.split_first() else { return Ok(()) };
        if others.is_empty() || is_of(first.as_ref(), owner) {
            return Ok(());
        }
        for (id, _) in others.iter().filter(|(_, mark)| is_of(mark.as_ref(), owner)) {
            let path = format!("{ADDRESSES}{id}/");
            let read = self.client.get(&path, &[], action).await?;
            self.client.delete(&path, &read, action).await?;
        }
        Err(self.taken(address, None, action))
    }

    /// The records of an address with their marks, the oldest first.
    async fn records(&self, address: IpAddr, action: &str) -> Result<Vec<(Id, Option<Mark>)>, ProviderError> {
        let text = address.to_string();
        let query = [("address", text.as_str()), self.dialect.in_global_table()];
        let mut found = pages::all(&self.client, ADDRESSES, &query, self.settings.page, action).await?;
        found.sort_by_key(|record| record.get("id").and_then(Value::as_u64));
        Ok(found.iter().filter_map(|record| Some((Id::of(record)?, Mark::in_thing(record)))).collect())
    }

    fn taken(&self, address: IpAddr, by: Option<AddressHolder>, action: &str) -> ProviderError {
        let by = by.map_or_else(|| "somebody else".to_owned(), |holder| holder.to_string());
        let advice =
            format!("{address} is held by {by}; take its entry out of `dip.lock`, and the next free one is chosen");
        self.client.error(ErrorKind::Conflict, action).advise(advice)
    }
}

fn is_of(mark: Option<&Mark>, owner: &SiteName) -> bool {
    mark.is_some_and(|mark| mark.site == *owner)
}
