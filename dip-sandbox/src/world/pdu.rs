//! A PDU's outlets.

use std::collections::BTreeMap;

use dip_core::hardware::PowerState;
use dip_core::site::Pdu;

/// The outlets of one PDU. All have power at first: a rack is powered before anybody provisions it.
#[derive(Debug)]
pub(crate) struct Outlets(BTreeMap<u16, PowerState>);

impl Outlets {
    pub(crate) fn of(pdu: &Pdu) -> Self {
        Self((1..=pdu.outlets).map(|outlet| (outlet, PowerState::On)).collect())
    }

    pub(crate) fn state(&self, outlet: u16) -> Option<PowerState> {
        self.0.get(&outlet).copied()
    }

    /// Switches an outlet; tells whether that changed anything. `None` where there is no such outlet.
    pub(crate) fn set(&mut self, outlet: u16, state: PowerState) -> Option<bool> {
        let held = self.0.get_mut(&outlet)?;
        let changes = *held != state;
        *held = state;
        Some(changes)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, PowerState)> {
        self.0.iter().map(|(outlet, state)| (*outlet, *state))
    }
}
