//! What a NETCONF server says of itself, and what it answers (RFC 6241, sections 4 and 8.1).

use std::collections::BTreeSet;

use dip_core::provider::ErrorKind;

use super::frame::Framing;
use super::xml::Element;

/// The namespace of the protocol itself.
pub(super) const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

const CAPABILITY: &str = "urn:ietf:params:netconf:capability:";

/// What dip says of itself: both versions, so that the server may choose.
pub(super) const HELLO: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?><hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>"#,
    "<capability>urn:ietf:params:netconf:base:1.0</capability>",
    "<capability>urn:ietf:params:netconf:base:1.1</capability>",
    "</capabilities></hello>"
);

/// What a server can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// Reads a `hello`; `None` where it is none, or the server speaks no version that dip speaks.
    pub(super) fn read(hello: &Element) -> Option<Self> {
        if hello.name != "hello" || hello.namespace != BASE {
            return None;
        }
        let all = hello.child("capabilities")?.all("capability").map(|capability| capability.text.clone());
        let all = Self(all.collect());
        (all.speaks("1.0") || all.speaks("1.1")).then_some(all)
    }

    fn speaks(&self, version: &str) -> bool {
        self.0.contains(&format!("urn:ietf:params:netconf:base:{version}"))
    }

    /// How messages after the `hello` are framed (RFC 6242, section 4.1).
    pub(super) fn framing(&self) -> Framing {
        if self.speaks("1.1") { Framing::Chunks } else { Framing::EndMark }
    }

    /// Whether it has a capability of the protocol, in any version.
    pub(super) fn has(&self, name: &str) -> bool {
        let prefix = format!("{CAPABILITY}{name}:");
        self.0.iter().any(|capability| capability.starts_with(&prefix))
    }

    /// Whether it says that it knows a YANG module; those of YANG 1.1 stand in its YANG library alone (RFC 7950, section 5.6.4).
    pub(super) fn knows(&self, module: &str) -> bool {
        let wanted = format!("module={module}");
        self.0.iter().any(|capability| {
            capability.split_once('?').is_some_and(|(_, query)| query.split('&').any(|part| part == wanted))
        })
    }
}

/// The server refused a request, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{tag}{}", message.as_ref().map(|message| format!(": {message}")).unwrap_or_default())]
pub(super) struct RpcError {
    tag: String,
    message: Option<String>,
}

impl RpcError {
    /// The first error of a reply; warnings are none.
    pub(super) fn of(reply: &Element) -> Option<Self> {
        let error = reply.all("rpc-error").find(|error| error.text_at(&["error-severity"]) != Some("warning"))?;
        let tag = error.text_at(&["error-tag"]).unwrap_or("an error without a name").to_owned();
        let path = error.text_at(&["error-path"]).map(|path| format!(" ({path})"));
        let message = error.text_at(&["error-message"]).map(|text| format!("{text}{}", path.unwrap_or_default()));
        Some(Self { tag, message })
    }

    /// What it means (RFC 6241, appendix A).
    pub(super) fn kind(&self) -> ErrorKind {
        match self.tag.as_str() {
            "access-denied" => ErrorKind::Denied,
            "in-use" | "lock-denied" | "resource-denied" => ErrorKind::Busy,
            "data-missing" => ErrorKind::NotFound,
            "operation-not-supported" | "unknown-attribute" | "unknown-element" | "unknown-namespace" => {
                ErrorKind::Unsupported
            }
            "malformed-message" | "partial-operation" | "rollback-failed" => ErrorKind::Unexpected,
            _ => ErrorKind::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_found_whatever_their_version() {
        let hello = format!(
            "<hello xmlns=\"{BASE}\"><capabilities><capability>urn:ietf:params:netconf:base:1.1</capability>\
             <capability>{CAPABILITY}candidate:1.0</capability>\
             <capability>http://openconfig.net/yang/lldp?module=openconfig-lldp&amp;revision=2018-11-21</capability>\
             </capabilities></hello>"
        );
        let told = Capabilities::read(&Element::read(hello.as_bytes()).expect("sound")).expect("a hello");
        assert_eq!(told.framing(), Framing::Chunks);
        assert!(told.has("candidate") && !told.has("cand") && !told.has("startup"));
        assert!(told.knows("openconfig-lldp") && !told.knows("openconfig-lld"));
        let none = hello.replace("base:1.1", "base:2.0");
        assert_eq!(Capabilities::read(&Element::read(none.as_bytes()).expect("sound")), None);
    }

    #[test]
    fn a_refusal_keeps_the_words_of_the_server_and_a_warning_is_none() {
        let reply = |severity: &str| {
            let text = format!(
                "<rpc-reply><rpc-error><error-tag>lock-denied</error-tag><error-severity>{severity}</error-severity>\
                 <error-message>held by 7</error-message></rpc-error></rpc-reply>"
            );
            RpcError::of(&Element::read(text.as_bytes()).expect("sound"))
        };
        let error = reply("error").expect("it is one");
        assert_eq!((error.to_string().as_str(), error.kind()), ("lock-denied: held by 7", ErrorKind::Busy));
        assert_eq!(reply("warning"), None);
    }
}
