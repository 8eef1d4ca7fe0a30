//! What a certificate lacks of what is wanted of it.

use std::time::Duration;

use jiff::Timestamp;

use super::{CertificateName, SeenCertificate};
use crate::operation::Diff;

const DAY: Duration = Duration::from_secs(86_400);

impl SeenCertificate {
    /// Adds to a diff which of these names it is not for, and whether it ends within so many days.
    #[must_use]
    pub fn lacks(&self, mut diff: Diff, names: &[CertificateName], days: u32, now: Timestamp) -> Diff {
        for name in names.iter().filter(|name| !self.names.contains(name)) {
            diff = diff.and("name in the certificate", None::<&str>, Some(name));
        }
        if now + DAY * days >= self.not_after {
            let wanted = format!("more than {days} days away");
            diff = diff.and("end of the certificate", Some(self.ends()), Some(wanted));
        }
        diff
    }
}
