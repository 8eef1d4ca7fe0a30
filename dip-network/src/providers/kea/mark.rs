//! Whose a reservation is: `{"dip": {"site": "lab"}}` in its user context, which Kea keeps and does not read.

use dip_core::id::SiteName;
use serde_json::{Map, Value, json};

const MARK: &str = "dip";

/// The site whose mark a user context carries.
pub(super) fn owner(context: Option<&Value>) -> Option<SiteName> {
    SiteName::new(context?.get(MARK)?.get("site")?.as_str()?).ok()
}

/// A user context with another mark, or none; whatever else it says stays. `None` where nothing is left of it.
pub(super) fn marked(context: Option<&Value>, owner: Option<&SiteName>) -> Option<Value> {
    let mut map = context.and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    match owner {
        Some(site) => {
            map.insert(MARK.to_owned(), json!({"site": site.as_str()}));
        }
        None => {
            map.remove(MARK);
        }
    }
    (!map.is_empty()).then_some(Value::Object(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_put_on_and_taken_off_and_the_rest_stays() {
        let lab = SiteName::new("lab").expect("a name");
        let theirs = json!({"comment": "by hand"});
        assert_eq!(owner(Some(&theirs)), None);
        let ours = marked(Some(&theirs), Some(&lab));
        assert_eq!(owner(ours.as_ref()), Some(lab.clone()));
        assert_eq!(marked(ours.as_ref(), None), Some(theirs));
        assert_eq!(marked(marked(None, Some(&lab)).as_ref(), None), None);
    }
}
