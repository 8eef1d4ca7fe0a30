//! A plan as a DOT graph, for Graphviz: layers as colours, boots as houses, barriers as small circles, reasons as labels.

use std::fmt::Write as _;

use crate::plan::{Because, Plan, Vertex, VertexId};

/// The plan as DOT text.
#[must_use]
pub fn dot(plan: &Plan) -> String {
    const COLOURS: [&str; 7] = ["#fde0c5", "#f6c1c7", "#cfe3f5", "#cdebd0", "#e7d9f3", "#fff2b3", "#d9e2ec"];
    let mut out = format!(
        "digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n",
        plan.id().short()
    );
    for (index, vertex) in plan.graph().vertices().iter().enumerate() {
        let _ = match vertex {
            Vertex::Step(step) => {
                let step = &plan.step(*step).step;
                let colour = COLOURS[usize::from(step.layer.number()) - 1];
                writeln!(out, "  v{index} [label={:?}, fillcolor=\"{colour}\"];", step.name.as_str())
            }
            Vertex::Barrier { threshold, of } => {
                writeln!(out, "  v{index} [label=\"{threshold}/{of}\", shape=circle, fillcolor=white];")
            }
            Vertex::Boot(_) | Vertex::Leave(_) | Vertex::Wave(_) => {
                let words = plan.vertex_words(VertexId(index as u32));
                writeln!(out, "  v{index} [label={words:?}, shape=house, fillcolor=white];")
            }
        };
    }
    for index in 0..plan.graph().vertices().len() {
        let to = VertexId(index as u32);
        for (from, because) in plan.graph().predecessors(to) {
            let label = match because {
                Because::Fact(fact) => fact.name(),
                Because::Barrier => "",
                Because::Environment => "environment",
                Because::Boot => "boot",
                Because::Leave => "done",
                Because::Wave => "first",
            };
            let _ = writeln!(out, "  v{} -> v{index} [label={label:?}];", from.0);
        }
    }
    out.push_str("}\n");
    out
}
