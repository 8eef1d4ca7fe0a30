//! BIND or Knot, started with zones that hold records of somebody else.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use dip_core::conformance::Failure;
use dip_core::secret::{Secret, SecretRef};
use dip_lab::{Bind, BindConfig, Knot, KnotConfig, LabError, Requirement, Zone, ZoneLimits};
use dip_opsmgmt::providers::rfc2136::Rfc2136;
use dip_opsmgmt::settings::{KeyAlgorithm, Rfc2136Settings, TsigKey};

/// Records that somebody else wrote, of several types.
const FOREIGN: &[&str] =
    &["www 60 IN A 10.9.9.9", "@ 60 IN MX 10 mail", "mail 60 IN A 10.9.9.10", "shop 60 IN CNAME www"];

/// A server that takes dynamic updates.
pub(crate) enum Primary {
    Bind(Bind),
    Knot(Knot),
}

impl Primary {
    pub(crate) async fn start(requirement: Requirement) -> Result<Self, LabError> {
        Self::with(requirement, ZoneLimits::default()).await
    }

    pub(crate) async fn with(requirement: Requirement, limits: ZoneLimits) -> Result<Self, LabError> {
        let lab = FOREIGN.iter().fold(Zone::empty("lab.test"), |zone, record| zone.with(record));
        let wild = Zone::empty("wild.test").with("* 60 IN A 10.9.9.9").with("* 60 IN TXT hello");
        let zones = vec![lab, wild, Zone::empty("10.in-addr.arpa"), Zone::empty("0.0.0.0.3.9.d.f.ip6.arpa")];
        let read_only = vec![Zone::empty("fixed.test")];
        match requirement {
            Requirement::Knot => {
                Knot::start(KnotConfig { zones, read_only, limits, ..KnotConfig::default() }).await.map(Self::Knot)
            }
            _ => Bind::start(BindConfig { zones, read_only, limits, ..BindConfig::default() }).await.map(Self::Bind),
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        match self {
            Self::Bind(bind) => bind.addr,
            Self::Knot(knot) => knot.addr,
        }
    }

    /// Name, algorithm and secret of its key.
    pub(crate) fn key(&self) -> (&str, KeyAlgorithm, &str) {
        let (name, algorithm, secret) = match self {
            Self::Bind(bind) => (&bind.key_name, bind.algorithm, &bind.key_secret),
            Self::Knot(knot) => (&knot.key_name, knot.algorithm, &knot.key_secret),
        };
        let algorithm = if algorithm == "hmac-sha512" { KeyAlgorithm::HmacSha512 } else { KeyAlgorithm::HmacSha256 };
        (name, algorithm, secret)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Bind(bind) => bind.pid(),
            Self::Knot(knot) => knot.pid(),
        }
    }

    pub(crate) async fn restart(&mut self) -> Result<(), LabError> {
        match self {
            Self::Bind(bind) => bind.restart().await,
            Self::Knot(knot) => knot.restart().await,
        }
    }

    pub(crate) async fn enlarge_journal_disk(&self, kib: u32) -> Result<(), LabError> {
        match self {
            Self::Bind(bind) => bind.enlarge_journal_disk(kib).await,
            Self::Knot(knot) => knot.enlarge_journal_disk(kib).await,
        }
    }

    pub(crate) async fn dig(&self, query: &[&str]) -> Result<String, LabError> {
        match self {
            Self::Bind(bind) => bind.dig(query).await,
            Self::Knot(knot) => knot.dig(query).await,
        }
    }

    pub(crate) async fn transfer(&self, zone: &str) -> Result<String, LabError> {
        match self {
            Self::Bind(bind) => bind.transfer(zone).await,
            Self::Knot(knot) => knot.transfer(zone).await,
        }
    }

    pub(crate) async fn update(&self, changes: &[&str]) -> Result<(), LabError> {
        match self {
            Self::Bind(bind) => bind.update(changes).await,
            Self::Knot(knot) => knot.update(changes).await,
        }
    }
}

pub(crate) fn settings(primary: &Primary, zones: &[&str]) -> Rfc2136Settings {
    let (name, algorithm, _) = primary.key();
    Rfc2136Settings {
        server: primary.addr().to_string(),
        zones: zones.iter().map(ToString::to_string).collect(),
        key: TsigKey { name: name.to_owned(), algorithm, secret: SecretRef::File(PathBuf::from("unused")) },
        ttl: 60,
        names: Vec::new(),
    }
}

pub(crate) fn provider(settings: &Rfc2136Settings, secret: &str) -> Result<Rfc2136, Failure> {
    Ok(Rfc2136::new(settings, &Secret::new(secret.to_owned()))?)
}

/// Where the reverse name of an address stands.
pub(crate) fn arpa(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits: String = address.octets().iter().map(|octet| format!("{octet:02x}")).collect();
            let labels: Vec<String> = digits.chars().rev().map(String::from).collect();
            format!("{}.ip6.arpa", labels.join("."))
        }
    }
}
