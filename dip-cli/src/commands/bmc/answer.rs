//! Who is asked, and what came of it: lines for people, a value for machines.

use std::sync::Arc;

use dip::core::id::NodeName;
use dip::firmware::provider::Bmc;
use serde::Serialize;
use serde_json::Value;

/// A node with its BMC.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) node: NodeName,
    pub(super) bmc: Arc<dyn Bmc>,
}

/// What a BMC answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) lines: Vec<String>,
    pub(super) value: Value,
}

impl Answer {
    pub(super) fn new(lines: Vec<String>, value: impl Serialize) -> Self {
        Self { lines, value: serde_json::to_value(value).unwrap_or_default() }
    }

    pub(super) fn line(line: impl Into<String>, value: impl Serialize) -> Self {
        Self::new(vec![line.into()], value)
    }
}

/// Rows as columns, each as wide as its widest cell; the last one is not filled up.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(wide);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
