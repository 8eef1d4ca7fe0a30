//! Collections, read page by page, with an end whatever the service says.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::address::last_part;
use super::client::Client;
use super::error::Failure;
use super::resource::{Collection, Link};

/// A full event log has some thousand entries; a service that lists more than this does not end.
const MEMBERS: usize = 20_000;

/// A member of a collection.
#[derive(Debug)]
pub(super) struct Member {
    /// Its path or URL; empty where the collection holds it without one.
    pub(super) path: String,
    /// The resource itself, where the collection holds more than the link.
    inline: Option<Value>,
}

impl Member {
    /// A member by its path, of which nothing is told beside.
    #[cfg(feature = "fuzzing")]
    pub(super) fn at(path: &str) -> Self {
        Self { path: path.to_owned(), inline: None }
    }

    /// Whether the collection tells it whole.
    pub(super) const fn is_whole(&self) -> bool {
        self.inline.is_some()
    }

    /// By what people know it.
    pub(super) fn id(&self) -> &str {
        last_part(&self.path)
    }
}

impl Client {
    /// All members of a collection; `None` where there is no such collection.
    pub(super) async fn members(&self, collection: Option<&Link>) -> Result<Option<Vec<Member>>, Failure> {
        let Some(first) = self.follow::<Collection>(collection).await? else { return Ok(None) };
        let mut pages: BTreeSet<String> = [first.url.to_string()].into();
        let mut paths = BTreeSet::new();
        let mut page = first.body;
        let mut members = Vec::new();
        loop {
            let listed = page.members.items().iter().filter_map(member);
            // Pages overlap where the list grows while it is read, or the service does not know the parameters of its own links.
            members.extend(listed.filter(|member| member.path.is_empty() || paths.insert(member.path.clone())));
            let Some(next) = page.next.0.or(page.next_too.0).filter(|next| !next.is_empty()) else {
                return Ok(Some(members));
            };
            let next = self.resolve(&next)?;
            if !pages.insert(next.to_string()) {
                tracing::debug!(bmc = self.host(), page = %next, "the pages of a list go round in circles");
                return Ok(Some(members));
            }
            if members.len() > MEMBERS || pages.len() > MEMBERS {
                return Err(Failure::Odd { what: format!("the list {} does not end", next.path()) });
            }
            page = match self.read(next.as_str()).await {
                Ok(page) => page.body,
                Err(Failure::Refused { status: StatusCode::NOT_FOUND | StatusCode::GONE, .. }) => {
                    tracing::warn!(bmc = self.host(), page = %next, "a list names a further page that does not exist");
                    return Ok(Some(members));
                }
                Err(failure) => return Err(failure),
            };
        }
    }

    /// A member itself; `None` where the service tells no more of it than that it is there.
    pub(super) async fn member<T: DeserializeOwned>(&self, member: &Member) -> Result<Option<T>, Failure> {
        if let Some(inline) = &member.inline {
            return Ok(T::deserialize(inline.clone()).ok());
        }
        let link = Link { id: Some(member.path.clone()) };
        Ok(self.follow(Some(&link)).await?.map(|resource| resource.body))
    }

    /// All members of a collection with what is told of each; `None` where there is no such collection.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        collection: Option<&Link>,
    ) -> Result<Option<Vec<(Member, Option<T>)>>, Failure> {
        let Some(members) = self.members(collection).await? else { return Ok(None) };
        self.bodies(members).await.map(Some)
    }

    /// What is told of each member.
    pub(super) async fn bodies<T: DeserializeOwned>(
        &self,
        members: Vec<Member>,
    ) -> Result<Vec<(Member, Option<T>)>, Failure> {
        let mut all = Vec::with_capacity(members.len());
        for member in members {
            let body = self.member(&member).await?;
            all.push((member, body));
        }
        Ok(all)
    }
}

fn member(value: &Value) -> Option<Member> {
    let object = value.as_object()?;
    let path = object.get("@odata.id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_link = object.keys().all(|key| key.starts_with('@'));
    if path.is_empty() && is_link {
        return None;
    }
    Some(Member { path, inline: (!is_link).then(|| value.clone()) })
}

/// Reads a body as a page, for fuzzers.
#[cfg(feature = "fuzzing")]
pub(super) fn read(body: &[u8]) {
    let Ok(value) = super::answer::value_of(body) else { return };
    let Ok(page) = serde_json::from_value::<Collection>(value) else { return };
    for member in page.members.items().iter().filter_map(member) {
        assert!(!member.id().contains('/'), "an id is one part of a path");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_member_is_a_link_or_the_resource_itself() {
        let link = member(&json!({ "@odata.id": "/redfish/v1/Systems/1/" })).expect("a link");
        assert_eq!((link.id(), link.inline.is_some()), ("1", false));
        let whole = member(&json!({ "@odata.id": "/x/2", "Message": "on" })).expect("a resource");
        assert_eq!((whole.id(), whole.inline.is_some()), ("2", true));
        for odd in [json!({}), json!(null), json!("x"), json!({ "@odata.id": 7 })] {
            assert!(member(&odd).is_none(), "{odd}");
        }
    }
}
