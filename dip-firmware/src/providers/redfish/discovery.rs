//! Which of a service's systems is the node: the one that the site file names, or the only one.

use reqwest::StatusCode;
use serde_json::Value;

use super::client::Client;
use super::error::Failure;
use super::resource::{Collection, Link};

/// A blade enclosure has some dozens of systems; a service whose pages go on for longer is broken.
const PAGES: usize = 100;

/// The path of the node's system.
pub(super) async fn find_system(client: &Client, wanted: Option<&str>) -> Result<String, Failure> {
    if let Some(path) = wanted.filter(|wanted| wanted.starts_with('/')) {
        return Ok(path.to_owned());
    }
    let root = client.root().await?;
    let Some(systems) = root.systems else {
        return Err(Failure::Lacking { what: "the service has no systems".to_owned() });
    };
    let paths = members(client, &systems).await?;
    let Some(wanted) = wanted else { return only(paths) };
    if let Some(path) = paths.iter().find(|path| last_part(path) == wanted) {
        return Ok(path.clone());
    }
    // Some services know a system by more names than they list.
    let guess = format!("{}/{wanted}", systems.id.as_deref().unwrap_or_default().trim_end_matches('/'));
    match client.read::<Value>(&guess).await {
        Ok(_) => Ok(guess),
        Err(failure) if failure.status() == Some(StatusCode::NOT_FOUND) => {
            Err(Failure::Missing { what: format!("the service has no system `{wanted}`, only {}", list(&paths)) })
        }
        Err(failure) => Err(failure),
    }
}

fn only(paths: Vec<String>) -> Result<String, Failure> {
    match <[String; 1]>::try_from(paths) {
        Ok([path]) => Ok(path),
        Err(paths) if paths.is_empty() => Err(Failure::Lacking { what: "the service lists no system".to_owned() }),
        Err(paths) => Err(Failure::Wrong {
            what: format!("the service has several systems; say in `system` which one is the node: {}", list(&paths)),
        }),
    }
}

/// All members of a collection, page by page.
async fn members(client: &Client, collection: &Link) -> Result<Vec<String>, Failure> {
    let mut page: Collection = client.follow(collection, "the systems").await?.body;
    let mut paths = Vec::new();
    for _ in 0..PAGES {
        paths.extend(page.members.into_iter().filter_map(|member| member.id));
        match page.next {
            Some(next) => page = client.read(&next).await?.body,
            None => return Ok(paths),
        }
    }
    Err(Failure::Odd { what: "the list of systems does not end".to_owned() })
}

fn last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

fn list(paths: &[String]) -> String {
    paths.iter().map(|path| format!("`{}`", last_part(path))).collect::<Vec<_>>().join(", ")
}
