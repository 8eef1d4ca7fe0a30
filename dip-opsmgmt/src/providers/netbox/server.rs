//! The records of one NetBox or Nautobot: dip's fields are one custom field (JSON) of a device, its mark among them.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{ErrorKind, Holder, Inventory, Ipam, ProviderError};
use dip_core::secret::Secret;
use ipnetwork::IpNetwork;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::client::{Answer, Client, SettingsError};
use super::device::{Device, Wanted, without};
use super::native::{Act, Native, Over, decide, undo};
use super::{Dialect, pages};
use crate::provider::{Cmdb, HeldRecord, NodeRecord};
use crate::providers::marked;
use crate::settings::{Interfaces, NetboxSettings};

/// How often a change is tried that somebody else's change came before.
const TRIES: usize = 3;

/// One NetBox or Nautobot.
#[derive(Clone)]
pub struct Netbox {
    pub(super) client: Arc<Client>,
    pub(super) settings: Arc<NetboxSettings>,
    pub(super) dialect: Dialect,
}

impl fmt::Debug for Netbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Netbox")
            .field("url", &self.settings.url)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

/// What is to become of a device.
enum Change {
    Nothing,
    Fields(Map<String, Value>),
    Removal,
}

impl Netbox {
    /// A provider for the server of the settings. It connects when it is first asked.
    ///
    /// # Errors
    /// Where the URL, the token or the file of roots cannot be used.
    pub fn new(settings: NetboxSettings, dialect: Dialect, token: &Secret) -> Result<Self, SettingsError> {
        let client = Client::new(&settings, dialect, token)?;
        Ok(Self { client: Arc::new(client), settings: Arc::new(settings), dialect })
    }

    /// The device of a node; its name must be its alone, as far as the site looks.
    async fn device(&self, node: &NodeName, action: &str) -> Result<Option<Device>, ProviderError> {
        let mut query = self.filter();
        query.extend([("name", node.as_str())]);
        let mut found = pages::all(&self.client, "dcim/devices/", &query, self.settings.page, action).await?;
        if found.len() > 1 {
            return Err(self.client.error(ErrorKind::Conflict, action).advise(format!(
                "{} devices are called {node}; rename them, or let `filter` say which one is meant",
                found.len()
            )));
        }
        Ok(found.pop().map(Device))
    }

    /// Which devices the site looks at.
    pub(super) fn filter(&self) -> Vec<(&str, &str)> {
        self.settings.filter.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    /// Changes a device that is there: reads it once more, because the list may be old, and says by that what is to be changed.
    async fn change(
        &self,
        device: &Device,
        action: &str,
        decide: impl Fn(&Device) -> Result<Change, ProviderError>,
    ) -> Result<(), ProviderError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let read = match self.client.get(&device.path(), &[], action).await {
                // It went meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                other => other?,
            };
            let now = Device(read.body.clone());
            let done = match decide(&now)? {
                Change::Nothing => return Ok(()),
                Change::Fields(fields) => self.set(&now, &read, fields, action).await,
                Change::Removal if self.has_parts(&now, action).await? => {
                    let record = self.record(&now, action)?;
                    let fields = record.map(|record| without(&now, &self.settings.field, &record)).unwrap_or_default();
                    self.set(&now, &read, fields, action).await
                }
                Change::Removal => self.client.delete(&now.path(), &read, action).await,
            };
            match done {
                Err(error) if error.kind() == ErrorKind::Busy && read.version.is_some() && tries < TRIES => {}
                other => return other,
            }
        }
    }

    async fn set(
        &self,
        device: &Device,
        read: &Answer,
        fields: Map<String, Value>,
        action: &str,
    ) -> Result<(), ProviderError> {
        let field = &self.settings.field;
        let wanted = fields.get("custom_fields").and_then(|fields| fields.get(field)).cloned();
        let answer = Device(self.client.patch(&device.path(), read, &Value::Object(fields), action).await?);
        match wanted {
            Some(wanted) if answer.dip(field) != Some(&wanted).filter(|wanted| !wanted.is_null()) => {
                Err(self.without_field(action))
            }
            _ => Ok(()),
        }
    }

    /// Nautobot takes values of custom fields that it does not know, and forgets them.
    fn without_field(&self, action: &str) -> ProviderError {
        self.client.error(ErrorKind::Invalid, action).advise(format!(
            "{} did not keep the custom field `{}`; make it there, of the type JSON, for devices",
            self.settings.url, self.settings.field
        ))
    }

    /// Whether it has interfaces: somebody else's then, for those that dip made went before it.
    async fn has_parts(&self, device: &Device, action: &str) -> Result<bool, ProviderError> {
        let id = device.id();
        let query = [(self.dialect.of_device(), id.as_str()), ("limit", "1")];
        let answer = self.client.get("dcim/interfaces/", &query, action).await?;
        Ok(answer.body.get("count").and_then(Value::as_u64) != Some(0))
    }

    /// Makes the device of a node.
    async fn make(&self, wanted: &Wanted<'_>, action: &str) -> Result<Device, ProviderError> {
        let Some(create) = &self.settings.create else {
            return Err(self.client.error(ErrorKind::NotFound, action).advise(format!(
                "there is no device {} in {}; make it there, or say under `create` what dip gives the devices that it makes",
                wanted.record.node, self.settings.url
            )));
        };
        let mut body = wanted.made();
        let dialect = self.dialect;
        body.insert(dialect.place().to_owned(), dialect.reference("name", &create.location));
        body.insert("role".to_owned(), dialect.reference("name", &create.role));
        body.insert("device_type".to_owned(), dialect.reference("model", &create.device_type));
        body.entry("status").or_insert_with(|| dialect.status("Active"));
        let made = Device(self.client.post("dcim/devices/", &Value::Object(body), action).await?);
        if made.dip(&self.settings.field).is_none() {
            // A device without a mark would be somebody else's for ever.
            let read = self.client.get(&made.path(), &[], action).await?;
            self.client.delete(&made.path(), &read, action).await?;
            return Err(self.without_field(action));
        }
        Ok(made)
    }

    /// dip's fields of a device. The serial number is the device's own, so that a change of it by hand is seen.
    fn record(&self, device: &Device, action: &str) -> Result<Option<NodeRecord>, ProviderError> {
        let Some(dip) = device.dip(&self.settings.field) else { return Ok(None) };
        let record = NodeRecord::deserialize(dip).map_err(|error| {
            self.client.error(ErrorKind::Unexpected, action).because(error).advise(format!(
                "what stands in the custom field `{}` of {} is not what dip writes there; empty it",
                self.settings.field,
                self.client.page_of(&device.path())
            ))
        })?;
        Ok(Some(record))
    }

    fn held(&self, device: &Device, action: &str) -> Result<Option<HeldRecord>, ProviderError> {
        let Some(mut record) = self.record(device, action)? else { return Ok(None) };
        let owner = device.dip(&self.settings.field).and_then(marked::owner);
        if record.identity.serial.is_some() && device.holds_serial(&self.settings.field) {
            record.identity.serial = Some(device.serial().to_owned()).filter(|serial| !serial.is_empty());
        }
        Ok(Some(HeldRecord { id: self.client.page_of(&device.path()), record, owner }))
    }

    /// dip's fields must be this site's, where there are any.
    fn ours(&self, device: &Device, owner: &SiteName, action: &str) -> Result<(), ProviderError> {
        match device.dip(&self.settings.field).map(marked::owner) {
            None => Ok(()),
            Some(Some(mark)) if mark == *owner => Ok(()),
            Some(mark) => Err(self.conflict(device, &Holder::from(mark), action)),
        }
    }

    fn conflict(&self, device: &Device, holder: &Holder, action: &str) -> ProviderError {
        self.client.error(ErrorKind::Conflict, action).advise(format!(
            "the custom field `{}` of {} carries {holder}; empty it there, or rename the node",
            self.settings.field,
            self.client.page_of(&device.path())
        ))
    }

    /// Whether interfaces and addresses of the server's own are written for a record.
    fn writes(&self, record: &NodeRecord) -> bool {
        self.settings.interfaces == Interfaces::Write && !record.nics.is_empty()
    }

    /// What is to be done of a record's interfaces and addresses; what others hold is a conflict.
    async fn decided(
        &self,
        device: Option<&Device>,
        record: &NodeRecord,
        owner: &SiteName,
        action: &str,
    ) -> Result<(Native, Vec<Act>, Over), ProviderError> {
        let dip = device.and_then(|device| device.dip(&self.settings.field));
        let over = Over::of(dip);
        let before = device.map(|device| self.record(device, action)).transpose()?.flatten();
        if !self.writes(record) && !before.as_ref().is_some_and(|before| self.writes(before)) {
            return Ok((Native::default(), Vec::new(), over));
        }
        let asked = before.iter().chain([record]).flat_map(addresses).collect::<BTreeSet<IpAddr>>();
        let native = self.native(device, asked, action).await?;
        let decision = decide(record, owner, &native, over, &self.settings.owns);
        if decision.conflicts.is_empty() {
            return Ok((native, decision.acts, decision.over));
        }
        let of = device.map_or_else(|| self.settings.url.clone(), |device| self.client.page_of(&device.path()));
        Err(self.client.error(ErrorKind::Conflict, action).advise(format!(
            "{of} has {}; change it there or in the site file, or say under `owns` of the service that dip owns it",
            decision.conflicts.join(", and ")
        )))
    }

    /// Writes a record; the inner result is that of its interfaces and addresses.
    async fn write_once(
        &self,
        record: &NodeRecord,
        owner: &SiteName,
        action: &str,
    ) -> Result<Result<(), ProviderError>, ProviderError> {
        let status = self.settings.status.as_deref().map(|status| self.dialect.status(status));
        let found = self.device(&record.node, action).await?;
        if let Some(device) = &found {
            self.ours(device, owner, action)?;
        }
        let (native, acts, over) = self.decided(found.as_ref(), record, owner, action).await?;
        let wanted = Wanted { record, owner, field: &self.settings.field, status, over: &over };
        let device = match found {
            Some(device) => device,
            None => match self.make(&wanted, action).await {
                // Somebody made it meanwhile, or our own call did whose answer was lost.
                Err(error) => match self.device(&record.node, action).await {
                    Ok(Some(device)) => device,
                    _ => return Err(error),
                },
                Ok(made) => made,
            },
        };
        self.change(&device, action, |now| {
            self.ours(now, owner, action)?;
            let changes = wanted.changes(now);
            Ok(if changes.is_empty() { Change::Nothing } else { Change::Fields(changes) })
        })
        .await?;
        Ok(self.carry_out(&acts, (&device, &native), (record, owner), action).await)
    }

    /// Lets dip's fields of a node carry another mark, or none; the fields themselves stay.
    async fn hand_over(&self, node: &NodeName, from: &Holder, to: &Holder, action: &str) -> Result<(), ProviderError> {
        let Some(device) = self.device(node, action).await? else { return Ok(()) };
        let Some(dip) = device.dip(&self.settings.field) else { return Ok(()) };
        let holder = Holder::from(marked::owner(dip));
        // One that was cut off has handed over what hangs on the device, and maybe the device.
        if holder != *from && holder != *to {
            return Err(self.conflict(&device, &holder, action));
        }
        if self.settings.interfaces == Interfaces::Write {
            self.hand_over_native(&device, from, to, action).await?;
        }
        self.change(&device, action, |now| {
            let Some(dip) = now.dip(&self.settings.field) else { return Ok(Change::Nothing) };
            let holder = Holder::from(marked::owner(dip));
            if holder == *to {
                return Ok(Change::Nothing);
            }
            if holder != *from {
                return Err(self.conflict(now, &holder, action));
            }
            let fields = json!({"custom_fields": {&self.settings.field: marked::marked(dip, to)}});
            let Value::Object(fields) = fields else { return Ok(Change::Nothing) };
            Ok(Change::Fields(fields))
        })
        .await
    }
}

/// All addresses of a record's interfaces.
fn addresses(record: &NodeRecord) -> impl Iterator<Item = IpAddr> {
    record.nics.iter().flat_map(|nic| &nic.addresses).map(IpNetwork::ip)
}

#[async_trait]
impl Cmdb for Netbox {
    async fn read(&self, node: &NodeName) -> Result<Option<HeldRecord>, ProviderError> {
        let action = format!("read the record of {node}");
        let Some(device) = self.device(node, &action).await? else { return Ok(None) };
        let Some(mut held) = self.held(&device, &action)? else { return Ok(None) };
        if self.writes(&held.record) {
            let native = self.native(Some(&device), addresses(&held.record), &action).await?;
            held.record = native.told(held.record);
        }
        Ok(Some(held))
    }

    async fn write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("write the record of {}", record.node);
        for _ in 1..TRIES {
            match self.write_once(record, owner, &action).await? {
                // Somebody made or changed one of them meanwhile: what is to be done is another thing now.
                Err(error) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Invalid) => {}
                other => return other,
            }
        }
        self.write_once(record, owner, &action).await?
    }

    async fn may_write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("write the record of {}", record.node);
        let device = self.device(&record.node, &action).await?;
        if let Some(device) = &device {
            self.ours(device, owner, &action)?;
        }
        self.decided(device.as_ref(), record, owner, &action).await.map(drop)
    }

    async fn claim(&self, node: &NodeName, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("claim the record of {node}");
        self.hand_over(node, from, &Holder::Site(owner.clone()), &action).await
    }

    async fn disown(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("take the mark off the record of {node}");
        self.hand_over(node, &Holder::Site(owner.clone()), &Holder::Nobody, &action).await
    }

    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("remove the record of {node}");
        let Some(device) = self.device(node, &action).await? else { return Ok(()) };
        self.ours(&device, owner, &action)?;
        if let Some(record) = self.record(&device, &action)?.filter(|record| self.writes(record)) {
            let over = Over::of(device.dip(&self.settings.field));
            let native = self.native(Some(&device), addresses(&record), &action).await?;
            let acts = undo(&record, owner, &native, &over);
            self.carry_out(&acts, (&device, &native), (&record, owner), &action).await?;
        }
        self.change(&device, &action, |now| {
            self.ours(now, owner, &action)?;
            let Some(record) = self.record(now, &action)? else { return Ok(Change::Nothing) };
            if now.is_dips_alone(&self.settings.field) {
                return Ok(Change::Removal);
            }
            Ok(Change::Fields(without(now, &self.settings.field, &record)))
        })
        .await
    }

    async fn list(&self) -> Result<Vec<HeldRecord>, ProviderError> {
        let action = "list the records";
        let devices = pages::all(&self.client, "dcim/devices/", &self.filter(), self.settings.page, action).await?;
        let mut records = Vec::new();
        for device in devices {
            records.extend(self.held(&Device(device), action)?);
        }
        records.sort_by(|a, b| a.record.node.cmp(&b.record.node));
        Ok(records)
    }

    fn ipam(&self) -> Option<Arc<dyn Ipam>> {
        Some(Arc::new(self.clone()))
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        Some(Arc::new(self.clone()))
    }
}
