//! Why there is no plan, as sentences; all of them at once.

use std::fmt;

use crate::fact::FactKey;
use crate::id::{NodeName, Symbol};
use crate::layer::Note;
use crate::site::Origin;
use crate::step::{Environment, StepName};

/// There is no plan; all the reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    faults: Vec<PlanFault>,
}

impl PlanError {
    pub(crate) fn new(faults: Vec<PlanFault>) -> Self {
        Self { faults }
    }

    /// The reasons.
    #[must_use]
    pub fn faults(&self) -> &[PlanFault] {
        &self.faults
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PlanError {}

/// One reason why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanFault {
    /// A layer cannot propose what the site asks for.
    Note(Note),
    /// A step needs facts that no step gives and nobody has seen.
    Unmet {
        /// The step.
        step: StepName,
        /// The facts.
        facts: Vec<FactKey>,
        /// How many of them would be enough.
        enough: usize,
        /// Steps that give something near to it, with what they give.
        nearest: Vec<(StepName, FactKey)>,
    },
    /// Two steps give one fact: which of them is right?
    Contested {
        /// The fact.
        fact: FactKey,
        /// The steps.
        givers: Vec<StepName>,
    },
    /// Two steps have one name.
    Twice(StepName),
    /// Steps wait for each other.
    Circle(Vec<Link>),
    /// A node has to be booted, and no layer has anything that boots it.
    Unbooted {
        /// The node.
        node: NodeName,
        /// Where it has to be.
        to: Environment,
        /// What is to be done there.
        work: Vec<StepName>,
        /// Where the node stands in the site file.
        origin: Option<Origin>,
    },
    /// A budget can never be kept.
    Budget {
        /// Whose it is.
        budget: Symbol,
        /// The step that would break it.
        step: StepName,
        /// How many members it takes away.
        takes: u32,
        /// How many may be away at once.
        max: u32,
        /// Those that are away and stay so.
        out: Vec<NodeName>,
        /// Where the site file asks for it.
        origin: Option<Origin>,
    },
}

/// One link of a circle: who waits, and why for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Who waits: a step, a set of facts or a boot, in words.
    pub who: String,
    /// Why it waits for the next link (the last one for the first), in words.
    pub why: String,
}

impl fmt::Display for PlanFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(note) => write!(f, "{note}"),
            Self::Unmet { step, facts, enough, nearest } => {
                match &facts[..] {
                    [fact] => write!(f, "step `{step}` needs {fact}, which no step gives and nobody has seen")?,
                    [] => write!(
                        f,
                        "step `{step}` needs {} out of none: the set that it waits for is empty",
                        count(*enough)
                    )?,
                    _ => {
                        write!(
                            f,
                            "step `{step}` needs {enough} of these {} facts, and too few are given:",
                            facts.len()
                        )?;
                        for fact in facts {
                            write!(f, "\n  {fact}")?;
                        }
                    }
                }
                if nearest.is_empty() && !facts.is_empty() {
                    f.write_str("\n  nothing in this site gives anything like it: is a service or a setting missing from the site file?")?;
                }
                for (giver, fact) in nearest {
                    write!(f, "\n  near to it: `{giver}` gives {fact}")?;
                }
                Ok(())
            }
            Self::Contested { fact, givers } => {
                write!(f, "{fact} is given by {} steps, and only one may give it:", givers.len())?;
                for giver in givers {
                    write!(f, "\n  `{giver}`")?;
                }
                f.write_str(
                    "\n  remove one of them from the site file, or let one of the two layers use a fact of its own",
                )
            }
            Self::Twice(name) => {
                write!(
                    f,
                    "two steps are named `{name}`: a layer proposed the same twice; it must give one of them a qualifier"
                )
            }
            Self::Circle(links) => {
                f.write_str("these wait for each other, so none can ever start:")?;
                for (index, link) in links.iter().enumerate() {
                    let next = &links[(index + 1) % links.len()].who;
                    write!(f, "\n  {} waits for {next}: {}", link.who, link.why)?;
                }
                f.write_str("\n  one of these needs must go")
            }
            Self::Unbooted { node, to, work, origin } => unbooted(f, node, *to, work, origin.as_ref()),
            Self::Budget { budget, step, takes, max, out, origin } => {
                let members = if *takes == 1 { "a member" } else { "members" };
                write!(f, "`{step}` takes {takes} {members} of {budget} away, and ")?;
                match max {
                    0 => f.write_str("none may ever be away")?,
                    max => write!(f, "at most {max} may be away at once")?,
                }
                if !out.is_empty() {
                    let out: Vec<String> = out.iter().map(ToString::to_string).collect();
                    write!(f, "; {} is away already and stays so (maintenance or quarantine)", out.join(", "))?;
                }
                if let Some(origin) = origin {
                    write!(f, "\n  asked for at {origin}")?;
                }
                f.write_str("\n  raise `max_unavailable`, bring those back first, or leave the change out")
            }
        }
    }
}

fn unbooted(
    f: &mut fmt::Formatter<'_>,
    node: &NodeName,
    to: Environment,
    work: &[StepName],
    origin: Option<&Origin>,
) -> fmt::Result {
    let now = if to == Environment::Installed { "does not answer" } else { "is not there" };
    write!(f, "{node} {now}, and nothing at this site can boot it so that it {}", to.words())?;
    match work {
        [] => {}
        [one] => write!(f, "\n  `{one}` is to be done there")?,
        [one, more @ ..] => write!(f, "\n  `{one}` and {} more are to be done there", more.len())?,
    }
    if let Some(origin) = origin {
        write!(f, "\n  the node stands at {origin}")?;
    }
    f.write_str(
        "\n  give it a `bmc`, or bring it there by hand and plan again; `state: maintenance` leaves it out until then",
    )
}

fn count(facts: usize) -> String {
    if facts == 1 { "1 fact".to_owned() } else { format!("{facts} facts") }
}
