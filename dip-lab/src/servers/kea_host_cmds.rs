//! A stand-in for Kea's hook `libdhcp_host_cmds.so`, which Debian does not have: a control socket before Kea's own, which answers the commands
//! `reservation-*` by what the Kea ARM documents, over the real server's hosts database, and passes on all others.
//!
//! It proves what a client of the hook does with documented answers, and nothing of the hook itself.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::error::LabError;
use crate::servers::kea_hosts::{HostsTables, Refused, Wanted};
use crate::servers::kea_socket::exchange;
use crate::servers::postgres::Postgres;

/// Which of Kea's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Dhcp4,
    Dhcp6,
}

impl Service {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Dhcp4 => 4,
            Self::Dhcp6 => 6,
        }
    }
}

/// How old the hook is that is stood in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostCommandsAge {
    /// Kea 3.0: absent hosts are told by result 3.
    Current,
    /// Kea 2.2: no `reservation-update` and no `operation-target`; absent hosts are told by result 0 without a host, or by an error.
    Before24,
}

/// It ends when it is dropped.
#[derive(Debug)]
pub struct KeaHostCommands {
    /// The control socket with the commands.
    pub socket: PathBuf,
    task: JoinHandle<()>,
}

impl KeaHostCommands {
    pub(crate) fn before(
        kea: &Path,
        service: Service,
        database: &Postgres,
        name: &str,
        age: HostCommandsAge,
    ) -> Result<Self, LabError> {
        let socket = kea.with_file_name(name);
        let listener = UnixListener::bind(&socket).map_err(|error| LabError::file("listen at", &socket, error))?;
        let mut hook =
            Responder { kea: kea.to_owned(), service, age, tables: HostsTables::of(database, service.number()) };
        // One command after the other, as Kea does.
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // Who is cut off sees it by himself.
                let _ = hook.serve(client).await;
            }
        });
        Ok(Self { socket, task })
    }
}

impl Drop for KeaHostCommands {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Responder {
    kea: PathBuf,
    service: Service,
    age: HostCommandsAge,
    tables: HostsTables,
}

impl Responder {
    fn commands(&self) -> &'static [&'static str] {
        const ALL: [&str; 5] =
            ["reservation-add", "reservation-del", "reservation-get", "reservation-get-page", "reservation-update"];
        match self.age {
            HostCommandsAge::Current => &ALL,
            HostCommandsAge::Before24 => &ALL[..4],
        }
    }

    async fn serve(&mut self, mut client: UnixStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        let told = loop {
            if client.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
            if let Ok(told) = serde_json::from_slice::<Value>(&request) {
                break told;
            }
        };
        let command = told["command"].as_str().unwrap_or_default();
        let answer = if self.commands().contains(&command) {
            // A Kea that is not there answers nothing, its hook neither.
            UnixStream::connect(&self.kea).await?;
            let answered = self.answer(command, &told["arguments"]).await;
            answered.unwrap_or_else(|Refused(why)| json!({"result": 1, "text": why}))
        } else {
            let mut answer = self.pass(&told).await?;
            if let Some(list) = answer["arguments"].as_array_mut().filter(|_| command == "list-commands") {
                list.extend(self.commands().iter().map(|command| json!(command)));
            }
            answer
        };
        client.write_all(&serde_json::to_vec(&answer)?).await
    }

    /// What Kea itself answers.
    async fn pass(&self, told: &Value) -> std::io::Result<Value> {
        Ok(serde_json::from_str(&exchange(&self.kea, told).await?)?)
    }

    async fn answer(&mut self, command: &str, arguments: &Value) -> Result<Value, Refused> {
        let target = arguments["operation-target"].as_str().unwrap_or("database");
        if self.age == HostCommandsAge::Current && target != "database" {
            return Err(Refused(format!("the stand-in has no operation-target `{target}`")));
        }
        match command {
            "reservation-add" => {
                let host = self.host(&arguments["reservation"]).await?;
                self.tables.add(&host).await?;
                Ok(json!({"result": 0, "text": "Host added."}))
            }
            "reservation-update" => {
                let host = self.host(&arguments["reservation"]).await?;
                self.tables.update(&host).await?;
                Ok(json!({"result": 0, "text": "Host updated."}))
            }
            "reservation-get" => {
                let wanted = Wanted::of(arguments)?;
                let hosts = self.tables.select(subnet(arguments)?, &wanted).await?;
                Ok(match (hosts.into_iter().next(), self.age) {
                    (Some((_, host)), _) => json!({"result": 0, "text": "Host found.", "arguments": host}),
                    (None, HostCommandsAge::Current) => json!({"result": 3, "text": "Host not found."}),
                    (None, HostCommandsAge::Before24) => json!({"result": 0, "text": "Host not found."}),
                })
            }
            "reservation-del" => {
                let deleted = self.tables.delete(subnet(arguments)?, &Wanted::of(arguments)?).await?;
                Ok(match (deleted, self.age) {
                    (0, HostCommandsAge::Current) => json!({"result": 3, "text": "Host not deleted (not found)."}),
                    (0, HostCommandsAge::Before24) => json!({"result": 1, "text": "Host not deleted (not found)."}),
                    _ => json!({"result": 0, "text": "Host deleted."}),
                })
            }
            _ => self.page(arguments).await,
        }
    }

    async fn page(&mut self, arguments: &Value) -> Result<Value, Refused> {
        let limit = arguments["limit"].as_i64().ok_or_else(|| Refused("missing parameter 'limit'".to_owned()))?;
        let (source, from) = (arguments["source-index"].as_i64().unwrap_or(0), arguments["from"].as_i64().unwrap_or(0));
        let subnet = subnet(arguments)?;
        self.config_of(subnet).await?;
        // After its configuration (source 0), which the ARM lets come first, Kea has one database here.
        let hosts = match source {
            1 => self.tables.select(subnet, &Wanted::After { id: from, limit }).await?,
            0 => return Err(Refused("the stand-in has no hosts of the configuration".to_owned())),
            _ => Vec::new(),
        };
        let text = format!("{} IPv{} host(s) found.", hosts.len(), self.service.number());
        let Some((last, _)) = hosts.last() else {
            return Ok(json!({"result": 3, "text": text, "arguments": {"count": 0, "hosts": []}}));
        };
        let next = json!({"from": last, "source-index": source});
        let hosts: Vec<Value> = hosts.into_iter().map(|(_, host)| host).collect();
        Ok(json!({"result": 0, "text": text, "arguments": {"count": hosts.len(), "hosts": hosts, "next": next}}))
    }

    /// A reservation that Kea's own parser takes for its subnet: it is tried in a configuration of nothing else.
    async fn host(&self, reservation: &Value) -> Result<Value, Refused> {
        if !reservation.is_object() {
            return Err(Refused("reservation must be specified".to_owned()));
        }
        let missing = || Refused("Mandatory 'subnet-id' parameter missing.".to_owned());
        let subnet = reservation["subnet-id"].as_i64().ok_or_else(missing)?;
        let mut config = self.config_of(subnet).await?;
        let mut alone = reservation.clone();
        alone.as_object_mut().ok_or_else(missing)?.remove("subnet-id");
        config["reservations"] = json!([alone]);
        let number = self.service.number();
        let body = match subnet {
            0 => config,
            _ => json!({format!("subnet{number}"): [config]}),
        };
        let test = json!({"command": "config-test", "arguments": {format!("Dhcp{number}"): body}});
        let tested = self.pass(&test).await.map_err(|error| Refused(error.to_string()))?;
        match tested["result"].as_i64() {
            Some(0) => Ok(reservation.clone()),
            _ => Err(Refused(tested["text"].as_str().unwrap_or_default().to_owned())),
        }
    }

    /// A subnet that Kea serves, with nothing but its number and its prefix; nothing for the one of all.
    async fn config_of(&self, subnet: i64) -> Result<Value, Refused> {
        let number = self.service.number();
        let told = self.pass(&json!({"command": "config-get"})).await.map_err(|error| Refused(error.to_string()))?;
        let body = &told["arguments"][format!("Dhcp{number}")];
        let word = format!("subnet{number}");
        let networks = body["shared-networks"].as_array().into_iter().flatten();
        let owners = std::iter::once(body).chain(networks);
        let mut subnets = owners.flat_map(|owner| owner[&word].as_array().into_iter().flatten());
        match subnets.find(|one| one["id"] == subnet) {
            Some(one) => Ok(json!({"id": subnet, "subnet": one["subnet"]})),
            None if subnet == 0 => Ok(json!({})),
            None => Err(Refused(format!("IPv{number} subnet with ID of '{subnet}' is not configured"))),
        }
    }
}

fn subnet(arguments: &Value) -> Result<i64, Refused> {
    arguments["subnet-id"].as_i64().ok_or_else(|| Refused("missing parameter 'subnet-id'".to_owned()))
}
