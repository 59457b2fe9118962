//! What a server holds, read by plain HTTP in the one way in which that server's lists are complete.
//!
//! The client under test has no part in this: if it loses somebody, both sides would agree about it.

use super::Server;
use crate::scenario::Keeps;
use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// How all resources of a type are read from a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// By `startIndex` and `count` (RFC 7644 section 3.4.2.4).
    Index {
        /// Resources a page.
        count: usize,
    },
    /// By `cursor` and `count` (RFC 9865).
    Cursor {
        /// Resources a page.
        count: usize,
    },
    /// By POST to `.search` with `startIndex` and `count` (RFC 7644 section 3.4.3).
    Search {
        /// Resources a page.
        count: usize,
    },
    /// One request, no parameters: everything comes at once.
    None,
}

/// A server whose resources can be read to the last one.
pub trait Inspect: Server {
    /// How this server's lists are read.
    fn paging(&self) -> Paging;

    /// What this server keeps of what it is sent.
    fn keeps(&self) -> Keeps {
        Keeps::everything()
    }

    /// Every User the server has.
    ///
    /// # Errors
    /// When a list is not answered, or its parts do not add up to `totalResults`.
    fn users(&self) -> anyhow::Result<Vec<Value>> {
        self.all("/Users")
    }

    /// Every Group the server has.
    ///
    /// # Errors
    /// As [`Inspect::users`].
    fn groups(&self) -> anyhow::Result<Vec<Value>> {
        self.all("/Groups")
    }

    /// Every resource below an endpoint.
    ///
    /// # Errors
    /// As [`Inspect::users`].
    fn all(&self, endpoint: &str) -> anyhow::Result<Vec<Value>> {
        let http = self.http()?;
        let mut found: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = match self.paging() {
                Paging::None => http.get(endpoint)?,
                Paging::Index { count } => {
                    http.get(&format!("{endpoint}?startIndex={}&count={count}", found.len() + 1))?
                }
                // Cursors of the servers here are URL-safe as they are; RFC 9865 section 2 promises it.
                Paging::Cursor { count } => http.get(&format!("{endpoint}?cursor={cursor}&count={count}"))?,
                Paging::Search { count } => {
                    let asked = json!({
                        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                        "startIndex": found.len() + 1,
                        "count": count,
                    });
                    http.call("POST", &format!("{endpoint}/.search"), Some(&asked))?.expect_json()?
                }
            };
            let resources = page["Resources"].as_array().cloned().unwrap_or_default();
            let got = resources.len();
            found.extend(resources);
            match self.paging() {
                Paging::Cursor { .. } => match page["nextCursor"].as_str() {
                    Some(next) => next.clone_into(&mut cursor),
                    None => return complete(found),
                },
                _ => {
                    let total = page["totalResults"].as_u64().context("a list without totalResults")?;
                    if found.len() as u64 >= total {
                        ensure!(found.len() as u64 == total, "{endpoint} has more than its total {total}");
                        return complete(found);
                    }
                    ensure!(got > 0, "{endpoint} ends at {} of {total}", found.len());
                    ensure!(self.paging() != Paging::None, "{endpoint} is not complete: {got} of {total}");
                }
            }
        }
    }
}

/// A list that has one resource twice has missed another.
fn complete(found: Vec<Value>) -> anyhow::Result<Vec<Value>> {
    let mut ids: Vec<&str> = found.iter().filter_map(|resource| resource["id"].as_str()).collect();
    ensure!(ids.len() == found.len(), "a resource has no id");
    ids.sort_unstable();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        anyhow::bail!("the list has {} twice, so it is not complete", pair[0]);
    }
    Ok(found)
}
