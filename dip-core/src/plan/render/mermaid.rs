//! A plan as a Mermaid flowchart, for pages that draw it.

use std::fmt::Write as _;

use crate::plan::{Because, Plan, VertexId};

/// The plan as Mermaid text.
#[must_use]
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    for index in 0..plan.graph().vertices().len() {
        let words = plan.vertex_words(VertexId(index as u32)).replace('`', "").replace('"', "'");
        let _ = writeln!(out, "  v{index}[\"{words}\"]");
    }
    for index in 0..plan.graph().vertices().len() {
        for (from, because) in plan.graph().predecessors(VertexId(index as u32)) {
            let _ = match because {
                Because::Fact(fact) => writeln!(out, "  v{} -->|{}| v{index}", from.0, fact.name()),
                _ => writeln!(out, "  v{} --> v{index}", from.0),
            };
        }
    }
    out
}
