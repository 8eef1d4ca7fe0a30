//! A file with dip's fields in it: where they stand, and how it reads with others in their place. All else keeps its bytes.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};

use super::fields::{self, KEY};
use crate::settings::FileFormat;

/// Why a file cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    #[error("it is not {0}")]
    Syntax(String),
    #[error("it does not hold one map of keys and values")]
    NotAMap,
    #[error("its layout leaves no place where dip's fields could be written without changing others")]
    Layout,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a str,
    style: FileFormat,
    /// The column at which keys start.
    indent: usize,
    /// Where a further key can be written.
    end: usize,
    /// dip's fields, and where the key with them stands.
    dip: Option<(Value, Range<usize>)>,
    others: Map<String, Value>,
}

impl<'a> Document<'a> {
    /// Reads a file; `format` is that of a file without anything in it.
    pub(super) fn read(text: &'a str, format: FileFormat) -> Result<Self, DocumentError> {
        let syntax = |error: saphyr_parser::ScanError| DocumentError::Syntax(format!("valid YAML or JSON: {error}"));
        let events = Parser::new_from_str(text).collect::<Result<Vec<_>, _>>().map_err(syntax)?;
        let mut reader =
            Reader { events, next: 0, text, offsets: text.char_indices().map(|(offset, _)| offset).collect() };
        let mut document = Self { text, style: format, indent: 0, end: text.len(), dip: None, others: Map::new() };
        if reader.events.iter().filter(|(event, _)| matches!(event, Event::DocumentStart(_))).count() > 1 {
            return Err(DocumentError::NotAMap);
        }
        reader.next = reader
            .events
            .iter()
            .take_while(|(event, _)| matches!(event, Event::StreamStart | Event::DocumentStart(_)))
            .count();
        let start = match reader.events.get(reader.next) {
            Some((Event::MappingStart(..), span)) => *span,
            Some((Event::StreamEnd, _)) | None => return Ok(document),
            Some((Event::Scalar(value, ScalarStyle::Plain, ..), _)) if value.is_empty() || value == "~" => {
                return Ok(document);
            }
            Some(_) => return Err(DocumentError::NotAMap),
        };
        reader.next += 1;
        let flow = reader.starts_with(start, "{");
        document.style = if flow { FileFormat::Json } else { FileFormat::Yaml };
        document.indent = if flow { 0 } else { start.start.col() };
        loop {
            match reader.events.get(reader.next) {
                Some((Event::MappingEnd, span)) => {
                    if flow {
                        document.end = reader.offset(span.start.index());
                    }
                    return Ok(document);
                }
                Some((_, span)) => {
                    let from = reader.offset(span.start.index());
                    let (key, _) = reader.value()?;
                    let (value, to) = reader.value()?;
                    match key {
                        Value::String(key) if key == KEY => document.dip = Some((value, from..to)),
                        key => drop(document.others.insert(key.to_string(), value)),
                    }
                }
                None => return Err(DocumentError::NotAMap),
            }
        }
    }

    /// dip's fields.
    pub(super) fn dip(&self) -> Option<&Value> {
        self.dip.as_ref().map(|(fields, _)| fields)
    }

    /// The text with these fields in the place of dip's former ones.
    pub(super) fn with(&self, fields: &Value) -> Result<String, DocumentError> {
        let blank = self.others.is_empty() && self.dip.is_none();
        let margin = if self.style == FileFormat::Json { 2 } else { self.indent };
        let entry = fields::entry(fields, self.style, margin);
        let text = match (&self.dip, self.style) {
            (Some((_, at)), _) => self.splice(at.clone(), &entry),
            (None, FileFormat::Json) if self.text.trim().is_empty() => format!("{{\n  {entry}\n}}\n"),
            (None, FileFormat::Json) => {
                let head = self.text[..self.end].trim_end();
                let comma = if blank || head.ends_with(',') { "" } else { "," };
                format!("{head}{comma}\n  {entry}\n{}", &self.text[self.end..])
            }
            (None, FileFormat::Yaml) => {
                let line = if self.text.is_empty() || self.text.ends_with('\n') { "" } else { "\n" };
                format!("{}{line}{}{entry}\n", self.text, " ".repeat(self.indent))
            }
        };
        self.verified(text, Some(fields))
    }

    /// The text without dip's fields; `None` where nothing else is in it.
    pub(super) fn without(&self) -> Result<Option<String>, DocumentError> {
        let Some((_, at)) = &self.dip else { return Ok(Some(self.text.to_owned())) };
        let text = match self.style {
            FileFormat::Json if self.others.is_empty() => return Ok(None),
            FileFormat::Json => {
                let (before, after) = (&self.text[..at.start], &self.text[at.end..]);
                match after.trim_start().strip_prefix(',') {
                    Some(after) => format!("{before}{}", after.trim_start()),
                    None => format!("{}{after}", before.trim_end().trim_end_matches(',')),
                }
            }
            FileFormat::Yaml => {
                let start = self.text[..at.start].rfind('\n').map_or(0, |line| line + 1);
                let end = self.text[at.end..].find('\n').map_or(self.text.len(), |line| at.end + line + 1);
                self.splice(start..end, "")
            }
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        self.verified(text, None).map(Some)
    }

    fn splice(&self, at: Range<usize>, with: &str) -> String {
        format!("{}{with}{}", &self.text[..at.start], &self.text[at.end..])
    }

    /// Reads the new text again: everybody else's keys must be as before, whatever the layout of the file.
    fn verified(&self, text: String, wanted: Option<&Value>) -> Result<String, DocumentError> {
        let again = Document::read(&text, self.style).map_err(|_| DocumentError::Layout)?;
        if again.others == self.others && again.dip() == wanted { Ok(text) } else { Err(DocumentError::Layout) }
    }
}

/// Values from events. A scalar without quotes is text, but for nothing: none of dip's fields is a number.
struct Reader<'a> {
    events: Vec<(Event<'a>, Span)>,
    next: usize,
    text: &'a str,
    /// Where each character starts, in bytes: the parser counts characters.
    offsets: Vec<usize>,
}

impl Reader<'_> {
    /// The next value, and where it ends.
    fn value(&mut self) -> Result<(Value, usize), DocumentError> {
        let (event, span) = self.events.get(self.next).cloned().ok_or(DocumentError::NotAMap)?;
        self.next += 1;
        let mut end = self.offset(span.end.index());
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if matches!(&*text, "" | "~" | "null") => Value::Null,
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::Alias(anchor) => Value::String(format!("*{anchor}")),
            Event::SequenceStart(..) => {
                let mut values = Vec::new();
                while !self.closes(|event| *event == Event::SequenceEnd, "]", &mut end) {
                    let (value, to) = self.value()?;
                    end = to;
                    values.push(value);
                }
                Value::Array(values)
            }
            Event::MappingStart(..) => {
                let mut values = Map::new();
                while !self.closes(|event| *event == Event::MappingEnd, "}", &mut end) {
                    let (key, _) = self.value()?;
                    let (value, to) = self.value()?;
                    end = to;
                    let key = key.as_str().map_or_else(|| key.to_string(), ToOwned::to_owned);
                    values.insert(key, value);
                }
                Value::Object(values)
            }
            _ => return Err(DocumentError::NotAMap),
        };
        Ok((value, end))
    }

    /// Whether the next event ends what was begun. A bracket belongs to it; the end of a block is where its last value ends.
    fn closes(&mut self, is: impl Fn(&Event<'_>) -> bool, bracket: &str, end: &mut usize) -> bool {
        let Some((event, span)) = self.events.get(self.next) else { return true };
        if !is(event) {
            return false;
        }
        if self.starts_with(*span, bracket) {
            *end = self.offset(span.start.index()) + bracket.len();
        }
        self.next += 1;
        true
    }

    fn starts_with(&self, span: Span, bracket: &str) -> bool {
        self.text[self.offset(span.start.index())..].starts_with(bracket)
    }

    fn offset(&self, character: usize) -> usize {
        self.offsets.get(character).copied().unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> Value {
        json!({"site": "lab", "addresses": ["10.1.0.11"], "rack": null, "identity": {"serial": "007"}})
    }

    fn put(text: &str, format: FileFormat) -> String {
        Document::read(text, format)
            .and_then(|document| document.with(&fields()))
            .expect("there is a place for dip's fields")
    }

    #[test]
    fn all_other_bytes_of_a_yaml_file_are_kept() {
        let head = "# Höhe: 2 HE\nowner: 'storage team'\nnotes: |\n  dip: not this\n  second line\n";
        let tail = "warranty:   2027-01-01   # ends soon\n";
        let new = put(&format!("{head}{tail}"), FileFormat::Yaml);
        assert!(new.starts_with(&format!("{head}{tail}dip:\n")), "{new}");
        let between = format!("{head}dip:\n  site: \"lab\"\n  rack: null\n# a comment below\n{tail}");
        let replaced = put(&between, FileFormat::Yaml);
        assert!(
            replaced.starts_with(head) && replaced.ends_with(&format!("\n# a comment below\n{tail}")),
            "{replaced}"
        );
        let document = Document::read(&replaced, FileFormat::Yaml).expect("it is YAML");
        assert_eq!(document.dip(), Some(&fields()));
        assert_eq!(document.without().expect("it can be taken out"), Some(format!("{head}# a comment below\n{tail}")));
    }

    #[test]
    fn all_other_bytes_of_a_json_file_are_kept() {
        let text = "{\"z\": 1.50,\n\t\"a\": [ 1,2 ]\n}\n";
        let new = put(text, FileFormat::Json);
        assert!(new.starts_with("{\"z\": 1.50,\n\t\"a\": [ 1,2 ],\n  \"dip\": {"), "{new}");
        serde_json::from_str::<Value>(&new).expect("it stays JSON");
        assert_eq!(put(&new, FileFormat::Json), new, "writing twice is once");
        let document = Document::read(&new, FileFormat::Json).expect("it is JSON");
        assert_eq!(
            document.without().expect("it can be taken out"),
            Some("{\"z\": 1.50,\n\t\"a\": [ 1,2 ]\n}\n".to_owned())
        );
    }

    #[test]
    fn a_file_with_nothing_else_is_gone_without_dips_fields() {
        for format in [FileFormat::Yaml, FileFormat::Json] {
            let text = put("", format);
            let document = Document::read(&text, format).expect("it can be read");
            assert_eq!(document.dip(), Some(&fields()));
            assert_eq!(document.without().expect("it can be taken out"), None);
        }
    }

    #[test]
    fn a_file_that_is_no_map_is_left_alone() {
        for text in ["- a\n- b\n", "a: 1\n---\nb: 2\n", "text", "a: [1"] {
            assert!(Document::read(text, FileFormat::Yaml).is_err(), "{text}");
        }
        let ended = Document::read("a: 1\n...\n", FileFormat::Yaml).expect("it can be read");
        assert!(matches!(ended.with(&fields()), Err(DocumentError::Layout)));
    }
}
