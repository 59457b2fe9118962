//! An index of everybody, for providers that cannot filter.
//!
//! Looking through all resources for each person would cost a full listing a person. So a listing is made
//! once, and what is kept of it is which id has which value in the attributes that are searched by. The index
//! is only a hint: whatever it names is read again, and a resource that it misses because it is newer makes a
//! create conflict, after which the index is made anew.

use super::find::{Freshness, MAX_LOOKED_THROUGH};
use super::match_key::MatchKey;
use super::{Kind, Provider};
use crate::failure::ClientError;
use crate::query::Query;
use futures::TryStreamExt;
use scimwright_scim::{AttributePath, FilterValue, Resource};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long an index is believed.
const LIFETIME: Duration = Duration::from_secs(60);

/// What is looked up: an attribute and its value, or several that have to be together.
pub(super) type Lookup<'a> = [(&'a AttributePath, FilterValue)];

/// An index for each resource type.
#[derive(Debug, Default)]
pub(super) struct Rosters(Mutex<HashMap<String, Roster>>);

/// Which ids have which values.
#[derive(Debug)]
struct Roster {
    made: Instant,
    /// The attributes it knows.
    paths: Vec<AttributePath>,
    /// None where there are too many resources.
    ids: Option<HashMap<(usize, String), Vec<String>>>,
}

impl Rosters {
    /// The ids of the resources that may have these values; none where there are too many resources to tell.
    /// `match_by` is what else will be asked for, so that one listing serves it all.
    ///
    /// Whoever comes while the index is being made waits for it.
    pub(super) async fn candidates(
        &self,
        provider: &Provider,
        kind: &Kind,
        lookup: &Lookup<'_>,
        match_by: &[MatchKey],
        freshness: Freshness,
    ) -> Result<Option<Vec<String>>, ClientError> {
        let name = &kind.resource_type().name;
        let mut rosters = self.0.lock().await;
        let usable = rosters.get(name).is_some_and(|roster| roster.answers(lookup, freshness));
        if !usable {
            let mut paths = rosters.remove(name).map(|old| old.paths).unwrap_or_default();
            let asked = lookup.iter().map(|(path, _)| *path);
            for path in asked.chain(match_by.iter().flat_map(MatchKey::paths)) {
                if !paths.contains(path) {
                    paths.push(path.clone());
                }
            }
            rosters.insert(name.clone(), Roster::make(provider, kind, paths).await?);
        }
        Ok(rosters.get(name).and_then(|roster| roster.find(lookup)))
    }

    /// Enters a resource that was just made or changed.
    pub(super) async fn enter(&self, kind: &Kind, resource: &Resource) {
        if let Some(roster) = self.0.lock().await.get_mut(&kind.resource_type().name) {
            roster.enter(resource);
        }
    }
}

impl Roster {
    async fn make(provider: &Provider, kind: &Kind, paths: Vec<AttributePath>) -> Result<Self, ClientError> {
        let mut roster = Self { made: Instant::now(), paths, ids: Some(HashMap::new()) };
        let mut everybody = provider.client.query_all(kind.resource_type(), provider.paged(Query::default()));
        let mut seen = 0;
        while let Some(resource) = everybody.try_next().await? {
            seen += 1;
            if seen > MAX_LOOKED_THROUGH {
                roster.ids = None;
                break;
            }
            roster.enter(&resource);
        }
        Ok(roster)
    }

    /// Whether it can be asked for these attributes.
    fn answers(&self, lookup: &Lookup<'_>, freshness: Freshness) -> bool {
        let fresh = match freshness {
            Freshness::Since(moment) => self.made >= moment,
            Freshness::Recent => self.made.elapsed() < LIFETIME,
        };
        fresh && lookup.iter().all(|(path, _)| self.paths.contains(path))
    }

    /// Who has all of these values, in the order of the listing.
    fn find(&self, lookup: &Lookup<'_>) -> Option<Vec<String>> {
        let ids = self.ids.as_ref()?;
        let mut found: Option<Vec<String>> = None;
        for (path, value) in lookup {
            let index = self.paths.iter().position(|known| known == *path)?;
            let value = match value {
                FilterValue::Text(text) => text.to_lowercase(),
                other => other.to_string(),
            };
            let having = ids.get(&(index, value));
            found = Some(match found {
                None => having.cloned().unwrap_or_default(),
                Some(mut earlier) => {
                    let having: HashSet<&String> = having.into_iter().flatten().collect();
                    earlier.retain(|id| having.contains(id));
                    earlier
                }
            });
        }
        found
    }

    fn enter(&mut self, resource: &Resource) {
        let (Some(ids), Some(id)) = (&mut self.ids, resource.id_text()) else { return };
        for (index, path) in self.paths.iter().enumerate() {
            for value in resource.values(path) {
                let value = match value {
                    Value::String(text) => text.to_lowercase(),
                    other => other.to_string(),
                };
                let known = ids.entry((index, value)).or_default();
                if !known.contains(&id) {
                    known.push(id.clone());
                }
            }
        }
    }
}
