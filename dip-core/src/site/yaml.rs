//! Reads YAML into a tree: all scalars keep their text, and what makes YAML surprising is refused with a sentence.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::report::{Raw, Report};
use super::source::{Mark, small};
use super::tree::{DEPTH, Data, Entry, Map, Style, Tree};

pub(crate) fn read(text: &str, source: u16, report: &mut Report<'_>) -> Option<Tree> {
    let mut reader = Reader { parser: Parser::new_from_str(text), source, report };
    reader.document()
}

struct Reader<'text, 'report, 'sources> {
    parser: Parser<'text, StrInput<'text>>,
    source: u16,
    report: &'report mut Report<'sources>,
}

impl<'text> Reader<'text, '_, '_> {
    fn document(&mut self) -> Option<Tree> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd => return Some(Tree::new(Mark::start(self.source), Data::Null)),
                event => {
                    let tree = self.value(event, span, 0)?;
                    return self.end().map(|()| tree);
                }
            }
        }
    }

    /// Nothing may follow the first document.
    fn end(&mut self) -> Option<()> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Some(()),
                Event::DocumentStart(_) => {
                    let mark = self.mark(span);
                    return self.refuse(mark, "a second document starts here", "keep one document in a site file");
                }
                _ => {}
            }
        }
    }

    /// The value that an event starts. `None` stops the reading; why is told.
    fn value(&mut self, event: Event<'text>, span: Span, depth: usize) -> Option<Tree> {
        let mark = self.mark(span);
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            Event::Alias(_) => (1, false),
            _ => (0, false),
        };
        if anchor != 0 {
            let advice = "write the value out, or put it into a profile that several nodes inherit";
            return self.refuse(mark, "YAML anchors and aliases are not read in site files", advice);
        }
        if tag {
            return self.refuse(
                mark,
                "YAML tags are not read in site files",
                "leave out the word that starts with `!`",
            );
        }
        if depth >= DEPTH {
            let message = format!("values lie more than {DEPTH} deep in one another");
            return self.refuse(mark, &message, "no key of a site file lies so deep");
        }
        match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                let data = if plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    Data::Null
                } else {
                    Data::Scalar(text.into_owned(), if plain { Style::Plain } else { Style::Quoted })
                };
                Some(Tree::new(mark, data))
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::SequenceEnd {
                        return Some(Tree::new(mark, Data::List(items)));
                    }
                    items.push(self.value(event, span, depth + 1)?);
                }
            }
            Event::MappingStart(..) => self.map(mark, depth),
            _ => self.refuse(mark, "a value is missing here", "write the value, or leave out its key"),
        }
    }

    fn map(&mut self, mark: Mark, depth: usize) -> Option<Tree> {
        let mut map = Map::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Some(Tree::new(mark, Data::Map(map)));
            }
            let key = self.value(event, span, depth + 1)?;
            let Some(text) = key_text(&key) else {
                let advice = "write keys as plain text; a value that starts with `{` or `[` needs quotes";
                return self.refuse(key.mark, &format!("{} cannot be a key", key.what()), advice);
            };
            let (event, span) = self.next()?;
            let value = self.value(event, span, depth + 1)?;
            insert(&mut map, text, Entry { key: key.mark, value }, self.report);
        }
    }

    fn next(&mut self) -> Option<(Event<'text>, Span)> {
        match self.parser.next_event()? {
            Ok(event) => Some(event),
            Err(error) => {
                let at = *error.marker();
                let mark =
                    Mark { source: self.source, line: small(at.line().max(1)), column: small(at.col() + 1), length: 1 };
                self.refuse(
                    mark,
                    &format!("this is not YAML: {}", error.info()),
                    "check indentation, colons and quotes",
                )
            }
        }
    }

    fn mark(&self, span: Span) -> Mark {
        let (start, end) = (span.start, span.end);
        // A value of several lines is marked by its first character.
        let length = if start.line() == end.line() { end.col().saturating_sub(start.col()).max(1) } else { 1 };
        Mark {
            source: self.source,
            line: small(start.line().max(1)),
            column: small(start.col() + 1),
            length: small(length),
        }
    }

    fn refuse<T>(&mut self, mark: Mark, message: &str, advice: &str) -> Option<T> {
        self.report.tell("syntax", mark, || Raw::at(mark, message).advice(advice));
        None
    }
}

fn key_text(key: &Tree) -> Option<String> {
    match &key.data {
        Data::Scalar(text, _) => Some(text.clone()),
        _ => None,
    }
}

/// Adds an entry, and tells where its key stands twice.
pub(crate) fn insert(map: &mut Map, key: String, entry: Entry, report: &mut Report<'_>) {
    match map.entry(key) {
        std::collections::btree_map::Entry::Vacant(vacant) => {
            vacant.insert(entry);
        }
        std::collections::btree_map::Entry::Occupied(first) => {
            let line = first.get().key.line;
            report.tell("duplicate", entry.key, || {
                Raw::at(entry.key, format!("the key `{}` stands twice in one map", first.key()))
                    .label(format!("it stands in line {line} already"))
                    .advice("keep one of the two")
            });
        }
    }
}
