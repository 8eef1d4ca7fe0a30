//! The users of a service.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use dip_core::secret::Secret;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::error::Failure;
use super::machine::Machine;
use super::members::Member;
use super::resource::{self, AccountService, Link, ManagerAccount};
use crate::provider::{Account, Accounts, LockoutPolicy, Role};
use crate::quirks::Quirk;

#[async_trait]
impl Accounts for Machine {
    async fn list(&self) -> Result<Vec<Account>, ProviderError> {
        self.list_users().await.map_err(self.failed("list the users"))
    }

    async fn set(&self, name: &str, password: &Secret, role: Role) -> Result<(), ProviderError> {
        self.set_user(name, password, role).await.map_err(self.failed(&format!("set the user {name}")))
    }

    async fn set_password(&self, name: &str, password: &Secret) -> Result<(), ProviderError> {
        let body = json!({ "Password": password.expose() });
        self.change_user(name, &body).await.map_err(self.failed(&format!("set the password of {name}")))
    }

    async fn has_password(&self, name: &str, password: &Secret) -> Result<bool, ProviderError> {
        self.lets_in(name, password).await.map_err(self.failed(&format!("try the password of {name}")))
    }

    async fn disable(&self, name: &str) -> Result<(), ProviderError> {
        let body = json!({ "Enabled": false });
        self.change_user(name, &body).await.map_err(self.failed(&format!("disable the user {name}")))
    }

    async fn remove(&self, name: &str) -> Result<(), ProviderError> {
        self.remove_user(name).await.map_err(self.failed(&format!("take the user {name} away")))
    }

    async fn lockout(&self) -> Result<Option<LockoutPolicy>, ProviderError> {
        let read = async {
            let service = self.account_service().await?;
            if service.lockout_threshold.is_none() && service.lockout_duration.is_none() {
                return Ok(None);
            }
            let number = |told: &resource::Maybe<resource::Whole>| told.count::<u32>().filter(|number| *number > 0);
            Ok(Some(LockoutPolicy {
                after: number(&service.lockout_threshold),
                seconds: number(&service.lockout_duration),
            }))
        };
        read.await.map_err(self.failed("ask how guessing is guarded against"))
    }
}

type User = (Member, ManagerAccount);

impl Machine {
    async fn account_service(&self) -> Result<AccountService, Failure> {
        let root = self.client.root().await?;
        let service = self.client.follow::<AccountService>(root.account_service.as_ref()).await?;
        service.map(|service| service.body).ok_or_else(lacking)
    }

    /// All users, and the free places of services that have a fixed number of them.
    async fn users(&self, service: &AccountService) -> Result<Vec<User>, Failure> {
        let listed = self.all::<ManagerAccount>(service.accounts.as_ref()).await?.ok_or_else(lacking)?;
        Ok(listed.into_iter().map(|(member, user)| (member, user.unwrap_or_default())).collect())
    }

    async fn user(&self, name: &str) -> Result<Option<User>, Failure> {
        let service = self.account_service().await?;
        Ok(self.users(&service).await?.into_iter().find(|(_, user)| user.user_name.as_deref() == Some(name)))
    }

    async fn list_users(&self) -> Result<Vec<Account>, Failure> {
        let service = self.account_service().await?;
        let mut accounts = Vec::new();
        for (member, user) in self.users(&service).await? {
            let Some(name) = user.user_name.0.clone().filter(|name| !name.is_empty()) else { continue };
            let role = self.role_of(&service, &user).await?;
            // The schema requires it; who does not tell it has no users that could not log in.
            accounts.push(Account { id: member.id().to_owned(), name, role, enabled: user.enabled.unwrap_or(true) });
        }
        Ok(accounts)
    }

    async fn role_of(&self, service: &AccountService, user: &ManagerAccount) -> Result<Role, Failure> {
        let Some(id) = user.role_id.as_deref() else { return Ok(Role::None) };
        match id {
            "Administrator" => return Ok(Role::Administrator),
            "Operator" => return Ok(Role::Operator),
            "ReadOnly" => return Ok(Role::ReadOnly),
            "" | "None" | "NoAccess" => return Ok(Role::None),
            _ => {}
        }
        // A role of the maker or the site is known by what it may do (DSP0266, "privileges").
        let linked = user.links.as_ref().and_then(|links| links.role.0.clone());
        let listed = service.roles.as_ref().and_then(|roles| roles.id.as_deref());
        let guess = listed.map(|roles| Link { id: Some(format!("{}/{id}", roles.trim_end_matches('/'))) });
        let role = self.client.follow::<resource::Role>(linked.or(guess).as_ref()).await?.map(|role| role.body);
        let may = |privilege: &str| {
            role.as_ref().is_some_and(|role| role.assigned_privileges.items().iter().any(|other| other == privilege))
        };
        Ok(match () {
            () if may("ConfigureManager") || may("ConfigureUsers") => Role::Administrator,
            () if may("ConfigureComponents") => Role::Operator,
            () if may("Login") => Role::ReadOnly,
            () => Role::None,
        })
    }

    async fn set_user(&self, name: &str, password: &Secret, role: Role) -> Result<(), Failure> {
        let service = self.account_service().await?;
        let role = self.role_id(&service, role).await?;
        let body = json!({ "UserName": name, "Password": password.expose(), "RoleId": role, "Enabled": true });
        let users = self.users(&service).await?;
        if let Some((member, _)) = users.iter().find(|(_, user)| user.user_name.as_deref() == Some(name)) {
            // Its name stays as it is, and some services refuse to be told it again.
            let body = json!({ "Password": password.expose(), "RoleId": role, "Enabled": true });
            return self.patch_user(member, &body).await;
        }
        let reserved = self.has(Quirk::AccountSlot1Reserved).await?;
        let is_free =
            |(member, user): &&User| user.user_name.as_deref() == Some("") && !(reserved && member.id() == "1");
        if let Some((member, _)) = users.iter().find(is_free) {
            return self.patch_user(member, &body).await;
        }
        let mut body = body;
        if self.has(Quirk::LoginName).await? {
            body["Oem"] = json!({ "Hpe": { "LoginName": name } });
        }
        let accounts = service.accounts.as_ref().and_then(|link| link.id.as_deref()).ok_or_else(lacking)?;
        match self.client.post(accounts, &body).await {
            Err(failure) if failure.status() == Some(StatusCode::METHOD_NOT_ALLOWED) => {
                Err(Failure::Lacking { what: "all places for users are taken; take one away first".to_owned() })
            }
            other => other.map(drop),
        }
    }

    /// The name of a role at this service.
    async fn role_id(&self, service: &AccountService, role: Role) -> Result<String, Failure> {
        let names: &[&str] = match role {
            Role::Administrator => return Ok("Administrator".to_owned()),
            Role::Operator => return Ok("Operator".to_owned()),
            Role::ReadOnly => return Ok("ReadOnly".to_owned()),
            Role::None => &["NoAccess", "None"],
        };
        let roles = self.client.members(service.roles.as_ref()).await?.unwrap_or_default();
        let found = roles.iter().map(Member::id).find(|id| names.contains(id));
        found.map(str::to_owned).ok_or_else(|| Failure::Lacking {
            what: "the service has no role that may do nothing; disable the user instead".to_owned(),
        })
    }

    async fn change_user(&self, name: &str, body: &Value) -> Result<(), Failure> {
        let found = self.user(name).await?;
        let (member, _) = found.ok_or_else(|| Failure::Missing { what: format!("there is no user `{name}`") })?;
        self.patch_user(&member, body).await
    }

    async fn patch_user(&self, member: &Member, body: &Value) -> Result<(), Failure> {
        self.change(&member.path, |_: &Link| Ok(Some(body.clone()))).await.map(drop)
    }

    async fn remove_user(&self, name: &str) -> Result<(), Failure> {
        let Some((member, _)) = self.user(name).await? else { return Ok(()) };
        match self.client.delete(&member.path).await {
            Err(failure) if failure.status() == Some(StatusCode::NOT_FOUND) => Ok(()),
            // A place that is always there is emptied; an enabled user without a name would be the anonymous one.
            Err(failure) if matches!(failure.status().map(|it| it.as_u16()), Some(405 | 501)) => {
                self.patch_user(&member, &json!({ "Enabled": false, "UserName": "" })).await
            }
            other => other.map(drop),
        }
    }

    /// Whether a user gets in with a password, found out by one login.
    async fn lets_in(&self, name: &str, password: &Secret) -> Result<bool, Failure> {
        let service = self.account_service().await?;
        let client = self.client.as_user(name, password);
        // The service root is open to everybody; the list of users is not.
        let path = service.accounts.as_ref().and_then(|link| link.id.as_deref()).ok_or_else(lacking)?;
        let answer = client.read::<Value>(path).await;
        client.close().await;
        match answer {
            Ok(_) => Ok(true),
            Err(Failure::NoSession { source }) if source.status() == Some(StatusCode::UNAUTHORIZED) => Ok(false),
            Err(failure) => match failure.status() {
                Some(StatusCode::UNAUTHORIZED) => Ok(false),
                // It was let in, and may not look at this.
                Some(StatusCode::FORBIDDEN) => Ok(true),
                _ => Err(failure),
            },
        }
    }
}

fn lacking() -> Failure {
    Failure::Lacking { what: "the service tells nothing about its users".to_owned() }
}
