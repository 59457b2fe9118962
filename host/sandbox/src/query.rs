//! What a query asks for, whether it came as URL parameters or as the body of a `.search` (RFC 7644
//! sections 3.4.2 and 3.4.3). Parameters are turned into such a body first, so that the two cannot differ.

use crate::error::SandboxError;
use crate::projection::Projection;
use scimwright_scim::{AttributePath, Filter, ScimError, SearchRequest, SortOrder};
use serde_json::{Map, Value};
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

    /// The resources on a page where a query names no `count`.
    pub(crate) fn default(self) -> usize {
        self.default
    }

    /// The resources on a page at most.
    pub(crate) fn max(self) -> usize {
        self.max
    }
}

/// What is asked for, within the bounds of the provider.
#[derive(Debug, PartialEq)]
pub(crate) struct Query {
    /// Which resources.
    pub(crate) filter: Option<Filter>,
    /// How many of them come before the page.
    pub(crate) skip: usize,
    /// How many of them are on the page.
    pub(crate) count: usize,
    /// By which attribute they are ordered, where it is not by creation.
    pub(crate) sort: Option<(AttributePath, SortOrder)>,
    /// Which of their attributes are shown.
    pub(crate) projection: Projection,
}

impl Query {
    /// Reads the parameters behind the `?` of a URL.
    ///
    /// # Errors
    /// `invalidFilter`, or `invalidValue` naming the parameter.
    pub(crate) fn from_url(query: &str, bounds: PageBounds) -> Result<Self, ScimError> {
        Ok(Self::bounded(parameters(query)?, bounds))
    }

    /// Reads the body of a `.search`.
    ///
    /// # Errors
    /// `invalidFilter`, or `invalidValue` naming the member.
    pub(crate) fn from_body(body: Map<String, Value>, bounds: PageBounds) -> Result<Self, ScimError> {
        Ok(Self::bounded(SearchRequest::from_value(&Value::Object(body))?, bounds))
    }

    fn bounded(search: SearchRequest, bounds: PageBounds) -> Self {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            // RFC 7644 section 3.4.2.4: a startIndex below 1 is 1.
            skip: size(search.start_index.unwrap_or(1).max(1) - 1),
            count: search.count.map_or(bounds.default, size).min(bounds.max),
            // RFC 7644 section 3.4.2.3: ascending where nothing is said.
            sort: search.sort_by.map(|by| (by, search.sort_order.unwrap_or_default())),
            filter: search.filter,
            projection: Projection { only: search.attributes, except: search.excluded_attributes },
        }
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

fn parameters(query: &str) -> Result<SearchRequest, ScimError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BOUNDS: PageBounds = PageBounds { default: 100, max: 1000 };

    fn from_body(body: Value) -> Result<Query, ScimError> {
        Query::from_body(body.as_object().unwrap().clone(), BOUNDS)
    }

    #[test]
    fn a_url_and_a_body_that_say_the_same_ask_the_same() {
        let url = "filter=userName%20eq%20%22a%2Bb%22&startIndex=11&count=10&sortBy=name.familyName\
                   &sortOrder=descending&attributes=userName,name";
        let by_url = Query::from_url(url, BOUNDS).unwrap();
        let by_body = from_body(json!({
            "filter": "userName eq \"a+b\"",
            "startIndex": 11,
            "count": 10,
            "sortBy": "name.familyName",
            "sortOrder": "descending",
            "attributes": ["userName", "name"],
        }));
        assert_eq!((by_url.skip, by_url.count), (10, 10));
        assert_eq!(by_url.projection.only.len(), 2);
        assert_eq!(by_url, by_body.unwrap());
    }

    #[test]
    fn pages_stay_within_their_bounds() {
        let page = |url| Query::from_url(url, BOUNDS).map(|query| (query.skip, query.count)).unwrap();
        assert_eq!(page(""), (0, 100));
        assert_eq!(page("startIndex=0&count=5000"), (0, 1000));
        assert_eq!(page("startIndex=-3&count=-1"), (0, 0));
        assert!(PageBounds::new(100, 0).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refusal = |url| Query::from_url(url, BOUNDS).unwrap_err().to_string();
        assert!(refusal("count=ten").contains("`count`"));
        assert!(refusal("sortBy=a%20b").contains("`sortBy`"));
        assert!(refusal("sortBy=userName&sortOrder=upwards").contains("`sortOrder`"));
        assert!(refusal("attributes=a.b.c").contains("`a.b.c`"));
        assert!(refusal("filter=userName%20eq").contains("invalidFilter"));
        assert!(from_body(json!({ "attributes": 1 })).is_err());
    }
}
