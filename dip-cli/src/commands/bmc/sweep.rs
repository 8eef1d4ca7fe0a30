//! Many BMCs at once: each answer is told when it comes, so that a silent one delays nobody else.

use std::num::NonZeroUsize;
use std::time::Duration;

use dip::core::id::NodeName;
use dip::core::provider::ProviderError;
use dip::firmware::provider::Bmc;
use dip::firmware::providers::sweep::{self, Pace};

use super::answer::{Answer, Asked};
use super::{change, events, look};
use crate::args::Verb;
use crate::error::CliError;

/// Told each node with its answer, as they come.
pub(super) type Tell<'a> = &'a mut dyn FnMut(&str, Result<Answer, ProviderError>) -> Result<(), CliError>;

/// A Redfish service may take a second for each part that it lists, and a machine half a minute to switch.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks them all, so many at once, and tells each answer as it comes.
pub(super) async fn sweep(
    asked: Vec<Asked>,
    at_once: NonZeroUsize,
    verb: &Verb,
    tell: Tell<'_>,
) -> Result<(), CliError> {
    let pace = Pace { at_once, deadline: PATIENCE };
    let bmcs = asked.into_iter().map(|Asked { node, bmc }| (node, bmc));
    let mut answers =
        sweep::ask::<NodeName, _, _, _, _>(bmcs, pace, "do it", |bmc| async move { ask(&*bmc, verb).await });
    while let Some((node, answer)) = answers.next().await {
        tell(node.as_str(), answer)?;
    }
    Ok(())
}

async fn ask(bmc: &dyn Bmc, verb: &Verb) -> Result<Answer, ProviderError> {
    match verb {
        Verb::Power { action } => match action.action() {
            None => look::power(bmc).await,
            Some(action) => change::power(bmc, action).await,
        },
        Verb::Boot { device: None, .. } => look::boot(bmc).await,
        Verb::Boot { device: Some(device), always, mode } => {
            change::boot(bmc, device.device(), *always, mode.mode()).await
        }
        Verb::Identity => look::identity(bmc).await,
        Verb::Hardware => look::hardware(bmc).await,
        Verb::Sensors { bad } => look::sensors(bmc, *bad).await,
        Verb::Log { clear: true, .. } => change::clear_log(bmc).await,
        Verb::Log { last, .. } => look::log(bmc, *last).await,
        Verb::Light { state: None } => look::light(bmc).await,
        Verb::Light { state: Some(state) } => change::light(bmc, state.state()).await,
        Verb::Users => look::users(bmc).await,
        Verb::Bios => look::bios(bmc).await,
        Verb::Firmware => look::firmware(bmc).await,
        Verb::Storage => look::storage(bmc).await,
        Verb::Media { insert: Some(url), slot, .. } => change::insert(bmc, slot.as_deref(), url).await,
        Verb::Media { eject: true, slot, .. } => change::eject(bmc, slot.as_deref()).await,
        Verb::Media { .. } => look::media(bmc).await,
        Verb::Controller => look::controller(bmc).await,
        Verb::Restart => change::restart(bmc).await,
        Verb::Events { send_to: Some(url), context, .. } => events::send_to(&*events::of(bmc)?, url, context).await,
        Verb::Events { end: Some(id), .. } => events::end(&*events::of(bmc)?, id).await,
        Verb::Events { list: true, .. } => events::list(&*events::of(bmc)?).await,
        Verb::Console { .. } | Verb::Events { .. } => unreachable!("these are of one node, and begun before"),
    }
}
