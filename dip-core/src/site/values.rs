//! Values: what differs from one site to the next, put into the texts of its files where they say `${name}`.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use super::check::list_of;
use super::fault::nearest;
use super::report::{Raw, Report, Share};
use super::source::Mark;
use super::tree::{Data, Entry, Map, Style, Tree};

/// The values of a site, by their names with dots between the parts.
pub(crate) struct Values {
    known: BTreeMap<String, Value>,
    /// The names that nothing knows, for who asks what a value that is used nowhere was meant to be.
    missed: BTreeSet<String>,
    /// How much was put in so far.
    weight: usize,
}

/// How many bytes may be put in: values that hold each other twice grow without end. Large sites stay far below.
const CEILING: usize = 64 << 20;

struct Value {
    key: Mark,
    tree: Tree,
    state: State,
    used: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Values in it are not put in yet.
    Raw,
    /// They are being put in: who comes here again goes in a circle.
    Open,
    Done,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    Value { name: &'t str, default: Option<&'t str> },
}

/// Whether a text can name a value: `ring`, `dns.server`.
pub(crate) fn is_name(text: &str) -> bool {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters.next().is_some_and(|first| first.is_ascii_alphanumeric() || first == '_')
            && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
    };
    text.split('.').all(part)
}

impl Values {
    /// Takes the section `values` out of a site.
    pub(crate) fn take(root: &mut Tree, report: &mut Report<'_>) -> Self {
        let mut values = Self { known: BTreeMap::new(), missed: BTreeSet::new(), weight: 0 };
        let Data::Map(map) = &mut root.data else { return values };
        let Some(Entry { key, value }) = map.remove("values") else { return values };
        match value.data {
            Data::Map(map) => values.collect("", map, report),
            Data::Null | Data::Removed => {}
            _ => report.tell("type", key, || Raw::at(key, "`values` must be a map from names to values")),
        }
        values
    }

    fn collect(&mut self, above: &str, map: Map, report: &mut Report<'_>) {
        for (name, Entry { key, value }) in map {
            if !is_name(&name) || name.contains('.') {
                report.tell("name", key, || {
                    let raw = Raw::at(key, format!("`{name}` is not the name of a value"));
                    match name.split_once('.') {
                        Some((first, rest)) => raw.advice(format!("write it as a map, `{first}: {{{rest}: ...}}`")),
                        None => raw.advice("a name has letters, digits, `_` and `-`"),
                    }
                });
                continue;
            }
            let name = format!("{above}{name}");
            match value {
                Tree { data: Data::Map(map), .. } => self.collect(&format!("{name}."), map, report),
                tree => drop(self.known.insert(name, Value { key, tree, state: State::Raw, used: false })),
            }
        }
    }

    /// Puts the values into all texts of a tree, also into the keys of its maps.
    pub(crate) fn put_in(&mut self, tree: &mut Tree, report: &mut Report<'_>) {
        match &mut tree.data {
            Data::Scalar(text, _) if text.contains("${") => {
                let text = std::mem::take(text);
                tree.data = self.replace(&text, tree.mark, report);
            }
            Data::List(items) => items.iter_mut().for_each(|item| self.put_in(item, report)),
            Data::Map(map) => {
                if map.keys().any(|key| key.contains("${")) {
                    self.put_into_keys(map, report);
                }
                map.values_mut().for_each(|entry| self.put_in(&mut entry.value, report));
            }
            _ => {}
        }
    }

    /// Tells what is used nowhere: a mistyped name, or what the files no longer ask for.
    pub(crate) fn warn_of_unused(&self, report: &mut Report<'_>) {
        let used = || self.known.iter().filter(|(_, value)| value.used).map(|(name, _)| name.as_str());
        for (name, value) in self.known.iter().filter(|(_, value)| !value.used) {
            let raw = Raw::at(value.key, format!("the value `{name}` is used nowhere"));
            let meant = nearest(name, used().chain(self.missed.iter().map(String::as_str)));
            report.warn(match meant {
                Some(near) => raw.label(format!("did you mean `{near}`?")),
                None => raw.advice(format!("write `${{{name}}}` where it belongs, or take it out")),
            });
        }
    }

    fn put_into_keys(&mut self, map: &mut Map, report: &mut Report<'_>) {
        for (key, entry) in std::mem::take(map) {
            let mut name = key;
            if name.contains("${") {
                match self.replace(&name, entry.key, report) {
                    Data::Scalar(text, _) => name = text,
                    // Why there is none is told.
                    Data::Null => continue,
                    _ => report.tell("value in a key", entry.key, || {
                        Raw::at(entry.key, "a list cannot stand in a key").advice("put in a single value")
                    }),
                }
            }
            match map.entry(name) {
                Slot::Vacant(free) => drop(free.insert(entry)),
                Slot::Occupied(first) => report.tell("duplicate", entry.key, || {
                    let name = first.key();
                    Raw::at(entry.key, format!("the key `{name}` stands twice in one map once its values are put in"))
                }),
            }
        }
    }

    /// A text with its values put in. What is alone in it may be a list.
    fn replace(&mut self, text: &str, at: Mark, report: &mut Report<'_>) -> Data {
        let pieces = match pieces(text) {
            Ok(pieces) => pieces,
            Err(why) => {
                report.tell("value", at, || Raw::at(at, why).advice("a `${` that stands for itself is written `$${`"));
                report.lose(at);
                return Data::Null;
            }
        };
        if let [Piece::Value { name, default }] = pieces[..] {
            let Some(mut tree) = self.value(name, default, at, Share::Whole, report) else {
                report.lose(at);
                return Data::Null;
            };
            stands_at(&mut tree, at);
            return tree.data;
        }
        let mut all = String::new();
        let mut replaced = false;
        for piece in pieces {
            let Piece::Value { name, default } = piece else {
                let Piece::Text(text) = piece else { continue };
                all.push_str(text);
                continue;
            };
            replaced = true;
            let Some(tree) = self.value(name, default, at, Share::Part, report) else {
                report.lose(at);
                return Data::Null;
            };
            let Some(text) = tree.text() else {
                report.tell("value", at, || {
                    Raw::at(at, format!("the value `{name}` is {}, and cannot stand within a text", tree.what()))
                        .advice(format!("let `${{{name}}}` stand alone where a list is asked, or name a single value"))
                });
                report.lose(at);
                return Data::Null;
            };
            all.push_str(text);
        }
        // What comes from a value may be a number where a number is asked.
        Data::Scalar(all, if replaced { Style::Plain } else { Style::Quoted })
    }

    /// A value, with the values in it put in. Where it comes from is kept; where there is none, that is told.
    fn value(
        &mut self,
        name: &str,
        default: Option<&str>,
        at: Mark,
        share: Share,
        report: &mut Report<'_>,
    ) -> Option<Tree> {
        let otherwise = |text: &str| Tree::new(at, Data::Scalar(text.to_owned(), Style::Plain));
        let Some(value) = self.known.get_mut(name) else {
            self.missed.insert(name.to_owned());
            if default.is_none() {
                self.unknown(name, at, report);
            }
            return default.map(otherwise);
        };
        value.used = true;
        match value.state {
            State::Done => {}
            State::Open => {
                let mark = value.tree.mark;
                report.tell("circle", mark, || {
                    Raw::at(mark, format!("the value `{name}` is made from itself"))
                        .advice("write one of the values in the circle out")
                });
                return None;
            }
            State::Raw => {
                value.state = State::Open;
                let mut tree = value.tree.clone();
                self.put_in(&mut tree, report);
                let value = self.known.get_mut(name)?;
                (value.tree, value.state) = (tree, State::Done);
            }
        }
        let value = &self.known[name];
        if !matches!(value.tree.data, Data::Null | Data::Removed) {
            self.weight = self.weight.saturating_add(weight(&value.tree));
            if self.weight > CEILING {
                report.tell("weight", value.key, || {
                    let message = format!("with the value `{name}` more than {} MiB are put in", CEILING >> 20);
                    Raw::at(value.key, message).advice("look for values that hold others several times")
                });
                return None;
            }
            report.put_in(at, name, &value.tree, share);
            return Some(value.tree.clone());
        }
        // What could not be put into it is told there.
        if default.is_none() && !report.is_lost(value.tree.mark) {
            report.put_in(at, name, &Tree::new(value.key, Data::Null), share);
            report.tell("open value", at, || {
                Raw::at(at, format!("the value `{name}` is left open")).advice(format!(
                    "set it under `values` in a file that is laid over this one, or give it: `--set {name}=...`"
                ))
            });
        }
        default.map(otherwise)
    }

    fn unknown(&self, name: &str, at: Mark, report: &mut Report<'_>) {
        let known = || self.known.keys().map(String::as_str);
        let within = format!("{name}.");
        report.tell("unknown value", at, || {
            let parts: Vec<&str> = known().filter(|known| known.starts_with(&within)).collect();
            if !parts.is_empty() {
                return Raw::at(at, format!("`{name}` is a map of values"))
                    .advice(format!("name one of them: {}", list_of(parts)));
            }
            let raw = Raw::at(at, format!("unknown value `{name}`"));
            match nearest(name, known()) {
                Some(near) => raw.label(format!("did you mean `{near}`?")),
                None => raw.advice(format!(
                    "set it under `values`, or give it: `--set {name}=...`; a `${{` that stands for itself is written `$${{`"
                )),
            }
        });
    }
}

/// About how many bytes a tree takes.
fn weight(tree: &Tree) -> usize {
    let parts = match &tree.data {
        Data::Scalar(text, _) => text.len(),
        Data::List(items) => items.iter().map(weight).sum(),
        _ => 0,
    };
    parts + size_of::<Tree>()
}

/// What is put in is told where it is used.
fn stands_at(tree: &mut Tree, mark: Mark) {
    tree.mark = mark;
    match &mut tree.data {
        Data::Scalar(_, style) => *style = Style::Plain,
        Data::List(items) => items.iter_mut().for_each(|item| stands_at(item, mark)),
        Data::Map(map) => map.values_mut().for_each(|entry| {
            entry.key = mark;
            stands_at(&mut entry.value, mark);
        }),
        _ => {}
    }
}

/// The parts of a text: `a-${b}-${c:-d}`, where `$${` stands for `${`.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, found) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            pieces.extend([Piece::Text(before), Piece::Text("${")]);
            rest = &found[2..];
            continue;
        }
        pieces.push(Piece::Text(before));
        let (inner, after) =
            found[2..].split_once('}').ok_or_else(|| format!("the `${{` in `{text}` is never closed"))?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if !is_name(name) {
            return Err(format!("`{name}` is not the name of a value"));
        }
        pieces.push(Piece::Value { name, default });
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_pieces() {
        let value = |name, default| Piece::Value { name, default };
        assert_eq!(pieces("${a}"), Ok(vec![value("a", None)]));
        assert_eq!(
            pieces("x-${a.b}-${c:-d:e}"),
            Ok(vec![Piece::Text("x-"), value("a.b", None), Piece::Text("-"), value("c", Some("d:e"))])
        );
        assert_eq!(pieces("${a:-}"), Ok(vec![value("a", Some(""))]));
        assert_eq!(pieces("$${a}"), Ok(vec![Piece::Text("${"), Piece::Text("a}")]));
        assert_eq!(pieces("$a {b}"), Ok(vec![Piece::Text("$a {b}")]));
    }

    #[test]
    fn what_is_no_value_is_told() {
        for text in ["${", "${a", "${}", "${a b}", "${a..b}", "${{a}}", "${:-x}"] {
            assert!(pieces(text).is_err(), "{text}");
        }
    }
}
