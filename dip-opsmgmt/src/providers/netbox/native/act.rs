//! Carries out what was decided, one thing after another. Each is looked at once more right before it is changed.

use std::collections::HashMap;

use dip_core::hardware::MacAddr;
use dip_core::id::{NicName, NodeName, SiteName};
use dip_core::provider::{ErrorKind, Holder, ProviderError};
use serde_json::{Value, json};

use super::decide::Act;
use super::mark::{self, Mark};
use super::state::{Id, Native, field};
use crate::provider::NodeRecord;
use crate::providers::netbox::client::Answer;
use crate::providers::netbox::device::Device;
use crate::providers::netbox::{Dialect, Netbox, pages};

const INTERFACES: &str = "dcim/interfaces/";
const ADDRESSES: &str = "ipam/ip-addresses/";
const MACS: &str = "dcim/mac-addresses/";
const BOUND: &str = "ipam/ip-address-to-interface/";

/// Whom things are made for, and which ones are there.
struct Work<'a> {
    netbox: &'a Netbox,
    device: &'a Device,
    node: &'a NodeName,
    owner: &'a SiteName,
    action: &'a str,
    interfaces: HashMap<NicName, Id>,
}

impl Netbox {
    /// Carries acts out on a device.
    pub(in super::super) async fn carry_out(
        &self,
        acts: &[Act],
        (device, native): (&Device, &Native),
        (record, owner): (&NodeRecord, &SiteName),
        action: &str,
    ) -> Result<(), ProviderError> {
        let there = record.nics.iter().filter_map(|nic| Some((nic.name.clone(), native.interface(nic)?.id.clone())));
        let interfaces = there.collect();
        let mut work = Work { netbox: self, device, node: &record.node, owner, action, interfaces };
        for act in acts {
            work.carry_out(act).await?;
        }
        Ok(())
    }

    /// Lets what carries one mark on a device carry another, or none.
    pub(in super::super) async fn hand_over_native(
        &self,
        device: &Device,
        from: &Holder,
        to: &Holder,
        action: &str,
    ) -> Result<(), ProviderError> {
        let native = self.native(Some(device), [], action).await?;
        let interfaces = native.interfaces.iter().map(|it| (INTERFACES, &it.id, it.mark.as_ref()));
        let addresses = native.addresses.iter().map(|it| (ADDRESSES, &it.id, it.mark.as_ref()));
        for (path, id, mark) in interfaces.chain(addresses) {
            let Some(mark) = mark.filter(|mark| mark::holder(Some(mark)) == *from) else { continue };
            let now = to.site().map(|site| Mark { site: site.clone(), of: mark.of.clone() });
            let now = now.map(|mark| mark.to_string()).unwrap_or_default();
            let read = self.client.get(&format!("{path}{id}/"), &[], action).await?;
            // What people made their own since is theirs.
            if Mark::in_thing(&read.body).as_ref() == Some(mark) {
                self.client.patch(&format!("{path}{id}/"), &read, &field("description", now), action).await?;
            }
        }
        Ok(())
    }
}

impl Work<'_> {
    async fn carry_out(&mut self, act: &Act) -> Result<(), ProviderError> {
        match act {
            Act::MakeInterface { nic, mac } => self.make_interface(nic, *mac).await,
            Act::SetMac { interface, was, mac } => {
                let read = self.read(INTERFACES, interface).await?;
                let now = read.body.get("mac_address").and_then(Value::as_str).and_then(|mac| mac.parse().ok());
                if now == *was { self.set_mac(interface, &read, *mac).await } else { Err(self.changed("interface")) }
            }
            Act::MakeAddress { address, nic } => {
                let mut body = json!({
                    "address": address.to_string(), "status": self.netbox.dialect.status("Active"), "description": self.mark(nic.as_str()),
                });
                let interface = self.interface(nic)?;
                match self.netbox.dialect {
                    Dialect::Netbox => {
                        body["assigned_object_type"] = json!("dcim.interface");
                        body["assigned_object_id"] = interface.0;
                        self.post(ADDRESSES, &body).await.map(drop)
                    }
                    Dialect::Nautobot => {
                        body["namespace"] = json!({"name": "Global"});
                        let made = self.post(ADDRESSES, &body).await?;
                        let made = Id::of(&made).ok_or_else(|| self.odd())?;
                        self.bind(&made, &interface).await
                    }
                }
            }
            Act::Assign { address, was, nic } => {
                let interface = self.interface(nic)?;
                match self.netbox.dialect {
                    Dialect::Netbox => {
                        let on = json!({"assigned_object_type": "dcim.interface", "assigned_object_id": interface.0});
                        self.patch_assigned(address, was, on).await
                    }
                    Dialect::Nautobot => {
                        self.unbind(address, was).await?;
                        self.bind(address, &interface).await
                    }
                }
            }
            Act::Unassign { address, was } => match self.netbox.dialect {
                Dialect::Netbox => {
                    let off = json!({"assigned_object_type": null, "assigned_object_id": null});
                    self.patch_assigned(address, was, off).await
                }
                Dialect::Nautobot => self.unbind(address, was).await,
            },
            Act::SetPrimary { key, address } => {
                // Asked anew: it may have been made only now.
                let native = self.netbox.native(Some(self.device), [*address], self.action).await?;
                let on_device = |on: &Id| native.interfaces.iter().any(|interface| interface.id == *on);
                let known = native.with_address(*address).find(|known| known.on.iter().any(on_device));
                let known = known.ok_or_else(|| self.changed("address"))?;
                self.set_primary(key, known.id.0.clone()).await
            }
            Act::RestorePrimary { key, address } => match self.set_primary(key, address.clone()).await {
                // What was there before is gone, or is somebody else's now.
                Err(error) if error.kind() == ErrorKind::Invalid => self.set_primary(key, Value::Null).await,
                other => other,
            },
            Act::RemoveAddress(id) => self.remove(ADDRESSES, id).await,
            Act::RemoveInterface(id) => self.remove(INTERFACES, id).await,
            Act::UnmarkInterface(id) => self.unmark(INTERFACES, id).await,
            Act::UnmarkAddress(id) => self.unmark(ADDRESSES, id).await,
        }
    }

    async fn make_interface(&mut self, nic: &NicName, mac: Option<MacAddr>) -> Result<(), ProviderError> {
        let mut body = json!({
            "device": self.device.id(), "name": nic, "type": "other", "description": self.mark(nic.as_str()),
        });
        if self.netbox.dialect == Dialect::Nautobot {
            body["status"] = self.netbox.dialect.status("Active");
        }
        let made = self.post(INTERFACES, &body).await?;
        let id = Id::of(&made).ok_or_else(|| self.odd())?;
        self.interfaces.insert(nic.clone(), id.clone());
        let Some(mac) = mac else { return Ok(()) };
        let read = self.read(INTERFACES, &id).await?;
        self.set_mac(&id, &read, Some(mac)).await
    }

    /// From NetBox 4.2 on a MAC address is a thing of its own, one of which is the interface's primary one.
    async fn set_mac(&self, interface: &Id, read: &Answer, mac: Option<MacAddr>) -> Result<(), ProviderError> {
        let path = format!("{INTERFACES}{interface}/");
        let text = mac.map(|mac| mac.to_string()).unwrap_or_default();
        if read.body.get("primary_mac_address").is_none() {
            return self.patch(&path, read, &field("mac_address", text)).await;
        }
        let things: Vec<&Value> =
            read.body.get("mac_addresses").and_then(Value::as_array).into_iter().flatten().collect();
        let known = things.iter().find(|thing| {
            let told: Option<MacAddr> =
                thing.get("mac_address").and_then(Value::as_str).and_then(|mac| mac.parse().ok());
            told.is_some() && told == mac
        });
        let primary = match (known.and_then(|thing| Id::of(thing)), mac) {
            (Some(id), _) => id.0,
            (None, None) => Value::Null,
            (None, Some(_)) => {
                let name = read.body.get("name").and_then(Value::as_str).unwrap_or_default();
                let made = json!({
                    "mac_address": text, "assigned_object_type": "dcim.interface", "assigned_object_id": interface.0,
                    "description": self.mark(name),
                });
                Id::of(&self.post(MACS, &made).await?).ok_or_else(|| self.odd())?.0
            }
        };
        self.patch(&path, read, &field("primary_mac_address", primary.clone())).await?;
        for former in
            things.into_iter().filter(|thing| self.is_ours(thing)).filter_map(Id::of).filter(|id| id.0 != primary)
        {
            self.remove(MACS, &former).await?;
        }
        Ok(())
    }

    async fn set_primary(&self, key: &str, address: Value) -> Result<(), ProviderError> {
        let read = self.netbox.client.get(&self.device.path(), &[], self.action).await?;
        self.patch(&self.device.path(), &read, &field(key, address)).await
    }

    /// NetBox keeps in an address which interface has it.
    async fn patch_assigned(&self, address: &Id, was: &[Id], body: Value) -> Result<(), ProviderError> {
        let read = self.read(ADDRESSES, address).await?;
        let now = read.body.get("assigned_object_id").filter(|id| !id.is_null());
        if now != was.first().map(|id| &id.0) {
            return Err(self.changed("address"));
        }
        self.patch(&format!("{ADDRESSES}{address}/"), &read, &body).await
    }

    async fn bind(&self, address: &Id, interface: &Id) -> Result<(), ProviderError> {
        self.post(BOUND, &json!({"ip_address": address.0, "interface": interface.0})).await.map(drop)
    }

    async fn unbind(&self, address: &Id, from: &[Id]) -> Result<(), ProviderError> {
        let text = address.to_string();
        let query = [("ip_address", text.as_str())];
        let client = &self.netbox.client;
        let bound = pages::all(client, BOUND, &query, self.netbox.settings.page, self.action).await?;
        let of = |bound: &&Value| bound.get("interface").and_then(Id::of).is_some_and(|id| from.contains(&id));
        for bound in bound.iter().filter(of).filter_map(Id::of) {
            self.remove(BOUND, &bound).await?;
        }
        Ok(())
    }

    /// Takes dip's mark off what others use.
    async fn unmark(&self, path: &str, id: &Id) -> Result<(), ProviderError> {
        match self.read_there(path, id).await? {
            Some(read) if self.is_ours(&read.body) => {
                self.patch(&format!("{path}{id}/"), &read, &field("description", "")).await
            }
            _ => Ok(()),
        }
    }

    async fn remove(&self, path: &str, id: &Id) -> Result<(), ProviderError> {
        match self.read_there(path, id).await? {
            // What people made their own meanwhile is theirs.
            Some(read) if path == BOUND || self.is_ours(&read.body) => {
                self.netbox.client.delete(&format!("{path}{id}/"), &read, self.action).await
            }
            _ => Ok(()),
        }
    }

    fn is_ours(&self, thing: &Value) -> bool {
        Mark::in_thing(thing).is_some_and(|mark| mark.site == *self.owner)
    }

    /// The same; `None` for what has gone meanwhile.
    async fn read_there(&self, path: &str, id: &Id) -> Result<Option<Answer>, ProviderError> {
        match self.read(path, id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    async fn read(&self, path: &str, id: &Id) -> Result<Answer, ProviderError> {
        self.netbox.client.get(&format!("{path}{id}/"), &[], self.action).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, ProviderError> {
        self.netbox.client.post(path, body, self.action).await
    }

    async fn patch(&self, path: &str, read: &Answer, body: &Value) -> Result<(), ProviderError> {
        self.netbox.client.patch(path, read, body, self.action).await.map(drop)
    }

    fn mark(&self, of: &str) -> String {
        Mark { site: self.owner.clone(), of: format!("{}/{of}", self.node) }.to_string()
    }

    fn interface(&self, nic: &NicName) -> Result<Id, ProviderError> {
        self.interfaces.get(nic).cloned().ok_or_else(|| self.changed("interface"))
    }

    fn changed(&self, what: &str) -> ProviderError {
        let error = self.netbox.client.error(ErrorKind::Busy, self.action);
        error.advise(format!("somebody else changed an {what} of {} meanwhile", self.node))
    }

    fn odd(&self) -> ProviderError {
        let error = self.netbox.client.error(ErrorKind::Unexpected, self.action);
        error.advise("it made a thing and did not say which; look into its log")
    }
}
