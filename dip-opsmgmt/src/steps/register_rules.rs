//! `opsmgmt.register_rules`: the site's monitoring raises alerts at the thresholds of the site's roles.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Monitor, Rule, RuleHealth, Rules};

/// Rules are evaluated every 15 s to a minute; asking more often gains little.
const POLL: Duration = Duration::from_secs(2);

/// Sets the rules of a site. Where there are none, those that were there are taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterRules {
    /// The monitoring service.
    pub service: ServiceName,
    /// The rules.
    pub rules: Vec<Rule>,
    /// The site that they belong to.
    pub site: SiteName,
}

impl RegisterRules {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        Step::new(LayerId::OpsMgmt, Subject::service(&self.service), &self).origin(origin)
    }

    fn rules_of(&self, cx: &Context<'_>) -> Result<Arc<dyn Rules>, OperationError> {
        let monitor = cx.provider::<dyn Monitor>(&Subject::service(&self.service))?;
        let none = || {
            ProviderError::new(ErrorKind::Unsupported, "monitoring", format!("set the rules of site {}", self.site))
                .advise(format!("service `{}` has no place for rules; take the thresholds out", self.service))
        };
        Ok(monitor.rules().ok_or_else(none)?)
    }

    /// What is written otherwise than wanted.
    fn written(&self, held: Option<&[Rule]>) -> Diff {
        let held = held.unwrap_or_default();
        let mut diff = Diff::default();
        for rule in self.rules.iter().filter(|rule| !held.contains(rule)) {
            let former = held.iter().find(|held| held.alert == rule.alert && !self.rules.contains(held));
            diff = diff.and(format!("rule {}", rule.alert), former.map(says), Some(says(rule)));
        }
        let is_wanted = |held: &&Rule| self.rules.iter().any(|rule| rule.alert == held.alert);
        for gone in held.iter().filter(|held| !is_wanted(held)) {
            diff = diff.and(format!("rule {}", gone.alert), Some(says(gone)), None::<&str>);
        }
        if diff.is_empty() && held != self.rules {
            diff.and("rules", Some("in another order"), Some("in order"))
        } else {
            diff
        }
    }
}

fn says(rule: &Rule) -> String {
    let nodes: Vec<_> = rule.nodes.iter().map(NodeName::as_str).collect();
    format!("{} on {} for {:?}, {}", rule.when, nodes.join(" "), rule.lasting, rule.severity)
}

#[async_trait]
impl Operation for RegisterRules {
    const NAME: &'static str = "opsmgmt.register_rules";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let rules = self.rules_of(cx)?;
        let diff = self.written(rules.held(&self.site).await?.as_deref());
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        let health = rules.health(&self.rules, &self.site).await?;
        let mut diff = Diff::default();
        for (rule, health) in self.rules.iter().zip(health.of) {
            let now = match health {
                RuleHealth::Ok => continue,
                RuleHealth::Absent => "not taken in by the running service".to_owned(),
                RuleHealth::NotYet => "not evaluated yet".to_owned(),
                RuleHealth::Failing { error } => format!("cannot be evaluated ({error})"),
            };
            diff = diff.and(format!("health of rule {}", rule.alert), Some(now), Some("ok"));
        }
        for other in health.others {
            diff = diff.and(format!("rule {other} in the running service"), Some("there"), None::<&str>);
        }
        Ok(diff.or_holds(Facts::new()))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        // Also where all is written as wanted: a service that has not taken it in is told again.
        self.rules_of(cx)?.set(&self.rules, &self.site).await?;
        Ok(Applied::wait("the rules to be evaluated", POLL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Condition;
    use crate::testing::site_name;

    fn rule(alert: &str, expression: &str) -> Rule {
        Rule {
            alert: alert.to_owned(),
            when: Condition::Expression(expression.to_owned()),
            nodes: vec![NodeName::new("n1").expect("a name")],
            lasting: Duration::from_secs(300),
            severity: "page".to_owned(),
            summary: None,
        }
    }

    #[test]
    fn what_is_missing_changed_or_too_much_is_told_by_its_alert() {
        let service = ServiceName::new("monitoring").expect("a name");
        let wanted =
            RegisterRules { service, rules: vec![rule("A", "a > 1"), rule("B", "b > 1")], site: site_name("lab") };
        let held = [rule("A", "a > 2"), rule("C", "c > 1")];
        assert_eq!(
            wanted.written(Some(&held)).to_string(),
            "rule A a > 2 on n1 for 300s, page → a > 1 on n1 for 300s, page, + rule B b > 1 on n1 for 300s, page, \
             - rule C c > 1 on n1 for 300s, page"
        );
        assert!(wanted.written(Some(&wanted.rules)).is_empty());
        assert_eq!(wanted.written(None).changes().len(), 2);
    }
}
