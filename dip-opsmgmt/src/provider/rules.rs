//! Rules by which a monitoring service raises alerts: the thresholds of a site.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// What is wanted: an alert that fires while something is the case with nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The name of the alert.
    pub alert: String,
    /// What must be the case.
    pub when: Condition,
    /// The nodes of the site that it is about, in order.
    pub nodes: Vec<NodeName>,
    /// How long it must be the case before the alert fires.
    #[serde(rename = "for")]
    pub lasting: Duration,
    /// The label `severity` of the alert.
    pub severity: String,
    /// What the alert says.
    pub summary: Option<String>,
}

/// What must be the case for an alert to fire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A metric of a node is above a bound.
    Above {
        /// The name of the metric.
        metric: String,
        /// The bound.
        bound: i64,
    },
    /// A metric of a node is below a bound.
    Below {
        /// The name of the metric.
        metric: String,
        /// The bound.
        bound: i64,
    },
    /// An expression in the language of the service is true; [`NODES`](Self::NODES) in it stands for what selects the nodes there.
    Expression(String),
}

impl Condition {
    /// What stands for the nodes in an expression.
    pub const NODES: &str = "$nodes";
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above { metric, bound } => write!(f, "{metric} > {bound}"),
            Self::Below { metric, bound } => write!(f, "{metric} < {bound}"),
            Self::Expression(expression) => f.write_str(expression),
        }
    }
}

/// How a rule is, as the service tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleHealth {
    /// It was evaluated.
    Ok,
    /// It could not be evaluated.
    Failing {
        /// The last error, in the words of the service.
        error: String,
    },
    /// The service has it, and has not evaluated it yet.
    NotYet,
    /// The service does not have it as it is wanted.
    Absent,
}

/// The rules of one monitoring service.
///
/// # Contract
/// * A site has one set of rules. `set` replaces it, an empty one takes it away; twice is once, and `held` right after sees it.
/// * `held` tells the rules as they were written; `None` where the site has none. Rules in the site's place without its mark are
///   [`ErrorKind::Conflict`](dip_core::provider::ErrorKind::Conflict) for `set`, which then changes nothing; all others' rules stay as
///   they are in any case.
/// * Rules that the service refuses are [`ErrorKind::Invalid`](dip_core::provider::ErrorKind::Invalid), in its words, and those that
///   were there before stay.
/// * `health` tells of each rule in turn what the running service knows of it.
#[async_trait]
pub trait Rules: Send + Sync {
    /// The rules of a site.
    async fn held(&self, owner: &SiteName) -> Result<Option<Vec<Rule>>, ProviderError>;

    /// Sets the rules of a site, and lets the service take them in.
    async fn set(&self, rules: &[Rule], owner: &SiteName) -> Result<(), ProviderError>;

    /// How each of these rules is in the running service; and that it has no others of the site.
    async fn health(&self, rules: &[Rule], owner: &SiteName) -> Result<RulesHealth, ProviderError>;
}

/// What the running service knows of a site's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesHealth {
    /// Of each rule that was asked for, in turn.
    pub of: Vec<RuleHealth>,
    /// The alerts of further rules that it has of the site.
    pub others: Vec<String>,
}
