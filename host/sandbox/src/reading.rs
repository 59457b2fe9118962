//! Retrieving one resource, and querying many (RFC 7644 section 3.4).
//!
//! A page without filter costs what is on it. A filter that holds one of the indexed attributes to a value
//! looks at the few resources the index names; any other looks at all of them. Either way the whole filter
//! decides in the end: an index only ever proposes.

use crate::catalogue::Definition;
use crate::condition::{self, Verdict};
use crate::fault;
use crate::kind::Kind;
use crate::message::{Request, Response};
use crate::projection::Projection;
use crate::provider::Provider;
use crate::query::{self, Onward, Page, Query};
use crate::representation::Representation;
use crate::sorting::SortKey;
use crate::store::{ResourceId, Row, Store};
use crate::writing::named;
use jiff::Timestamp;
use scimwright_scim::{
    AttributePath, Comparison, Filter, FilterValue, ScimError, SearchRequest, SortOrder, urn,
};
use serde_json::{Value, json};

/// Where a query came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// RFC 7644 section 3.4.2: its parameters stand in the URL.
    List,
    /// RFC 7644 section 3.4.3: they stand in the body.
    Search,
}

/// A resource found, and which type it is of.
type Found<'a> = (Kind, &'a Row);

impl Provider {
    /// RFC 7644 section 3.4.1
    pub(crate) fn retrieve(&self, kind: Kind, id: &str, request: &Request) -> Result<Response, ScimError> {
        let projection = self.projection(request)?;
        let store = self.read();
        let row = named(&store, kind, id)?;
        let tag = self.tags.of(row);
        match condition::for_reading(request, tag.as_deref()) {
            Verdict::Holds => Ok(self.shown(&store, kind, row, 200, &projection)),
            Verdict::NotModified => Ok(tagged(Response::empty(304), tag)),
            Verdict::Failed => Err(condition::failed(tag.as_deref())),
        }
    }

    /// RFC 7644 section 3.4.2
    pub(crate) fn list(
        &self,
        kinds: &[Kind],
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ScimError> {
        self.answer_query(kinds, Door::List, query::parameters(&request.query)?, now)
    }

    /// RFC 7644 section 3.4.3
    pub(crate) fn search(
        &self,
        kinds: &[Kind],
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ScimError> {
        self.answer_query(kinds, Door::Search, query::from_body(self.body(request)?)?, now)
    }

    fn answer_query(
        &self,
        kinds: &[Kind],
        door: Door,
        mut search: SearchRequest,
        now: Timestamp,
    ) -> Result<Response, ScimError> {
        if search.filter.is_some() && !self.capabilities.filter {
            return Err(fault::not_implemented("filters are not supported"));
        }
        if search.sort_by.is_some() && !self.capabilities.sort {
            return Err(fault::not_implemented("sorting is not supported"));
        }
        if let Some(play) = &self.play {
            play.understand(door, &mut search)?;
        }
        let query = Query::new(kinds, search, &self.paging, now)?;
        let store = self.read();
        let (total, found) = self.find(&store, kinds, &query);
        if let Some(play) = &self.play {
            play.finds(total, &query)?;
        }
        Ok(self.page(&store, &query, total, found, now))
    }

    /// What a request that is answered with a resource wants to see of it.
    pub(crate) fn projection(&self, request: &Request) -> Result<Projection, ScimError> {
        query::projection(&request.query)
    }

    /// The representations of what is in a store.
    pub(crate) fn representation<'a>(&'a self, store: &'a Store) -> Representation<'a> {
        Representation { catalogue: &self.catalogue, base_url: &self.base_url, tags: &self.tags, store }
    }

    /// A response with one resource in it, and its entity tag (RFC 7644 section 3.14).
    pub(crate) fn shown(
        &self,
        store: &Store,
        kind: Kind,
        row: &Row,
        status: u16,
        projection: &Projection,
    ) -> Response {
        let value = self.projected(store, (kind, row), projection);
        tagged(Response::json(status, &value), self.tags.of(row))
    }

    fn projected(&self, store: &Store, (kind, row): Found<'_>, projection: &Projection) -> Value {
        let definition = self.catalogue.of(kind);
        let hidden = |name: &str| self.play.as_ref().is_some_and(|play| play.hides(kind, name));
        let wanted = |name: &str| projection.wants(definition, name) && !hidden(name);
        projection.apply(definition, self.representation(store).with_parts(kind, row, wanted))
    }

    fn page(
        &self,
        store: &Store,
        query: &Query,
        total: usize,
        found: Vec<Found<'_>>,
        now: Timestamp,
    ) -> Response {
        let resources: Vec<_> =
            found.into_iter().map(|found| self.projected(store, found, &query.projection)).collect();
        let Page { skip, count, onward } = query.page;
        let shown = resources.len();
        let mut list = json!({
            "schemas": [urn::LIST_RESPONSE.as_str()],
            "totalResults": total,
            "itemsPerPage": shown,
        });
        match onward {
            Onward::Index => list["startIndex"] = skip.saturating_add(1).into(),
            Onward::Cursor { query, seconds } => {
                let cursor = |skip| Value::from(self.paging.cursors.make(skip, query, seconds, now));
                // RFC 9865 section 2: absent on the last page, and only there.
                if skip.saturating_add(shown) < total {
                    list["nextCursor"] = cursor(skip + shown);
                }
                if skip > 0 {
                    list["previousCursor"] = cursor(skip.saturating_sub(count));
                }
            }
        }
        list["Resources"] = Value::Array(resources);
        Response::json(200, &list)
    }

    /// How many resources there are in all, and those on the page.
    fn find<'a>(&self, store: &'a Store, kinds: &[Kind], query: &Query) -> (usize, Vec<Found<'a>>) {
        let Some(filter) = &query.filter else {
            return match &query.sort {
                Some(sort) => {
                    let all = kinds.iter().flat_map(|kind| store.rows(*kind, 0).map(|row| (*kind, row)));
                    self.sorted(store, all.collect(), sort, query)
                }
                None => unfiltered(store, kinds, query),
            };
        };
        let matching = kinds.iter().flat_map(|kind| self.matching(store, *kind, filter));
        match &query.sort {
            Some(sort) => self.sorted(store, matching.collect(), sort, query),
            None => {
                let found: Vec<_> = matching.collect();
                (found.len(), found.into_iter().skip(query.page.skip).take(query.page.count).collect())
            }
        }
    }

    fn matching<'a>(&self, store: &'a Store, kind: Kind, filter: &Filter) -> Vec<Found<'a>> {
        let definition = self.catalogue.of(kind);
        let representation = self.representation(store);
        // Text that only looks like a mention costs time, and never a match.
        let mentioned = filter.to_string().to_ascii_lowercase();
        let matches = |row: &&Row| {
            let resource = representation.with_parts(kind, row, |name| mentioned.contains(name));
            filter.matches(&resource, &definition.schemas)
        };
        let found: Vec<_> = match proposed(store, kind, definition, filter) {
            Some(rows) => rows.into_iter().filter(matches).collect(),
            None => store.rows(kind, 0).filter(matches).collect(),
        };
        found.into_iter().map(|row| (kind, row)).collect()
    }

    fn sorted<'a>(
        &self,
        store: &'a Store,
        found: Vec<Found<'a>>,
        (by, order): &(AttributePath, SortOrder),
        query: &Query,
    ) -> (usize, Vec<Found<'a>>) {
        let representation = self.representation(store);
        let key = |(kind, row): &Found<'_>| {
            SortKey::of(&representation.of(*kind, row), by, &self.catalogue.of(*kind).schemas)
        };
        let mut keyed: Vec<_> = found.into_iter().map(|found| (key(&found), found)).collect();
        keyed.sort_by(|(a, _), (b, _)| match order {
            SortOrder::Ascending => a.cmp(b),
            SortOrder::Descending => b.cmp(a),
        });
        let page = keyed.iter().skip(query.page.skip).take(query.page.count).map(|(_, found)| *found);
        (keyed.len(), page.collect())
    }
}

fn tagged(response: Response, tag: Option<String>) -> Response {
    match tag {
        Some(tag) => response.with_header("ETag", tag),
        None => response,
    }
}

/// A page of everything in the order of creation, one type after the other.
fn unfiltered<'a>(store: &'a Store, kinds: &[Kind], query: &Query) -> (usize, Vec<Found<'a>>) {
    let total = kinds.iter().map(|kind| store.len(*kind)).sum();
    let mut page = Vec::new();
    let mut skip = query.page.skip;
    for kind in kinds {
        let room = query.page.count - page.len();
        page.extend(store.rows(*kind, skip).take(room).map(|row| (*kind, row)));
        skip = skip.saturating_sub(store.len(*kind));
    }
    (total, page)
}

/// The resources an index proposes for a filter: all that can match, and perhaps some that do not. `None`
/// where no index helps.
fn proposed<'a>(
    store: &'a Store,
    kind: Kind,
    definition: &Definition,
    filter: &Filter,
) -> Option<Vec<&'a Row>> {
    match filter {
        Filter::Compare { path, operator: Comparison::Equal, value: FilterValue::Text(text) } => {
            let id = ResourceId::parse(text);
            match definition.schemas.canonical(path).to_string().as_str() {
                "id" => Some(id.and_then(|id| store.get(kind, id)).into_iter().collect()),
                "userName" => Some(store.with_user_name(kind, text).into_iter().collect()),
                "externalId" => Some(store.with_external_id(kind, text)),
                "members" | "members.value" if kind == Kind::Group => {
                    Some(id.map(|id| store.groups_listing(id)).unwrap_or_default())
                }
                _ => None,
            }
        }
        // What matches all of them matches each.
        Filter::And(operands) => {
            operands.iter().find_map(|operand| proposed(store, kind, definition, operand))
        }
        _ => None,
    }
}
