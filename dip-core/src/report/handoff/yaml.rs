//! Writes YAML in block style: maps in the order that they are given, and quotes wherever a plain text could be taken for
//! something else.

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Yaml {
    Text(String),
    Number(u64),
    Truth,
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// A map without entries, as Ansible writes hosts and groups that say no more.
    pub(super) const fn empty() -> Self {
        Self::Map(Vec::new())
    }

    /// The value as a document.
    pub(super) fn document(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out
    }

    /// Writes the lines of a value, each indented.
    fn write(&self, indent: usize, out: &mut String) {
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    out.extend(std::iter::repeat_n(' ', indent));
                    out.push_str(&scalar(key));
                    out.push(':');
                    value.after_mark(indent, out);
                }
            }
            Self::List(items) if !items.is_empty() => {
                for item in items {
                    out.extend(std::iter::repeat_n(' ', indent));
                    out.push('-');
                    item.after_mark(indent, out);
                }
            }
            inline => {
                out.push_str(&inline.inline());
                out.push('\n');
            }
        }
    }

    /// Writes what follows a `:` or a `-`: on the same line, or on lines of its own.
    fn after_mark(&self, indent: usize, out: &mut String) {
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                out.push('\n');
                self.write(indent + 2, out);
            }
            Self::List(items) if !items.is_empty() => {
                out.push('\n');
                self.write(indent + 2, out);
            }
            inline => {
                out.push(' ');
                inline.write(0, out);
            }
        }
    }

    fn inline(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            Self::Number(number) => number.to_string(),
            Self::Truth => "true".to_owned(),
            Self::List(_) => "[]".to_owned(),
            Self::Map(_) => "{}".to_owned(),
        }
    }
}

/// A text as it can stand: plain where it begins with a letter, has nothing that YAML gives a meaning to and is no word that
/// YAML 1.1 takes for a truth or nothing; else in double quotes, where the escapes of JSON are those of YAML.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use saphyr_parser::{Event, Parser, ScalarStyle};

    use super::Yaml;

    /// Reads YAML back with another parser than any that wrote it.
    fn read(text: &str) -> Yaml {
        let mut events = Parser::new_from_str(text).map(|event| event.expect("YAML").0).collect::<Vec<_>>().into_iter();
        fn value(event: Event<'_>, events: &mut std::vec::IntoIter<Event<'_>>) -> Yaml {
            match event {
                Event::Scalar(text, ScalarStyle::Plain, ..) if text == "true" => Yaml::Truth,
                Event::Scalar(text, ScalarStyle::Plain, ..) if text.parse::<u64>().is_ok() => {
                    Yaml::Number(text.parse().expect("a number"))
                }
                Event::Scalar(text, ..) => Yaml::Text(text.into_owned()),
                Event::SequenceStart(..) => {
                    let mut items = Vec::new();
                    loop {
                        match events.next().expect("an end") {
                            Event::SequenceEnd => return Yaml::List(items),
                            event => items.push(value(event, events)),
                        }
                    }
                }
                Event::MappingStart(..) => {
                    let mut entries = Vec::new();
                    loop {
                        match events.next().expect("an end") {
                            Event::MappingEnd => return Yaml::Map(entries),
                            Event::Scalar(key, ..) => {
                                let event = events.next().expect("a value");
                                entries.push((key.into_owned(), value(event, events)));
                            }
                            other => panic!("{other:?} is no key"),
                        }
                    }
                }
                other => panic!("{other:?} is no value"),
            }
        }
        loop {
            match events.next().expect("a document") {
                Event::StreamStart | Event::DocumentStart(_) => {}
                event => return value(event, &mut events),
            }
        }
    }

    #[test]
    fn what_is_written_reads_back_whatever_it_looks_like() {
        let texts = [
            "plain",
            "10.1.1.10",
            "2001:db8::1",
            "007",
            "no",
            "Yes",
            "~",
            "",
            " ",
            "a: b",
            "a #b",
            "- a",
            "{a}",
            "\"",
            "'",
            "a\nb",
            "é",
            "null",
            "1e3",
            "0x1f",
            "/etc/key",
            "_x",
            "%a",
            "@a",
            "`a`",
            "a\\b",
            "\u{7f}\u{85}\u{2028}",
        ];
        let list = Yaml::List(texts.into_iter().map(Yaml::text).collect());
        let map = Yaml::map(texts.into_iter().map(|text| (text, Yaml::Number(1))));
        let whole = Yaml::map([
            ("list", list.clone()),
            ("map", map),
            ("nested", Yaml::map([("a", Yaml::List(vec![list, Yaml::map([("b", Yaml::Truth)])]))])),
            ("nothing", Yaml::empty()),
            ("none", Yaml::List(Vec::new())),
        ]);
        assert_eq!(read(&whole.document()), whole, "{}", whole.document());
    }
}
