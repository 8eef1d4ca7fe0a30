//! Certificates of servers (X.509, RFC 5280): what one says, whose key a request is for, what one lacks, and
//! an authority that signs here, as a service of a site.

mod local;
mod name;
mod request;
mod seen;
mod service;
mod wanted;

pub use local::{AuthorityError, LocalAuthority};
pub use name::{CertificateName, CertificateNameError};
pub use request::requested_key;
pub use seen::{CertificateError, SeenCertificate};
pub use service::{AUTHORITY, AuthoritySettings, authority_kind, connect_authorities};
pub use wanted::{Lifetime, LifetimeError};
