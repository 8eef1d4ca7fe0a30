//! What is wanted of a server's certificate: for how long, for whom, and what one that is shown lacks.

use std::time::Duration;

use jiff::Timestamp;

use super::{CertificateName, SeenCertificate};
use crate::operation::Diff;

const DAY: Duration = Duration::from_secs(86_400);

/// For how long certificates count, and when they are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    days: u32,
    renew_before: u32,
}

/// A certificate would be replaced as soon as it is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a certificate that counts for {days} days and is replaced {renew_before} days before its end would be replaced always; make `renew_before` less than `days`"
)]
pub struct LifetimeError {
    days: u32,
    renew_before: u32,
}

impl Lifetime {
    /// So many days, and so many before their end.
    ///
    /// # Errors
    /// Where it would be replaced always.
    pub const fn new(days: u32, renew_before: u32) -> Result<Self, LifetimeError> {
        if renew_before < days { Ok(Self { days, renew_before }) } else { Err(LifetimeError { days, renew_before }) }
    }

    /// For how many days one counts.
    #[must_use]
    pub const fn days(self) -> u32 {
        self.days
    }

    /// So many days before its end it is replaced.
    #[must_use]
    pub const fn renew_before(self) -> u32 {
        self.renew_before
    }
}

impl SeenCertificate {
    /// What it lacks to be for these names and to count for more than so many days from now on, beside what differs already.
    #[must_use]
    pub fn lacks(&self, names: &[CertificateName], renew_before: u32, now: Timestamp, mut diff: Diff) -> Diff {
        for name in names.iter().filter(|name| !self.names.contains(name)) {
            diff = diff.and("name in the certificate", None::<&str>, Some(name));
        }
        if now + DAY * renew_before >= self.not_after {
            let wanted = format!("more than {renew_before} days away");
            diff = diff.and("end of the certificate", Some(self.ends()), Some(wanted));
        }
        diff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_replaced_always_is_refused() {
        assert_eq!(Lifetime::new(90, 30).map(|it| (it.days(), it.renew_before())), Ok((90, 30)));
        let error = Lifetime::new(10, 10).expect_err("it would be replaced always");
        assert!(error.to_string().contains("make `renew_before` less than `days`"), "{error}");
    }
}
