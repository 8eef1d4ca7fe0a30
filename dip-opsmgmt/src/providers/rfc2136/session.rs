//! Questions and updates to one server over one connection, with what the server's codes mean.

use std::net::IpAddr;

use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError, Retry};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::PTR;
use hickory_proto::rr::{Name, RData, RecordType};

use super::update::Update;
use super::wire::{Connection, WireError};
use crate::provider::HeldName;

/// As errors name it.
pub(super) const PRODUCT: &str = "rfc2136";

/// The label of the record that marks a name.
pub(super) const MARK_LABEL: &str = "_dip";

/// Goes before the site's name in the TXT record that marks a name.
const MARK: &str = "site=";

/// One connection, and the zones that the settings name.
pub(super) struct Session<'a> {
    pub(super) connection: Connection<'a>,
    pub(super) server: &'a str,
    pub(super) zones: &'a [Name],
}

/// What came of an update.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All was changed.
    Changed,
    /// Nothing was changed, because something that must be the case is not.
    Prevented(ResponseCode),
}

impl Session<'_> {
    /// The addresses and the mark of a name.
    pub(super) async fn held(&mut self, name: &Name, action: &str) -> Result<Option<HeldName>, ProviderError> {
        let owner = self.owner(name, action).await?;
        let mut addresses = Vec::new();
        let mut exists = false;
        for kind in [RecordType::A, RecordType::AAAA] {
            let answer = self.query(name, kind, action).await?;
            exists |= answer.response_code == ResponseCode::NoError;
            addresses.extend(answer.answers.iter().filter(|record| record.name == *name).filter_map(|record| {
                match &record.data {
                    RData::A(a) => Some(IpAddr::V4(a.0)),
                    RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
                    _ => None,
                }
            }));
        }
        addresses.sort_unstable();
        addresses.dedup();
        // An answer without a mark may come from a wildcard or from a name that only has names below it. An update that
        // changes nothing and asks for an unused name tells for sure.
        if owner.is_none() && (!exists || !self.in_use(name, action).await?) {
            return Ok(None);
        }
        Ok(Some(HeldName { addresses, owner }))
    }

    /// The site whose mark stands beside a name.
    pub(super) async fn owner(&mut self, name: &Name, action: &str) -> Result<Option<SiteName>, ProviderError> {
        let mark = mark_name(name, action)?;
        let answer = self.query(&mark, RecordType::TXT, action).await?;
        Ok(answer.answers.iter().find_map(|record| marked_by(&record.data)))
    }

    /// Where the reverse names of an address stand, and what they are. A CNAME leads elsewhere (RFC 2317).
    pub(super) async fn reverse(&mut self, address: IpAddr, action: &str) -> Result<(Name, Vec<Name>), ProviderError> {
        let mut at = Name::from(address);
        at.set_fqdn(true);
        // Three are more than any sound zone chains.
        for _ in 0..3 {
            let answer = self.query(&at, RecordType::PTR, action).await?;
            let alias = answer.answers.iter().find_map(|record| match &record.data {
                RData::CNAME(alias) if record.name == at => Some(alias.0.clone()),
                _ => None,
            });
            let Some(alias) = alias else {
                let names =
                    answer.answers.iter().filter(|record| record.name == at).filter_map(|record| match &record.data {
                        RData::PTR(name) => Some(name.0.clone()),
                        _ => None,
                    });
                return Ok((at.clone(), names.collect()));
            };
            at = alias;
        }
        Err(ProviderError::new(ErrorKind::Unexpected, PRODUCT, action)
            .advise(format!("the reverse name of {address} is an alias of an alias; untangle it in the zone")))
    }

    /// The zone that a name is in: the nearest of the settings, else the one whose SOA the server tells.
    pub(super) async fn zone(&mut self, name: &Name, action: &str) -> Result<Name, ProviderError> {
        let wrong = |advice: String| ProviderError::new(ErrorKind::Invalid, PRODUCT, action).advise(advice);
        if !self.zones.is_empty() {
            let nearest = self.zones.iter().filter(|zone| zone.zone_of(name)).max_by_key(|zone| zone.num_labels());
            return nearest.cloned().ok_or_else(|| {
                wrong(format!(
                    "{} is in none of the `zones` of the service; add its zone there, or leave `zones` out",
                    plain(name)
                ))
            });
        }
        let answer = self.query(name, RecordType::SOA, action).await?;
        let mut records = answer.answers.iter().chain(&answer.authorities);
        let zone = records.find(|record| record.record_type() == RecordType::SOA && record.name.zone_of(name));
        match zone {
            Some(record) if answer.authoritative => Ok(record.name.clone()),
            _ => Err(wrong(format!(
                "{} has no zone for {}; give the address of its primary server",
                self.server,
                plain(name)
            ))),
        }
    }

    /// Sends an update.
    pub(super) async fn update(&mut self, update: Update, action: &str) -> Result<Outcome, ProviderError> {
        let answer = self.connection.ask(update.message()).await.map_err(|error| failed(error, action))?;
        let error = |kind| ProviderError::new(kind, PRODUCT, action).because(Code(answer.response_code));
        match answer.response_code {
            ResponseCode::NoError => Ok(Outcome::Changed),
            code
            @ (ResponseCode::YXDomain | ResponseCode::YXRRSet | ResponseCode::NXRRSet | ResponseCode::NXDomain) => {
                Ok(Outcome::Prevented(code))
            }
            ResponseCode::Refused => Err(error(ErrorKind::Denied).advise(
                "the server knows the key and does not let it change this zone: allow it in the zone's update policy",
            )),
            ResponseCode::NotAuth | ResponseCode::NotZone => {
                Err(error(ErrorKind::Invalid).advise(format!("{} is not the primary server of the zone", self.server)))
            }
            ResponseCode::ServFail => {
                Err(error(ErrorKind::Unexpected).retry_as(Retry::Backoff).advise("its log says why"))
            }
            ResponseCode::NotImp => Err(error(ErrorKind::Unsupported).advise("the server takes no dynamic updates")),
            _ => Err(error(ErrorKind::Unexpected)),
        }
    }

    async fn in_use(&mut self, name: &Name, action: &str) -> Result<bool, ProviderError> {
        let zone = self.zone(name, action).await?;
        Ok(self.update(Update::of(&zone).if_unused(name), action).await? != Outcome::Changed)
    }

    async fn query(&mut self, name: &Name, kind: RecordType, action: &str) -> Result<Message, ProviderError> {
        let mut message = Message::query();
        message.add_query(Query::query(name.clone(), kind));
        let answer = self.connection.ask(message).await.map_err(|error| failed(error, action))?;
        let error = |kind| ProviderError::new(kind, PRODUCT, action).because(Code(answer.response_code));
        match answer.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => Ok(answer),
            ResponseCode::Refused | ResponseCode::NotAuth => Err(error(ErrorKind::Invalid).advise(format!(
                "{} has no zone for {}, or does not answer the key; give the address of its primary server",
                self.server,
                plain(name)
            ))),
            ResponseCode::ServFail => {
                Err(error(ErrorKind::Unexpected).retry_as(Retry::Backoff).advise("its log says why"))
            }
            _ => Err(error(ErrorKind::Unexpected)),
        }
    }
}

/// The site that a mark names.
pub(super) fn marked_by(data: &RData) -> Option<SiteName> {
    let RData::TXT(txt) = data else { return None };
    let text: Vec<u8> = txt.txt_data.iter().flat_map(|part| part.iter().copied()).collect();
    SiteName::new(std::str::from_utf8(&text).ok()?.strip_prefix(MARK)?).ok()
}

/// Where the mark of a name stands.
pub(super) fn mark_name(name: &Name, action: &str) -> Result<Name, ProviderError> {
    name.prepend_label(MARK_LABEL).map_err(|error| {
        ProviderError::new(ErrorKind::Invalid, PRODUCT, action)
            .because(error)
            .advise("the name leaves no room for the label `_dip` that marks it; shorten it")
    })
}

/// What the mark of a site says.
pub(super) fn mark_text(owner: &SiteName) -> String {
    format!("{MARK}{owner}")
}

/// A name as people write it: lower case, without the dot at its end.
pub(super) fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// The data of a PTR record.
pub(super) fn pointer(name: &Name) -> RData {
    RData::PTR(PTR(name.clone()))
}

pub(super) fn failed(error: WireError, action: &str) -> ProviderError {
    let (kind, advice) = match &error {
        WireError::Connect { .. } | WireError::Broken { .. } | WireError::Slow { .. } => (ErrorKind::Unreachable, None),
        WireError::UnknownKey => (
            ErrorKind::Denied,
            Some("check the key's name and algorithm in the settings and in the server's configuration"),
        ),
        WireError::WrongSecret => {
            (ErrorKind::Denied, Some("compare the secret with the one in the server's configuration"))
        }
        WireError::WrongTime => (ErrorKind::Denied, Some("let both follow the same time")),
        WireError::Unsigned => {
            (ErrorKind::Denied, Some("the key must be known to the server, and nobody may change messages on the way"))
        }
        WireError::Malformed(_) => (ErrorKind::Unexpected, None),
    };
    let failure = ProviderError::new(kind, PRODUCT, action).because(error);
    match advice {
        Some(advice) => failure.advise(advice),
        None => failure,
    }
}

/// A server's code in its own words.
#[derive(Debug, thiserror::Error)]
#[error("the server answered {0}")]
pub(super) struct Code(pub(super) ResponseCode);
