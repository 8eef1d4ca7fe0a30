//! How a part is.

use super::Maybe;

resource! {
    /// The `Status` of a resource.
    Status { state: Maybe<String>, health: Maybe<String>, }
}

impl Status {
    /// Whether it tells that nothing is there: an empty slot.
    pub(in crate::providers::redfish) fn is_absent(&self) -> bool {
        self.state.as_deref() == Some("Absent")
    }
}
