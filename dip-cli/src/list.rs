//! The lists that `dip export` writes.

use std::collections::BTreeSet;
use std::str::FromStr;

use dip::core::id::NodeName;
use dip::core::report::handoff::{HandOffFormat, UnknownFormat};
use dip::core::site::{Node, Site};
use dip::opsmgmt::providers::prometheus::http_sd;
use dip::{hand_off, scraped};

use crate::error::CliError;

/// For whom a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// An installer that goes on from ready state.
    Installer(HandOffFormat),
    /// The discovery of Prometheus.
    PrometheusSd,
}

/// As it stands on the command line.
const PROMETHEUS_SD: &str = "prometheus-sd";

/// A text names no list that dip writes.
#[derive(Debug, thiserror::Error)]
#[error("{0}; `{PROMETHEUS_SD}` is a list of targets for Prometheus")]
pub(crate) struct UnknownList(UnknownFormat);

impl FromStr for List {
    type Err = UnknownList;

    fn from_str(text: &str) -> Result<Self, UnknownList> {
        match text {
            PROMETHEUS_SD => Ok(Self::PrometheusSd),
            text => text.parse().map(Self::Installer).map_err(UnknownList),
        }
    }
}

impl List {
    /// The nodes that it is about.
    pub(crate) fn about(self, site: &Site, cluster: Option<&str>) -> Result<BTreeSet<NodeName>, CliError> {
        match self {
            Self::Installer(format) => {
                let list = hand_off(site, |_| true);
                let about = list.about(format, cluster).map_err(|error| CliError::Usage(error.to_string()))?;
                Ok(about.into_iter().cloned().collect())
            }
            Self::PrometheusSd => {
                let about: BTreeSet<NodeName> =
                    scraped(site, of(site, cluster)?).into_iter().map(|of| of.node).collect();
                if about.is_empty() {
                    let why = "no node of the list serves metrics; write `opsclients: {metrics: {}}` into a profile";
                    return Err(CliError::Usage(why.to_owned()));
                }
                Ok(about)
            }
        }
    }

    /// Its text, of some nodes.
    pub(crate) fn write(
        self,
        site: &Site,
        nodes: &BTreeSet<NodeName>,
        cluster: Option<&str>,
    ) -> Result<String, CliError> {
        let wanted = |node: &Node| nodes.contains(&node.name);
        match self {
            Self::Installer(format) => {
                hand_off(site, wanted).write(format, cluster).map_err(|error| CliError::Usage(error.to_string()))
            }
            Self::PrometheusSd => Ok(http_sd(&scraped(site, wanted), &site.name)),
        }
    }
}

/// The members of a cluster, or all.
fn of<'a>(site: &'a Site, cluster: Option<&str>) -> Result<impl Fn(&Node) -> bool + use<'a>, CliError> {
    let cluster = cluster.map(|name| hand_off(site, |_| true).named(name)).transpose();
    let cluster = cluster.map_err(|error| CliError::Usage(error.to_string()))?;
    let members = cluster.map(|cluster| cluster.members.values().flatten().collect::<BTreeSet<_>>());
    Ok(move |node: &Node| members.as_ref().is_none_or(|members| members.contains(&node.name)))
}
