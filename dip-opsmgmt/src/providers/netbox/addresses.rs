//! Who has an address by what NetBox or Nautobot knows: its addresses, whoever wrote them.

use std::collections::HashSet;
use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::provider::{AddressHolder, Holder, Ipam, ProviderError};
use serde_json::Value;

use super::{Netbox, pages};

/// So many addresses stand in one question: a URL of some kilobytes passes every proxy.
const AT_ONCE: usize = 100;

#[async_trait]
impl Ipam for Netbox {
    async fn holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError> {
        let action = "ask who has addresses";
        let wanted: HashSet<IpAddr> = addresses.iter().copied().collect();
        let mut all = Vec::new();
        for some in addresses.chunks(AT_ONCE) {
            let texts: Vec<String> = some.iter().map(ToString::to_string).collect();
            let mut query: Vec<(&str, &str)> = texts.iter().map(|text| ("address", text.as_str())).collect();
            // Nautobot says of what an address belongs to only its id, unless it is asked for more.
            query.extend(self.dialect.in_depth());
            for found in pages::all(&self.client, "ipam/ip-addresses/", &query, self.settings.page, action).await? {
                let text = |key: &str| found.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
                let address = text("address").and_then(|address| address.split('/').next()?.parse().ok());
                let Some(address) = address.filter(|address| wanted.contains(address)) else { continue };
                let device = self.dialect.device_of(&found).map(str::to_owned);
                let whose = device.as_deref().or(text("dns_name")).map(|name| format!(" ({name})")).unwrap_or_default();
                let record = format!("the address {address}{whose} in {}", self.dialect.product());
                let name = device.or_else(|| text("dns_name").map(str::to_owned));
                all.push((address, AddressHolder { record, mac: None, name, holder: Holder::Nobody }));
            }
        }
        Ok(all)
    }
}
