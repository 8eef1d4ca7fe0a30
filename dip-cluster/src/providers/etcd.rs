//! etcd's membership and keys, over the JSON interface that every member serves beside gRPC.
//!
//! Source: etcd v3.4 "Why gRPC gateway" (`POST /v3/kv/range`, `/v3/kv/put`; keys and values in base64), its API reference
//! (`/v3/cluster/member/list`, `/v3/cluster/member/remove`) and "Monitoring etcd" (`GET /health`).

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dip_core::id::NodeName;
use dip_core::layer::ConnectError;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::{Cluster, NodeState, Site};
use futures_util::future::join_all;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::provider::{Health, Member, Membership, Stored};
use crate::settings::EtcdSettings;

const PROVIDER: &str = "etcd";

/// How long one member may take to answer: it waits for its peers, and elects a leader within about a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// One etcd cluster, by the addresses of its members.
#[derive(Debug)]
pub struct Etcd {
    client: Client,
    members: Vec<(String, SocketAddr)>,
}

impl Etcd {
    /// The etcd cluster of a site.
    ///
    /// # Errors
    /// Where a member has no address, or its settings cannot be read.
    pub fn of(site: &Site, cluster: &Cluster) -> Result<Self, ConnectError> {
        let wrong = |why: String| ConnectError::cluster(cluster, why);
        let settings: EtcdSettings = cluster.workload.read().map_err(|error| wrong(error.to_string()))?;
        let address = |name: &NodeName| {
            let address = site.nodes.get(name).and_then(dip_core::site::Node::address).ok_or_else(|| {
                wrong(format!(
                    "its member `{name}` has no address; put one of its interfaces into a network with a range"
                ))
            })?;
            Ok((name.to_string(), SocketAddr::new(address, settings.client_port)))
        };
        // Those that are absent are not asked; a cluster that is absent as a whole still is.
        let wanted = |name: &&NodeName| site.nodes.get(*name).is_none_or(|node| node.state != NodeState::Absent);
        let all = || cluster.members.values().flatten();
        let mut asked: Vec<&NodeName> = all().filter(wanted).collect();
        if asked.is_empty() {
            asked = all().collect();
        }
        let members = asked.into_iter().map(address).collect::<Result<_, ConnectError>>()?;
        Self::at(members).map_err(|error| wrong(error.to_string()))
    }

    /// An etcd cluster by the names and client addresses of its members.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn at(members: Vec<(String, SocketAddr)>) -> Result<Self, reqwest::Error> {
        // Another part of the program may have chosen a provider of cryptography already; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A proxy of the environment is not meant for the members of a cluster.
        Ok(Self { client: Client::builder().timeout(PATIENCE).no_proxy().build()?, members })
    }

    /// Asks the members one after the other until one answers. Both calls that use it may be repeated: a range reads, and
    /// a put of the same value leaves the same value.
    async fn ask(&self, path: &str, body: &Value, action: &str) -> Result<Value, ProviderError> {
        let mut last = ProviderError::new(ErrorKind::Invalid, PROVIDER, action).advise("the cluster has no members");
        for (name, address) in &self.members {
            match self.ask_one(*address, path, body).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = failure(error, format!("{action} through {name}")),
            }
        }
        Err(last)
    }

    /// The members that the cluster counts, with their ids. One that was never started has no name yet, and is told by none.
    async fn listed(&self, action: &str) -> Result<Vec<(String, String)>, ProviderError> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(rename = "ID")]
            id: String,
            #[serde(default)]
            name: String,
        }
        #[derive(Deserialize)]
        struct Answer {
            members: Vec<Listed>,
        }
        let answer = self.ask("/v3/cluster/member/list", &json!({}), action).await?;
        let answer = Answer::deserialize(answer)
            .map_err(|error| ProviderError::new(ErrorKind::Unexpected, PROVIDER, action).because(error))?;
        Ok(answer.members.into_iter().map(|member| (member.name, member.id)).collect())
    }

    async fn ask_one(&self, address: SocketAddr, path: &str, body: &Value) -> Result<Value, reqwest::Error> {
        let answer = self.client.post(format!("http://{address}{path}")).json(body).send().await?;
        answer.error_for_status()?.json().await
    }

    async fn health(&self, address: SocketAddr) -> Health {
        #[derive(Deserialize)]
        struct Answer {
            health: String,
        }
        let Ok(answer) = self.client.get(format!("http://{address}/health")).send().await else {
            return Health::Silent;
        };
        // A member without a leader answers 503 and `"health":"false"`.
        match answer.json::<Answer>().await {
            Ok(answer) if answer.health == "true" => Health::Healthy,
            _ => Health::Alone,
        }
    }
}

fn failure(error: reqwest::Error, action: String) -> ProviderError {
    let kind = match error.status() {
        // 503 and 504: no leader, or the request was not decided in time.
        Some(status) if status.is_server_error() => ErrorKind::Busy,
        Some(_) => ErrorKind::Invalid,
        None if error.is_decode() => ErrorKind::Unexpected,
        None => ErrorKind::Unreachable,
    };
    ProviderError::new(kind, PROVIDER, action).because(error)
}

#[async_trait]
impl Membership for Etcd {
    async fn members(&self) -> Result<Vec<Member>, ProviderError> {
        // All at once: a member that does not answer must not hold up the others.
        let looks = self
            .members
            .iter()
            .map(async |(name, address)| Member { name: name.clone(), health: self.health(*address).await });
        Ok(join_all(looks).await)
    }

    async fn roster(&self) -> Result<Vec<String>, ProviderError> {
        let mut names: Vec<String> = self.listed("list the members").await?.into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        Ok(names)
    }

    async fn remove(&self, member: &str) -> Result<(), ProviderError> {
        let action = format!("take the member {member} out");
        let Some((_, id)) = self.listed(&action).await?.into_iter().find(|(name, _)| name == member) else {
            return Ok(());
        };
        self.ask("/v3/cluster/member/remove", &json!({"ID": id}), &action).await.map(drop)
    }

    async fn read(&self, key: &str) -> Result<Option<Stored>, ProviderError> {
        let action = format!("read the key {key}");
        let answer = self.ask("/v3/kv/range", &json!({"key": BASE64_STANDARD.encode(key)}), &action).await?;
        let Some(found) = answer.get("kvs").and_then(|found| found.get(0)) else {
            return Ok(None);
        };
        let read = || {
            // protobuf's JSON writes 64-bit numbers as text, and leaves out an empty value.
            let revision = found.get("mod_revision")?.as_str()?.parse().ok()?;
            let value = found.get("value").map_or(Some(""), Value::as_str)?;
            let value = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
            Some(Stored { value, revision })
        };
        read().map(Some).ok_or_else(|| ProviderError::new(ErrorKind::Unexpected, PROVIDER, action))
    }

    async fn write(&self, key: &str, value: &str) -> Result<(), ProviderError> {
        let body = json!({"key": BASE64_STANDARD.encode(key), "value": BASE64_STANDARD.encode(value)});
        self.ask("/v3/kv/put", &body, &format!("write the key {key}")).await.map(drop)
    }
}
