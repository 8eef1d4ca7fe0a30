//! The command line.

mod bmc;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use dip::core::actor::Actor;
use dip::core::explain::Rule;
use dip::core::hardware::MacAddr;
use dip::core::id::NodeName;
use dip::core::identity::Part;
use dip::core::site::GivenValue;
use jiff::SignedDuration;

pub(crate) use bmc::{Bmc, Verb};

use crate::list::List;

/// Brings racks of real machines to ready state, in the right order, with the services that a site already has.
#[derive(Debug, Parser)]
#[command(name = "dip", version, after_help = EXIT_STATUS, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

const EXIT_STATUS: &str = "\
Exit status:
    0  ready, or nothing to do
    1  a step failed or is blocked, or the run could not go on
    2  the command line, the site file or the plan is wrong
    3  something differs or was found (drift, diff, lint, outliers, plan --exit-code), or is
       not ready (ready, export)
    4  something could not be observed (drift, ready)
  130  interrupted, or the answer was not yes";

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    /// Print JSON for machines instead of text for people
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Tell more on standard error; twice for even more (or set DIP_LOG)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring a simulated datacenter from powered off to ready state, a cluster on top
    Demo(Demo),
    /// Check a site file and tell all that is wrong with it
    Check(Check),
    /// Write a site file of the racks and nodes that the site's CMDB has, once
    Import(Import),
    /// Print the line that pins the base of a site file as it is now
    Pin(Pin),
    /// Look at a site and show what has to be done; changes nothing
    Plan(Plan),
    /// Bring a site to what its file wants
    Apply(Apply),
    /// Say yes to a plan that you have read
    Approve(Approve),
    /// Say that certain disks of a node may be erased
    Consent(Consent),
    /// Look, plan and apply, again until nothing is left to do; or keep a site as its file wants it
    Converge(Converge),
    /// Go on with a run that was interrupted
    Resume(Resume),
    /// Try a failed step of a run again, while the run goes on
    Retry(Ordered),
    /// Go on as if a step were done; its facts stay unknown
    Skip(Reasoned),
    /// Start nothing new in a run, or hold one step of it
    Hold(Held),
    /// End holds and pauses of a run
    Continue(Continued),
    /// List the runs
    Runs(Runs),
    /// Show where a run stands, also while it goes on
    Show(Show),
    /// Tell which nodes are at ready state, and what the others lack; changes nothing
    Ready(Ready),
    /// List the nodes that are ready for an installer that goes on from there; changes nothing
    Export(Export),
    /// Explain why a step is there, what it waits for and what waits for it
    Why(Why),
    /// Name what differs from the site file; changes nothing
    Drift(Drift),
    /// Tell what is lost when a switch, PDU, rack, network, node or service goes
    Impact(Impact),
    /// Name what is weak or left over in a site file
    Lint(Lint),
    /// Tell what two plans differ in
    Diff(Diff),
    /// Name the nodes that differ from their like ones
    Outliers(Outliers),
    /// List what the site left in servers for nodes that its file no longer names; changes nothing
    Orphans(Orphans),
    /// Let the site take over records of other people, or give them back
    Claim(Claim),
    /// Ask the BMCs of nodes, or let them do something: power, boot device, sensors, log, console
    Bmc(Bmc),
    /// List the machines that were sent, and which node each is to be; asks nobody
    Manifest(Manifest),
    /// Tell who the machines of a site are and what they consist of; changes nothing
    Hardware(Hardware),
    /// Bind nodes to the machines behind their BMCs, in the lock file
    Enrol(Enrol),
    /// Choose profiles for nodes that name none, by the rules of the site, in the lock file
    Classify(Classify),
    /// Say that parts of a node, or its whole machine, were exchanged
    Replace(Replace),
    /// Print the JSON Schema of site files
    Schema,
}

/// A site file with what is laid over it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SiteFiles {
    /// The site file (.yaml, .toml or .json)
    pub(crate) site: PathBuf,
    #[command(flatten)]
    pub(crate) over: Over,
}

/// What is laid over a site file.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Over {
    /// A file that is laid over the site file; may be given several times, later ones win
    #[arg(long, value_name = "FILE")]
    pub(crate) overlay: Vec<PathBuf>,
    /// A file of values, which win over those in the site's files; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) values: Vec<PathBuf>,
    /// A value, which wins over those in all files; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<GivenValue>,
}

impl Over {
    /// An option that was given, for a sentence.
    pub(crate) fn given(&self) -> Option<&'static str> {
        match (&self.overlay[..], &self.values[..], &self.set[..]) {
            ([_, ..], ..) => Some("--overlay"),
            (_, [_, ..], _) => Some("--values"),
            (.., [_, ..]) => Some("--set"),
            _ => None,
        }
    }
}

/// The simulated datacenter instead of the real one.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Simulation {
    /// Use a simulated datacenter, everything powered off, instead of the real one
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// The seed of the simulation: the same seed gives the same course of events
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// How far one run may go; the site file and the engine say it where it is left out.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Most {
    /// How many nodes and other things the run may remove
    #[arg(long, value_name = "N")]
    pub(crate) max_removals: Option<u32>,
    /// How many times it may erase data
    #[arg(long, value_name = "N")]
    pub(crate) max_erasures: Option<u32>,
    /// How many times it may reboot running nodes
    #[arg(long, value_name = "N")]
    pub(crate) max_reboots: Option<u32>,
}

/// What people have said yes to.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Papers {
    /// A file that `dip consent` wrote; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) consent: Vec<PathBuf>,
    /// A file that `dip approve` wrote; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: Vec<PathBuf>,
}

/// Where journals are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Journals {
    /// The directory of journals [default: $DIP_JOURNAL, else .dip/runs]
    #[arg(long = "journal", value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Journals {
    pub(crate) fn directory(&self) -> PathBuf {
        let named = self.directory.clone().or_else(|| std::env::var_os("DIP_JOURNAL").map(PathBuf::from));
        named.unwrap_or_else(|| PathBuf::from(".dip/runs"))
    }
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Through {
    /// Ready state: layers 1 to 4 and the records of layer 6
    Ready,
    /// Applications and clusters too
    Everything,
}

impl Through {
    pub(crate) const fn goal(self) -> dip::Goal {
        match self {
            Self::Ready => dip::Goal::Ready,
            Self::Everything => dip::Goal::Everything,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// How many nodes, in four racks
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=800))]
    pub(crate) nodes: u16,
    /// The seed of the simulation
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Show the plan and stop
    #[arg(long)]
    pub(crate) plan_only: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    /// The file to write (.yaml); it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Pin {
    /// The site file that is laid over a base
    pub(crate) site: PathBuf,
}

/// The form of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For machines; the form that `apply` reads
    Json,
    /// For Graphviz
    Dot,
    /// For pages that draw Mermaid
    Mermaid,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    /// How far to go
    #[arg(long, default_value = "everything")]
    pub(crate) through: Through,
    /// Write the plan to a file that `apply` takes
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The form in which it is printed
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
    /// End with status 3 where something has to be done
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Print only how long it will take
    #[arg(long, conflicts_with = "format")]
    pub(crate) estimate: bool,
    #[command(flatten)]
    pub(crate) journals: Journals,
    /// Who plans, for a site that wants others to approve [default: $USER]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<Actor>,
    #[command(flatten)]
    pub(crate) most: Most,
    #[command(flatten)]
    pub(crate) papers: Papers,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    /// A site file, or a plan that `dip plan --out` wrote
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) over: Over,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    /// How far to go
    #[arg(long, default_value = "everything")]
    pub(crate) through: Through,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) most: Most,
    #[command(flatten)]
    pub(crate) papers: Papers,
    #[command(flatten)]
    pub(crate) journals: Journals,
    /// Keep the metrics of the run in a file, for the textfile collector of Prometheus' node exporter
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
}

/// How much of what differs is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Repair {
    /// Nothing: it is only told
    Report,
    /// What disrupts and erases nothing, and depends on nothing that does
    Safe,
    /// Everything
    All,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Converge {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    /// How far to go
    #[arg(long, default_value = "everything")]
    pub(crate) through: Through,
    /// How often to plan and apply at most, from one look on
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,
    /// Look again at even times (`90s`, `20m`, `1h30m`), until Ctrl-C
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) every: Option<Duration>,
    /// End after so many looks
    #[arg(long, value_name = "N", requires = "every", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) looks: Option<u32>,
    /// How much of what differs is put right [default: all; with --every: report]
    #[arg(long, value_name = "WHAT")]
    pub(crate) repair: Option<Repair>,
    #[command(flatten)]
    pub(crate) most: Most,
    #[command(flatten)]
    pub(crate) papers: Papers,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) journals: Journals,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Approve {
    /// A plan that `dip plan --out` wrote
    pub(crate) plan: PathBuf,
    /// Who approves
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Actor,
    /// The ticket or change record that it belongs to
    #[arg(long, value_name = "TICKET")]
    pub(crate) ticket: Option<String>,
    /// What else there is to say
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// The file to write, for `dip apply --approval`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Consent {
    /// A plan that `dip plan --out` wrote, which binds the consent to it, or a site file
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) over: Over,
    /// The node
    #[arg(long, value_name = "NODE", requires = "serial", required_unless_present = "all_erasures")]
    pub(crate) node: Option<NodeName>,
    /// The serial number of what may be erased; may be given several times
    #[arg(long, value_name = "SERIAL", requires = "node")]
    pub(crate) serial: Vec<String>,
    /// All that the plan erases, each node and serial number listed
    #[arg(long, conflicts_with_all = ["node", "serial"])]
    pub(crate) all_erasures: bool,
    /// Who consents
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Actor,
    /// Why it may be erased
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// How long it holds: 30m, 4h, 48h
    #[arg(long = "for", value_name = "TIME", default_value = "4h")]
    pub(crate) lifetime: SignedDuration,
    /// The file to write, for `dip apply --consent`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    /// The run; the last one that did not end well where it is left out
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) papers: Papers,
    #[command(flatten)]
    pub(crate) journals: Journals,
    /// Keep the metrics of the run in a file, for the textfile collector of Prometheus' node exporter
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
}

/// A step of a run.
#[derive(Debug, clap::Args)]
pub(crate) struct Ordered {
    /// The run
    pub(crate) run: String,
    /// The step's name, as `dip show` tells it
    pub(crate) step: String,
    #[command(flatten)]
    pub(crate) journals: Journals,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Reasoned {
    #[command(flatten)]
    pub(crate) ordered: Ordered,
    /// Why it may be left out; kept in the journal and the report
    #[arg(long)]
    pub(crate) reason: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Held {
    /// The run
    pub(crate) run: String,
    /// The step; the whole run where none is named
    pub(crate) step: Option<String>,
    /// Why; whoever waits is told
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) journals: Journals,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Continued {
    /// The run
    pub(crate) run: String,
    /// The step; all that is held or paused where none is named
    pub(crate) step: Option<String>,
    #[command(flatten)]
    pub(crate) journals: Journals,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Runs {
    #[command(flatten)]
    pub(crate) journals: Journals,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The run; the last one where it is left out
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) journals: Journals,
    /// Print the metrics of the run, in Prometheus' text form
    #[arg(long, conflicts_with = "json")]
    pub(crate) metrics: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Why {
    /// A site file, a plan or a run
    pub(crate) target: PathBuf,
    /// A subject (`node/r1-n3` or `r1-n3`), a step's name, or its operation (`power_on`)
    pub(crate) subject: String,
    #[command(flatten)]
    pub(crate) over: Over,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    #[command(flatten)]
    pub(crate) journals: Journals,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Drift {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    /// How far to look
    #[arg(long, default_value = "everything")]
    pub(crate) through: Through,
    /// Write what differs to a file, as metrics for the textfile collector of Prometheus' node exporter
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Impact {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    /// What goes: `switch/sw1`, `port/sw1/p7`, `pdu/pdu1`, `outlet/pdu1/3`, `rack/r1`, `row/A`, `network/prod`, `node/r1-n3`,
    /// `service/dns`, or the name alone
    pub(crate) subject: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Lint {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    /// A rule whose findings are left out; may be given several times
    #[arg(long, value_name = "RULE")]
    pub(crate) allow: Vec<Rule>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// A plan that `dip plan --out` wrote
    pub(crate) before: PathBuf,
    /// Another one
    pub(crate) after: PathBuf,
    /// Take the names of the two sites and of their domains to be the same
    #[arg(long)]
    pub(crate) across_sites: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Outliers {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    /// How far to look
    #[arg(long, default_value = "everything")]
    pub(crate) through: Through,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Ready {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    /// The nodes; all that are wanted at ready state where none is named
    pub(crate) nodes: Vec<String>,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    /// Look again until they are ready, for so long at most (`90s`, `20m`, `1h30m`)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    /// For whom the list is: ansible, cephadm, kubespray or packstack, or prometheus-sd for the targets of Prometheus
    #[arg(long, value_name = "INSTALLER")]
    pub(crate) format: List,
    /// The cluster that is handed over; the one that the site hands over to that installer where it is left out
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// Write the list to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// List all nodes that the site file wants at ready state, and do not look whether they are
    #[arg(long)]
    pub(crate) all: bool,
}

/// A duration as people write it: `90s`, `20m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|_| "write it like `90s`, `20m` or `1h30m`".to_owned())?;
    Duration::try_from(span).map_err(|_| "it must not be negative".to_owned())
}

#[derive(Debug, clap::Args)]
pub(crate) struct Orphans {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Claim {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    /// What the records are about (`node/r1-n3`, `nic/r1-n3/eth0`), or the name of the step that writes one
    #[arg(required = true)]
    pub(crate) subjects: Vec<String>,
    /// Give the records back: the mark is taken off, what they say stays, and the claim goes out of the file
    #[arg(long)]
    pub(crate) release: bool,
    /// Who claims [default: $USER]
    #[arg(long, value_name = "WHO", conflicts_with = "release")]
    pub(crate) by: Option<String>,
    /// Why, for those who review it
    #[arg(long, value_name = "TEXT", conflicts_with = "release")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Manifest {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Hardware {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    /// The nodes; all at ready state that have a BMC where none is named
    pub(crate) nodes: Vec<NodeName>,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    #[command(flatten)]
    pub(crate) journals: Journals,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Enrol {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    /// The nodes; all at ready state that have a BMC where none is named
    pub(crate) nodes: Vec<NodeName>,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Classify {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    /// The nodes; all that name no profile and have a BMC where none is named
    pub(crate) nodes: Vec<NodeName>,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Replace {
    #[command(flatten)]
    pub(crate) files: SiteFiles,
    /// The node
    pub(crate) node: NodeName,
    /// What a part is known by now, where its controller does not make that clear: `nic/eth0=52:54:00:12:34:56`, `disk/data=SERIAL`
    #[arg(long = "part", value_name = "PART=NUMBER")]
    pub(crate) parts: Vec<GivenPart>,
    /// Why, for those who review it: a ticket, a name
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
}

/// A part and what it is known by now.
#[derive(Debug, Clone)]
pub(crate) struct GivenPart {
    pub(crate) part: Part,
    pub(crate) now: String,
}

impl std::str::FromStr for GivenPart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (part, now) = text.split_once('=').filter(|(_, now)| !now.trim().is_empty()).ok_or_else(|| {
            format!("`{text}` does not say what a part is known by now, for example `nic/eth0=52:54:00:12:34:56`")
        })?;
        let part: Part = part.parse().map_err(|error: dip::core::identity::PartError| error.to_string())?;
        // One way to write it, so that it is found again.
        let now = match part {
            Part::Nic(_) => now.parse::<MacAddr>().map_err(|error| error.to_string())?.to_string(),
            _ => now.trim().to_owned(),
        };
        Ok(Self { part, now })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Args::command().debug_assert();
    }
}
