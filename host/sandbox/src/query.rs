//! What a query asks for, whether it came as URL parameters or as the body of a `.search` (RFC 7644
//! sections 3.4.2 and 3.4.3). Parameters are turned into such a body first, so that the two cannot differ.

use crate::capabilities::PagingMethods;
use crate::cursor::{Cursors, Fingerprint};
use crate::error::SandboxError;
use crate::fault;
use crate::kind::Kind;
use crate::projection::Projection;
use jiff::Timestamp;
use scimwright_scim::{AttributePath, Filter, ScimError, SearchRequest, SortOrder};
use serde_json::{Map, Value};
use std::num::NonZeroU32;
use url::form_urlencoded;

/// How many resources a page has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageBounds {
    default: usize,
    max: usize,
}

impl PageBounds {
    /// Pages of `default` where nothing is asked for, and of `max` at most.
    ///
    /// # Errors
    /// [`SandboxError::EmptyPages`] where either is 0.
    pub(crate) fn new(default: usize, max: usize) -> Result<Self, SandboxError> {
        match (default, max) {
            (0, _) => Err(SandboxError::EmptyPages { option: "default_page" }),
            (_, 0) => Err(SandboxError::EmptyPages { option: "max_page" }),
            _ => Ok(Self { default: default.min(max), max }),
        }
    }

    /// The same bounds, but never above this.
    pub(crate) fn at_most(self, size: NonZeroU32) -> Self {
        let max = self.max.min(usize::try_from(size.get()).unwrap_or(usize::MAX));
        Self { default: self.default.min(max), max }
    }

    /// The resources on a page where a query names no `count`.
    pub(crate) fn default(self) -> usize {
        self.default
    }

    /// The resources on a page at most.
    pub(crate) fn max(self) -> usize {
        self.max
    }
}

/// How the provider hands out pages.
#[derive(Debug)]
pub(crate) struct Paging {
    /// How many resources a page has.
    pub(crate) bounds: PageBounds,
    /// How pages are reached.
    pub(crate) methods: PagingMethods,
    /// Makes and reads cursors.
    pub(crate) cursors: Cursors,
}

/// Which resources of all that match are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// How many come before.
    pub(crate) skip: usize,
    /// How many there may be.
    pub(crate) count: usize,
    /// How the next page is reached.
    pub(crate) onward: Onward,
}

/// How one page leads to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Onward {
    /// The client counts.
    Index,
    /// The answer says.
    Cursor { query: Fingerprint, seconds: NonZeroU32 },
}

impl Paging {
    /// The page that is asked for.
    ///
    /// # Errors
    /// 501 for an index where there are only cursors; under paging by cursor also what RFC 9865 section 2.1
    /// lists.
    fn page(&self, kinds: &[Kind], search: &SearchRequest, now: Timestamp) -> Result<Page, ScimError> {
        match (self.methods, &search.cursor, search.start_index) {
            (PagingMethods::Index, ..) | (PagingMethods::Both { .. }, None, _) => Ok(self.by_index(search)),
            (PagingMethods::Cursor { .. }, _, Some(_)) => {
                Err(fault::not_implemented("`startIndex` is not supported: pages are reached by `cursor`"))
            }
            (PagingMethods::Both { .. }, Some(_), Some(_)) => {
                Err(fault::invalid_value("a page is reached by `startIndex` or by `cursor`, not by both"))
            }
            (PagingMethods::Cursor { seconds } | PagingMethods::Both { seconds }, ..) => {
                self.by_cursor(kinds, search, seconds, now)
            }
        }
    }

    fn by_index(&self, search: &SearchRequest) -> Page {
        Page {
            // RFC 7644 section 3.4.2.4: a startIndex below 1 is 1.
            skip: size(search.start_index.unwrap_or(1).max(1) - 1),
            count: search.count.map_or(self.bounds.default, size).min(self.bounds.max),
            onward: Onward::Index,
        }
    }

    fn by_cursor(
        &self,
        kinds: &[Kind],
        search: &SearchRequest,
        seconds: NonZeroU32,
        now: Timestamp,
    ) -> Result<Page, ScimError> {
        let count = search.count.map_or(self.bounds.default, size);
        if count == 0 || count > self.bounds.max {
            return Err(fault::invalid_count(format!(
                "`count` is {count}; it has to be between 1 and {}",
                self.bounds.max
            )));
        }
        let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        let without_cursor = SearchRequest { cursor: None, ..search.clone() };
        let query = self.cursors.fingerprint(&format!("{names:?}{}", without_cursor.to_value()));
        let skip = match search.cursor.as_deref() {
            // RFC 9865 section 2: empty or absent for the first page.
            None | Some("") => 0,
            Some(cursor) => self.cursors.read(cursor, query, seconds, now)?,
        };
        Ok(Page { skip, count, onward: Onward::Cursor { query, seconds } })
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// What is asked for, within the bounds of the provider.
#[derive(Debug, PartialEq)]
pub(crate) struct Query {
    /// Which resources.
    pub(crate) filter: Option<Filter>,
    /// How many of them, and from where on.
    pub(crate) page: Page,
    /// By which attribute they are ordered, where it is not by creation.
    pub(crate) sort: Option<(AttributePath, SortOrder)>,
    /// Which of their attributes are shown.
    pub(crate) projection: Projection,
}

impl Query {
    /// What a search over these resource types asks for.
    ///
    /// # Errors
    /// Those of paging.
    pub(crate) fn new(
        kinds: &[Kind],
        search: SearchRequest,
        paging: &Paging,
        now: Timestamp,
    ) -> Result<Self, ScimError> {
        Ok(Self {
            page: paging.page(kinds, &search, now)?,
            // RFC 7644 section 3.4.2.3: ascending where nothing is said.
            sort: search.sort_by.map(|by| (by, search.sort_order.unwrap_or_default())),
            filter: search.filter,
            projection: Projection { only: search.attributes, except: search.excluded_attributes },
        })
    }
}

/// Reads `attributes` and `excludedAttributes`, which every request takes that is answered with a resource
/// (RFC 7644 section 3.9).
///
/// # Errors
/// `invalidValue` naming the entry that is no attribute path.
pub(crate) fn projection(query: &str) -> Result<Projection, ScimError> {
    let search = parameters(query)?;
    Ok(Projection { only: search.attributes, except: search.excluded_attributes })
}

/// Reads the parameters behind the `?` of a URL as the body of a `.search`.
///
/// # Errors
/// `invalidFilter`, or `invalidValue` naming the parameter.
pub(crate) fn parameters(query: &str) -> Result<SearchRequest, ScimError> {
    let mut body = Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let value = match name.as_ref() {
            "startIndex" | "count" => text.parse::<i64>().map_or_else(|_| text.as_ref().into(), Value::from),
            _ => text.as_ref().into(),
        };
        body.insert(name.into_owned(), value);
    }
    SearchRequest::from_value(&Value::Object(body))
}

/// Reads the body of a `.search`.
///
/// # Errors
/// `invalidFilter`, or `invalidValue` naming the member.
pub(crate) fn from_body(body: Map<String, Value>) -> Result<SearchRequest, ScimError> {
    SearchRequest::from_value(&Value::Object(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paging(methods: PagingMethods) -> Paging {
        Paging { bounds: PageBounds { default: 100, max: 1000 }, methods, cursors: Cursors::default() }
    }

    fn asked(paging: &Paging, search: Result<SearchRequest, ScimError>) -> Result<Query, ScimError> {
        Query::new(&[Kind::User], search?, paging, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_url_and_a_body_that_say_the_same_ask_the_same() {
        let url = "filter=userName%20eq%20%22a%2Bb%22&startIndex=11&count=10&sortBy=name.familyName\
                   &sortOrder=descending&attributes=userName,name";
        let body = json!({
            "filter": "userName eq \"a+b\"",
            "startIndex": 11,
            "count": 10,
            "sortBy": "name.familyName",
            "sortOrder": "descending",
            "attributes": ["userName", "name"],
        });
        let paging = paging(PagingMethods::Index);
        let by_url = asked(&paging, parameters(url)).unwrap();
        let by_body = asked(&paging, from_body(body.as_object().unwrap().clone())).unwrap();
        assert_eq!((by_url.page.skip, by_url.page.count), (10, 10));
        assert_eq!(by_url.projection.only.len(), 2);
        assert_eq!(by_url, by_body);
    }

    #[test]
    fn pages_stay_within_their_bounds() {
        let paging = paging(PagingMethods::Index);
        let page = |url| asked(&paging, parameters(url)).map(|it| (it.page.skip, it.page.count)).unwrap();
        assert_eq!(page(""), (0, 100));
        assert_eq!(page("startIndex=0&count=5000"), (0, 1000));
        assert_eq!(page("startIndex=-3&count=-1"), (0, 0));
        assert_eq!(page("cursor=unknown-here"), (0, 100));
        assert!(PageBounds::new(100, 0).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refusal = |url| parameters(url).unwrap_err().to_string();
        assert!(refusal("count=ten").contains("`count`"));
        assert!(refusal("sortBy=a%20b").contains("`sortBy`"));
        assert!(refusal("sortBy=userName&sortOrder=upwards").contains("`sortOrder`"));
        assert!(refusal("attributes=a.b.c").contains("`a.b.c`"));
        assert!(refusal("filter=userName%20eq").contains("invalidFilter"));
        assert!(from_body(json!({ "attributes": 1 }).as_object().unwrap().clone()).is_err());
    }
}
