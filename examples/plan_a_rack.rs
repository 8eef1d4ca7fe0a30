//! How do I plan a rack, and read the plan, before anything happens?
//!
//! `cargo run --example plan_a_rack`

#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use dip::core::plan::render;
use dip::core::site::{Format, Lock, Site, Source};
use dip::sandbox::{Sandbox, datacenter};
use dip::{Observed, Planner};
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A site file is text; here one for six nodes in two racks. `Site::load` reads files with overlays and a lock.
    let text = datacenter(6, 2);
    let layers = dip::layers();
    let source = Source::new("rack.yaml", Format::Yaml, text);
    let site = Site::parse(&[source], &layers.settings(), &Lock::default())?.site;

    // The simulated datacenter takes the place of `layers.connect(&site, &secrets)`, which makes real providers.
    let sandbox = Sandbox::new(&site, 1);
    let providers = sandbox.providers();
    let clock = sandbox.clock();
    let prepared = sandbox
        .block_on(Planner::new(&layers, &providers).clock(&clock).prepare(Arc::new(site), &mut Observed::new()))?;

    print!("{}", render::text(&prepared.plan));
    println!("\nWhy is r1-n1 switched on, and after what?\n");
    for story in prepared.plan.why("power_on")?.into_iter().filter(|story| story.step.contains("r1-n1")) {
        print!("{story}");
    }
    Ok(())
}
