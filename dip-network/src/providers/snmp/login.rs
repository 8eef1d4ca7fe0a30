//! With what right an agent is asked.

use async_snmp::{Auth, AuthProtocol, PrivProtocol, UsmConfig};
use dip_core::secret::{Secret, SecretError, SecretRef, Secrets};

use crate::pdu_settings::{SnmpDigest, SnmpSecurity, SnmpSettings, SnmpVersion};

/// The shortest password of the user-based security model (RFC 3414, section 11.2); agents refuse shorter ones.
const SHORTEST: usize = 8;

/// The settings do not say how to log in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A key is missing.
    #[error("SNMP {version} needs `{key}`{advice}")]
    Missing {
        /// The version.
        version: &'static str,
        /// The key.
        key: &'static str,
        /// What else could be done.
        advice: &'static str,
    },
    /// A key belongs to another version.
    #[error("`{key}` is of SNMP {other}, and the PDU is asked by {version}; {advice}")]
    Stray {
        /// The key.
        key: &'static str,
        /// The version that it belongs to.
        other: &'static str,
        /// The version that is used.
        version: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A password is too short. Its length alone is told.
    #[error("the secret of `{0}` has fewer than 8 bytes, and no agent takes such a password (RFC 3414, section 11.2)")]
    Short(&'static str),
    /// The keys could not be made.
    #[error("the keys of the user cannot be made")]
    Keys(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What an agent is asked with.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) auth: Auth,
    pub(super) version: SnmpVersion,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Login {
    pub(super) fn new(settings: &SnmpSettings, secrets: &dyn Secrets) -> Result<Self, LoginError> {
        let auth = match settings.version {
            SnmpVersion::V2c => community(settings, secrets)?,
            SnmpVersion::V3 => user(settings, secrets)?,
        };
        Ok(Self { auth, version: settings.version })
    }
}

fn community(settings: &SnmpSettings, secrets: &dyn Secrets) -> Result<Auth, LoginError> {
    let stray = [
        ("user", settings.user.is_some()),
        ("auth_password", settings.auth_password.is_some()),
        ("privacy_password", settings.privacy_password.is_some()),
    ];
    if let Some((key, _)) = stray.into_iter().find(|(_, given)| *given) {
        let advice = "take one of the two out";
        return Err(LoginError::Stray { key, other: "v3", version: "v2c", advice });
    }
    let missing = LoginError::Missing { version: "v2c", key: "community", advice: "" };
    let community = secrets.resolve(settings.community.as_ref().ok_or(missing)?)?;
    Ok(Auth::v2c(community.expose()))
}

fn user(settings: &SnmpSettings, secrets: &dyn Secrets) -> Result<Auth, LoginError> {
    if settings.community.is_some() {
        let advice = "add `version: v2c` if its community may travel in clear, or a `user` with passwords";
        return Err(LoginError::Stray { key: "community", other: "v2c", version: "v3", advice });
    }
    let need = |key, advice| LoginError::Missing { version: "v3", key, advice };
    let name = settings.user.as_deref().ok_or_else(|| need("user", ""))?;
    let password = |key, reference: &Option<SecretRef>, advice| -> Result<Secret, LoginError> {
        let secret = secrets.resolve(reference.as_ref().ok_or_else(|| need(key, advice))?)?;
        if secret.expose().len() < SHORTEST { Err(LoginError::Short(key)) } else { Ok(secret) }
    };
    let digest = match settings.digest {
        SnmpDigest::Sha256 => AuthProtocol::Sha256,
        SnmpDigest::Sha1 => AuthProtocol::Sha1,
    };
    let authentic = || {
        let advice = "; `security: no_auth_no_priv` lets anybody switch outlets";
        password("auth_password", &settings.auth_password, advice)
    };
    let config = UsmConfig::new(name.to_owned());
    let config = match settings.security {
        SnmpSecurity::NoAuthNoPriv => Ok(config),
        SnmpSecurity::AuthNoPriv => config.auth(digest, authentic()?.expose()),
        SnmpSecurity::AuthPriv => {
            let auth = authentic()?;
            let advice = "; `security: auth_no_priv` lets people on the way read";
            let privacy = password("privacy_password", &settings.privacy_password, advice)?;
            config.auth_priv(digest, auth.expose(), PrivProtocol::Aes128, privacy.expose())
        }
    };
    config.map(Auth::from).map_err(|error| LoginError::Keys(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl Secrets for Known {
        fn resolve(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
            Ok(Secret::new(reference.to_string().trim_start_matches("env:").to_owned()))
        }
    }

    fn secret(text: &str) -> Option<SecretRef> {
        Some(SecretRef::Env(text.to_owned()))
    }

    fn refused(settings: &SnmpSettings) -> String {
        Login::new(settings, &Known).expect_err("it must not log in").to_string()
    }

    fn complete() -> SnmpSettings {
        let (auth_password, privacy_password) = (secret("authpass123"), secret("privpass123"));
        SnmpSettings { user: Some("dip".to_owned()), auth_password, privacy_password, ..SnmpSettings::default() }
    }

    #[test]
    fn version_3_with_authentication_and_privacy_is_what_is_asked_for_unless_the_site_says_so() {
        assert!(Login::new(&complete(), &Known).is_ok());
        let no_privacy = SnmpSettings { privacy_password: None, ..complete() };
        assert!(refused(&no_privacy).contains("SNMP v3 needs `privacy_password`"), "{}", refused(&no_privacy));
        assert!(Login::new(&SnmpSettings { security: SnmpSecurity::AuthNoPriv, ..no_privacy }, &Known).is_ok());
        let nothing = SnmpSettings { user: Some("dip".to_owned()), ..SnmpSettings::default() };
        assert!(refused(&nothing).contains("lets anybody switch outlets"), "{}", refused(&nothing));
    }

    #[test]
    fn a_community_needs_version_2c_to_be_asked_for() {
        let community = SnmpSettings { community: secret("private"), ..SnmpSettings::default() };
        assert!(refused(&community).contains("add `version: v2c`"), "{}", refused(&community));
        assert!(Login::new(&SnmpSettings { version: SnmpVersion::V2c, ..community }, &Known).is_ok());
        let both = SnmpSettings { version: SnmpVersion::V2c, ..complete() };
        assert!(refused(&both).contains("`user` is of SNMP v3"), "{}", refused(&both));
    }

    #[test]
    fn a_password_that_is_too_short_is_told_and_not_shown() {
        let short = SnmpSettings { auth_password: secret("hushhus"), ..complete() };
        assert!(refused(&short).contains("`auth_password` has fewer than 8 bytes"));
        let debug = format!("{:?}", Login::new(&complete(), &Known).expect("complete"));
        assert!(!refused(&short).contains("hushhus") && !debug.contains("authpass"), "{debug}");
    }
}
