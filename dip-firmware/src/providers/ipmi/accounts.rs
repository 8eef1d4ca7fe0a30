//! The users of a BMC by IPMI (22.26 to 22.30).

use async_trait::async_trait;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::secret::Secret;

use super::machine::Machine;
use crate::ipmi::{Credentials, IpmiBmc, IpmiError, User, UserLimit};
use crate::provider::{Account, Accounts, LockoutPolicy, Role};
use crate::settings::IPMI;

#[async_trait]
impl Accounts for Machine {
    async fn list(&self) -> Result<Vec<Account>, ProviderError> {
        let action = "list the users of the BMC";
        let users = self.bmc(action).await?.users().await.map_err(|error| self.failed(action, error))?;
        Ok(users.into_iter().filter(|user| !user.is_free()).map(account).collect())
    }

    async fn set(&self, name: &str, password: &Secret, role: Role) -> Result<(), ProviderError> {
        let action = format!("set user `{name}` of the BMC");
        let bmc = self.bmc(&action).await?;
        let users = bmc.users().await.map_err(|error| self.failed(&action, error))?;
        let id = match find(&users, name) {
            Some(user) => user.id,
            None => {
                // The first place is the anonymous user's for good (22.28).
                let free = users.iter().find(|user| user.id > 1 && user.is_free() && !user.has_fixed_name);
                let Some(free) = free else {
                    return Err(ProviderError::new(ErrorKind::Conflict, IPMI, self.at(&action))
                        .advise(format!("all {} places for users are taken; remove one", users.len())));
                };
                bmc.set_user_name(free.id, name).await.map_err(|error| self.failed(&action, error))?;
                free.id
            }
        };
        // Enabled last: until then nobody can log in with half of it.
        give(bmc, id, password, role).await.map_err(|error| self.failed(&action, error))
    }

    async fn set_password(&self, name: &str, password: &Secret) -> Result<(), ProviderError> {
        let action = format!("set the password of user `{name}` of the BMC");
        let (bmc, user) = self.user(&action, name).await?;
        bmc.set_user_password(user.id, password.expose()).await.map_err(|error| self.failed(&action, error))
    }

    async fn has_password(&self, name: &str, password: &Secret) -> Result<bool, ProviderError> {
        let action = format!("test the password of user `{name}` of the BMC");
        let (bmc, user) = self.user(&action, name).await?;
        let said = bmc.is_user_password(user.id, password.expose()).await;
        if !said.map_err(|error| self.failed(&action, error))? {
            return Ok(false);
        }
        // Some BMCs say yes to every password: a login proves it. For who may not log in there is only their word.
        if !user.may_log_in() {
            return Ok(true);
        }
        let credentials = Credentials::new(name, password.expose()).map_err(|error| self.failed(&action, error))?;
        bmc.lets_in(&credentials).await.map_err(|error| self.failed(&action, error))
    }

    async fn disable(&self, name: &str) -> Result<(), ProviderError> {
        let action = format!("disable user `{name}` of the BMC");
        let (bmc, user) = self.user(&action, name).await?;
        shut_out(bmc, user.id).await.map_err(|error| self.failed(&action, error))
    }

    async fn remove(&self, name: &str) -> Result<(), ProviderError> {
        let action = format!("remove user `{name}` of the BMC");
        let bmc = self.bmc(&action).await?;
        let users = bmc.users().await.map_err(|error| self.failed(&action, error))?;
        let Some(user) = find(&users, name) else { return Ok(()) };
        if user.has_fixed_name {
            return Err(ProviderError::new(ErrorKind::Unsupported, IPMI, self.at(&action))
                .advise("the BMC has fixed this name; disable the user instead"));
        }
        shut_out(bmc, user.id).await.map_err(|error| self.failed(&action, error))?;
        bmc.set_user_name(user.id, "").await.map_err(|error| self.failed(&action, error))
    }

    async fn lockout(&self) -> Result<Option<LockoutPolicy>, ProviderError> {
        let action = "ask how the BMC guards against guessing";
        let told = self.bmc(action).await?.bad_passwords().await.map_err(|error| self.failed(action, error))?;
        Ok(told.map(|told| LockoutPolicy {
            after: Some(u32::from(told.threshold)).filter(|threshold| *threshold != 0),
            seconds: Some(told.lockout).filter(|seconds| *seconds != 0),
        }))
    }
}

impl Machine {
    async fn user(&self, action: &str, name: &str) -> Result<(&IpmiBmc, User), ProviderError> {
        let bmc = self.bmc(action).await?;
        let users = bmc.users().await.map_err(|error| self.failed(action, error))?;
        let Some(user) = find(&users, name) else {
            return Err(ProviderError::new(ErrorKind::NotFound, IPMI, self.at(action)));
        };
        Ok((bmc, user.clone()))
    }
}

fn find<'a>(users: &'a [User], name: &str) -> Option<&'a User> {
    users.iter().find(|user| user.name == name && !user.is_free())
}

async fn give(bmc: &IpmiBmc, id: u8, password: &Secret, role: Role) -> Result<(), IpmiError> {
    bmc.set_user_password(id, password.expose()).await?;
    bmc.set_user_limit(id, limit(role)).await?;
    bmc.enable_user(id).await
}

/// Takes the access to this channel too: not every BMC tells whether a user is disabled.
async fn shut_out(bmc: &IpmiBmc, id: u8) -> Result<(), IpmiError> {
    bmc.set_user_limit(id, UserLimit::NoAccess).await?;
    bmc.disable_user(id).await
}

fn account(user: User) -> Account {
    Account {
        id: user.id.to_string(),
        role: match user.access.limit {
            UserLimit::NoAccess | UserLimit::Callback => Role::None,
            UserLimit::User => Role::ReadOnly,
            UserLimit::Operator => Role::Operator,
            // What a maker's own level may do is not known; it stands above all others.
            UserLimit::Administrator | UserLimit::Oem => Role::Administrator,
        },
        enabled: user.may_log_in(),
        name: user.name,
    }
}

fn limit(role: Role) -> UserLimit {
    match role {
        Role::None => UserLimit::NoAccess,
        Role::ReadOnly => UserLimit::User,
        Role::Operator => UserLimit::Operator,
        Role::Administrator => UserLimit::Administrator,
    }
}
