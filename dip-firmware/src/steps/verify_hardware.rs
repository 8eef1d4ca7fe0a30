//! `firmware.verify_hardware`: a machine has the parts that the site expects of it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::{HARDWARE, HARDWARE_VERIFIED};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::expectation::{ExpectedHardware, WhenMissing, shortfalls};

/// Compares the parts of a machine with those that the site expects. Nobody can put a part in by a call: a person must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyHardware {
    /// The node.
    pub node: NodeName,
    /// What is expected of it.
    pub expected: ExpectedHardware,
    /// Who expects it, as a sentence begins: "the profile `compute`".
    pub wanted_by: String,
}

impl VerifyHardware {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        let (hardware, verified) = (HARDWARE.of(&subject), HARDWARE_VERIFIED.of(&subject));
        Step::new(LayerId::Firmware, subject, &self).read(hardware).give(verified).origin(origin)
    }

    /// What is missing: how many there are, by what is wanted; and the sentence of each.
    fn missing(&self, cx: &Context<'_>) -> Result<(BTreeMap<String, String>, Vec<String>), OperationError> {
        let found = cx.fact(&HARDWARE, &Subject::node(&self.node))?;
        let short = shortfalls(&self.expected, &found);
        let sentences = short.iter().map(|short| short.sentence(&self.wanted_by)).collect();
        Ok((short.into_iter().map(|short| (short.wanted.clone(), short.to_string())).collect(), sentences))
    }
}

#[async_trait]
impl Operation for VerifyHardware {
    const NAME: &'static str = "firmware.verify_hardware";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let (missing, sentences) = self.missing(cx)?;
        let diff = match self.expected.when_missing {
            WhenMissing::Block => missing
                .iter()
                .fold(Diff::default(), |diff, (wanted, now)| diff.and("hardware", Some(now), Some(wanted))),
            WhenMissing::Warn => {
                sentences.iter().for_each(|sentence| tracing::warn!(node = %self.node, "{sentence}"));
                Diff::default()
            }
        };
        Ok(diff.or_holds(Facts::new().with(&HARDWARE_VERIFIED, &Subject::node(&self.node), &sentences)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let (_, sentences) = self.missing(cx)?;
        if sentences.is_empty() {
            return Ok(Applied::Done);
        }
        Err(OperationError::Impossible(format!(
            "{}: {}; put it right in the machine, or write `when_missing: warn` into `firmware.hardware`",
            self.node,
            sentences.join("; ")
        )))
    }
}
