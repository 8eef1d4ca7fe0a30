//! Where a controller sends its log. The standard knows subscriptions (DSP0268, `EventDestination`); Dell and HPE have places of their own.

use dip_core::site::Endpoint;
use serde_json::{Map, Value, json};

use super::address::last_part;
use super::error::Failure;
use super::machine::Machine;
use super::members::Member;
use super::resource::{DellAttributes, EventDestination, EventService, HpeSyslog, Link, Manager, NetworkProtocol};

/// Dell has places for so many receivers.
const DELL_PLACES: usize = 3;
/// Where a receiver listens that names no port (RFC 5426, 3.3).
const PORT: u16 = 514;

/// A controller's way.
enum Way {
    /// Attributes of Dell's, in the resource at a path.
    Dell(String, Map<String, Value>),
    /// A place of HPE's among the network protocols.
    Hpe(HpeSyslog),
    /// Subscriptions, listed at a path.
    Standard(String, Vec<(Member, String)>),
}

impl Machine {
    /// The receivers; `None` where the controller does not tell.
    pub(super) async fn log_receivers(
        &self,
        manager: &Manager,
        network: Option<&NetworkProtocol>,
    ) -> Result<Option<Vec<String>>, Failure> {
        Ok(self.way(manager, network).await?.map(|way| way.receivers()))
    }

    pub(super) async fn set_log_receivers(&self, wanted: &[String]) -> Result<(), Failure> {
        let (network, manager) = self.network().await?;
        let way = self.way(&manager, Some(&network.body)).await?;
        let way = way.ok_or_else(|| Failure::Lacking { what: "the controller sends its log nowhere".to_owned() })?;
        if way.receivers() == wanted {
            return Ok(());
        }
        let too_many =
            |most: usize| Failure::Wrong { what: format!("the controller sends its log to {most} receivers at most") };
        match way {
            Way::Dell(..) if wanted.len() > DELL_PLACES => Err(too_many(DELL_PLACES)),
            Way::Dell(path, _) => {
                let mut attributes =
                    json!({ "SysLog.1.SysLogEnable": if wanted.is_empty() { "Disabled" } else { "Enabled" } });
                for place in 0..DELL_PLACES {
                    let receiver = wanted.get(place).map(String::as_str).unwrap_or_default();
                    attributes[format!("SysLog.1.Server{}", place + 1)] = json!(receiver);
                }
                let body = json!({ "Attributes": attributes });
                self.change(&path, |_: &Value| Ok(Some(body.clone()))).await.map(drop)
            }
            Way::Hpe(_) if wanted.len() > 1 => Err(too_many(1)),
            Way::Hpe(_) => {
                let receiver = wanted.first().map(String::as_str).unwrap_or_default();
                let (server, port) = match receiver.parse::<Endpoint>() {
                    Ok(told) => (told.host().to_owned(), told.port()),
                    Err(_) => (receiver.to_owned(), None),
                };
                let body = json!({ "Oem": { "Hpe": {
                    "RemoteSyslogEnabled": !wanted.is_empty(), "RemoteSyslogServer": server,
                    "RemoteSyslogPort": port.unwrap_or(PORT),
                }}});
                self.change(network.path(), |_: &Value| Ok(Some(body.clone()))).await.map(drop)
            }
            Way::Standard(path, known) => self.subscribe(&path, &known, wanted).await,
        }
    }

    async fn subscribe(&self, path: &str, known: &[(Member, String)], wanted: &[String]) -> Result<(), Failure> {
        for receiver in wanted.iter().filter(|receiver| !known.iter().any(|(_, other)| other == *receiver)) {
            let authority = receiver.parse::<Endpoint>().map_or_else(|_| receiver.clone(), |told| told.authority());
            let body = json!({
                "Destination": format!("syslog://{authority}"), "Protocol": "SyslogUDP", "SubscriptionType": "Syslog", "Context": "dip",
            });
            self.client.post(path, &body).await?;
        }
        for (member, _) in known.iter().filter(|(_, other)| !wanted.contains(other)) {
            self.client.delete(&member.path).await.map_err(Failure::halfway)?;
        }
        Ok(())
    }

    async fn way(&self, manager: &Manager, network: Option<&NetworkProtocol>) -> Result<Option<Way>, Failure> {
        let hpe = network.and_then(|network| network.oem.as_ref()?.hpe.0.clone());
        if let Some(hpe) = hpe.filter(|hpe| hpe.server.is_some() || hpe.enabled.is_some()) {
            return Ok(Some(Way::Hpe(hpe)));
        }
        let dell = manager.links.as_ref().and_then(|links| links.oem.as_ref()?.dell.as_ref());
        let attributes = dell.map(|dell| dell.dell_attributes.items()).unwrap_or_default();
        // There is one for the controller, one for the machine, and one for its life cycle.
        let own =
            attributes.iter().find(|link| link.id.as_deref().is_some_and(|id| last_part(id).starts_with("iDRAC")));
        if let Some(told) = self.client.follow::<DellAttributes>(own).await? {
            let attributes = told.body.attributes.0.clone().unwrap_or_default();
            if attributes.contains_key("SysLog.1.SysLogEnable") {
                return Ok(Some(Way::Dell(told.path().to_owned(), attributes)));
            }
        }
        self.standard_way().await
    }

    async fn standard_way(&self) -> Result<Option<Way>, Failure> {
        let root = self.client.root().await?;
        let Some(service) = self.client.follow::<EventService>(root.event_service.as_ref()).await? else {
            return Ok(None);
        };
        let Some(Link { id: Some(path) }) = service.body.subscriptions.0 else { return Ok(None) };
        let link = Link { id: Some(path.clone()) };
        let Some(all) = self.all::<EventDestination>(Some(&link)).await? else { return Ok(None) };
        let receivers = all.into_iter().filter_map(|(member, told)| {
            let told = told?;
            let is_syslog = told.protocol.as_deref().is_some_and(|protocol| protocol.starts_with("Syslog"));
            Some((member, receiver(told.destination.as_deref()?))).filter(|_| is_syslog)
        });
        Ok(Some(Way::Standard(path, receivers.collect())))
    }
}

impl Way {
    fn receivers(&self) -> Vec<String> {
        match self {
            Self::Dell(_, attributes) => {
                let text = |name: &str| attributes.get(name).and_then(Value::as_str).unwrap_or_default();
                if text("SysLog.1.SysLogEnable") != "Enabled" {
                    return Vec::new();
                }
                let places = (1..=DELL_PLACES).map(|place| text(&format!("SysLog.1.Server{place}")).to_owned());
                places.filter(|receiver| !receiver.is_empty()).collect()
            }
            Self::Hpe(own) if own.enabled.0 == Some(true) => {
                let server = own.server.as_deref().filter(|server| !server.is_empty());
                let port = own.port.count::<u16>().filter(|port| *port != PORT);
                let told = server.map(|server| match (server.parse::<Endpoint>(), port) {
                    (Ok(alone), Some(port)) => alone.with_port(port),
                    _ => server.to_owned(),
                });
                told.into_iter().collect()
            }
            Self::Hpe(_) => Vec::new(),
            Self::Standard(_, known) => known.iter().map(|(_, receiver)| receiver.clone()).collect(),
        }
    }
}

/// The host and port of a `syslog:` URL, as a site file has them.
fn receiver(destination: &str) -> String {
    let bare = destination.split_once("://").map_or(destination, |(_, rest)| rest).trim_end_matches('/');
    bare.parse::<Endpoint>().map_or_else(|_| bare.to_owned(), |told| told.to_string())
}
