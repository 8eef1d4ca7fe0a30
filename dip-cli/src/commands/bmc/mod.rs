//! `dip bmc`: the management controllers of nodes, for people: one, some, or all at once.

mod answer;
mod change;
mod console;
mod events;
mod look;
mod nodes;
mod sweep;

use std::sync::Arc;

use dip::Layers;
use dip::core::id::NodeName;
use dip::core::provider::{ErrorKind, ProviderError, sentence};
use dip::core::site::Site;
use dip::core::subject::Subject;
use dip::firmware::FirmwareLayer;
use dip::firmware::provider::Bmc;
use dip::network::NetworkLayer;
use serde_json::json;

use crate::args::{Bmc as Args, Simulation, SiteFiles, Verb};
use crate::error::CliError;
use crate::out::Out;
use crate::world::{World, load};

use answer::{Answer, Asked};

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let files = SiteFiles { site: args.site.clone(), over: args.over.clone() };
    let loaded = load(&files, &layers, out)?;
    let names = nodes::named(&loaded.site, args)?;
    let world = world(loaded.site, &names, layers, &args.simulation)?;
    let asked = names
        .into_iter()
        .map(|node| {
            let bmc = world.providers.find::<dyn Bmc>(&Subject::node(&node));
            bmc.map(|bmc| Asked { node, bmc }).map_err(|missing| CliError::Usage(missing.to_string()))
        })
        .collect::<Result<Vec<Asked>, CliError>>()?;
    if let Verb::Console { take } = args.verb {
        let [one] = &asked[..] else {
            return Err(CliError::Usage("a console is used on one node at a time; name one node".to_owned()));
        };
        return world.block_on(console::run(&one.bmc, take, out))?;
    }
    if args.verb.follows() {
        let [one] = &asked[..] else {
            return Err(CliError::Usage("events are followed of one node at a time; name one node".to_owned()));
        };
        return world.block_on(events::run(&one.bmc, out))?;
    }
    if let Some(what) = args.verb.disrupts().filter(|_| !args.yes && !out.json) {
        let whom = match &asked[..] {
            [one] => one.node.to_string(),
            several => format!("{} nodes", several.len()),
        };
        if !super::says_yes(&format!("May dip {what} {whom}?"))? {
            out.note("nothing was changed");
            return Ok(super::DECLINED);
        }
    }
    let many = asked.len() > 1;
    let mut tally = Tally::default();
    let mut tell = |node: &str, answer: Result<Answer, ProviderError>| tally.tell(node, answer, many, out);
    world.block_on(sweep::sweep(asked, args.at_once.into(), &args.verb, &mut tell))??;
    tally.sum_up(many, out);
    Ok(match (tally.failed, args.verb.changes()) {
        (0, _) => super::READY,
        (_, true) => super::FAILED,
        (_, false) => super::NOT_OBSERVED,
    })
}

/// The BMCs of these nodes, the DHCP servers where one is known by its MAC address, and no other servers, so that nobody needs
/// secrets that have no part in it.
fn world(mut site: Site, names: &[NodeName], layers: Layers, simulation: &Simulation) -> Result<World, CliError> {
    if simulation.sandbox {
        return World::new(Arc::new(site), layers, simulation);
    }
    site.nodes.retain(|name, _| names.contains(name));
    let mut layers = Layers::new().with(FirmwareLayer);
    if site.nodes.values().filter_map(|node| node.bmc.as_ref()).any(|bmc| bmc.mac().is_some()) {
        (site.switches, site.pdus) = Default::default();
        layers = layers.with(NetworkLayer);
    }
    World::real(Arc::new(site), layers)
}

/// What was told so far.
#[derive(Debug, Default)]
struct Tally {
    /// How many gave each answer of one line, the most frequent to be told first.
    answers: std::collections::BTreeMap<String, usize>,
    failed: usize,
}

impl Tally {
    fn tell(
        &mut self,
        node: &str,
        answer: Result<Answer, ProviderError>,
        many: bool,
        out: &Out,
    ) -> Result<(), CliError> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.failed += 1;
                let why = sentence(&error);
                if out.json {
                    return out.json(&json!({"node": node, "error": {"kind": error.kind(), "why": why}}));
                }
                let word = if error.kind() == ErrorKind::Unsupported { "not offered" } else { "failed" };
                out.note(format!("{node}: {}: {why}", out.style.bad(word)));
                return Ok(());
            }
        };
        if out.json {
            return out.json(&json!({"node": node, "answer": answer.value}));
        }
        match &answer.lines[..] {
            [line] if many => {
                *self.answers.entry(line.clone()).or_default() += 1;
                out.line(format!("{node}: {line}"))
            }
            lines => {
                if many {
                    out.line(out.style.strong(format!("{node}:")))?;
                }
                let indent = if many { "  " } else { "" };
                lines.iter().try_for_each(|line| out.line(format!("{indent}{line}")))
            }
        }
    }

    /// The last line for many nodes: how many gave which answer.
    fn sum_up(&self, many: bool, out: &Out) {
        // More answers than these are no summary.
        const SHORT: usize = 4;
        if !many || out.json || (self.answers.is_empty() && self.failed == 0) {
            return;
        }
        let mut answers: Vec<(&String, &usize)> = self.answers.iter().collect();
        answers.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let mut parts: Vec<String> = match answers.len() {
            0..=SHORT => answers.iter().map(|(answer, count)| format!("{count} {answer}")).collect(),
            _ => vec![format!("{} answered", self.answers.values().sum::<usize>())],
        };
        if self.failed > 0 {
            parts.push(format!("{} did not", self.failed));
        }
        out.note(parts.join(", "));
    }
}
