//! The operations of this layer, one a file.

mod await_calm;
mod monitor_node;
mod record_node;
mod register_name;
mod register_rules;
mod remove_name;
mod remove_record;
mod remove_target;

pub use await_calm::AwaitCalm;
pub use monitor_node::MonitorNode;
pub use record_node::RecordNode;
pub use register_name::RegisterName;
pub(crate) use register_name::made;
pub use register_rules::RegisterRules;
pub use remove_name::RemoveName;
pub use remove_record::RemoveRecord;
pub use remove_target::RemoveTarget;
