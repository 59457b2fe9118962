//! Finds the resource of somebody who has no id yet.
//!
//! None, one and several are three different outcomes; several is never "take the first". Whatever the
//! provider answers is checked again here: providers exist that ignore the filter and return everybody, and
//! others that compare without case and return two. Where there is no usable filter, everybody is looked
//! through once, up to [`MAX_LOOKED_THROUGH`], and remembered for a short while.

use super::notice::Notice;
use super::{Kind, Provider, is_lack};
use crate::capability::Capability;
use crate::failure::{ClientError, Failure};
use crate::provider::roster::Lookup;
use crate::query::Query;
use futures::TryStreamExt;
use scimwright_scim::{AttributePath, Comparison, Desired, Filter, FilterValue, Resource};
use std::fmt;
use std::time::Instant;

/// How many resources are looked through at a provider that cannot filter, before the search is given up.
pub const MAX_LOOKED_THROUGH: usize = 50_000;

/// How many resources that do not match may come before a filter counts as ignored. A provider that compares
/// without case returns a few.
const STRAY: usize = 2;

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Nothing matches.
    None,
    /// Exactly one resource matches.
    One(Box<Resource>),
    /// Several match, by the attribute named.
    Several {
        /// The attribute they share.
        by: AttributePath,
        /// The ids of the first few.
        ids: Vec<String>,
    },
    /// The provider cannot filter by this attribute, and has too many resources to look through.
    Unsearchable {
        /// The attribute.
        by: AttributePath,
    },
    /// The wanted state has none of the attributes to match by.
    NothingToMatchBy,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no resource matches"),
            Self::One(resource) => write!(f, "resource {} matches", resource.id_text().unwrap_or_default()),
            Self::Several { by, ids } => write!(
                f,
                "several resources have this {by}: {} and perhaps more; correct it there, or match by another \
                 attribute",
                ids.join(", ")
            ),
            Self::Unsearchable { by } => write!(
                f,
                "it cannot filter by {by}, and has more than {MAX_LOOKED_THROUGH} resources to look through; match \
                 by an attribute that it can filter by"
            ),
            Self::NothingToMatchBy => f.write_str("none of the attributes to match by has a value"),
        }
    }
}

/// How old an index of everybody may be that a search rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// A short while.
    Recent,
    /// It has to be made after this moment: something happened then.
    Since(Instant),
}

impl Provider {
    /// Looks for the resource that has the wanted value in one of these attributes, which are tried in their
    /// order; the first that finds something decides.
    ///
    /// # Errors
    /// Any failure of a query but that the provider cannot filter.
    pub async fn find(
        &self,
        kind: &Kind,
        attributes: &[AttributePath],
        desired: &Desired,
    ) -> Result<Found, ClientError> {
        self.find_as_of(kind, attributes, desired, Freshness::Recent).await
    }

    pub(super) async fn find_as_of(
        &self,
        kind: &Kind,
        attributes: &[AttributePath],
        desired: &Desired,
        freshness: Freshness,
    ) -> Result<Found, ClientError> {
        let mut asked = false;
        for path in attributes {
            let Some(wanted) = Wanted::new(path, desired) else { continue };
            asked = true;
            let Some(matching) = self.matching(kind, &wanted, attributes, freshness).await? else {
                return Ok(Found::Unsearchable { by: path.clone() });
            };
            match matching.as_slice() {
                [] => {}
                [one] => return Ok(Found::One(Box::new(one.clone()))),
                several => {
                    let ids = several.iter().filter_map(Resource::id_text).collect();
                    return Ok(Found::Several { by: path.clone(), ids });
                }
            }
        }
        Ok(if asked { Found::None } else { Found::NothingToMatchBy })
    }

    /// The resources that truly match, or the first two of them; none where there are too many others.
    async fn matching(
        &self,
        kind: &Kind,
        wanted: &Wanted<'_>,
        attributes: &[AttributePath],
        freshness: Freshness,
    ) -> Result<Option<Vec<Resource>>, ClientError> {
        if self.filters_by_equality()
            && let Asked::Answered(matching) = self.ask_for(kind, wanted).await?
        {
            return Ok(Some(matching));
        }
        self.look_through(kind, wanted, attributes, freshness).await
    }

    fn filters_by_equality(&self) -> bool {
        let operators = self.client.quirks().filter_operators.as_ref();
        self.can(Capability::Filter) && operators.is_none_or(|known| known.contains(&Comparison::Equal))
    }

    /// Asks with a filter, and checks what comes.
    async fn ask_for(&self, kind: &Kind, wanted: &Wanted<'_>) -> Result<Asked, ClientError> {
        let query = self.paged(Query::filtered(wanted.filter.clone()));
        let mut pages = self.client.query_pages(kind.resource_type(), query);
        let mut matching = Vec::new();
        let mut strangers = 0;
        loop {
            let page = match pages.try_next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) if is_lack(&error.kind) => {
                    self.observe_lack(Capability::Filter, error.kind.to_string());
                    return Ok(Asked::CannotFilter);
                }
                // This value or this attribute is beyond the provider's filters; others may not be.
                Err(ClientError { kind: Failure::Permanent(refusal), .. }) if refusal.status == 400 => {
                    tracing::debug!(%refusal, filter = %wanted.filter, "a filter is refused");
                    return Ok(Asked::CannotFilter);
                }
                Err(error) => return Err(error),
            };
            for resource in page.value {
                match wanted.filter.matches(&resource, kind.schemas()) {
                    true => matching.push(resource),
                    false => strangers += 1,
                }
            }
            if matching.len() >= 2 {
                break;
            }
            if strangers > STRAY {
                self.ignores_filters(kind);
                return Ok(Asked::CannotFilter);
            }
        }
        Ok(Asked::Answered(matching))
    }

    fn ignores_filters(&self, kind: &Kind) {
        let mut knowledge = self.knowledge();
        knowledge.lacks(Capability::Filter);
        let resource_type = kind.resource_type().name.clone();
        knowledge.say(Notice::IgnoresFilters { resource_type });
    }

    /// Finds candidates in an index of everybody, and reads each of them.
    async fn look_through(
        &self,
        kind: &Kind,
        wanted: &Wanted<'_>,
        attributes: &[AttributePath],
        freshness: Freshness,
    ) -> Result<Option<Vec<Resource>>, ClientError> {
        let lookup = Lookup { path: wanted.path, value: &wanted.value };
        let candidates = self.shared.rosters.candidates(self, kind, lookup, attributes, freshness).await?;
        let Some(candidates) = candidates else { return Ok(None) };
        let mut matching = Vec::new();
        for id in candidates {
            match self.client.retrieve(kind.resource_type(), &id).await {
                Ok(found) if wanted.filter.matches(&found.value, kind.schemas()) => {
                    matching.push(found.value);
                }
                Ok(_) => {}
                // Deleted since the index was made.
                Err(error) if matches!(error.kind, Failure::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
            if matching.len() >= 2 {
                break;
            }
        }
        Ok(Some(matching))
    }
}

/// How a query with a filter went.
enum Asked {
    /// These match.
    Answered(Vec<Resource>),
    /// The filter is not understood, or not heeded.
    CannotFilter,
}

/// What is searched for.
struct Wanted<'a> {
    path: &'a AttributePath,
    value: FilterValue,
    filter: Filter,
}

impl<'a> Wanted<'a> {
    /// None where the wanted state has no single value there.
    fn new(path: &'a AttributePath, desired: &Desired) -> Option<Self> {
        match FilterValue::try_from(desired.value(path)?) {
            Ok(FilterValue::Null) | Err(_) => None,
            Ok(value) => Some(Self { path, filter: Filter::eq(path.clone(), value.clone()), value }),
        }
    }
}
