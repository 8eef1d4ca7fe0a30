//! Whose a reservation is: `{"dip": {"site": "lab"}}` in its user context, which Kea keeps and does not read. Where a DUID stands for the
//! interface, its MAC address stands there too: `{"dip": {"site": "lab", "mac": "52:54:00:00:01:01"}}`.

use dip_core::hardware::MacAddr;
use dip_core::id::SiteName;
use serde_json::{Map, Value, json};

const MARK: &str = "dip";

/// The site whose mark a user context carries.
pub(super) fn owner(context: Option<&Value>) -> Option<SiteName> {
    SiteName::new(context?.get(MARK)?.get("site")?.as_str()?).ok()
}

/// The interface that the reservation is for, where its client is known by something else.
pub(super) fn interface(context: Option<&Value>) -> Option<MacAddr> {
    context?.get(MARK)?.get("mac")?.as_str()?.parse().ok()
}

/// What a mark says: nothing where there is neither.
pub(super) fn said(owner: Option<&SiteName>, interface: Option<MacAddr>) -> Option<Value> {
    let mut said = Map::new();
    said.extend(owner.map(|site| ("site".to_owned(), json!(site.as_str()))));
    said.extend(interface.map(|mac| ("mac".to_owned(), json!(mac))));
    (!said.is_empty()).then_some(Value::Object(said))
}

/// A user context with another mark, or none; whatever else it says stays. `None` where nothing is left of it.
pub(super) fn marked(context: Option<&Value>, owner: Option<&SiteName>, interface: Option<MacAddr>) -> Option<Value> {
    let mut map = context.and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    match said(owner, interface) {
        Some(said) => drop(map.insert(MARK.to_owned(), said)),
        None => drop(map.remove(MARK)),
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
        let ours = marked(Some(&theirs), Some(&lab), None);
        assert_eq!(owner(ours.as_ref()), Some(lab.clone()));
        assert_eq!(marked(ours.as_ref(), None, None), Some(theirs));
        let mac = Some(MacAddr([2, 0, 0, 0, 0, 1]));
        let ours = marked(None, Some(&lab), mac);
        assert_eq!(interface(ours.as_ref()), mac);
        // Without a site it is nobody's, and of the same interface still.
        let nobodys = marked(ours.as_ref(), None, mac);
        assert_eq!((owner(nobodys.as_ref()), interface(nobodys.as_ref())), (None, mac));
    }
}
