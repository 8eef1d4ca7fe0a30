//! Certificates of servers (X.509, RFC 5280): what one says, whose key a request is for, and an authority that signs here.

mod lacks;
mod local;
mod name;
mod request;
mod seen;

pub use local::{AuthorityError, LocalAuthority};
pub use name::{CertificateName, CertificateNameError};
pub use request::requested_key;
pub use seen::{CertificateError, SeenCertificate};
