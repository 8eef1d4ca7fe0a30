//! `dip classify`: which profile nodes that name none get, by the rules of the site and what their machines are; kept in the lock file,
//! which a person reviews.

use std::sync::Arc;

use dip::core::identity::{Classified, Rule};
use serde_json::json;

use crate::args::Classify as Args;
use crate::error::CliError;
use crate::machines;
use crate::out::Out;
use crate::world::{self, World};

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let (mut lock, path) = (loaded.lock, loaded.lock_path);
    if loaded.site.rules.is_empty() {
        return Err(CliError::Usage(format!(
            "{} has no rules; write them under `classify`",
            args.files.site.display()
        )));
    }
    let world = World::new(Arc::new(loaded.site), layers, &args.simulation)?;
    // Who names a profile has chosen.
    let is_open = |node: &dip::core::id::NodeName| {
        lock.profiles.contains_key(node) || world.site.nodes.get(node).is_some_and(|node| node.profiles.is_empty())
    };
    let nodes: Vec<_> = machines::asked(&world, &args.nodes)?.into_iter().filter(|node| is_open(node)).collect();
    let seen = world.block_on(machines::look(&world, &nodes))?;
    let (before, mut status) = (lock.profiles.clone(), super::READY);
    for (node, machine) in seen {
        let machine = match machine {
            Ok(machine) => machine,
            Err(why) => {
                status = super::NOT_OBSERVED;
                out.note(format!("{node} could not be observed: {why}"));
                continue;
            }
        };
        let Classified { rule, others } = Rule::classify(&world.site.rules, &machine.identity, &machine.hardware);
        let Some(rule) = rule else {
            status = super::DIFFERS;
            let model = machine.identity.model.as_deref().unwrap_or("a machine that tells no model");
            out.note(format!(
                "{node} gets no profile: no rule fits {model} (`dip hardware` tells what it consists of)"
            ));
            continue;
        };
        let place = |rule: &Rule| rule.origin.as_ref().map_or_else(String::new, |origin| format!(" ({origin})"));
        if out.json {
            out.json(&json!({"node": node, "rule": rule, "others": others}))?;
        } else {
            out.line(format!("{:14} {node}{}", rule.profile.as_str(), place(rule)))?;
        }
        if !others.is_empty() {
            let others: Vec<_> = others.iter().map(|other| format!("`{}`{}", other.profile, place(other))).collect();
            out.note(format!(
                "warning: {node} fits {} too; it gets `{}` because that rule stands first",
                dip::core::words::and(&others),
                rule.profile
            ));
        }
        lock.profiles.insert(node, rule.profile.clone());
    }
    if lock.profiles != before {
        lock.write(&path)?;
        out.note(format!("{} keeps the profiles; review it and put it under version control", path.display()));
    }
    Ok(status)
}
