//! `dip schema`: the JSON Schema of site files, for editors.

use dip::core::site::json_schema;

use crate::error::CliError;
use crate::out::Out;

pub(super) fn run(out: &Out) -> Result<u8, CliError> {
    let schema = json_schema(&dip::layers().settings());
    out.line(format!("{schema:#}"))?;
    Ok(super::READY)
}
