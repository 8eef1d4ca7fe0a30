//! The page for users shows what is so.

use dip_core::guard::Guard;
use dip_core::plan::render;

use super::scene::{Scene, node, ready};

const PAGE: &str = include_str!("../../../docs/firmware.md");

/// The first block of a language behind a heading.
fn block(heading: &str, language: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(heading).expect("the heading is there");
    let (_, rest) = rest.split_once(&format!("```{language}\n")).expect("a block is there");
    rest.split_once("```").expect("it ends").0
}

#[test]
fn the_site_of_the_page_is_brought_to_ready_and_its_plan_is_as_shown() {
    let scene = Scene::new(1, "");
    let wanted = scene.wants(block("## In the site file", "yaml"));
    scene.sandbox.clone().block_on(async {
        ready(&scene.run(Guard::default()).await.expect("memory takes every record"));
        let plan = wanted.prepare().await.plan;
        let shown = block("## What a plan says", "text");
        assert!(render::text(&plan).contains(shown), "the page does not show this:\n{}", render::text(&plan));
        ready(&wanted.run_with_consent().await);
        assert_eq!(scene.sandbox.boots(&node("r1-n1")), 3);
    });
}
