//! Standard output and standard error: results go to the one, messages to the other.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use dip::core::provider::sentence;
use serde::Serialize;

use crate::args::{Color, Common};
use crate::error::CliError;
use crate::present::style::Style;

/// Where the command prints.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) json: bool,
    pub(crate) style: Style,
    error_style: Style,
}

impl Out {
    pub(crate) fn new(common: &Common) -> Self {
        let style = |is_terminal: bool| {
            let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            match common.color {
                Color::Always => Style::Coloured,
                Color::Auto if is_terminal && !plain => Style::Coloured,
                Color::Auto | Color::Never => Style::Plain,
            }
        };
        Self {
            json: common.json,
            style: style(std::io::stdout().is_terminal()),
            error_style: style(std::io::stderr().is_terminal()),
        }
    }

    /// Prints a line of the result.
    pub(crate) fn line(&self, text: impl Display) -> Result<(), CliError> {
        Ok(writeln!(std::io::stdout().lock(), "{text}")?)
    }

    /// Prints text of the result that ends its lines itself.
    pub(crate) fn text(&self, text: impl Display) -> Result<(), CliError> {
        Ok(write!(std::io::stdout().lock(), "{text}")?)
    }

    /// Prints one line of JSON.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), CliError> {
        let mut text = serde_json::to_vec(value).map_err(|error| CliError::Output(error.into()))?;
        text.push(b'\n');
        Ok(std::io::stdout().lock().write_all(&text)?)
    }

    /// Tells a person something that is not the result. Nobody is stopped by a closed standard error.
    pub(crate) fn note(&self, text: impl Display) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Tells why the command could not do what it was asked.
    pub(crate) fn error(&self, error: &CliError) {
        let text = match error {
            // The faults of a site file are told one by one, each with its own heading.
            CliError::Site { .. } => sentence(error),
            _ => format!("{} {}", self.error_style.bad("error:"), sentence(error)),
        };
        self.note(text);
    }
}
