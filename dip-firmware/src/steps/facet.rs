//! An ability of a node's controller, or a sentence that it has none.

use std::sync::Arc;

use dip_core::id::NodeName;
use dip_core::operation::{Context, OperationError};
use dip_core::subject::Subject;

use crate::provider::Bmc;

/// A facet of the node's controller; `ability` is a fragment, "set BIOS attributes".
pub(super) fn facet<T: ?Sized>(
    cx: &Context<'_>,
    node: &NodeName,
    ability: &str,
    of: impl FnOnce(&dyn Bmc) -> Option<Arc<T>>,
) -> Result<Arc<T>, OperationError> {
    let bmc = cx.provider::<dyn Bmc>(&Subject::node(node))?;
    of(&*bmc).ok_or_else(|| {
        OperationError::Impossible(format!(
            "the BMC of node `{node}` cannot {ability}; list a protocol in `bmc` that can, usually `redfish`"
        ))
    })
}
