//! Those who fulfil the traits of this layer, one product in each file.

mod ansible;
mod cinc;
mod connect;
mod controller;
mod puppet;
mod receiver_file;
mod salt;
mod ssh_key_authority;
mod transfer;

pub use ansible::{Ansible, AnsibleLogin, Elevation};
pub use cinc::Cinc;
pub(crate) use connect::{combine, connect};
pub use puppet::{Catalogue, Puppet};
pub use receiver_file::ReceiverFile;
pub use salt::{Salt, States};
pub use ssh_key_authority::{SshAuthorityError, SshKeyAuthority};
