//! Every password that a controller may have, and which of them it takes.
//!
//! A password is changed in two phases. The new one is kept in the store, then noted as sent, then given to the controller; only a
//! login with it proves it, and only then are former ones forgotten. Wherever the program dies, the store holds every password that
//! the controller can have by then, and says which of them to try first.

use std::fmt;
use std::sync::Arc;

use dip_core::provider::{ErrorKind, ProviderError, sentence};
use dip_core::secret::{Secret, SecretError, SecretRef, SecretStore, Standing, Versions};
use tokio::sync::Mutex;

use crate::provider::{Bmc, NoLoginRefused};

/// Makes a client that logs in with a password; it asks nobody yet.
pub type Making = dyn Fn(&Secret) -> Result<Arc<dyn Bmc>, ProviderError> + Send + Sync;

/// Which password a controller takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The one that it was shipped with.
    Factory,
    /// This version of the store.
    Version(u32),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factory => f.write_str("factory"),
            Self::Version(version) => write!(f, "generation {version}"),
        }
    }
}

impl Key {
    /// The version under which the store notes how far it has come.
    const fn version(self) -> u32 {
        match self {
            Self::Factory => 0,
            Self::Version(version) => version,
        }
    }
}

/// The passwords of one controller.
pub struct Keyring {
    user: String,
    at: SecretRef,
    store: Arc<dyn SecretStore>,
    factory: Option<Secret>,
    making: Box<Making>,
    lock: Mutex<Door>,
}

/// How a controller stands to us.
struct Door {
    /// How many logins may fail between two that work, so that the controller cannot lock the user.
    limit: u32,
    /// How many more of them may fail now.
    spare: u32,
    /// Whether those were counted that former programs saw fail.
    counted: bool,
    /// The client that got in, and by which password.
    open: Option<(Arc<dyn Bmc>, Key)>,
    /// How many passwords were refused since the last login that worked, by whatever program.
    refused: u32,
}

/// Whether a controller may have the password of the factory still, as far as a store knows.
#[must_use]
pub fn takes_factory(versions: &Versions) -> bool {
    let another = versions.iter().any(|(version, standing)| *version > 0 && *standing == Standing::Proved);
    !another && versions.get(&0) != Some(&Standing::Refused)
}

/// Whether a controller refused a password: it counts those.
pub(super) fn is_refused(error: &ProviderError) -> bool {
    error.kind() == ErrorKind::Denied && !NoLoginRefused::is_cause_of(error)
}

/// No password opens a controller, or none may be tried any more.
#[derive(Debug, thiserror::Error)]
enum Shut {
    #[error("none of its passwords is left to try: {0}")]
    NoneLeft(String),
    #[error("{0} of its passwords were refused, and one more wrong login could lock the user `{1}`")]
    TooMany(u32, String),
    #[error(transparent)]
    Store(#[from] SecretError),
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("user", &self.user).field("at", &self.at).finish_non_exhaustive()
    }
}

impl Keyring {
    /// The passwords that a store holds for a user at a place of it, beside the one of the factory.
    ///
    /// After `lockout_after` wrong logins the controller locks the user: one less are ever tried between two that work, also where
    /// one program after the other tries them.
    #[must_use]
    pub fn new(
        user: &str,
        at: SecretRef,
        store: Arc<dyn SecretStore>,
        factory: Option<Secret>,
        lockout_after: u32,
        making: Box<Making>,
    ) -> Self {
        let limit = lockout_after.saturating_sub(1);
        let door = Door { limit, spare: limit, counted: false, open: None, refused: 0 };
        Self { user: user.to_owned(), at, store, factory, making, lock: Mutex::new(door) }
    }

    /// The user that all of it is about.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// A client for a look at what the controller offers; it may have the wrong password.
    ///
    /// # Errors
    /// Where there is no password at all, or no client can be made of it.
    pub fn template(&self) -> Result<Arc<dyn Bmc>, ProviderError> {
        let keys = self.candidates().map_err(|shut| self.shut(shut))?;
        match keys.first() {
            Some((_, secret)) => (self.making)(secret),
            // It only says which facets there are; nobody logs in with it.
            None => (self.making)(&Secret::new(String::new())),
        }
    }

    /// A client that got in, and the password by which it did.
    ///
    /// The first call logs in, by one password after the other, the likeliest first; those that wait for it try nothing. A password
    /// that was refused is noted in the store and not tried again, by nobody.
    ///
    /// # Errors
    /// `Denied` where no password opens it or no further may be tried; any other failure of the controller as it is.
    pub async fn client(&self) -> Result<(Arc<dyn Bmc>, Key), ProviderError> {
        let mut door = self.lock.lock().await;
        if let Some(open) = &door.open {
            return Ok(open.clone());
        }
        self.count_former(&mut door).map_err(|shut| self.shut(shut))?;
        for (key, secret) in self.candidates().map_err(|shut| self.shut(shut))? {
            if door.spare == 0 {
                return Err(self.shut(Shut::TooMany(door.refused, self.user.clone())));
            }
            let client = (self.making)(&secret)?;
            match client.identity().await {
                Ok(_) => {
                    self.note(key, Standing::Proved)?;
                    if key != Key::Factory {
                        // Nobody goes back to it, not even where this one is refused one day.
                        self.note(Key::Factory, Standing::Refused)?;
                    }
                    self.absolve()?;
                    (door.spare, door.refused) = (door.limit, 0);
                    door.open = Some((Arc::clone(&client), key));
                    return Ok((client, key));
                }
                Err(error) if is_refused(&error) => {
                    door.spare -= 1;
                    door.refused += 1;
                    self.note(key, Standing::Refused)?;
                    tracing::warn!(user = self.user, %key, error = sentence(&error), "a controller refused a password");
                }
                Err(error) => return Err(error),
            }
        }
        let told =
            format!("`{}` holds none that was not refused before, and {} were refused of late", self.at, door.refused);
        Err(self.shut(Shut::NoneLeft(told)))
    }

    /// Somebody was refused with a client that had got in: the password was changed by somebody else.
    pub(super) async fn refused(&self) {
        let mut door = self.lock.lock().await;
        door.spare = door.spare.saturating_sub(1);
        door.refused += 1;
        if door.spare == 0 {
            door.open = None;
        }
    }

    /// Gives the controller the password of a generation, which is made first where it is not there yet. Whether it took it, the next
    /// [`Self::client`] finds out.
    ///
    /// # Errors
    /// Where the store cannot keep it (then the controller was not asked), or the controller refuses it.
    ///
    /// # Cancel safety
    /// At any moment the store holds each password that the controller may have by then.
    pub async fn change(&self, generation: u32) -> Result<(), ProviderError> {
        let (client, _) = self.client().await?;
        let accounts = client.accounts().ok_or_else(|| {
            ProviderError::new(ErrorKind::Unsupported, "bmc", format!("change the password of `{}`", self.user))
                .advise("list a protocol in `bmc` that can, or set the password by hand and put it into the store")
        })?;
        self.heed_policy(accounts.lockout().await?.and_then(|policy| policy.after)).await?;
        let failed = |error: SecretError| self.shut(error.into());
        let secret = self.store.create(&self.at, generation, &super::mint()).map_err(failed)?;
        self.store.mark(&self.at, generation, Standing::Sent).map_err(failed)?;
        // From here on nobody knows which password it takes, not even where the call fails.
        self.lock.lock().await.open = None;
        accounts.set_password(&self.user, &secret).await
    }

    /// The versions that are older than a generation.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn former(&self, generation: u32) -> Result<Vec<u32>, SecretError> {
        let versions = self.store.versions(&self.at)?;
        Ok(versions.into_keys().filter(|version| (1..generation).contains(version)).collect())
    }

    /// Forgets the versions that are older than a generation, once that one is proved; else it forgets nothing.
    ///
    /// # Errors
    /// Where the store cannot be changed.
    pub fn retire(&self, generation: u32) -> Result<(), SecretError> {
        if self.store.versions(&self.at)?.get(&generation) != Some(&Standing::Proved) {
            return Ok(());
        }
        self.former(generation)?.into_iter().try_for_each(|version| self.store.retire(&self.at, version))
    }

    /// A controller that tells its policy is believed where that is stricter.
    async fn heed_policy(&self, after: Option<u32>) -> Result<(), ProviderError> {
        let Some(after) = after.filter(|after| *after > 0) else { return Ok(()) };
        let mut door = self.lock.lock().await;
        door.limit = door.limit.min(after.saturating_sub(1));
        door.spare = door.spare.min(door.limit);
        // Should this program die in between, one wrong login may be needed to find out which password it takes.
        if door.spare == 0 {
            let told = format!("the controller locks a user after {after} wrong logins");
            return Err(self.shut(Shut::NoneLeft(told)));
        }
        Ok(())
    }

    /// The passwords that may be tried, the likeliest first: one that was sent has most likely arrived.
    fn candidates(&self) -> Result<Vec<(Key, Secret)>, Shut> {
        let versions = self.store.versions(&self.at)?;
        let newest_first = || versions.iter().rev().filter(|(version, _)| **version > 0);
        let sent = newest_first().filter(|(_, standing)| **standing == Standing::Sent);
        let proved = newest_first().filter(|(_, standing)| **standing == Standing::Proved);
        let mut keys = Vec::new();
        for (version, _) in sent.chain(proved) {
            if let Some(secret) = self.store.version(&self.at, *version)? {
                keys.push((Key::Version(*version), secret));
            }
        }
        let factory = self.factory.clone().filter(|_| takes_factory(&versions));
        keys.extend(factory.map(|secret| (Key::Factory, secret)));
        Ok(keys)
    }

    /// Counts the logins that former programs saw fail: the controller may still remember them.
    fn count_former(&self, door: &mut Door) -> Result<(), Shut> {
        if !door.counted {
            // Version 0 is refused as soon as another one was proved, without a login.
            let versions = self.store.versions(&self.at)?;
            let failed = versions.iter().filter(|(version, standing)| **version > 0 && **standing == Standing::Refused);
            door.refused = u32::try_from(failed.count()).unwrap_or(u32::MAX);
            door.spare = door.spare.saturating_sub(door.refused);
            door.counted = true;
        }
        Ok(())
    }

    /// A login has worked. The controller counts anew, and has none of the passwords that it refused: they never arrived.
    fn absolve(&self) -> Result<(), ProviderError> {
        let failed = |error: SecretError| self.shut(error.into());
        let versions = self.store.versions(&self.at).map_err(failed)?;
        let mut refused =
            versions.into_iter().filter(|(version, standing)| *version > 0 && *standing == Standing::Refused);
        refused.try_for_each(|(version, _)| self.store.mark(&self.at, version, Standing::Minted)).map_err(failed)
    }

    fn note(&self, key: Key, standing: Standing) -> Result<(), ProviderError> {
        let known = self.store.versions(&self.at).map_err(|error| self.shut(error.into()))?;
        if known.get(&key.version()) == Some(&standing) {
            return Ok(());
        }
        self.store.mark(&self.at, key.version(), standing).map_err(|error| self.shut(error.into()))
    }

    fn shut(&self, shut: Shut) -> ProviderError {
        let kind = if matches!(shut, Shut::Store(_)) { ErrorKind::Unexpected } else { ErrorKind::Denied };
        ProviderError::new(kind, "bmc", format!("log in as `{}`", self.user))
            .advise(format!("find out its password, put it right there or in `{}`, and run again", self.at))
            .because(shut)
    }
}

#[cfg(all(test, feature = "mocks"))]
mod tests {
    use dip_core::hardware::Identity;
    use dip_core::secret::MemoryStore;

    use super::*;
    use crate::hygiene::Keyed;
    use crate::provider::MockBmc;

    const LOCKOUT_AFTER: u32 = 3;

    /// The keyring of a controller that takes the one password there is, and answers as it is told.
    fn keyring(identity: fn() -> Result<Identity, ProviderError>) -> Arc<Keyring> {
        let at: SecretRef = "store:secrets/n1".parse().expect("a reference");
        let store = Arc::new(MemoryStore::new());
        store.create(&at, 1, &Secret::new("Right-1".to_owned())).expect("a new version");
        store.mark(&at, 1, Standing::Proved).expect("it is there");
        let making = move |_: &Secret| {
            let mut bmc = MockBmc::new();
            bmc.expect_identity().returning(identity);
            Ok(Arc::new(bmc) as Arc<dyn Bmc>)
        };
        Arc::new(Keyring::new("admin", at, store, None, LOCKOUT_AFTER, Box::new(making)))
    }

    #[tokio::test]
    async fn a_login_that_works_is_counted_from_as_the_controller_does() {
        let keyring = keyring(|| Ok(Identity::default()));
        for _ in 0..2 * LOCKOUT_AFTER {
            keyring.client().await.expect("it gets in");
            keyring.refused().await;
            keyring.lock.lock().await.open = None;
        }
        keyring.client().await.expect("it gets in");
        for _ in 1..LOCKOUT_AFTER {
            keyring.client().await.expect("one more wrong login cannot lock the user yet");
            keyring.refused().await;
        }
        let error = keyring.client().await.map(drop).expect_err("one more wrong login could lock the user");
        assert!(sentence(&error).contains("2 of its passwords were refused"), "{}", sentence(&error));
    }

    #[tokio::test]
    async fn a_privilege_that_is_missing_is_no_wrong_login() {
        fn unprivileged() -> Result<Identity, ProviderError> {
            static FIRST: std::sync::Once = std::sync::Once::new();
            let mut result =
                Err(ProviderError::new(ErrorKind::Denied, "mock", "ask").because(NoLoginRefused::new("only reads")));
            FIRST.call_once(|| result = Ok(Identity::default()));
            result
        }
        let keyring = keyring(unprivileged);
        let bmc = Keyed::new(Arc::clone(&keyring)).expect("a client can be made");
        keyring.client().await.expect("it gets in");
        for _ in 0..2 * LOCKOUT_AFTER {
            let error = bmc.identity().await.expect_err("it may not");
            assert_eq!(sentence(&error), "mock could not ask: denied: only reads");
        }
        // Nor where it is the first that is asked of a controller: its password is kept.
        keyring.lock.lock().await.open = None;
        for _ in 0..2 * LOCKOUT_AFTER {
            let error = bmc.identity().await.expect_err("it may not");
            assert_eq!(sentence(&error), "mock could not ask: denied: only reads");
        }
    }
}
