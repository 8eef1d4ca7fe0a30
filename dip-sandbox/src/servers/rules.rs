//! The rules of a simulated monitoring server: all that are balanced are evaluated at once.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{ServiceName, SiteName};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_opsmgmt::provider::{Rule, RuleHealth, Rules, RulesHealth};

use crate::line::{Intent, Line};
use crate::world::Rulebook;

#[derive(Debug)]
pub(crate) struct SandboxRules {
    line: Arc<Line>,
    name: ServiceName,
}

impl SandboxRules {
    pub(crate) const fn new(line: Arc<Line>, name: ServiceName) -> Self {
        Self { line, name }
    }

    fn rules<T: Default>(&self, act: impl FnOnce(&mut Rulebook) -> T) -> T {
        self.line.world().rules(&self.name, act).unwrap_or_default()
    }
}

#[async_trait]
impl Rules for SandboxRules {
    async fn held(&self, owner: &SiteName) -> Result<Option<Vec<Rule>>, ProviderError> {
        self.line.carry(Intent::Look, "read the rules").await?;
        Ok(self.rules(|rules| rules.get(owner).cloned()))
    }

    async fn set(&self, rules: &[Rule], owner: &SiteName) -> Result<(), ProviderError> {
        let action = "set the rules";
        self.line.carry(Intent::Change, action).await?;
        let count = |rule: &Rule, brace: char| rule.when.to_string().matches(brace).count();
        if let Some(bad) = rules.iter().find(|rule| count(rule, '{') != count(rule, '}')) {
            let advice = format!("`{}` cannot be parsed", bad.when);
            return Err(self.line.error(ErrorKind::Invalid, action).advise(advice));
        }
        let former = self.rules(|held| match rules {
            [] => held.remove(owner),
            rules => held.insert(owner.clone(), rules.to_vec()),
        });
        if former.as_deref().unwrap_or_default() != rules {
            self.line.world().ledger.count(self.line.subject(), format!("change the rules of {owner}"));
        }
        Ok(())
    }

    async fn health(&self, rules: &[Rule], owner: &SiteName) -> Result<RulesHealth, ProviderError> {
        let held = self.held(owner).await?.unwrap_or_default();
        let health = |rule: &Rule| if held.contains(rule) { RuleHealth::Ok } else { RuleHealth::Absent };
        let is_other = |held: &&Rule| rules.iter().all(|rule| rule.alert != held.alert);
        let others = held.iter().filter(is_other).map(|rule| rule.alert.clone()).collect();
        Ok(RulesHealth { of: rules.iter().map(health).collect(), others })
    }
}
