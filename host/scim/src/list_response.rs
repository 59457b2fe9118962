//! A page of query results (RFC 7644 section 3.4.2, RFC 9865 section 2.4).

use crate::json;
use crate::resource::Resource;
use crate::unreadable::Unreadable;
use crate::urn;
use serde_json::{Map, Value};

/// A page of query results.
///
/// The counts are what the provider says, and providers exist that say it wrong: nothing here checks them
/// against the resources.
///
/// ```
/// use scimwright_scim::ListResponse;
/// use serde_json::json;
///
/// let page = ListResponse::from_value(json!({"totalResults": 2, "Resources": [{"id": "1"}]}))?;
/// assert_eq!(page.total_results, Some(2));
/// assert_eq!(page.resources[0].id(), Some("1"));
/// # Ok::<(), scimwright_scim::Unreadable>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListResponse {
    /// How many resources match, on all pages together. Paging by cursor may leave it out.
    pub total_results: Option<u64>,
    /// How many resources are on this page.
    pub items_per_page: Option<u64>,
    /// Which of all matches is the first on this page, from 1.
    pub start_index: Option<u64>,
    /// Where the next page begins (RFC 9865 section 2.4).
    pub next_cursor: Option<String>,
    /// Where the previous page begins.
    pub previous_cursor: Option<String>,
    /// The resources on this page.
    pub resources: Vec<Resource>,
}

impl ListResponse {
    /// Reads a page. A bare array counts as a page without numbers; `Resources` may be missing, null or
    /// spelled in any case.
    ///
    /// # Errors
    /// [`Unreadable`] when it is neither an object that looks like a page nor an array, or when something
    /// among the resources is no object.
    pub fn from_value(value: Value) -> Result<Self, Unreadable> {
        const WHAT: &str = "list response";
        let mut object = match value {
            Value::Object(object) => object,
            Value::Array(items) => return Ok(Self { resources: resources(WHAT, items)?, ..Self::default() }),
            other => return Err(Unreadable::field(WHAT, "it", "an object", &other)),
        };
        let listed = match json::take(&mut object, "Resources") {
            Some(Value::Array(items)) => Some(resources(WHAT, items)?),
            None | Some(Value::Null) => None,
            Some(other) => return Err(Unreadable::field(WHAT, "Resources", "an array", &other)),
        };
        let total_results = json::whole(&object, "totalResults");
        // Without this, an error body or a single resource would pass for an empty page, and a person who is
        // there for one who is not.
        if listed.is_none() && total_results.is_none() && !json::mentions_schema(&object, &urn::LIST_RESPONSE)
        {
            return Err(Unreadable::missing(WHAT, "Resources"));
        }
        Ok(Self {
            total_results,
            items_per_page: json::whole(&object, "itemsPerPage"),
            start_index: json::whole(&object, "startIndex"),
            next_cursor: cursor(WHAT, &object, "nextCursor")?,
            previous_cursor: cursor(WHAT, &object, "previousCursor")?,
            resources: listed.unwrap_or_default(),
        })
    }

    /// The page as a provider sends it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("schemas".into(), Value::from(vec![urn::LIST_RESPONSE.as_str()]));
        let numbers = [
            ("totalResults", self.total_results),
            ("itemsPerPage", self.items_per_page),
            ("startIndex", self.start_index),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                object.insert(key.into(), number.into());
            }
        }
        for (key, cursor) in [("nextCursor", &self.next_cursor), ("previousCursor", &self.previous_cursor)] {
            if let Some(cursor) = cursor {
                object.insert(key.into(), cursor.as_str().into());
            }
        }
        let resources = self.resources.iter().map(Resource::to_value).collect();
        object.insert("Resources".into(), Value::Array(resources));
        Value::Object(object)
    }
}

/// A cursor is opaque text (RFC 9865 section 2.1). A number is one whose quotes were forgotten; anything else
/// means that there is more, and not where, so that the page must not pass for the last.
fn cursor(what: &'static str, object: &Map<String, Value>, name: &str) -> Result<Option<String>, Unreadable> {
    match json::field(object, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => Err(Unreadable::field(what, name, "a string", other)),
    }
}

fn resources(what: &'static str, items: Vec<Value>) -> Result<Vec<Resource>, Unreadable> {
    let read = |(index, item): (usize, Value)| match item {
        Value::Object(_) => Resource::from_value(item),
        other => Err(Unreadable::field(what, format!("Resources[{index}]"), "an object", &other)),
    };
    items.into_iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Points 1 and 22: bare arrays, numbers as strings, names in any case.
    #[test]
    fn pages_are_read_as_servers_send_them() {
        let empty = ListResponse::from_value(json!({"totalResults": "0"})).unwrap();
        assert_eq!((empty.total_results, empty.resources.len()), (Some(0), 0));
        let odd = json!({"totalresults": 1.0, "resources": [{"id": "a"}], "nextCursor": "n"});
        let odd = ListResponse::from_value(odd).unwrap();
        assert_eq!((odd.total_results, odd.next_cursor.as_deref()), (Some(1), Some("n")));
        let number = ListResponse::from_value(json!({"Resources": [], "nextCursor": 5})).unwrap();
        assert_eq!(number.next_cursor.as_deref(), Some("5"));
        assert!(ListResponse::from_value(json!({"Resources": [], "nextCursor": {"at": 5}})).is_err());
        assert_eq!(ListResponse::from_value(json!([{"id": "a"}, {"id": "b"}])).unwrap().resources.len(), 2);
    }

    #[test]
    fn what_is_no_page_is_not_an_empty_page() {
        for body in [json!({"status": "404"}), json!({"id": "a", "userName": "b"}), json!("x"), json!(null)] {
            assert!(ListResponse::from_value(body.clone()).is_err(), "{body}");
        }
        let broken = ListResponse::from_value(json!({"Resources": [{}, 3]})).unwrap_err();
        assert_eq!(broken.place, "Resources[1]");
    }

    #[test]
    fn a_page_survives_the_wire() {
        let page = ListResponse {
            total_results: Some(5),
            items_per_page: Some(1),
            start_index: Some(2),
            next_cursor: Some("n".into()),
            previous_cursor: Some("p".into()),
            resources: vec![Resource::from_value(json!({"id": "1"})).unwrap()],
        };
        assert_eq!(ListResponse::from_value(page.to_value()).unwrap(), page);
    }
}
