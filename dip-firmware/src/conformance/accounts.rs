//! Trials of the controller's own users.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, Retry, sentence};
use dip_core::secret::Secret;

use super::harness::{BmcHarness, expect, expect_error, facet, offered, trial};
use crate::provider::{Account, Accounts, Role};

const NAME: &str = "dip-trial";

/// The trials of [`Accounts`].
#[must_use]
pub fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![
        trial(harness, "a_user_that_was_set_is_listed_and_may_log_in_and_twice_is_once", |harness| async move {
            let accounts = offered!(facet(harness.bmc().accounts(), "users"));
            let before = accounts.list().await?.len();
            for role in [Role::ReadOnly, Role::Operator, Role::Administrator] {
                for _ in 0..2 {
                    accounts.set(NAME, &secret("Tr1al-pass"), role).await?;
                    let seen = find(&*accounts).await?;
                    expect(seen.as_ref().is_some_and(|user| user.role == role && user.enabled), "it is listed", &seen)?;
                }
            }
            let after = accounts.list().await?.len();
            expect(after == before + 1, "one user has come", (before, after))?;
            log_in(&*harness, "Tr1al-pass", true).await?;
            log_in(&*harness, "an0ther-one", false).await?;
            remove(&*accounts).await
        }),
        trial(harness, "a_password_is_changed_and_the_former_one_is_worth_nothing", |harness| async move {
            let accounts = offered!(facet(harness.bmc().accounts(), "users"));
            accounts.set(NAME, &secret("Tr1al-pass"), Role::Administrator).await?;
            // Of longer ones some controllers keep no more than 16 bytes.
            for (former, next) in [("Tr1al-pass", "Sixteen-bytes-16"), ("Sixteen-bytes-16", "Sh0rt-again")] {
                accounts.set_password(NAME, &secret(next)).await?;
                for (password, right) in [(next, true), (former, false)] {
                    let told = accounts.has_password(NAME, &secret(password)).await?;
                    expect(told == right, &format!("`{password}` is the password: {right}"), told)?;
                    log_in(&*harness, password, right).await?;
                }
            }
            remove(&*accounts).await
        }),
        trial(harness, "a_disabled_user_is_there_and_cannot_log_in_until_it_is_set_again", |harness| async move {
            let accounts = offered!(facet(harness.bmc().accounts(), "users"));
            accounts.set(NAME, &secret("Tr1al-pass"), Role::Administrator).await?;
            for _ in 0..2 {
                accounts.disable(NAME).await?;
            }
            let seen = find(&*accounts).await?;
            expect(seen.as_ref().is_some_and(|user| !user.enabled), "it is listed as disabled", &seen)?;
            log_in(&*harness, "Tr1al-pass", false).await?;
            accounts.set(NAME, &secret("Tr1al-pass"), Role::Administrator).await?;
            log_in(&*harness, "Tr1al-pass", true).await?;
            remove(&*accounts).await
        }),
        trial(harness, "nothing_is_done_to_a_user_who_is_not_there", |harness| async move {
            let accounts = offered!(facet(harness.bmc().accounts(), "users"));
            accounts.remove(NAME).await?;
            expect_error(accounts.set_password(NAME, &secret("x")).await, ErrorKind::NotFound, Retry::Never)?;
            expect_error(accounts.has_password(NAME, &secret("x")).await, ErrorKind::NotFound, Retry::Never)?;
            expect_error(accounts.disable(NAME).await, ErrorKind::NotFound, Retry::Never)?;
            let seen = find(&*accounts).await?;
            expect(seen.is_none(), "it was not made", seen)?;
            accounts.lockout().await?;
            Ok(Verdict::Passed)
        }),
    ]
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

async fn find(accounts: &dyn Accounts) -> Result<Option<Account>, Failure> {
    Ok(accounts.list().await?.into_iter().find(|user| user.name == NAME))
}

/// Asks as the user, where the harness can.
async fn log_in(harness: &dyn BmcHarness, password: &str, right: bool) -> Result<(), Failure> {
    let Some(bmc) = harness.for_user(NAME, &secret(password)) else { return Ok(()) };
    match bmc.identity().await {
        Ok(_) => expect(right, "it is not let in", "it was"),
        Err(error) if !right => expect(error.kind() == ErrorKind::Denied, "it is denied", error),
        Err(error) => Err(format!("`{password}` is not let in: {}", sentence(&error)).into()),
    }
}

async fn remove(accounts: &dyn Accounts) -> Result<Verdict, Failure> {
    for _ in 0..2 {
        accounts.remove(NAME).await?;
        let seen = find(accounts).await?;
        expect(seen.is_none(), "it is gone", seen)?;
    }
    Ok(Verdict::Passed)
}
