//! The operations of layer 3.

mod await_answer;
mod install_packages;
mod make_users;
mod set_host_name;
mod set_kernel_settings;
mod wipe_disks;
mod write_files;

pub use await_answer::AwaitAnswer;
pub use install_packages::InstallPackages;
pub use make_users::{MakeUsers, User};
pub use set_host_name::SetHostName;
pub use set_kernel_settings::SetKernelSettings;
pub use wipe_disks::{WipeDisks, WipedDisk};
pub use write_files::{NodeFile, WriteFiles};
