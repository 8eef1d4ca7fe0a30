//! What dip asks of a server that takes dynamic updates, and how it says it.

use std::fmt;

use async_trait::async_trait;
use dip_core::provider::ErrorKind;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use super::message::{NameError, data, name, plain, query, record_type, update};
use super::pool::Pool;
use super::transfer;
use super::verdict::{Code, answered, failed, not_allowed, not_this, not_transferred, updated};
use super::wire::WireError;
use crate::providers::zones::{
    Compares, Edit, Expect, Fault, Look, Outcome, Reach, Seen, Transfer, Usage, ZoneServer, Zones,
};

/// The names of one DNS server that takes dynamic updates. A name is marked by a TXT record beside it,
/// `_dip.<name> TXT "site=<site>"`.
pub type Rfc2136 = Zones<UpdateServer>;

/// One server and the zones that the settings name.
pub struct UpdateServer {
    pub(super) pool: Pool,
    pub(super) zones: Vec<Name>,
    pub(super) ttl: u32,
}

impl fmt::Debug for UpdateServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateServer").field("server", &self.pool.server()).finish_non_exhaustive()
    }
}

#[async_trait]
impl ZoneServer for UpdateServer {
    const PRODUCT: &'static str = "rfc2136";

    /// A message over TCP holds 65,535 bytes; the rest is for its head and its signature.
    const CAPACITY: usize = 64_000;

    /// By prerequisites (RFC 2136 section 3.2).
    const COMPARES: Compares = Compares::Server;

    fn ttl(&self) -> u32 {
        self.ttl
    }

    /// The nearest zone of the settings, else the one whose SOA the server tells.
    async fn zone(&self, at: &str) -> Result<String, Fault> {
        let at = name(at).map_err(invalid)?;
        if !self.zones.is_empty() {
            let nearest = self.zones.iter().filter(|zone| zone.zone_of(&at)).max_by_key(|zone| zone.num_labels());
            return nearest.map(plain).ok_or_else(|| {
                Fault::new(ErrorKind::Invalid, Reach::Message).advise(format!(
                    "{} is in none of the `zones` of the service; add its zone there, or leave `zones` out",
                    plain(&at)
                ))
            });
        }
        let asked = self.pool.ask(query(at.clone(), RecordType::SOA)).await;
        let found = match asked {
            // Knot does not sign that it has no such zone.
            Err(WireError::Refused(ResponseCode::Refused | ResponseCode::NotAuth)) => None,
            answer => self.found(&answer.map_err(failed)?, &at),
        };
        found.map(|(zone, _)| plain(&zone)).ok_or_else(|| {
            Fault::new(ErrorKind::Invalid, Reach::Message).advise(format!(
                "{} has no zone for {}; give the address of its primary server",
                self.pool.server(),
                plain(&at)
            ))
        })
    }

    async fn look(&self, _: &str, looks: &[&Look]) -> Result<Vec<Seen>, Fault> {
        let mut questions = Vec::new();
        for look in looks {
            let at = name(&look.name).map_err(invalid)?;
            let kinds = look.kinds.iter().map(|kind| record_type(*kind));
            // An alias is told with any answer; where nothing else is asked for, it is asked for itself.
            let alias = look.kinds.is_empty().then_some(RecordType::CNAME);
            questions.extend(kinds.chain(alias).map(|kind| query(at.clone(), kind)));
        }
        let answers = self.pool.ask_all(questions).await.map_err(failed)?;
        let mut answers = answers.into_iter();
        looks
            .iter()
            .map(|look| {
                let mut seen = Seen::default();
                for answer in answers.by_ref().take(look.kinds.len().max(1)) {
                    answered(&answer, self.pool.server())?;
                    read(&answer, look, &mut seen);
                }
                Ok(seen)
            })
            .collect()
    }

    /// An answer may come from a wildcard or from a name that only has names below it. An update that changes nothing and
    /// asks for an unused name tells for sure.
    async fn used(&self, zone: &str, at: &str) -> Result<bool, Fault> {
        let probe = Edit { expects: vec![Expect::Unused(at.to_owned())], changes: Vec::new() };
        Ok(self.write(zone, &[&probe]).await? == Outcome::Prevented)
    }

    async fn serial(&self, zone: &str) -> Result<Option<u32>, Fault> {
        let zone = name(zone).map_err(invalid)?;
        let answer = self.ask(query(zone.clone(), RecordType::SOA)).await?;
        Ok(self.found(&answer, &zone).map(|(_, serial)| serial))
    }

    async fn transfer(&self, zone: &str) -> Result<Transfer, Fault> {
        match transfer::ask(&self.pool, &name(zone).map_err(invalid)?).await {
            // So Knot refuses a transfer.
            Err(error @ (WireError::UnknownKey | WireError::Refused(_))) if self.knows_key(zone).await => {
                Err(not_transferred(zone, error))
            }
            answers => transfer::read(zone, answers.map_err(failed)?),
        }
    }

    async fn write(&self, zone: &str, edits: &[&Edit]) -> Result<Outcome, Fault> {
        let answer = match self.pool.ask(update(zone, edits).map_err(invalid)?).await {
            // So Knot refuses whom it does not let change a zone.
            Err(error @ (WireError::UnknownKey | WireError::Refused(_))) if self.knows_key(zone).await => {
                return Err(not_allowed(error));
            }
            answer => answer.map_err(failed)?,
        };
        match answer.response_code {
            // So BIND does; but both refuse also some changes of those who may make others.
            code @ ResponseCode::Refused => {
                Err(if self.takes_updates(zone).await { not_this(Code(code)) } else { not_allowed(Code(code)) })
            }
            code => updated(code, self.pool.server()),
        }
    }
}

impl UpdateServer {
    /// Whether the server answers the key: one who may not do something is told by Knot that his key is not known.
    async fn knows_key(&self, zone: &str) -> bool {
        self.serial(zone).await.is_ok_and(|serial| serial.is_some())
    }

    /// Whether the key may change the zone at all: an update that changes nothing tells.
    async fn takes_updates(&self, zone: &str) -> bool {
        let Ok(nothing) = update(zone, &[]) else { return false };
        self.pool.ask(nothing).await.is_ok_and(|answer| answer.response_code == ResponseCode::NoError)
    }

    async fn ask(&self, message: Message) -> Result<Message, Fault> {
        let answer = self.pool.ask(message).await.map_err(failed)?;
        answered(&answer, self.pool.server())?;
        Ok(answer)
    }

    /// The zone of a name, and its serial number, where the server is the one to ask.
    fn found(&self, answer: &Message, at: &Name) -> Option<(Name, u32)> {
        let records = answer.answers.iter().chain(&answer.authorities);
        let mut soas = records.filter(|record| record.name.zone_of(at)).filter_map(|record| match &record.data {
            RData::SOA(soa) => Some((record.name.clone(), soa.serial)),
            _ => None,
        });
        soas.next().filter(|_| answer.authoritative)
    }
}

/// Adds what an answer tells of a name.
fn read(answer: &Message, look: &Look, seen: &mut Seen) {
    if answer.response_code == ResponseCode::NoError {
        seen.usage = Usage::Known;
    }
    let here = answer.answers.iter().filter(|record| plain(&record.name) == look.name);
    for data in here.filter_map(|record| data(&record.data)) {
        match data {
            crate::providers::zones::Data::Cname(alias) => seen.alias = Some(alias),
            data if look.kinds.contains(&data.kind()) => seen.data.push(data),
            _ => {}
        }
    }
}

fn invalid(error: NameError) -> Fault {
    Fault::new(ErrorKind::Invalid, Reach::Message).because(error)
}
