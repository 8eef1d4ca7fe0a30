//! What the two switches of an MLAG pair tell a node over LACP, so that it takes them for one partner (IEEE 802.1AX, section 6.3).
//!
//! A node puts links into one aggregator where the partner's system and key are the same on them. Both switches are told by their
//! own providers, which never speak to each other: so everything follows from names that both know.

use dip_core::hardware::MacAddr;
use dip_core::id::{SiteName, SwitchName};
use dip_core::site::{Lacp, Lag};
use sha2::{Digest, Sha256};

/// The half of port numbers that belongs to the switch whose name comes second.
const SECOND_HALF: u16 = 0x8000;

/// An MLAG pair, seen from one of its switches: what its provider tells LACP there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MlagPair {
    peer: SwitchName,
    system: MacAddr,
    is_second: IsSecond,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IsSecond {
    No,
    Yes,
}

impl MlagPair {
    /// The priority of the system that the pair makes: the standard's default.
    pub const SYSTEM_PRIORITY: u16 = 0x8000;

    /// The pair that a switch is with another one of its site.
    #[must_use]
    pub fn new(site: &SiteName, switch: &SwitchName, peer: &SwitchName) -> Self {
        let is_second = if switch > peer { IsSecond::Yes } else { IsSecond::No };
        let (first, second) = if switch > peer { (peer, switch) } else { (switch, peer) };
        let digest = Sha256::digest(format!("{site}/{first}/{second}"));
        // Locally administered, and of no group (IEEE 802, section 8.4.2): no maker's address is like it.
        let system = MacAddr([0x02, digest[0], digest[1], digest[2], digest[3], digest[4]]);
        Self { peer: peer.clone(), system, is_second }
    }

    /// The other switch.
    #[must_use]
    pub const fn peer(&self) -> &SwitchName {
        &self.peer
    }

    /// The system that both tell to be.
    #[must_use]
    pub const fn system(&self) -> MacAddr {
        self.system
    }

    /// The number of a port, from the switch's own for it; no port of the other switch has it. `None` where that is none from 1
    /// to 32767.
    #[must_use]
    pub fn port(&self, own: u16) -> Option<u16> {
        let own = Some(own).filter(|own| (1..SECOND_HALF).contains(own))?;
        Some(match self.is_second {
            IsSecond::No => own,
            IsSecond::Yes => own | SECOND_HALF,
        })
    }

    /// The key of a link aggregation, the same on both switches: from 1 to 65535.
    #[must_use]
    pub fn key(lag: &str) -> u16 {
        let digest = Sha256::digest(lag);
        u16::from_be_bytes([digest[0], digest[1]]).max(1)
    }

    /// Why a switch cannot have its half of a link aggregation, as a sentence without its full stop; `None` where it can, or where
    /// nobody has the other half.
    #[must_use]
    pub fn lack(own: Option<&Self>, lag: &Lag) -> Option<String> {
        let peer = lag.peer.as_ref()?;
        if own.map(Self::peer) != Some(peer) {
            return Some(format!(
                "the switch is not known to be an MLAG pair with `{peer}`; say `peer` at both switches"
            ));
        }
        let off = lag.lacp == Lacp::Off;
        off.then(|| format!("without LACP no node takes a switch and `{peer}` for one; say `lacp: active`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_switches_of_a_pair_tell_the_same_system_and_different_ports() {
        let name = |text| SwitchName::new(text).expect("a name");
        let lab = SiteName::new("lab").expect("a name");
        let (one, two) = (name("sw1"), name("sw2"));
        let (first, second) = (MlagPair::new(&lab, &one, &two), MlagPair::new(&lab, &two, &one));
        assert_eq!(first.system(), second.system());
        assert_ne!(first.system(), MlagPair::new(&lab, &one, &name("sw3")).system());
        assert_eq!(first.system().0[0] & 3, 2, "locally administered, of no group");
        assert_eq!((first.port(7), second.port(7)), (Some(7), Some(0x8007)));
        assert_eq!((first.port(0), first.port(0x8000)), (None, None));
    }
}
