//! The operations of this layer, one a file.

mod monitor_node;
mod record_node;
mod register_name;
mod remove_name;
mod remove_record;
mod remove_target;

pub use monitor_node::MonitorNode;
pub use record_node::RecordNode;
pub use register_name::RegisterName;
pub use remove_name::RemoveName;
pub use remove_record::RemoveRecord;
pub use remove_target::RemoveTarget;
