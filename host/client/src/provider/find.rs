//! Finds the resource of somebody who has no id yet.
//!
//! None, one and several are three different outcomes; several is never "take the first". Whatever the
//! provider answers is checked again here: providers exist that ignore the filter and return everybody, and
//! others that compare without case and return two. Where there is no usable filter, everybody is looked
//! through once, up to [`MAX_LOOKED_THROUGH`], and remembered for a short while.
//!
//! A key of several attributes is asked for with one filter that joins them. A provider that does not
//! understand `and` is asked for the first of them, and the others are compared here.

use super::match_key::MatchKey;
use super::notice::Notice;
use super::{Kind, Provider, is_lack};
use crate::capability::Capability;
use crate::failure::{ClientError, Failure};
use crate::query::Query;
use futures::TryStreamExt;
use scimwright_scim::{AttributePath, Comparison, Desired, Filter, FilterValue, Resource, SchemaSet};
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
    /// Several match, by the key named.
    Several {
        /// The attributes they share.
        by: MatchKey,
        /// The ids of the first few.
        ids: Vec<String>,
    },
    /// The provider cannot filter by this key, and has too many resources to look through.
    Unsearchable {
        /// The attributes.
        by: MatchKey,
    },
    /// There is no key to match by of which the wanted state has every attribute.
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
    /// Looks for the resource that has the wanted values of one of these keys, which are tried in their order;
    /// the first that finds something decides.
    ///
    /// # Errors
    /// Any failure of a query but that the provider cannot filter.
    pub async fn find(
        &self,
        kind: &Kind,
        match_by: &[MatchKey],
        desired: &Desired,
    ) -> Result<Found, ClientError> {
        self.find_as_of(kind, match_by, desired, Freshness::Recent).await
    }

    pub(super) async fn find_as_of(
        &self,
        kind: &Kind,
        match_by: &[MatchKey],
        desired: &Desired,
        freshness: Freshness,
    ) -> Result<Found, ClientError> {
        let mut asked = false;
        for key in match_by {
            let Some(wanted) = Wanted::new(key, desired) else { continue };
            asked = true;
            let Some(matching) = self.matching(kind, &wanted, match_by, freshness).await? else {
                return Ok(Found::Unsearchable { by: key.clone() });
            };
            match matching.as_slice() {
                [] => {}
                [one] => return Ok(Found::One(Box::new(one.clone()))),
                several => {
                    let ids = several.iter().filter_map(Resource::id_text).collect();
                    return Ok(Found::Several { by: key.clone(), ids });
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
        match_by: &[MatchKey],
        freshness: Freshness,
    ) -> Result<Option<Vec<Resource>>, ClientError> {
        if self.filters_by_equality()
            && let Asked::Answered(matching) = self.search(kind, wanted).await?
        {
            return Ok(Some(matching));
        }
        self.look_through(kind, wanted, match_by, freshness).await
    }

    fn filters_by_equality(&self) -> bool {
        let operators = self.client.quirks().filter_operators.as_ref();
        self.can(Capability::Filter) && operators.is_none_or(|known| known.contains(&Comparison::Equal))
    }

    /// Asks for all attributes of the key, and where that is refused for the first of them.
    async fn search(&self, kind: &Kind, wanted: &Wanted<'_>) -> Result<Asked, ClientError> {
        let (first, joined) = match wanted.comparisons.as_slice() {
            [first, _, ..] => (first, Filter::all(wanted.comparisons.iter().cloned())),
            [only] => return self.ask_for(kind, wanted, only).await,
            [] => return Ok(Asked::CannotFilter),
        };
        let name = &kind.resource_type().name;
        let joins = !self.knowledge().joining_refused.contains(name);
        if joins
            && let Some(joined) = &joined
            && let Asked::Answered(matching) = self.ask_joined(kind, wanted, joined).await?
        {
            return Ok(Asked::Answered(matching));
        }
        let answered = self.ask_for(kind, wanted, first).await?;
        if joins && matches!(answered, Asked::Answered(_)) && self.can(Capability::Filter) {
            let mut knowledge = self.knowledge();
            knowledge.joining_refused.insert(name.clone());
            knowledge.say(Notice::RefusesJoinedFilters { resource_type: name.clone() });
        }
        Ok(answered)
    }

    /// Asks with a filter of several comparisons. A refusal says nothing yet about simpler ones.
    async fn ask_joined(
        &self,
        kind: &Kind,
        wanted: &Wanted<'_>,
        joined: &Filter,
    ) -> Result<Asked, ClientError> {
        match self.candidates(kind, wanted, joined).await {
            Err(error) if is_lack(&error.kind) => Ok(Asked::CannotFilter),
            answered => answered,
        }
    }

    /// Asks with a filter; that the provider has none is remembered.
    async fn ask_for(&self, kind: &Kind, wanted: &Wanted<'_>, asked: &Filter) -> Result<Asked, ClientError> {
        match self.candidates(kind, wanted, asked).await {
            Err(error) if is_lack(&error.kind) => {
                self.observe_lack(Capability::Filter, error.kind.to_string());
                Ok(Asked::CannotFilter)
            }
            answered => answered,
        }
    }

    /// Asks with a filter, and checks what comes.
    async fn candidates(
        &self,
        kind: &Kind,
        wanted: &Wanted<'_>,
        asked: &Filter,
    ) -> Result<Asked, ClientError> {
        let query = self.paged(Query::filtered(asked.clone()));
        let mut pages = self.client.query_pages(kind.resource_type(), query);
        let mut matching = Vec::new();
        let mut strangers = 0;
        loop {
            let page = match pages.try_next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                // This value or this attribute is beyond the provider's filters; others may not be.
                Err(ClientError { kind: Failure::Permanent(refusal), .. }) if refusal.status == 400 => {
                    tracing::debug!(%refusal, filter = %asked, "a filter is refused");
                    return Ok(Asked::CannotFilter);
                }
                Err(error) => return Err(error),
            };
            for resource in page.value {
                match wanted.compare(&resource, kind.schemas()) {
                    Likeness::Whole => matching.push(resource),
                    Likeness::Part => {}
                    Likeness::None => strangers += 1,
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
        match_by: &[MatchKey],
        freshness: Freshness,
    ) -> Result<Option<Vec<Resource>>, ClientError> {
        let candidates =
            self.shared.rosters.candidates(self, kind, &wanted.values, match_by, freshness).await?;
        let Some(candidates) = candidates else { return Ok(None) };
        let mut matching = Vec::new();
        for id in candidates {
            match self.client.retrieve(kind.resource_type(), &id).await {
                Ok(found) if wanted.compare(&found.value, kind.schemas()) == Likeness::Whole => {
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

/// How much of a key a resource has.
#[derive(PartialEq, Eq)]
enum Likeness {
    /// All of it.
    Whole,
    /// Some of its attributes.
    Part,
    /// Nothing.
    None,
}

/// What is searched for.
struct Wanted<'a> {
    values: Vec<(&'a AttributePath, FilterValue)>,
    /// One for each of them.
    comparisons: Vec<Filter>,
}

impl<'a> Wanted<'a> {
    /// None where the wanted state has no single value in one of the attributes.
    fn new(key: &'a MatchKey, desired: &Desired) -> Option<Self> {
        let values = key.values(desired)?;
        let comparison =
            |(path, value): &(&AttributePath, FilterValue)| Filter::eq((*path).clone(), value.clone());
        Some(Self { comparisons: values.iter().map(comparison).collect(), values })
    }

    fn compare(&self, resource: &Resource, schemas: &SchemaSet) -> Likeness {
        let alike = self.comparisons.iter().filter(|filter| filter.matches(resource, schemas)).count();
        match alike {
            0 => Likeness::None,
            all if all == self.comparisons.len() => Likeness::Whole,
            _ => Likeness::Part,
        }
    }
}
