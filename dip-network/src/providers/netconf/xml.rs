//! XML as NETCONF needs it: small trees of elements, read within bounds, and text that is escaped when it is written.

use std::fmt;

use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// YANG models are some ten levels deep; more is meant to exhaust the stack of whoever walks down.
const DEEPEST: usize = 64;
/// A large switch has some thousand ports of some dozen elements each.
const MOST: usize = 1_000_000;

/// An element with what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Element {
    /// Its name, without a prefix.
    pub(super) name: String,
    /// Its namespace; empty where it has none.
    pub(super) namespace: String,
    /// The text directly in it, without white space around it.
    pub(super) text: String,
    /// Its attributes by their names without prefixes; declarations of namespaces left out.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
}

/// The bytes are not the XML that a NETCONF server may send.
#[derive(Debug, thiserror::Error)]
pub(super) enum XmlError {
    #[error("it sent no sound XML")]
    Malformed(#[source] quick_xml::Error),
    #[error("it sent XML with {0}")]
    Refused(&'static str),
}

impl Element {
    /// Reads a document.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, XmlError> {
        let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Refused("text that is not UTF-8"))?;
        let mut reader = NsReader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut count = 0;
        loop {
            let (resolved, event) = reader.read_resolved_event().map_err(XmlError::Malformed)?;
            match event {
                Event::Start(ref start) | Event::Empty(ref start) => {
                    count += 1;
                    if open.len() >= DEEPEST || count > MOST {
                        return Err(XmlError::Refused("too many elements"));
                    }
                    if root.is_some() {
                        return Err(XmlError::Refused("more than one root"));
                    }
                    let namespace = match resolved {
                        ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
                        ResolveResult::Unbound => String::new(),
                        ResolveResult::Unknown(_) => return Err(XmlError::Refused("a prefix without a namespace")),
                    };
                    let mut element =
                        Self { name: start.local_name().as_ref().to_owned(), namespace, ..Self::default() };
                    for attribute in start.attributes() {
                        let attribute = attribute.map_err(|error| XmlError::Malformed(error.into()))?;
                        if attribute.key.as_namespace_binding().is_none() {
                            let name = attribute.key.local_name().as_ref().to_owned();
                            element.attributes.push((name, unescaped(&attribute.value)?));
                        }
                    }
                    if matches!(event, Event::Empty(_)) {
                        close(element, &mut open, &mut root)
                    } else {
                        open.push(element)
                    }
                }
                Event::End(_) => {
                    if let Some(element) = open.pop() {
                        close(element, &mut open, &mut root);
                    }
                }
                Event::Text(text) => add(&mut open, &text)?,
                Event::CData(text) => add(&mut open, &text)?,
                Event::GeneralRef(reference) => {
                    let resolved = unescaped(&format!("&{};", &*reference))?;
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&resolved);
                    }
                }
                // Entities that a document declares can blow up without bound.
                Event::DocType(_) => return Err(XmlError::Refused("a document type")),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        root.filter(|_| open.is_empty()).ok_or(XmlError::Refused("no end"))
    }

    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The element that names lead to, one below the other.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The text of the element that names lead to; `None` where there is none, or it is empty.
    pub(super) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The same element without regard to the order of what is in it.
    pub(super) fn sorted(mut self) -> Self {
        self.children = self.children.into_iter().map(Self::sorted).collect();
        self.children.sort();
        self
    }
}

fn close(mut element: Element, open: &mut [Element], root: &mut Option<Element>) {
    element.text = element.text.trim().to_owned();
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

fn add(open: &mut [Element], text: &str) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() => {}
        None => return Err(XmlError::Refused("text outside of its root")),
    }
    Ok(())
}

fn unescaped(text: &str) -> Result<String, XmlError> {
    let unknown = || XmlError::Refused("an entity that nobody declared");
    quick_xml::escape::unescape_with(text, resolve_predefined_entity).map(Into::into).map_err(|_| unknown())
}

/// Text as it stands between tags. Characters that XML 1.0 has no way to write (section 2.2) are left out.
pub(super) fn text(value: &impl fmt::Display) -> String {
    let plain: String = value.to_string().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    escape(plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_found_by_their_names_whatever_their_prefixes() {
        let read = Element::read(
            br#"<?xml version="1.0"?><a xmlns="urn:a" xmlns:x="urn:x"><x:b c="1&amp;2"> t&lt;&#65; </x:b><d/></a>"#,
        );
        let read = read.expect("sound XML");
        assert_eq!((read.name.as_str(), read.namespace.as_str()), ("a", "urn:a"));
        assert_eq!(read.text_at(&["b"]), Some("t<A"));
        assert_eq!(read.child("b").map(|b| b.namespace.as_str()), Some("urn:x"));
        assert_eq!(read.child("b").map(|b| b.attributes.clone()), Some(vec![("c".to_owned(), "1&2".to_owned())]));
        assert_eq!(read.at(&["d", "e"]), None);
    }

    #[test]
    fn what_means_harm_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(DEEPEST + 1), "</a>".repeat(DEEPEST + 1));
        for text in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "x<a/>",
            "<x:a/>",
            "<a>&b;</a>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a b=\"1\" b=\"2\"/>",
            deep.as_str(),
        ] {
            assert!(Element::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_was_written(value in "[^\\p{Cc}]{0,20}") {
            let read = Element::read(format!("<a>{}</a>", text(&value)).as_bytes()).expect("sound XML");
            prop_assert_eq!(read.text, value.trim());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), like in "[<>/a-c:=\"&;#!\\[\\] x0-9-]{0,60}") {
            let _ = Element::read(&bytes);
            let _ = Element::read(like.as_bytes());
            let _ = Element::read(format!("<a>{like}</a>").as_bytes());
        }
    }
}
