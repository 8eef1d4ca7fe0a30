//! The operations of this layer, one a file.

mod monitor_node;
mod record_node;
mod register_name;

pub use monitor_node::MonitorNode;
pub use record_node::RecordNode;
pub use register_name::RegisterName;
