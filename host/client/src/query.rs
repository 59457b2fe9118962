//! What a call asks to see: which resources, how many, and which of their attributes.

use crate::address::escape;
use scimwright_scim::{AttributePath, Filter, SearchRequest, SortOrder};
use std::fmt::Write as _;

/// What to look for, and how much of it to return (RFC 7644 section 3.4.2).
///
/// ```
/// use scimwright_client::Query;
/// use scimwright_scim::{AttributePath, Filter};
///
/// let path = AttributePath::parse("userName")?;
/// let query = Query { count: Some(2), ..Query::filtered(Filter::eq(path, "o'neil\"")) };
/// assert_eq!(query.filter.map(|filter| filter.to_string()).as_deref(), Some(r#"userName eq "o'neil\"""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Only resources that match. A provider may ignore it, so that what comes back has to be checked.
    pub filter: Option<Filter>,
    /// The attribute to sort by (RFC 7644 section 3.4.2.3).
    pub sort_by: Option<AttributePath>,
    /// In which direction.
    pub sort_order: Option<SortOrder>,
    /// The first resource to return, counted from 1 (RFC 7644 section 3.4.2.4).
    pub start_index: Option<u64>,
    /// How many resources to return at most. 0 asks for the total alone; a provider may return fewer.
    pub count: Option<u64>,
    /// Where to go on, as the provider said it; empty begins paging by cursor (RFC 9865 section 2.3).
    pub cursor: Option<String>,
    /// Return these attributes only, besides those that are always returned.
    pub attributes: Vec<AttributePath>,
    /// Return all attributes but these. RFC 7644 section 3.9 does not have both at once.
    pub excluded_attributes: Vec<AttributePath>,
}

impl Query {
    /// Everything that matches the filter.
    #[must_use]
    pub fn filtered(filter: Filter) -> Self {
        Self { filter: Some(filter), ..Self::default() }
    }

    /// The query as the parameters of a GET; none where it asks for everything.
    pub(crate) fn to_query_string(&self) -> Option<String> {
        let mut parameters = Parameters::default();
        if let Some(filter) = &self.filter {
            parameters.add("filter", &filter.to_string());
        }
        parameters.add_paths("attributes", &self.attributes);
        parameters.add_paths("excludedAttributes", &self.excluded_attributes);
        if let Some(sort_by) = &self.sort_by {
            parameters.add("sortBy", &sort_by.to_string());
        }
        if let Some(sort_order) = self.sort_order {
            parameters.add("sortOrder", sort_order.as_str());
        }
        if let Some(start_index) = self.start_index {
            parameters.add("startIndex", &start_index.to_string());
        }
        if let Some(count) = self.count {
            parameters.add("count", &count.to_string());
        }
        // RFC 9865 section 2.3: a cursor is opaque, so that whatever is in it has to arrive.
        if let Some(cursor) = &self.cursor {
            parameters.add("cursor", cursor);
        }
        parameters.finish()
    }
}

/// The query as `/.search` takes it (RFC 7644 section 3.4.3).
impl From<&Query> for SearchRequest {
    fn from(query: &Query) -> Self {
        Self {
            attributes: query.attributes.clone(),
            excluded_attributes: query.excluded_attributes.clone(),
            filter: query.filter.clone(),
            sort_by: query.sort_by.clone(),
            sort_order: query.sort_order,
            start_index: query.start_index,
            count: query.count,
            cursor: query.cursor.clone(),
        }
    }
}

/// Which attributes of a resource to return (RFC 7644 section 3.9). The default is all that the provider
/// returns by itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// These only, besides those that are always returned.
    pub attributes: Vec<AttributePath>,
    /// All but these. RFC 7644 section 3.9 does not have both at once.
    pub excluded: Vec<AttributePath>,
}

impl Selection {
    /// The selection as the parameters of a GET; none where it is the default.
    pub(crate) fn to_query_string(&self) -> Option<String> {
        let mut parameters = Parameters::default();
        parameters.add_paths("attributes", &self.attributes);
        parameters.add_paths("excludedAttributes", &self.excluded);
        parameters.finish()
    }
}

/// A query string in the making. RFC 3986 has no `+` for a blank; that is HTML's, and not every provider
/// reads it.
#[derive(Default)]
struct Parameters(String);

impl Parameters {
    fn add(&mut self, name: &str, value: &str) {
        let separator = if self.0.is_empty() { "" } else { "&" };
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{separator}{name}={}", escape(value));
    }

    fn add_paths(&mut self, name: &str, paths: &[AttributePath]) {
        if !paths.is_empty() {
            self.add(name, &paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
        }
    }

    fn finish(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    fn everything() -> Query {
        Query {
            filter: None,
            sort_by: Some(path("name.familyName")),
            sort_order: Some(SortOrder::Descending),
            start_index: Some(101),
            count: Some(0),
            cursor: Some("a+b/c=&d é".to_owned()),
            attributes: vec![path("userName"), path("name.givenName")],
            excluded_attributes: vec![path("members")],
        }
    }

    #[test]
    fn every_parameter_of_a_query_has_its_place() {
        assert_eq!(
            everything().to_query_string().as_deref(),
            Some(
                "attributes=userName%2Cname.givenName&excludedAttributes=members&sortBy=name.familyName\
                 &sortOrder=descending&startIndex=101&count=0&cursor=a%2Bb%2Fc%3D%26d%20%C3%A9"
            )
        );
        assert_eq!(Query::default().to_query_string(), None);
    }

    #[test]
    fn every_parameter_of_a_query_has_its_place_in_a_search_too() {
        assert_eq!(
            SearchRequest::from(&everything()).to_value(),
            json!({
                "schemas": [scimwright_scim::urn::SEARCH_REQUEST],
                "attributes": ["userName", "name.givenName"],
                "excludedAttributes": ["members"],
                "sortBy": "name.familyName",
                "sortOrder": "descending",
                "cursor": "a+b/c=&d é",
                "startIndex": 101,
                "count": 0,
            })
        );
    }

    /// Point 20: the first page by cursor is asked for with an empty one.
    #[test]
    fn an_empty_cursor_is_not_the_same_as_none() {
        let query = Query { cursor: Some(String::new()), ..Query::default() };
        assert_eq!(query.to_query_string().as_deref(), Some("cursor="));
        assert_eq!(SearchRequest::from(&query).to_value()["cursor"], "");
    }
}
