//! Checks a tree against a shape: all that is wrong is told, and what is right becomes typed data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Map as Object, Value};

use super::fault::nearest;
use super::parsed;
use super::report::{Raw, Report};
use super::shape::{Field, Noun, Parsed, Presence, Shape, Variant};
use super::source::Mark;
use super::tree::{Data, Style, Tree};

/// The names that the site has, by what they name.
pub(crate) type Names = BTreeMap<Noun, BTreeSet<String>>;

/// What a value is called in a sentence, and where that stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) key: &'a str,
    pub(crate) mark: Mark,
}

/// Whether keys that must be there are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    /// They are.
    Yes,
    /// They may stand elsewhere: in the profile or in the node.
    No,
}

/// Checks trees.
pub(crate) struct Checker<'c, 's> {
    pub(crate) report: &'c mut Report<'s>,
    pub(crate) names: &'c Names,
    pub(crate) whole: Whole,
}

impl Checker<'_, '_> {
    /// The value as data; `None` where it is wrong, which is told.
    pub(crate) fn value(&mut self, tree: &Tree, shape: &Shape, place: Place<'_>) -> Option<Value> {
        if self.report.is_lost(tree.mark) {
            return None;
        }
        match shape {
            Shape::List(of) => self.list(tree, of, place).map(Value::Array),
            Shape::Map(of) => self.map(tree, of, place).map(Value::Object),
            Shape::Object(fields) => self.object(tree, fields, place).map(Value::Object),
            Shape::Tagged(variants) => self.tagged(tree, variants, place).map(Value::Object),
            Shape::Parsed(what) => self.parsed(tree, *what, place).map(Value::String),
            Shape::Text => self.scalar(tree, "a text", place).map(|(text, _)| Value::from(text)),
            Shape::Integer { min, max } => self.integer(tree, *min, *max, place).map(Value::from),
            Shape::Boolean => self.boolean(tree, place).map(Value::Bool),
            Shape::Choice(words) => self.choice(tree, words, place).map(Value::from),
            Shape::Reference(noun) => {
                let (text, _) = self.scalar(tree, "a name", place)?;
                self.known(*noun, text, tree.mark).then(|| Value::from(text))
            }
        }
    }

    /// A map with known keys.
    pub(crate) fn object(&mut self, tree: &Tree, fields: &[Field], place: Place<'_>) -> Option<Object<String, Value>> {
        let empty = super::tree::Map::new();
        let map = match &tree.data {
            Data::Map(map) => map,
            Data::Null => &empty,
            _ => {
                self.wrong_type(tree, "a map of keys", place);
                return None;
            }
        };
        let mut object = Object::new();
        for (key, entry) in map {
            if let Some(field) = fields.iter().find(|field| field.name == key) {
                let place = Place { key, mark: entry.key };
                if let Some(value) = self.value(&entry.value, &field.shape, place) {
                    object.insert(key.clone(), value);
                }
            } else {
                self.unknown_key(key, entry, fields, place);
            }
        }
        let missing: Vec<&Field> = fields
            .iter()
            .filter(|field| field.presence == Presence::Required && !map.contains_key(field.name))
            .collect();
        if self.whole == Whole::Yes && !missing.is_empty() {
            self.missing(&missing, place);
        }
        Some(object)
    }

    /// An object whose `kind` says which fields it has.
    pub(crate) fn tagged(
        &mut self,
        tree: &Tree,
        variants: &[Variant],
        place: Place<'_>,
    ) -> Option<Object<String, Value>> {
        let Data::Map(map) = &tree.data else {
            self.wrong_type(tree, "a map with the key `kind`", place);
            return None;
        };
        let kinds = || variants.iter().map(|variant| variant.kind);
        let Some(entry) = map.get("kind") else {
            if self.whole == Whole::Yes {
                let known = list_of(kinds());
                self.report.tell("missing", place.mark, || {
                    Raw::at(place.mark, format!("`{}` needs the key `kind`", place.key))
                        .advice(format!("the kinds are {known}"))
                });
            }
            return None;
        };
        let (kind, _) = self.scalar(&entry.value, "a word", Place { key: "kind", mark: entry.key })?;
        let Some(variant) = variants.iter().find(|variant| variant.kind == kind) else {
            let mark = entry.value.mark;
            self.report.tell("kind", mark, || {
                let raw = Raw::at(mark, format!("unknown kind `{kind}`"));
                match nearest(kind, kinds()) {
                    Some(near) => raw.label(format!("did you mean `{near}`?")),
                    None if variants.is_empty() => raw.advice("no layer in use knows any kind here"),
                    None => raw.advice(format!("the kinds are {}", list_of(kinds()))),
                }
            });
            return None;
        };
        let mut fields = vec![Field::required("kind", Shape::Choice(vec![variant.kind]), "Which kind.")];
        fields.extend(variant.fields.iter().cloned());
        self.object(tree, &fields, place)
    }

    /// Whether a thing of that name exists; where not, that is told.
    pub(crate) fn known(&mut self, noun: Noun, name: &str, mark: Mark) -> bool {
        let known = self.names.get(&noun);
        if known.is_some_and(|known| known.contains(name)) {
            return true;
        }
        self.report.tell("unknown name", mark, || {
            let what = noun.as_str();
            let raw = Raw::at(mark, format!("unknown {what} `{name}`"));
            let known = || known.into_iter().flatten().map(String::as_str);
            match nearest(name, known()) {
                Some(near) => raw.label(format!("did you mean `{near}`?")),
                None if known().next().is_none() => raw.advice(format!("the site has no {what}; add it")),
                None if known().count() <= 8 => raw.advice(format!("the site has {}", list_of(known()))),
                None => raw.advice(format!("add the {what}, or name another one")),
            }
        });
        false
    }

    fn list(&mut self, tree: &Tree, of: &Shape, place: Place<'_>) -> Option<Vec<Value>> {
        match &tree.data {
            Data::List(items) => {
                let item =
                    |item: &Tree, checker: &mut Self| checker.value(item, of, Place { mark: item.mark, ..place });
                Some(items.iter().filter_map(|tree| item(tree, self)).collect())
            }
            Data::Null => Some(Vec::new()),
            _ => {
                // What stands alone where a list is asked may be a secret too.
                if *of == Shape::Parsed(Parsed::Secret) {
                    self.hide(tree);
                }
                self.wrong_type(tree, "a list", place);
                None
            }
        }
    }

    fn map(&mut self, tree: &Tree, of: &Shape, place: Place<'_>) -> Option<Object<String, Value>> {
        match &tree.data {
            Data::Map(map) => {
                let mut object = Object::new();
                for (key, entry) in map {
                    if let Some(value) = self.value(&entry.value, of, Place { key, mark: entry.key }) {
                        object.insert(key.clone(), value);
                    }
                }
                Some(object)
            }
            Data::Null => Some(Object::new()),
            _ => {
                self.wrong_type(tree, "a map", place);
                None
            }
        }
    }

    fn scalar<'t>(&mut self, tree: &'t Tree, wanted: &str, place: Place<'_>) -> Option<(&'t str, Style)> {
        if let Data::Scalar(text, style) = &tree.data {
            return Some((text, *style));
        }
        self.wrong_type(tree, wanted, place);
        None
    }

    fn integer(&mut self, tree: &Tree, min: i64, max: i64, place: Place<'_>) -> Option<i64> {
        let (text, style) = self.scalar(tree, "a whole number", place)?;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let key = place.key;
        let wrong = if style == Style::Quoted {
            Raw::at(tree.mark, format!("`{key}` must be a whole number, and this is a text"))
                .advice("leave out the quotes")
        } else if !decimal {
            Raw::at(tree.mark, format!("`{key}` must be a whole number, and this is `{text}`"))
        } else if digits.len() > 1 && digits.starts_with('0') {
            Raw::at(tree.mark, format!("`{key}` must be a whole number, and `{text}` starts with 0"))
                .advice("write it without the 0: some programs would read it as an octal number")
        } else if let Some(number) = text.parse().ok().filter(|number| (min..=max).contains(number)) {
            return Some(number);
        } else {
            Raw::at(tree.mark, format!("`{key}` must be from {min} to {max}, and this is {text}"))
        };
        self.report.tell("value", tree.mark, || wrong);
        None
    }

    fn boolean(&mut self, tree: &Tree, place: Place<'_>) -> Option<bool> {
        let (text, style) = self.scalar(tree, "`true` or `false`", place)?;
        match (text, style) {
            ("true", Style::Plain) => Some(true),
            ("false", Style::Plain) => Some(false),
            _ => {
                self.report.tell("value", tree.mark, || {
                    let raw = Raw::at(tree.mark, format!("`{}` must be `true` or `false`", place.key));
                    if style == Style::Quoted { raw.advice("leave out the quotes") } else { raw }
                });
                None
            }
        }
    }

    fn choice<'w>(&mut self, tree: &Tree, words: &[&'w str], place: Place<'_>) -> Option<&'w str> {
        let (text, _) = self.scalar(tree, "a word", place)?;
        let found = words.iter().find(|word| **word == text).copied();
        if found.is_none() {
            self.report.tell("value", tree.mark, || {
                let raw = Raw::at(tree.mark, format!("`{}` cannot be `{text}`", place.key));
                match nearest(text, words.iter().copied()) {
                    Some(near) => raw.label(format!("did you mean `{near}`?")),
                    None => raw.label(format!("it is one of {}", list_of(words.iter().copied()))),
                }
            });
        }
        found
    }

    fn parsed(&mut self, tree: &Tree, what: Parsed, place: Place<'_>) -> Option<String> {
        let Some(text) = tree.text() else {
            if what == Parsed::Secret {
                self.hide(tree);
            }
            self.wrong_type(tree, "a text", place);
            return None;
        };
        match parsed::read(text, what, self.report.directory(tree.mark)) {
            Ok(value) => {
                let link = text.split_once('/').map_or(text, |(name, _)| name);
                let known = match what {
                    Parsed::SwitchPort => self.known(Noun::Switch, link, tree.mark),
                    Parsed::Outlet => self.known(Noun::Pdu, link, tree.mark),
                    _ => true,
                };
                known.then_some(value)
            }
            Err(why) => {
                if what == Parsed::Secret {
                    self.hide(tree);
                    self.report.tell("secret", tree.mark, || {
                        Raw::at(tree.mark, format!("`{}`: {why}", place.key))
                            .label("the line is not shown, as it may hold the secret")
                            .advice("move the secret into a file or an environment variable, and change it where this file was already shared")
                            .hidden()
                    });
                } else {
                    self.report.tell("value", tree.mark, || Raw::at(tree.mark, why));
                }
                None
            }
        }
    }

    fn hide(&mut self, tree: &Tree) {
        self.report.hide(tree.mark.source, tree.mark.line..=tree.last_line());
        self.report.hide_values(tree.mark);
    }

    fn wrong_type(&mut self, tree: &Tree, wanted: &str, place: Place<'_>) {
        let mark = if matches!(tree.data, Data::Null) { place.mark } else { tree.mark };
        self.report.tell("type", mark, || {
            // What stands in a list has no key of its own: its place is itself.
            let entry = if place.mark == tree.mark { "an entry of " } else { "" };
            if matches!(tree.data, Data::Null) {
                Raw::at(mark, format!("{entry}`{}` has no value; it must be {wanted}", place.key))
            } else {
                Raw::at(mark, format!("{entry}`{}` must be {wanted}, and this is {}", place.key, tree.what()))
            }
        });
    }

    fn unknown_key(&mut self, key: &str, entry: &super::tree::Entry, fields: &[Field], place: Place<'_>) {
        let near = nearest(key, fields.iter().map(|field| field.name));
        let secret =
            |near| fields.iter().any(|field| field.name == near && field.shape == Shape::Parsed(Parsed::Secret));
        if near.is_some_and(secret) && entry.value.text().is_none_or(|text| !is_reference(text)) {
            self.report.hide(entry.key.source, entry.key.line..=entry.value.last_line());
        }
        self.report.tell("unknown key", entry.key, || {
            let raw = Raw::at(entry.key, format!("unknown key `{key}` in `{}`", place.key));
            match near {
                Some(near) => raw.label(format!("did you mean `{near}`?")),
                None if fields.is_empty() => raw.advice(format!("`{}` has no keys", place.key)),
                None => raw.advice(format!("known are {}", list_of(fields.iter().map(|field| field.name)))),
            }
        });
    }

    fn missing(&mut self, missing: &[&Field], place: Place<'_>) {
        self.report.tell("missing", place.mark, || {
            let keys = list_of(missing.iter().map(|field| field.name));
            let word = if missing.len() == 1 { "key" } else { "keys" };
            let docs: Vec<_> = missing.iter().map(|field| format!("`{}`: {}", field.name, field.doc)).collect();
            Raw::at(place.mark, format!("`{}` needs the {word} {keys}", place.key)).advice(docs.join(" "))
        });
    }
}

impl Noun {
    /// What it is called in a sentence.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rack => "rack",
            Self::Switch => "switch",
            Self::Pdu => "PDU",
            Self::Network => "network",
            Self::Profile => "profile",
            Self::Node => "node",
            Self::Service => "service",
            Self::Cluster => "cluster",
        }
    }
}

fn is_reference(text: &str) -> bool {
    ["env:", "file:", "store:"].iter().any(|scheme| text.starts_with(scheme))
}

/// `a`, `b`, `c`.
pub(crate) fn list_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().fold(String::new(), |mut all, word| {
        let comma = if all.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(all, "{comma}`{word}`");
        all
    })
}
