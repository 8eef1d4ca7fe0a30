//! Lists, page by page: whole, or not at all.

use std::collections::HashSet;

use dip_core::provider::{ErrorKind, ProviderError};
use serde_json::Value;

use super::client::Client;

/// How often a list is read that changed while it was read.
const TRIES: usize = 3;

/// All things of a list.
///
/// Pages are asked for by `limit` and `offset`. What is added or removed meanwhile moves things from one page to another, where they
/// would be missed: so the things must be as many as the server counts, each of them once. A list that is cut off is never taken
/// for a short one: what is not in it would look as if it were gone.
pub(super) async fn all(
    client: &Client,
    path: &str,
    query: &[(&str, &str)],
    page: u32,
    action: &str,
) -> Result<Vec<Value>, ProviderError> {
    let mut why = String::new();
    for _ in 0..TRIES {
        match once(client, path, query, page, action).await? {
            Ok(things) => return Ok(things),
            Err(moved) => why = moved,
        }
    }
    Err(client.error(ErrorKind::Busy, action).advise(format!("{why}; what is missing would look as if it were gone")))
}

/// One reading; the inner error says in what it is not whole.
async fn once(
    client: &Client,
    path: &str,
    query: &[(&str, &str)],
    page: u32,
    action: &str,
) -> Result<Result<Vec<Value>, String>, ProviderError> {
    let limit = page.to_string();
    let mut things: Vec<Value> = Vec::new();
    let mut seen = HashSet::new();
    let mut counted = None;
    loop {
        let offset = things.len().to_string();
        let mut asked = query.to_vec();
        asked.extend([("limit", limit.as_str()), ("offset", offset.as_str())]);
        let mut body = client.get(path, &asked, action).await?.body;
        let count = body.get("count").and_then(Value::as_u64);
        let more = body.get("next").is_some_and(|next| !next.is_null());
        let (Some(count), Some(Value::Array(results))) = (count, body.get_mut("results").map(Value::take)) else {
            return Err(client
                .error(ErrorKind::Unexpected, action)
                .advise("the answer is no page of a list: it has no `count` or no `results`"));
        };
        if *counted.get_or_insert(count) != count {
            return Ok(Err(format!("there were {} in all, and {count} a page later", counted.unwrap_or_default())));
        }
        let empty = results.is_empty();
        for thing in results {
            // An id twice says that another one slipped through between two pages.
            if !seen.insert(thing.get("id").map(ToString::to_string)) {
                return Ok(Err("the list moved while it was read".to_owned()));
            }
            things.push(thing);
        }
        if more && !empty {
            continue;
        }
        if u64::try_from(things.len()).is_ok_and(|found| found == count) {
            return Ok(Ok(things));
        }
        return Ok(Err(format!("the server counts {count} and gave {}", things.len())));
    }
}
