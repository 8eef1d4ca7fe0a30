//! One agent: its clients, made when they are needed and made anew where they no longer fit.

use std::sync::Arc;
use std::time::Duration;

use async_snmp::{Client, Error, FixedCardinalityResponse, Oid, ResponseShapePolicy, Retry, UdpClient, Value};
use dip_core::provider::{ErrorKind, ProviderError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::{NAME, is_stale, may_have_acted, told};
use super::login::Login;

/// How long a reading waits before it is sent again. Management cards take hundreds of milliseconds; an answer to a former sending
/// counts too.
const READING: Duration = Duration::from_secs(1);
/// How often a reading is sent again: lost packets must not fail it.
const AGAIN: u32 = 3;
/// How long the answer to a writing is waited for: it is sent once, and a card that switches takes its time.
const WRITING: Duration = Duration::from_secs(5);
/// Clients that are younger were made for this very call, or for one of the same moment: making them again would change nothing.
const FRESH: Duration = Duration::from_secs(5);
/// `SNMPv2-MIB::sysObjectID.0`.
const SYS_OBJECT_ID: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];

/// An agent and the way to it.
pub(super) struct Agent {
    address: String,
    login: Login,
    clients: Mutex<Option<Arc<Clients>>>,
}

/// Readings and writings differ in what may be sent again and in what is believed.
struct Clients {
    reading: UdpClient,
    writing: UdpClient,
    made: Instant,
}

/// What a writing that got no answer may have done.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// Nothing: the agent refused it, or never got it.
    Refused(ProviderError),
    /// Nobody knows.
    Lost(ProviderError),
}

impl Agent {
    pub(super) fn new(address: &str, login: Login) -> Self {
        Self { address: address.to_owned(), login, clients: Mutex::new(None) }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What the agent says that it is.
    pub(super) async fn object_id(&self, action: &str) -> Result<Oid, ProviderError> {
        let [value] = self.read(action, [Oid::from_slice(&SYS_OBJECT_ID)]).await?;
        value.as_oid().cloned().ok_or_else(|| {
            ProviderError::new(ErrorKind::Unsupported, NAME, action)
                .because(format!("its sysObjectID is {value}"))
                .advise("name its `product`, or describe it by a `map`")
        })
    }

    /// The values of some instances, in their order; what the agent does not have is one of SNMP's exceptions.
    pub(super) async fn read<const N: usize>(&self, action: &str, oids: [Oid; N]) -> Result<[Value; N], ProviderError> {
        self.read_all(action, &oids).await?.try_into().map_err(|_| {
            ProviderError::new(ErrorKind::Unexpected, NAME, action).because("the agent left out an answer")
        })
    }

    /// As [`Self::read`], for any number of them.
    pub(super) async fn read_all(&self, action: &str, oids: &[Oid]) -> Result<Vec<Value>, ProviderError> {
        let clients = self.clients(action).await?;
        let error = match clients.reading.get_many(oids).await {
            Ok(response) => return Ok(values(response)),
            Err(error) => error,
        };
        // A management card that was replaced, or forgot who it is, has another engine: its keys are made anew, once.
        if clients.made.elapsed() < FRESH || !is_stale(&error) {
            return Err(self.failed(error, action).await);
        }
        self.forget().await;
        match self.clients(action).await?.reading.get_many(oids).await {
            Ok(response) => Ok(values(response)),
            Err(error) => Err(self.failed(error, action).await),
        }
    }

    /// Writes a number once. It is never sent again: who asks knows whether that would do harm.
    pub(super) async fn write(&self, action: &str, oid: &Oid, number: i32) -> Result<(), Unwritten> {
        let clients = self.clients(action).await.map_err(Unwritten::Refused)?;
        match clients.writing.set(oid, Value::Integer(number)).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let lost = may_have_acted(&error);
                let error = self.failed(error, action).await;
                Err(if lost { Unwritten::Lost(error) } else { Unwritten::Refused(error) })
            }
        }
    }

    async fn failed(&self, error: Box<Error>, action: &str) -> ProviderError {
        if is_stale(&error) {
            self.forget().await;
        }
        told(error, action, self.login.version)
    }

    async fn forget(&self) {
        *self.clients.lock().await = None;
    }

    async fn clients(&self, action: &str) -> Result<Arc<Clients>, ProviderError> {
        let mut clients = self.clients.lock().await;
        if let Some(clients) = &*clients {
            return Ok(Arc::clone(clients));
        }
        let made = self.connect().await.map_err(|error| told(error, action, self.login.version))?;
        Ok(Arc::clone(clients.insert(Arc::new(made))))
    }

    async fn connect(&self) -> Result<Clients, Box<Error>> {
        let made = Instant::now();
        let builder = |answer, again| {
            Client::builder(self.address.as_str(), self.login.auth.clone())
                .request_timeout(answer)
                .retry(Retry::fixed(again, Duration::ZERO).expect("a handful of retries is allowed"))
                .response_shape_policy(ResponseShapePolicy::Strict)
                // Answers of another address are somebody else's.
                .strict_source(true)
        };
        // An agent tells a wrong user or password by a report that is not authentic (RFC 3414, section 3.2, steps 4 to 6), and the
        // library believes such reports only together with their time. For a reading that is harmless: who forges one on the way
        // can have one reading that is valid at another time. A writing that could be replayed would switch an outlet, so writings
        // believe nothing of it.
        let reading = builder(READING, AGAIN).allow_unauthenticated_v3_time_correction(true);
        Ok(Clients { reading: reading.connect().await?, writing: builder(WRITING, 0).connect().await?, made })
    }
}

fn values(response: FixedCardinalityResponse) -> Vec<Value> {
    response.varbinds.into_iter().map(|binding| binding.value).collect()
}
