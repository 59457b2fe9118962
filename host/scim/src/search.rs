//! A query sent by POST (RFC 7644 section 3.4.3), and the order that a query may ask for.

use crate::error::{ScimError, ScimType};
use crate::filter::Filter;
use crate::json::{self, Object};
use crate::path::AttributePath;
use crate::unreadable::describe;
use crate::urn;
use serde_json::{Map, Value};

/// A query as `/.search` takes it (RFC 7644 section 3.4.3, RFC 9865 section 2.3).
///
/// ```
/// use scimwright_scim::{Filter, SearchRequest};
///
/// let search = SearchRequest {
///     filter: Some(Filter::parse("userName sw \"j\"")?),
///     count: Some(100),
///     ..SearchRequest::default()
/// };
/// assert_eq!(SearchRequest::from_value(&search.to_value())?, search);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchRequest {
    /// The attributes to return, besides those that are always returned. Empty asks for the default.
    pub attributes: Vec<AttributePath>,
    /// The attributes not to return.
    pub excluded_attributes: Vec<AttributePath>,
    /// What the resources have to match.
    pub filter: Option<Filter>,
    /// The attribute to sort by.
    pub sort_by: Option<AttributePath>,
    /// In which direction.
    pub sort_order: Option<SortOrder>,
    /// The first match to return, from 1. RFC 7644 section 3.4.2.4: less than 1 counts as 1.
    pub start_index: Option<u64>,
    /// The most matches to return; 0 asks for the total only.
    pub count: Option<u64>,
    /// Where to go on; empty begins paging by cursor (RFC 9865 section 2.3).
    pub cursor: Option<String>,
}

/// The direction of sorting (RFC 7644 section 3.4.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SortOrder {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

impl SortOrder {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }

    /// Reads the word on the wire, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ascending, Self::Descending].into_iter().find(|one| text.eq_ignore_ascii_case(one.as_str()))
    }
}

impl SearchRequest {
    /// Reads the body of a search.
    ///
    /// # Errors
    /// [`ScimError`] as a server answers it: `invalidFilter` for the filter, `invalidSyntax` or
    /// `invalidValue` for the rest, naming the member at fault.
    pub fn from_value(value: &Value) -> Result<Self, ScimError> {
        let object = value.as_object().ok_or_else(|| {
            let detail = format!("a search request has to be an object, not {}", describe(value));
            ScimError::bad_request(ScimType::InvalidSyntax, detail)
        })?;
        let filter = match text(object, "filter")? {
            Some(text) => Some(Filter::parse(text)?),
            None => None,
        };
        let sort_by = text(object, "sortBy")?.map(|text| path("sortBy", text)).transpose()?;
        let sort_order = match text(object, "sortOrder")? {
            Some(word) => Some(
                SortOrder::parse(word).ok_or_else(|| invalid("sortOrder", "`ascending` or `descending`"))?,
            ),
            None => None,
        };
        Ok(Self {
            attributes: paths(object, "attributes")?,
            excluded_attributes: paths(object, "excludedAttributes")?,
            filter,
            sort_by,
            sort_order,
            start_index: number(object, "startIndex")?,
            count: number(object, "count")?,
            cursor: text(object, "cursor")?.map(str::to_owned),
        })
    }

    /// The body of a search.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("schemas".into(), Value::from(vec![urn::SEARCH_REQUEST.as_str()]));
        for (key, paths) in
            [("attributes", &self.attributes), ("excludedAttributes", &self.excluded_attributes)]
        {
            if !paths.is_empty() {
                object.insert(key.into(), paths.iter().map(ToString::to_string).collect());
            }
        }
        let texts = [
            ("filter", self.filter.as_ref().map(ToString::to_string)),
            ("sortBy", self.sort_by.as_ref().map(ToString::to_string)),
            ("sortOrder", self.sort_order.map(|order| order.as_str().to_owned())),
            ("cursor", self.cursor.clone()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                object.insert(key.into(), text.into());
            }
        }
        for (key, number) in [("startIndex", self.start_index), ("count", self.count)] {
            if let Some(number) = number {
                object.insert(key.into(), number.into());
            }
        }
        Value::Object(object)
    }
}

fn invalid(key: &str, wanted: &str) -> ScimError {
    ScimError::bad_request(ScimType::InvalidValue, format!("`{key}` of a search request has to be {wanted}"))
}

fn text<'a>(object: &'a Object, key: &str) -> Result<Option<&'a str>, ScimError> {
    match json::field(object, key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(key, "a string")),
    }
}

// RFC 7644 sections 3.4.2.4: a negative count counts as 0, and a start below 1 as 1.
fn number(object: &Object, key: &str) -> Result<Option<u64>, ScimError> {
    match json::field(object, key) {
        None => Ok(None),
        Some(value) if value.as_i64().is_some_and(|number| number < 0) => Ok(Some(0)),
        Some(_) => json::whole(object, key).map(Some).ok_or_else(|| invalid(key, "a whole number")),
    }
}

fn path(key: &str, text: &str) -> Result<AttributePath, ScimError> {
    AttributePath::parse(text).map_err(|cause| invalid(key, &format!("an attribute path: {cause}")))
}

fn paths(object: &Object, key: &str) -> Result<Vec<AttributePath>, ScimError> {
    match json::field(object, key) {
        None => Ok(Vec::new()),
        // As in a query parameter; some clients send it so.
        Some(Value::String(list)) => list
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| path(key, text))
            .collect(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| path(key, item.as_str().ok_or_else(|| invalid(key, "an array of strings"))?))
            .collect(),
        Some(_) => Err(invalid(key, "an array of strings")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_example_of_the_rfc_is_read() {
        // RFC 7644 section 3.4.3, figure 5.
        let search = SearchRequest::from_value(&json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "attributes": ["displayName", "userName"],
            "filter": "displayName sw \"smith\"",
            "startIndex": 1,
            "count": 10,
        }))
        .unwrap();
        assert_eq!(search.attributes.len(), 2);
        assert_eq!((search.start_index, search.count), (Some(1), Some(10)));
        assert_eq!(search.filter.unwrap().to_string(), "displayName sw \"smith\"");
    }

    #[test]
    fn a_negative_count_is_zero() {
        let search = SearchRequest::from_value(&json!({"count": -5, "startIndex": -1})).unwrap();
        assert_eq!((search.count, search.start_index), (Some(0), Some(0)));
    }

    #[test]
    fn a_mistake_is_named_by_its_member_and_kind() {
        for (body, scim_type, word) in [
            (json!([]), ScimType::InvalidSyntax, "object"),
            (json!({"filter": "a"}), ScimType::InvalidFilter, "byte 1"),
            (json!({"filter": 1}), ScimType::InvalidValue, "`filter`"),
            (json!({"sortOrder": "up"}), ScimType::InvalidValue, "`sortOrder`"),
            (json!({"attributes": ["a b"]}), ScimType::InvalidValue, "`attributes`"),
            (json!({"count": "many"}), ScimType::InvalidValue, "`count`"),
        ] {
            let error = SearchRequest::from_value(&body).unwrap_err();
            assert_eq!(error.scim_type, Some(scim_type), "{body}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
