//! The mark of an interface or address that dip made: its description.

use std::fmt;

use dip_core::id::SiteName;
use dip_core::provider::Holder;
use serde_json::Value;

/// How a description begins that is a mark.
const START: &str = "dip, site ";

/// Whose a thing is, and what for: `dip, site lab: n1/eth0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Mark {
    pub(in super::super) site: SiteName,
    /// The node, and what of it: `n1/eth0`.
    pub(in super::super) of: String,
}

impl Mark {
    /// The mark in a thing as the API tells it.
    pub(in super::super) fn in_thing(thing: &Value) -> Option<Self> {
        let (site, of) = thing.get("description")?.as_str()?.strip_prefix(START)?.split_once(": ")?;
        Some(Self { site: SiteName::new(site).ok()?, of: of.to_owned() })
    }

    /// Whether it is of this node.
    pub(in super::super) fn is_of(&self, node: &str) -> bool {
        self.of.split('/').next() == Some(node)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{START}{}: {}", self.site, self.of)
    }
}

/// Who holds a thing with this mark, or with none.
pub(in super::super) fn holder(mark: Option<&Mark>) -> Holder {
    Holder::from(mark.map(|mark| mark.site.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mark_reads_back_and_what_people_write_is_none() {
        let mark = Mark { site: SiteName::new("lab").expect("a name"), of: "n1/eth0".to_owned() };
        assert_eq!(Mark::in_thing(&json!({"description": mark.to_string()})), Some(mark.clone()));
        assert!(mark.is_of("n1") && !mark.is_of("n"));
        for typed in ["", "uplink", "dip, site lab", "dip, site Not a name: n1"] {
            assert_eq!(Mark::in_thing(&json!({"description": typed})), None, "{typed}");
        }
    }
}
