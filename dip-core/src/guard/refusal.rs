//! What a guard refuses, as sentences: what, how much, which, why the guard is there, and what lifts it.

use std::collections::BTreeSet;
use std::fmt;

use super::consent::list;
use super::{Ceiling, Erasure, Measure, NoConsent, Source};
use crate::actor::Actor;
use crate::id::SiteName;
use crate::plan::PlanId;
use crate::plan::render::fold_names;

/// All that guards refuse of one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// The plan.
    pub plan: PlanId,
    /// Its site.
    pub site: SiteName,
    /// What is refused; at least one thing.
    pub refusals: Vec<Refusal>,
}

/// One thing that a guard refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// More is done than one run may do.
    Ceiling {
        /// The ceiling.
        ceiling: Ceiling,
        /// How many there are.
        count: usize,
        /// What they are.
        which: BTreeSet<String>,
    },
    /// Steps erase what nobody has consented to.
    Erasures(Vec<(Erasure, NoConsent)>),
    /// An approval is for another plan.
    OtherPlan {
        /// Who gave it.
        by: Actor,
        /// The plan that it is for.
        plan: PlanId,
        /// The plan that is to be run.
        this: PlanId,
    },
    /// Whoever made the plan cannot approve it.
    Own {
        /// Who.
        by: Actor,
    },
    /// It is not known who made the plan, and they may not approve it.
    UnknownPlanner,
    /// Too few people have approved the plan.
    Approvals {
        /// How many the site wants.
        wanted: u32,
        /// Who has approved, and counts.
        by: Vec<Actor>,
    },
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plan {} for {} is refused, and nothing was changed:", self.plan.short(), self.site)?;
        self.refusals.iter().try_for_each(|refusal| write!(f, "\n{refusal}"))
    }
}

impl std::error::Error for Refusals {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what(f)?;
        write!(f, "\n    why: {}", self.why())?;
        write!(f, "\n    to go on: {}", self.lift())
    }
}

impl Refusal {
    fn what(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ceiling { ceiling, count, which } => {
                let most = ceiling.most;
                match ceiling.measure {
                    Measure::Removals => write!(f, "  {}, and one run may remove {most}:", things(*count))?,
                    Measure::Erasures => write!(f, "  {} erase data, and one run may have {most}:", steps(*count))?,
                    Measure::Reboots => write!(
                        f,
                        "  running nodes would be rebooted {}, and one run may do that {}:",
                        times(*count),
                        times(most as usize)
                    )?,
                }
                write!(f, "\n    {}", fold_names(which.iter().map(String::as_str)).join(" "))
            }
            Self::Erasures(erasures) => erasures_as_text(erasures, f),
            Self::OtherPlan { by, plan, this } => {
                write!(f, "  the approval of {by} is for plan {}, and this is plan {}", plan.short(), this.short())
            }
            Self::Own { by } => write!(f, "  {by} made this plan, so the approval of {by} does not count"),
            Self::UnknownPlanner => f.write_str("  nothing says who made this plan, so no approval of it counts"),
            Self::Approvals { wanted, by } => {
                let people = if *wanted == 1 { "somebody".to_owned() } else { format!("{wanted} people") };
                let who = match &by[..] {
                    [] => "nobody has".to_owned(),
                    [one] => format!("only {one} has"),
                    [most @ .., last] => {
                        let most: Vec<&str> = most.iter().map(Actor::as_str).collect();
                        format!("only {} and {last} have", most.join(", "))
                    }
                };
                write!(f, "  {people} must have approved this plan, and {who}")
            }
        }
    }

    fn why(&self) -> String {
        match self {
            Self::Ceiling { ceiling, .. } => {
                let danger = match ceiling.measure {
                    Measure::Removals => "a bad merge must not take a site away",
                    Measure::Erasures => "what is erased is gone, and many erasures are no longer read one by one",
                    Measure::Reboots => "a bad merge must not take a site down at once",
                };
                format!("{danger}; the number is {}", origin(*ceiling))
            }
            Self::Erasures(_) => {
                "what is erased is gone; somebody who knows the machine says yes to just these serial numbers"
                    .to_owned()
            }
            Self::OtherPlan { .. } => {
                "what was read is what is done; a plan that was made again is another one".to_owned()
            }
            Self::Own { .. } | Self::UnknownPlanner => {
                "the site wants a second pair of eyes (`conduct.approvals.separate`)".to_owned()
            }
            Self::Approvals { .. } => "the site wants it so (`conduct.approvals.required`)".to_owned(),
        }
    }

    fn lift(&self) -> String {
        match self {
            Self::Ceiling { ceiling, count, .. } => {
                let (name, less) = match ceiling.measure {
                    Measure::Removals => ("removals", "remove less at once"),
                    Measure::Erasures => ("erasures", "erase less at once"),
                    Measure::Reboots => ("reboots", "change fewer nodes at once"),
                };
                format!("{less}, or, where it is meant, --max-{name} {count} or `conduct.ceilings.{name}` of the site")
            }
            Self::Erasures(erasures) if erasures.iter().all(|(_, lack)| *lack <= NoConsent::NoSerials) => {
                "none by consent: the layer that proposes the step has to say what it erases, and where".to_owned()
            }
            Self::Erasures(_) => "look at each of them; `dip consent` writes what you consent to, --consent FILE brings it to the run".to_owned(),
            Self::OtherPlan { .. } => "have this plan approved, or apply the one that was".to_owned(),
            Self::Own { .. } => "have it approved by somebody else".to_owned(),
            Self::UnknownPlanner => "plan again with `dip plan --out FILE`, and have that plan approved".to_owned(),
            Self::Approvals { .. } => {
                "`dip approve PLAN` writes an approval of a plan that `dip plan --out` wrote, --approval FILE brings it to the run".to_owned()
            }
        }
    }
}

fn erasures_as_text(erasures: &[(Erasure, NoConsent)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    /// How many are told one by one: who consents reads each, but not here.
    const SHOWN: usize = 8;
    let count = erasures.len();
    write!(f, "  {} would erase data without consent:", steps(count))?;
    for (Erasure { step, node, serials }, lack) in erasures.iter().take(SHOWN) {
        write!(f, "\n    `{step}`")?;
        if !serials.is_empty() {
            write!(f, " erases {}", list(serials))?;
        }
        if let Some(node) = node {
            write!(f, " of {node}")?;
        }
        write!(f, ": {lack}")?;
    }
    if count > SHOWN {
        let nodes: BTreeSet<&str> = erasures[SHOWN..]
            .iter()
            .filter_map(|(erasure, _)| erasure.node.as_ref().map(|node| node.as_str()))
            .collect();
        write!(f, "\n    and {} more, of {}", count - SHOWN, fold_names(nodes).join(" "))?;
    }
    Ok(())
}

fn origin(ceiling: Ceiling) -> &'static str {
    match (ceiling.source, ceiling.measure) {
        (Source::Caller, _) => "what this run was started with",
        (Source::Site, _) => "what the site says (`conduct.ceilings`)",
        (Source::Default, Measure::Removals) => "the default: 3, or a tenth of the site's nodes",
        (Source::Default, Measure::Erasures) => "the default",
        (Source::Default, Measure::Reboots) => "the default: 5, or a quarter of the nodes wanted ready",
    }
}

fn things(count: usize) -> String {
    if count == 1 { "1 thing would be removed".to_owned() } else { format!("{count} things would be removed") }
}

fn steps(count: usize) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}

fn times(count: usize) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}
