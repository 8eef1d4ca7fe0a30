//! Who logs in at the BMC.

use std::fmt;

use zeroize::Zeroizing;

use super::error::IpmiError;

/// Longest user name in RAKP message 1 (§13.20).
const USER_LEN: usize = 16;
/// Longest password of RMCP+ (§22.30).
pub(super) const PASSWORD_LEN: usize = 20;

/// User name and password of a BMC account; wiped when dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: Zeroizing<String>,
}

impl Credentials {
    /// Credentials that IPMI can carry.
    ///
    /// # Errors
    /// [`IpmiError::InvalidCredentials`] when the user name is longer than 16 bytes or the password longer than 20.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Result<Self, IpmiError> {
        let (user, password) = (user.into(), Zeroizing::new(password.into()));
        if user.len() > USER_LEN {
            return Err(IpmiError::InvalidCredentials { what: "user name", limit: USER_LEN });
        }
        if password.len() > PASSWORD_LEN {
            return Err(IpmiError::InvalidCredentials { what: "password", limit: PASSWORD_LEN });
        }
        Ok(Self { user, password })
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn password(&self) -> &[u8] {
        self.password.as_bytes()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_password() {
        let credentials = Credentials::new("admin", "hunter2").expect("short enough");
        let shown = format!("{credentials:?}");
        assert!(shown.contains("admin") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_ipmi_cannot_carry_is_refused() {
        assert!(Credentials::new("a".repeat(17), "x").is_err());
        assert!(Credentials::new("a", "x".repeat(21)).is_err());
        assert!(Credentials::new("a".repeat(16), "x".repeat(20)).is_ok());
    }
}
