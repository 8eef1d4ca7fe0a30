//! The zones of one PowerDNS. It has no prerequisites: what must be the case is read, compared, and then the change is sent. In
//! between, some milliseconds, somebody else may write the same name; dip's own changes go one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dip_core::provider::ErrorKind;
use dip_core::secret::Secret;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::sync::Mutex as Turn;

use super::api::{Api, Content, Patch, PatchSet, RrSet, Zone};
use super::content::{content, data, dotted, is};
use crate::providers::dns_name::plain;
use crate::providers::http;
use crate::providers::zones::{
    Change, Compares, Data, Edit, Expect, Fault, Kind, Look, Outcome, Reach, Record, Seen, Transfer, Usage, ZoneServer,
    Zones,
};
use crate::settings::PowerDnsSettings;

/// The names of one PowerDNS, through its HTTP API. A name is marked by a TXT record beside it, `_dip.<name> TXT "site=<site>"`.
pub type PowerDns = Zones<ApiServer>;

/// How long the list of zones serves.
const LISTED: Duration = Duration::from_secs(60);

/// From so many names on, the whole zone is read: a request takes about 1 ms, a zone of 1,000 records 10 ms.
const MANY: usize = 16;

/// One server with its API.
pub struct ApiServer {
    api: Api,
    ttl: u32,
    listed: Mutex<Option<(Instant, BTreeSet<String>)>>,
    /// Two writers of one sqlite database lock each other out, also in different zones; and nobody looks in the middle of a change.
    writer: Turn<()>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL cannot be used. It is not repeated: it may hold a password.
    #[error("`url` must be like `http://10.0.0.5:8081`, without user and password")]
    Url,
    /// The key cannot be sent. It is not repeated.
    #[error("the API key holds characters that no HTTP header can hold")]
    Key,
    /// No HTTP client can be made.
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
}

impl PowerDns {
    /// A provider for the server of the settings. It connects when it is first asked.
    ///
    /// # Errors
    /// Where the URL or the key cannot be used.
    pub fn new(settings: &PowerDnsSettings, key: &Secret) -> Result<Self, SettingsError> {
        let mut zones = http::base(&settings.url).ok_or(SettingsError::Url)?;
        zones.path_segments_mut().map_err(|()| SettingsError::Url)?.pop_if_empty().extend([
            "api",
            "v1",
            "servers",
            &settings.server,
            "zones",
        ]);
        let mut key = HeaderValue::from_str(key.expose().trim()).map_err(|_| SettingsError::Key)?;
        key.set_sensitive(true);
        let client = Api::client(HeaderMap::from_iter([("x-api-key".parse().expect("a name of a header"), key)]))?;
        let api = Api { client, zones };
        Ok(Self::of(ApiServer { api, ttl: settings.ttl, listed: Mutex::default(), writer: Turn::new(()) }))
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer").field("zones", &self.api.zones.as_str()).finish_non_exhaustive()
    }
}

#[async_trait]
impl ZoneServer for ApiServer {
    const PRODUCT: &'static str = "powerdns";

    /// About 500 sets of records: larger requests gain nothing, and hold the database for longer.
    const CAPACITY: usize = 32_000;

    const COMPARES: Compares = Compares::Dip;

    fn ttl(&self) -> u32 {
        self.ttl
    }

    async fn zone(&self, name: &str) -> Result<String, Fault> {
        if let Some((asked, zones)) = &*self.listed.lock().unwrap_or_else(PoisonError::into_inner)
            && asked.elapsed() < LISTED
            && let Some(zone) = longest(zones, name)
        {
            return Ok(zone);
        }
        let zones: BTreeSet<String> = self.api.zones().await?.iter().map(|zone| plain(&zone.name)).collect();
        let found = longest(&zones, name);
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), zones));
        found.ok_or_else(|| {
            Fault::new(ErrorKind::Invalid, Reach::Message)
                .advise(format!("the server has no zone for {name}; create it there, or correct the domain"))
        })
    }

    async fn look(&self, zone: &str, looks: &[&Look]) -> Result<Vec<Seen>, Fault> {
        let names = looks.iter().map(|look| look.name.as_str()).collect();
        // A name and its mark are asked for one after the other: a change of ours between the two would show one without the other.
        let _turn = self.writer.lock().await;
        let held = self.held(zone, &names).await?;
        Ok(looks.iter().map(|look| held.look(look)).collect())
    }

    async fn used(&self, zone: &str, name: &str) -> Result<bool, Fault> {
        Ok(self.held(zone, &BTreeSet::from([name])).await?.uses(name))
    }

    /// Only where `SOA-EDIT-API` is set does it change with the zone, and never with what others write into the database.
    async fn serial(&self, _: &str) -> Result<Option<u32>, Fault> {
        Ok(None)
    }

    async fn transfer(&self, zone: &str) -> Result<Transfer, Fault> {
        Ok(Transfer { serial: None, records: records(&self.api.zone(zone, None).await?) })
    }

    async fn write(&self, zone: &str, edits: &[&Edit]) -> Result<Outcome, Fault> {
        let _turn = self.writer.lock().await;
        let names = edits.iter().flat_map(|edit| edit.names()).collect();
        let held = self.held(zone, &names).await?;
        if !edits.iter().flat_map(|edit| &edit.expects).all(|expect| held.is(expect)) {
            return Ok(Outcome::Prevented);
        }
        let patch = held.patch(edits.iter().flat_map(|edit| &edit.changes), self.ttl);
        if !patch.rrsets.is_empty() {
            self.api.patch(zone, &patch).await?;
        }
        Ok(Outcome::Changed)
    }
}

impl ApiServer {
    /// What names have now.
    async fn held(&self, zone: &str, names: &BTreeSet<&str>) -> Result<Held, Fault> {
        let mut held = Held::default();
        if names.len() >= MANY {
            held.keep(self.api.zone(zone, None).await?);
        } else {
            for name in names {
                held.keep(self.api.zone(zone, Some(name)).await?);
            }
        }
        Ok(held)
    }
}

/// The records of a zone. One that is disabled says nothing, and its name is used all the same.
fn records(zone: &Zone) -> Vec<Record> {
    let of = |set: &RrSet, one: &Content| Record {
        name: plain(&set.name),
        data: if one.disabled { None } else { data(&set.kind, &one.content) },
    };
    zone.rrsets.iter().flat_map(|set| set.records.iter().map(move |one| of(set, one))).collect()
}

/// Sets of records by name and type.
#[derive(Debug, Default)]
struct Held(BTreeMap<String, BTreeMap<String, Vec<Content>>>);

impl Held {
    fn keep(&mut self, zone: Zone) {
        for RrSet { name, kind, records } in zone.rrsets {
            if !records.is_empty() {
                self.0.entry(plain(&name)).or_default().insert(kind, records);
            }
        }
    }

    fn uses(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn records(&self, name: &str, kind: Kind) -> Vec<Content> {
        let sets = self.0.get(name).into_iter().flatten();
        sets.filter(|(word, _)| is(kind, word)).flat_map(|(_, records)| records.clone()).collect()
    }

    fn data(&self, name: &str, kind: Kind) -> Vec<Data> {
        let records = self.records(name, kind).into_iter().filter(|one| !one.disabled);
        records.filter_map(|one| data(kind.word(), &one.content)).collect()
    }

    fn look(&self, look: &Look) -> Seen {
        let alias = self.data(&look.name, Kind::Cname).into_iter().find_map(|data| match data {
            Data::Cname(to) => Some(to),
            _ => None,
        });
        let data = look.kinds.iter().flat_map(|kind| self.data(&look.name, *kind)).collect();
        let usage = if self.uses(&look.name) { Usage::Used } else { Usage::Unused };
        Seen { data, alias, usage }
    }

    fn is(&self, expect: &Expect) -> bool {
        match expect {
            Expect::Unused(name) => !self.uses(name),
            Expect::Absent(name, kind) => self.records(name, *kind).is_empty(),
            Expect::Exactly(name, wanted) => {
                let held: BTreeSet<Data> =
                    wanted.first().into_iter().flat_map(|one| self.data(name, one.kind())).collect();
                held == wanted.iter().cloned().collect()
            }
        }
    }

    /// The sets of records as they are to be after some changes, as far as they differ.
    fn patch<'a>(&self, changes: impl Iterator<Item = &'a Change>, ttl: u32) -> Patch {
        let mut sets: BTreeMap<(&str, Kind), (u32, Vec<Content>)> = BTreeMap::new();
        for change in changes {
            let kind = match change {
                Change::Add(_, _, data) | Change::Take(_, data) => data.kind(),
                Change::Clear(_, kind) => *kind,
            };
            let name = change.name();
            let set = sets.entry((name, kind)).or_insert_with(|| (ttl, self.records(name, kind)));
            let says = |one: &Content, wanted: &Data| data(kind.word(), &one.content).as_ref() == Some(wanted);
            match change {
                Change::Add(_, ttl, wanted) => {
                    set.0 = *ttl;
                    set.1.retain(|one| !says(one, wanted));
                    set.1.push(Content { content: content(wanted), disabled: false });
                }
                Change::Take(_, gone) => set.1.retain(|one| !says(one, gone)),
                Change::Clear(..) => set.1.clear(),
            }
        }
        let changed = sets.into_iter().filter(|((name, kind), (_, set))| *set != self.records(name, *kind));
        let rrsets = changed.map(|((name, kind), (ttl, records))| PatchSet {
            name: dotted(name),
            kind: kind.word(),
            ttl,
            changetype: if records.is_empty() { "DELETE" } else { "REPLACE" },
            records,
        });
        Patch { rrsets: rrsets.collect() }
    }
}

/// The zone with the longest name that a name is in.
fn longest(zones: &BTreeSet<String>, name: &str) -> Option<String> {
    let mut rest = name;
    loop {
        if zones.contains(rest) {
            return Some(rest.to_owned());
        }
        rest = rest.split_once('.')?.1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_zone_is_the_longest_one() {
        let zones: BTreeSet<String> = ["example", "lab.example", "b.example"].map(str::to_owned).into();
        let of = |name| longest(&zones, name);
        assert_eq!(of("n1.lab.example").as_deref(), Some("lab.example"));
        assert_eq!(of("n1.other.example").as_deref(), Some("example"));
        assert_eq!(of("n1.notlab.test"), None);
    }

    #[test]
    fn a_name_with_a_disabled_record_alone_is_used_whether_the_zone_is_read_or_the_name() {
        let theirs = Content { content: "10.9.9.9".to_owned(), disabled: true };
        let set = RrSet { name: "n1.lab.example.".to_owned(), kind: "A".to_owned(), records: vec![theirs] };
        let zone = || Zone { name: "lab.example.".to_owned(), rrsets: vec![set.clone()] };
        let look = Look { name: "n1.lab.example".to_owned(), kinds: &[Kind::A] };
        let mut held = Held::default();
        held.keep(zone());
        assert_eq!(held.look(&look), Seen { data: Vec::new(), alias: None, usage: Usage::Used });
        assert_eq!(records(&zone()), [Record { name: look.name, data: None }]);
    }

    #[test]
    fn a_disabled_record_of_somebody_stays_beside_ours() {
        let mut held = Held::default();
        let theirs = Content { content: "10.9.9.9".to_owned(), disabled: true };
        let set = RrSet { name: "n1.lab.example.".to_owned(), kind: "A".to_owned(), records: vec![theirs.clone()] };
        held.keep(Zone { name: "lab.example.".to_owned(), rrsets: vec![set] });
        let add = Change::Add("n1.lab.example".to_owned(), 60, Data::A([10, 1, 0, 1].into()));
        let patch = held.patch([&add].into_iter(), 60);
        assert_eq!(patch.rrsets[0].records[0], theirs);
        assert_eq!(patch.rrsets[0].records.len(), 2);
    }
}
