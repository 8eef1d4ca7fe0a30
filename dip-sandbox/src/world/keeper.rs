//! A management controller itself: its users, what it is set to, its log.

use std::collections::BTreeMap;

use dip_core::secret::Secret;
use dip_firmware::provider::{Account, Light, LogEntry, Role};

/// After so many wrong logins in a row a user is locked.
pub(crate) const LOCKOUT_AFTER: u32 = 3;

/// A controller as it was shipped, or as somebody has set it since.
#[derive(Debug, Clone)]
pub(crate) struct Keeper {
    users: BTreeMap<String, User>,
    pub(crate) ntp: Vec<String>,
    pub(crate) syslog: Vec<String>,
    pub(crate) weaknesses: Vec<String>,
    pub(crate) light: Light,
    pub(crate) log: Vec<LogEntry>,
}

#[derive(Debug, Clone)]
struct User {
    password: Option<Secret>,
    role: Role,
    enabled: bool,
    wrong: u32,
    locked: bool,
}

/// Why a login fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the password is wrong")]
    Wrong,
    #[error("the user is locked after too many wrong passwords")]
    Locked,
    #[error("there is no such user, or it may not log in")]
    Nobody,
}

impl Default for Keeper {
    fn default() -> Self {
        Self {
            users: BTreeMap::new(),
            ntp: Vec::new(),
            syslog: Vec::new(),
            weaknesses: vec!["IPMI cipher suite 0".to_owned()],
            light: Light::Off,
            log: Vec::new(),
        }
    }
}

impl Keeper {
    /// One that was shipped with an administrator of this name; `None` for a password that nobody asks for.
    pub(crate) fn shipped(user: &str, password: Option<Secret>) -> Self {
        let administrator = User { password, role: Role::Administrator, enabled: true, wrong: 0, locked: false };
        Self { users: [(user.to_owned(), administrator)].into(), ..Self::default() }
    }

    /// Lets a user in, or counts what was wrong.
    pub(crate) fn log_in(&mut self, name: &str, password: &Secret) -> Result<(), Refused> {
        let user = self.users.get_mut(name).filter(|user| user.enabled).ok_or(Refused::Nobody)?;
        if user.locked {
            return Err(Refused::Locked);
        }
        if user.password.as_ref().is_none_or(|right| right.expose() == password.expose()) {
            user.wrong = 0;
            return Ok(());
        }
        user.wrong += 1;
        user.locked = user.wrong >= LOCKOUT_AFTER;
        Err(Refused::Wrong)
    }

    /// Whether any user was locked.
    pub(crate) fn is_locked(&self) -> bool {
        self.users.values().any(|user| user.locked)
    }

    /// How often in a row the password of a user was wrong.
    pub(crate) fn wrong(&self, name: &str) -> u32 {
        self.users.get(name).map_or(0, |user| user.wrong)
    }

    pub(crate) fn accounts(&self) -> Vec<Account> {
        let account = |(index, (name, user)): (usize, (&String, &User))| Account {
            id: (index + 1).to_string(),
            name: name.clone(),
            role: user.role,
            enabled: user.enabled,
        };
        self.users.iter().enumerate().map(account).collect()
    }

    /// Makes a user, or gives it this password and role; tells whether that changed anything.
    pub(crate) fn set(&mut self, name: &str, password: &Secret, role: Role) -> bool {
        let user = User { password: Some(password.clone()), role, enabled: true, wrong: 0, locked: false };
        let before = self.users.insert(name.to_owned(), user);
        before.is_none_or(|before| {
            before.role != role
                || !before.enabled
                || before.password.is_none_or(|old| old.expose() != password.expose())
        })
    }

    /// Gives a user another password; `None` where there is no such user, else whether that changed anything.
    pub(crate) fn set_password(&mut self, name: &str, password: &Secret) -> Option<bool> {
        let user = self.users.get_mut(name)?;
        let before = user.password.replace(password.clone());
        Some(before.is_none_or(|before| before.expose() != password.expose()))
    }

    /// Bars a user; `None` where there is none, else whether that changed anything.
    pub(crate) fn disable(&mut self, name: &str) -> Option<bool> {
        Some(std::mem::replace(&mut self.users.get_mut(name)?.enabled, false))
    }

    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.users.remove(name).is_some()
    }
}
