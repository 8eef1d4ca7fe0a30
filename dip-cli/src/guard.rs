//! The guard of a run, as the command line says it.

use dip::core::guard::{Guard, Refusals, read_approval, read_consents};
use dip::core::site::Ceilings;

use crate::args::{Most, Papers};
use crate::error::CliError;

/// What a run is begun with.
pub(crate) fn guard(most: &Most, papers: &Papers) -> Result<Guard, CliError> {
    let Most { max_removals, max_erasures, max_reboots } = *most;
    let ceilings = Ceilings { removals: max_removals, erasures: max_erasures, reboots: max_reboots };
    Ok(Guard { ceilings, ..brought(papers)? })
}

/// What a run is gone on with: its ceilings were looked at when it was begun.
pub(crate) fn brought(papers: &Papers) -> Result<Guard, CliError> {
    let consents: Vec<_> = papers.consent.iter().map(|path| read_consents(path)).collect::<Result<_, _>>()?;
    let approvals = papers.approval.iter().map(|path| read_approval(path)).collect::<Result<_, _>>()?;
    Ok(Guard { consents: consents.concat(), approvals, ..Guard::default() })
}

/// What would be refused, for whoever only plans.
pub(crate) fn in_advance(refusals: &Refusals) -> String {
    let each = refusals.refusals.iter().map(|refusal| format!("{refusal}\n"));
    format!("\nwould be refused:\n{}", each.collect::<String>())
}
