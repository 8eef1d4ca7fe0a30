//! Plans as text for people, DOT and Mermaid for pictures. (JSON is the plan's own `Serialize`.)

mod dot;
mod fold;
mod mermaid;
mod text;
mod wrap;

pub use dot::dot;
pub use fold::fold_names;
pub use mermaid::mermaid;
pub use text::text;
pub(crate) use wrap::wrap;
