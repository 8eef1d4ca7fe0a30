//! The controller itself.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde_json::{Value, json};

use super::answer::Resource;
use super::error::Failure;
use super::machine::{Machine, target};
use super::power::choose;
use super::resource::{Manager, NetworkProtocol};
use crate::provider::{Controller, ControllerState};
use crate::providers::told::told;
use dip_core::tls::Fingerprint;

/// The weak ways in that this protocol tells of.
const TELNET: &str = "telnet";
const SNMP_V1: &str = "SNMP v1";
const SNMP_V2C: &str = "SNMP v2c";

#[async_trait]
impl Controller for Machine {
    async fn state(&self) -> Result<ControllerState, ProviderError> {
        self.controller_state().await.map_err(self.failed("ask about the controller"))
    }

    async fn set_ntp(&self, servers: &[String]) -> Result<(), ProviderError> {
        self.set_time_servers(servers).await.map_err(self.failed("set the time servers of the controller"))
    }

    async fn set_syslog(&self, receivers: &[String]) -> Result<(), ProviderError> {
        self.set_log_receivers(receivers).await.map_err(self.failed("set the log receivers of the controller"))
    }

    async fn close_weaknesses(&self) -> Result<Vec<String>, ProviderError> {
        self.close_ways_in().await.map_err(self.failed("close weak ways into the controller"))
    }

    async fn certificate(&self) -> Result<Option<Vec<u8>>, ProviderError> {
        self.client.certificate().await.map_err(self.failed("look at the certificate of the controller"))
    }

    async fn certificate_request(&self, name: &str) -> Result<String, ProviderError> {
        self.request_certificate(name).await.map_err(self.failed("ask for a request for a certificate"))
    }

    async fn set_certificate(&self, pem: &str) -> Result<(), ProviderError> {
        self.replace_certificate(pem).await.map_err(self.failed("replace the certificate of the controller"))
    }

    async fn restart(&self) -> Result<(), ProviderError> {
        self.restart_controller().await.map_err(self.failed("restart the controller"))
    }
}

impl Machine {
    async fn controller_state(&self) -> Result<ControllerState, Failure> {
        let system = self.system().await?.body;
        let manager = self.manager(&system).await?.body;
        let network = self.client.follow::<NetworkProtocol>(manager.network_protocol.as_ref()).await?.map(|it| it.body);
        let certificate = self.client.certificate().await?.map(|der| Fingerprint::of(&der).to_string());
        Ok(ControllerState {
            model: told(manager.model.as_deref()),
            firmware: told(manager.firmware_version.as_deref()),
            ntp: network.as_ref().and_then(time_servers),
            syslog: self.log_receivers(&manager, network.as_ref()).await?,
            weaknesses: network.as_ref().map(weaknesses).unwrap_or_default(),
            certificate,
        })
    }

    /// The controller's network protocols, and their path.
    pub(super) async fn network(&self) -> Result<(Resource<NetworkProtocol>, Manager), Failure> {
        let lacking = || Failure::Lacking { what: "the controller tells nothing of its network protocols".to_owned() };
        let system = self.system().await?.body;
        let manager = self.manager(&system).await?.body;
        let network = self.client.follow(manager.network_protocol.as_ref()).await?.ok_or_else(lacking)?;
        Ok((network, manager))
    }

    async fn set_time_servers(&self, servers: &[String]) -> Result<(), Failure> {
        let (network, _) = self.network().await?;
        let decide = |now: &NetworkProtocol| match &now.ntp.0 {
            None => Err(Failure::Lacking { what: "the controller follows no time servers".to_owned() }),
            Some(_) if time_servers(now).as_deref() == Some(servers) => Ok(None),
            Some(_) => Ok(Some(json!({ "NTP": { "ProtocolEnabled": !servers.is_empty(), "NTPServers": servers } }))),
        };
        self.change(network.path(), decide).await.map(drop)
    }

    async fn close_ways_in(&self) -> Result<Vec<String>, Failure> {
        let (network, _) = self.network().await?;
        let decide = |now: &NetworkProtocol| {
            let mut body = json!({});
            for weakness in weaknesses(now) {
                match weakness.as_str() {
                    TELNET => body["Telnet"] = json!({ "ProtocolEnabled": false }),
                    SNMP_V1 => body["SNMP"]["EnableSNMPv1"] = json!(false),
                    _ => body["SNMP"]["EnableSNMPv2c"] = json!(false),
                }
            }
            Ok(Some(body).filter(|body| *body != json!({})))
        };
        let answer = self.change(network.path(), decide).await?;
        self.settle(answer).await?;
        let after = self.client.read::<NetworkProtocol>(network.path()).await.map_err(Failure::halfway)?;
        Ok(weaknesses(&after.body))
    }

    async fn restart_controller(&self) -> Result<(), Failure> {
        let system = self.system().await?.body;
        let manager = self.manager(&system).await?.body;
        let action = manager.actions.as_ref().and_then(|actions| actions.reset.as_ref());
        let target = target(action, "Manager.Reset")?;
        let types = ["GracefulRestart", "ForceRestart"];
        let listed = match action {
            Some(action) => self.allowed(action, action.reset_types.0.clone(), "ResetType").await?,
            None => None,
        };
        let reset_type = choose(&types, listed.as_deref()).ok_or_else(|| Failure::Lacking {
            what: format!("the controller offers none of the resets {}", types.join(", ")),
        })?;
        let body: Value = json!({ "ResetType": reset_type });
        self.client.post(target, &body).await.map(drop)
    }
}

/// The time servers that are followed; `None` where that is not told. Services fill unused places with nothing.
fn time_servers(network: &NetworkProtocol) -> Option<Vec<String>> {
    let ntp = network.ntp.as_ref()?;
    if ntp.protocol_enabled.0 == Some(false) {
        return Some(Vec::new());
    }
    let servers = ntp.servers.0.as_ref()?;
    Some(
        servers
            .iter()
            .filter_map(|server| told(Some(server)).filter(|server| server != "0.0.0.0" && server != "::"))
            .collect(),
    )
}

fn weaknesses(network: &NetworkProtocol) -> Vec<String> {
    let telnet = network.telnet.as_ref().is_some_and(|telnet| telnet.protocol_enabled.0 == Some(true));
    let snmp = network.snmp.as_ref().filter(|snmp| snmp.protocol_enabled.0 != Some(false));
    let v1 = snmp.is_some_and(|snmp| snmp.v1.0 == Some(true));
    let v2c = snmp.is_some_and(|snmp| snmp.v2c.0 == Some(true));
    let open = [(telnet, TELNET), (v1, SNMP_V1), (v2c, SNMP_V2C)];
    open.into_iter().filter(|(is_open, _)| *is_open).map(|(_, name)| name.to_owned()).collect()
}
