//! Who has an address by what NetBox or Nautobot knows: its addresses, whoever wrote them.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::provider::{AddressHolder, Holder, Ipam, ProviderError};
use serde_json::Value;

use super::native::Mark;
use super::{Dialect, Netbox, pages};

const ACTION: &str = "ask who has addresses";

/// So many addresses stand in one question: a URL of some kilobytes passes every proxy.
pub(super) const AT_ONCE: usize = 100;

#[async_trait]
impl Ipam for Netbox {
    async fn holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError> {
        let wanted: HashSet<IpAddr> = addresses.iter().copied().collect();
        let mut all = Vec::new();
        for some in addresses.chunks(AT_ONCE) {
            let texts: Vec<String> = some.iter().map(ToString::to_string).collect();
            let query: Vec<(&str, &str)> = texts.iter().map(|text| ("address", text.as_str())).collect();
            let found = pages::all(&self.client, "ipam/ip-addresses/", &query, self.settings.page, ACTION).await?;
            let devices = self.devices_of(&found).await?;
            for found in found {
                let text = |key: &str| found.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
                let address = text("address").and_then(|address| address.split('/').next()?.parse().ok());
                let Some(address) = address.filter(|address| wanted.contains(address)) else { continue };
                let device = found.get("id").and_then(|id| devices.get(&id.to_string()));
                let name = device.map(String::as_str).or(text("dns_name")).map(str::to_owned);
                let whose = name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
                let record = format!("the address {address}{whose} in {}", self.dialect.product());
                let holder = Holder::from(Mark::in_thing(&found).map(|mark| mark.site));
                all.push((address, AddressHolder { record, mac: None, name, holder }));
            }
        }
        Ok(all)
    }
}

impl Netbox {
    /// The names of the devices that addresses belong to, by the ids of the addresses.
    async fn devices_of(&self, addresses: &[Value]) -> Result<HashMap<String, String>, ProviderError> {
        let device = |interface: &Value| Some(interface.get("device")?.get("name")?.as_str()?.to_owned());
        match self.dialect {
            Dialect::Netbox => {
                let of =
                    |address: &Value| Some((address.get("id")?.to_string(), device(address.get("assigned_object")?)?));
                Ok(addresses.iter().filter_map(of).collect())
            }
            Dialect::Nautobot => {
                let ids: Vec<&str> = addresses.iter().filter_map(|address| address.get("id")?.as_str()).collect();
                if ids.is_empty() {
                    return Ok(HashMap::new());
                }
                // An interface is told with its device, and the device with its name, only two levels deep.
                let mut query: Vec<(&str, &str)> = ids.into_iter().map(|id| ("ip_address", id)).collect();
                query.push(("depth", "2"));
                let path = "ipam/ip-address-to-interface/";
                let found = pages::all(&self.client, path, &query, self.settings.page, ACTION).await?;
                let of = |bound: &Value| {
                    Some((bound.get("ip_address")?.get("id")?.to_string(), device(bound.get("interface")?)?))
                };
                Ok(found.iter().filter_map(of).collect())
            }
        }
    }
}
