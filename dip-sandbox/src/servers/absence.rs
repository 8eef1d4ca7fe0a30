//! Why a controller does not answer at all, whatever it is asked.

use dip_core::id::NodeName;

use crate::fault::Fault;
use crate::line::Line;

/// Why the controller of a node does not answer now; it answers whatever its machine does, as long as mains reaches it.
pub(super) fn absence(line: &Line, node: &NodeName) -> Option<String> {
    if let Some(hit) = line.bite(|fault| matches!(fault, Fault::BmcSilent { .. } | Fault::BmcHangs { .. })) {
        return Some(hit.fault.to_string());
    }
    let (is_fed, is_away) = line.world().machine(node, |machine| (machine.is_fed(), machine.management.is_away()));
    if !is_fed {
        return Some("none of its outlets has power".to_owned());
    }
    is_away.then(|| "it restarts itself".to_owned())
}

/// Lets a slow controller take its time.
pub(super) async fn linger(line: &Line) {
    let slow = line.bite(|fault| matches!(fault, Fault::BmcSlow { .. }));
    if let Some(Fault::BmcSlow { by, .. }) = slow.map(|hit| hit.fault) {
        line.world().time.sleep(by).await;
    }
}

/// When a busy controller asks to come back.
pub(super) fn busy(line: &Line) -> Option<std::time::Duration> {
    match line.bite(|fault| matches!(fault, Fault::BmcBusy { .. }))?.fault {
        Fault::BmcBusy { after, .. } => Some(after),
        _ => None,
    }
}
