//! The way to Kea's servers: commands over the control socket, or over HTTP, to the server itself or to the control agent before it.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use dip_core::hardware::MacAddr;
use dip_core::provider::{ErrorKind, sentence};
use dip_core::secret::{Secret, Secrets};
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::super::failure::Failure;
use super::entry::Family;
use super::http::{self, PATIENCE};
use crate::settings::KeaSettings;

/// The results of Kea's commands (Kea ARM, section "Using the Control Channel").
const SUCCESS: u64 = 0;
const UNSUPPORTED: u64 = 2;
const EMPTY: u64 = 3;

/// The servers of a Kea, one or both.
#[derive(Debug)]
pub(super) struct Servers(Vec<Server>);

/// One server: Kea's for DHCPv4, or that for DHCPv6.
pub(super) struct Server {
    pub(super) family: Family,
    way: Way,
}

enum Way {
    Socket(PathBuf),
    Http { client: reqwest::Client, url: Url, login: Option<(String, Secret)> },
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Socket(path) => write!(f, "{} at {}", self.service(), path.display()),
            Way::Http { url, .. } => write!(f, "{} behind {url}", self.service()),
        }
    }
}

impl Servers {
    pub(super) fn of(settings: &KeaSettings, secrets: &dyn Secrets) -> Result<Self, String> {
        let given = [(Family::V4, &settings.dhcp4), (Family::V6, &settings.dhcp6)];
        let servers: Vec<Server> = given
            .into_iter()
            .filter_map(|(family, at)| Some((family, at.as_deref()?)))
            .map(|(family, at)| Ok(Server { family, way: way(at, settings, secrets)? }))
            .collect::<Result<_, String>>()?;
        if servers.is_empty() { Err("say where `dhcp4` or `dhcp6` answers".to_owned()) } else { Ok(Self(servers)) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Server> {
        self.0.iter()
    }

    /// What the hook `lease_cmds` tells, where it is loaded.
    pub(super) async fn leases(&self, mac: MacAddr) -> Result<Vec<IpAddr>, Failure> {
        let mut all = Vec::new();
        for server in self.iter() {
            // A DHCPv6 client is known by its DUID; that of a link-layer address alone follows from it (RFC 8415, section 11.4).
            let (command, arguments) = match server.family {
                Family::V4 => ("lease4-get-by-hw-address", json!({"hw-address": mac})),
                Family::V6 => ("lease6-get-by-duid", json!({"duid": format!("00:03:00:01:{mac}")})),
            };
            let found = match server.command(command, Some(&arguments)).await {
                Err(failure) if failure.kind == ErrorKind::Unsupported => continue,
                found => found?,
            };
            let leases = found.as_ref().and_then(|found| found.get("leases")).and_then(Value::as_array);
            // State 0 is a lease that is given; 1 was declined and 2 is expired.
            let given = leases.into_iter().flatten().filter(|lease| lease["state"] == 0);
            all.extend(given.filter_map(|lease| lease["ip-address"].as_str()?.parse::<IpAddr>().ok()));
        }
        Ok(all)
    }
}

fn way(at: &str, settings: &KeaSettings, secrets: &dyn Secrets) -> Result<Way, String> {
    if let Some(path) = at.strip_prefix("unix:") {
        return Ok(Way::Socket(PathBuf::from(path)));
    }
    let wrong =
        || format!("`{at}` is neither `unix:PATH` nor the `http://` or `https://` address of Kea or its control agent");
    let url = Url::parse(at).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)?;
    let login = match (&settings.user, &settings.password) {
        (Some(user), Some(password)) => {
            Some((user.clone(), secrets.resolve(password).map_err(|error| sentence(&error))?))
        }
        (None, None) => None,
        _ => return Err("`user` and `password` go together".to_owned()),
    };
    let client = http::client(settings, secrets)?;
    Ok(Way::Http { client, url, login })
}

impl Server {
    /// Sends a command and waits for its result: its arguments, or nothing where Kea has nothing to tell.
    pub(super) async fn command(&self, command: &str, arguments: Option<&Value>) -> Result<Option<Value>, Failure> {
        let mut request = json!({"command": command});
        if let Some(arguments) = arguments {
            request["arguments"] = arguments.clone();
        }
        let answer = match &self.way {
            Way::Socket(path) => self.by_socket(path, &request).await?,
            Way::Http { client, url, login } => {
                // A control agent has to be told; a server refuses what is meant for another one.
                request["service"] = json!([self.service()]);
                self.by_http(client, url, login.as_ref(), &request).await?
            }
        };
        self.read(command, answer)
    }

    pub(super) const fn service(&self) -> &'static str {
        match self.family {
            Family::V4 => "dhcp4",
            Family::V6 => "dhcp6",
        }
    }

    async fn by_socket(&self, path: &Path, request: &Value) -> Result<Value, Failure> {
        let exchange = async {
            let mut stream = UnixStream::connect(path).await?;
            stream.write_all(&serde_json::to_vec(request)?).await?;
            let mut answer = Vec::new();
            // Kea closes the connection after its answer.
            stream.read_to_end(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        };
        let answer = match timeout(PATIENCE, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                let advice = "let this user write to Kea's control socket: run dip as Kea's user or in its group";
                return Err(Failure::new(ErrorKind::Denied, format!("{self}: {error}")).advise(advice));
            }
            Ok(Err(error)) => {
                let advice = "start Kea, or correct the path of its `control-socket`";
                return Err(Failure::new(ErrorKind::Unreachable, format!("{self}: {error}")).advise(advice));
            }
            Err(_) => return Err(self.silent()),
        };
        if answer.is_empty() {
            let why = format!("{self} hung up without an answer");
            return Err(Failure::new(ErrorKind::Unreachable, why).advise("see whether Kea still runs"));
        }
        serde_json::from_slice(&answer).map_err(|error| self.unexpected(&error.to_string()))
    }

    async fn by_http(
        &self,
        client: &reqwest::Client,
        url: &Url,
        login: Option<&(String, Secret)>,
        request: &Value,
    ) -> Result<Value, Failure> {
        let mut post = client.post(url.clone()).json(request);
        if let Some((user, password)) = login {
            post = post.basic_auth(user, Some(password.expose()));
        }
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                return self.silent();
            }
            let why = format!("{self}: {}", sentence(&error));
            match http::distrust(&error) {
                Some(advice) => Failure::new(ErrorKind::Denied, why).advise(advice),
                None => Failure::new(ErrorKind::Unreachable, why)
                    .advise("start Kea, and its control agent before 3.0, or correct the address"),
            }
        };
        let answer = post.send().await.map_err(failed)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let why = format!("{self} refuses this user or password");
                let advice =
                    "correct `user` and `password` by the `authentication` of Kea's HTTP socket or control agent";
                return Err(Failure::new(ErrorKind::Denied, why).advise(advice));
            }
            status => return Err(self.unexpected(&format!("HTTP status {status}"))),
        }
        let body = answer.bytes().await.map_err(failed)?;
        let answers: Value = serde_json::from_slice(&body).map_err(|error| self.unexpected(&error.to_string()))?;
        // An agent answers for each service that it was told, a server for itself alone.
        Ok(match answers {
            Value::Array(all) => all.into_iter().next().unwrap_or_default(),
            one => one,
        })
    }

    fn read(&self, command: &str, mut answer: Value) -> Result<Option<Value>, Failure> {
        let text = answer["text"].as_str().unwrap_or_default().to_owned();
        match answer["result"].as_u64() {
            Some(SUCCESS) => Ok(answer.get_mut("arguments").map(Value::take)),
            Some(EMPTY) => Ok(None),
            Some(UNSUPPORTED) => Err(Failure::new(ErrorKind::Unsupported, format!("{self} does not know `{command}`"))),
            // What the control agent says where the server behind it is away.
            Some(_) if text.contains("unable to forward command") => {
                Err(Failure::new(ErrorKind::Unreachable, format!("{self}: {text}")).advise("start Kea"))
            }
            Some(_) => Err(Failure::new(ErrorKind::Invalid, format!("{self} refuses `{command}`: {text}"))),
            None => Err(self.unexpected("an answer without a `result`")),
        }
    }

    fn silent(&self) -> Failure {
        let why = format!("{self} did not answer within {} seconds", PATIENCE.as_secs());
        Failure::new(ErrorKind::Unreachable, why).advise("see what keeps Kea busy")
    }

    fn unexpected(&self, what: &str) -> Failure {
        let why = format!("{self} answers something that is not Kea's: {what}");
        Failure::new(ErrorKind::Unexpected, why).advise("see whether Kea listens there")
    }
}
