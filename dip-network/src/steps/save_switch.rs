//! `network.save_switch`: a switch would start with the configuration that it runs.

use async_trait::async_trait;
use dip_core::fact::network::SAVED;
use dip_core::fact::{FactKey, Facts};
use dip_core::id::{LayerId, SwitchName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::Origin;
use dip_core::step::{Lock, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Startup, Switch};

/// Saves what a switch runs as what it starts with, once its ports are as wanted. All of it is saved, what others changed too:
/// no switch saves a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaveSwitch {
    /// The switch.
    pub switch: SwitchName,
}

impl SaveSwitch {
    /// The step, after all these facts about ports of the switch.
    pub(crate) fn step(self, ports: Vec<FactKey>, origin: Option<Origin>) -> Step {
        let subject = self.subject();
        Step::new(LayerId::Network, subject.clone(), &self)
            .need(Need::All(ports))
            // What is saved now says nothing of the changes that come first.
            .seen_after_needs()
            .give(SAVED.of(&subject))
            .lock(Lock::new(subject.to_string()))
            .origin(origin)
    }

    fn subject(&self) -> Subject {
        Subject::switch(&self.switch)
    }

    async fn startup(&self, cx: &Context<'_>) -> Result<std::sync::Arc<dyn Startup>, OperationError> {
        let switch = cx.provider::<dyn Switch>(&self.subject())?;
        Ok(switch.abilities().await?.startup.map_err(|absent| {
            ProviderError::new(ErrorKind::Unsupported, "switch", format!("save what {} runs", self.switch))
                .advise(format!("{absent}; take `save` of the switch out of the site file"))
        })?)
    }
}

#[async_trait]
impl Operation for SaveSwitch {
    const NAME: &'static str = "network.save_switch";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        Ok(if self.startup(cx).await?.is_saved().await? {
            Check::Holds(Facts::new().with(&SAVED, &self.subject(), &()))
        } else {
            Check::Differs(Diff::of("startup configuration", Some("another one"), Some("what it runs")))
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        self.startup(cx).await?.save().await?;
        Ok(Applied::Done)
    }
}
