//! Finds the resource of a record that has no link.
//!
//! None, one and several are three different outcomes; several is never "take the first". Whatever the
//! provider answers is checked again here, since a provider may ignore the filter and return everybody, or
//! compare without case and return two.

use crate::cycle::Tally;
use futures::TryStreamExt;
use scimwright_client::{Client, ClientError, Query, ResourceTypeBinding};
use scimwright_scim::{AttributePath, Desired, Filter, FilterValue, Resource};

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
