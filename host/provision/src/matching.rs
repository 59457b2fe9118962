//! Finds the resource of a record that has no link.
//!
//! None, one and several are three different outcomes; several is never "take the first". Whatever the
//! provider answers is checked again here, since a provider may ignore the filter and return everybody, or
//! compare without case and return two.

use crate::cycle::Tally;
use futures::TryStreamExt;
use scimwright_client::{Client, ClientError, Query, ResourceTypeBinding};
use scimwright_record::RecordKey;
use scimwright_scim::{AttributePath, Desired, Filter, FilterValue, Resource};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

/// How many resources that do not match are looked at before the provider's filter is given up.
const MAX_STRANGERS: usize = 20_000;

/// What a search for a record's resource found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Match {
    /// Nothing matches.
    None,
    /// Exactly one resource matches.
    One(Box<Resource>),
    /// Several match, by the attribute named.
    Several {
        /// The attribute they share with the record.
        by: AttributePath,
        /// The ids of the first few.
        ids: Vec<String>,
    },
    /// The provider returns resources that do not match, and too many of them to look through.
    FilterIgnored {
        /// The attribute that was asked for.
        by: AttributePath,
    },
    /// The record has none of the attributes to match by.
    NothingToMatchBy,
}

/// Looks for the resource of a record, by the configured attributes in their order.
pub(crate) async fn find(
    client: &Client,
    binding: &ResourceTypeBinding,
    attributes: &[AttributePath],
    desired: &Desired,
    tally: &Tally<'_>,
) -> Result<Match, ClientError> {
    let mut asked = false;
    for path in attributes {
        let Some(filter) = equality(path, desired) else { continue };
        asked = true;
        let Some(matching) = matching_resources(client, binding, filter, tally).await? else {
            return Ok(Match::FilterIgnored { by: path.clone() });
        };
        match matching.as_slice() {
            [] => {}
            [one] => return Ok(Match::One(Box::new(one.clone()))),
            several => {
                let ids = several.iter().filter_map(|resource| resource.id().map(str::to_owned)).collect();
                return Ok(Match::Several { by: path.clone(), ids });
            }
        }
    }
    Ok(if asked { Match::None } else { Match::NothingToMatchBy })
}

/// The filter that finds resources with the record's value in this attribute; none where it has no single
/// value there.
fn equality(path: &AttributePath, desired: &Desired) -> Option<Filter> {
    match FilterValue::try_from(desired.value(path)?) {
        Ok(FilterValue::Null) | Err(_) => None,
        Ok(value) => Some(Filter::eq(path.clone(), value)),
    }
}

/// The resources that truly match, or the first few: two are as many as several. `None` when the provider returned too
/// many others to go on.
async fn matching_resources(
    client: &Client,
    binding: &ResourceTypeBinding,
    filter: Filter,
    tally: &Tally<'_>,
) -> Result<Option<Vec<Resource>>, ClientError> {
    let query = Query::filtered(filter.clone());
    let mut pages = client.query_pages(&binding.resource_type, query);
    let mut matching = Vec::new();
    let mut strangers = 0;
    while let Some(page) = pages.try_next().await.inspect_err(|error| tally.sent(&error.call))? {
        tally.sent(&page.call);
        for resource in page.value {
            if filter.matches(&resource, &binding.schemas) {
                matching.push(resource);
            } else {
                strangers += 1;
            }
        }
        if matching.len() >= 2 {
            break;
        }
        if strangers >= MAX_STRANGERS {
            return Ok(None);
        }
    }
    Ok(Some(matching))
}

/// What the records under way without a link are going to be found by.
///
/// Two records with one login could otherwise be created and searched at the same time, and the second would
/// adopt what the first has just made. Only records under way are here, so this stays small.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<String, RecordKey>>);

/// The match values of one record, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    claims: &'a Claims,
    values: Vec<String>,
}

/// Another record under way has the same value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Contested {
    /// That record.
    pub(crate) by: RecordKey,
    /// The attribute they share.
    pub(crate) path: AttributePath,
}

impl Claims {
    /// Claims a record's match values for as long as the claim lives.
    pub(crate) fn claim(
        &self,
        key: &RecordKey,
        attributes: &[AttributePath],
        desired: &Desired,
    ) -> Result<Claim<'_>, Contested> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut claim = Claim { claims: self, values: Vec::with_capacity(attributes.len()) };
        for path in attributes {
            let Some(filter) = equality(path, desired) else { continue };
            // Many providers compare without case, so that is how far apart two values have to be.
            let value = filter.to_string().to_lowercase();
            match held.entry(value.clone()) {
                Entry::Occupied(other) => {
                    let contested = Contested { by: other.get().clone(), path: path.clone() };
                    // Dropping the claim takes the lock again.
                    drop(held);
                    return Err(contested);
                }
                Entry::Vacant(place) => {
                    place.insert(key.clone());
                    claim.values.push(value);
                }
            }
        }
        Ok(claim)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut held = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        for value in &self.values {
            held.remove(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired(user_name: &str, external_id: &str) -> Desired {
        let mut desired = Desired::new();
        desired.set(&AttributePath::parse("userName").unwrap(), serde_json::json!(user_name));
        desired.set(&AttributePath::parse("externalId").unwrap(), serde_json::json!(external_id));
        desired
    }

    #[test]
    fn two_records_under_way_cannot_claim_one_login_whatever_its_case() {
        let claims = Claims::default();
        let paths = ["externalId", "userName"].map(|path| AttributePath::parse(path).unwrap());
        let key = |text: &str| RecordKey::parse(text).unwrap();
        let first = claims.claim(&key("E1"), &paths, &desired("JDoe", "E1")).unwrap();
        let contested = claims.claim(&key("E2"), &paths, &desired("jdoe", "E2")).unwrap_err();
        assert_eq!(contested, Contested { by: key("E1"), path: paths[1].clone() });
        // What the second could claim was given back, and so is everything once the first is done.
        drop(first);
        assert!(claims.claim(&key("E3"), &paths, &desired("jdoe", "E2")).is_ok());
    }
}
