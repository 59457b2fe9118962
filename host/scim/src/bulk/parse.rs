//! Bulk messages from JSON and to JSON (RFC 7644 section 3.7).

use super::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult};
use crate::error::{ScimError, ScimType, read_status};
use crate::json::{self, Object};
use crate::unreadable::{Unreadable, describe};
use crate::urn;
use serde_json::{Map, Value, json};

impl BulkRequest {
    /// Reads the body of a bulk request. Names of members and methods are read in any case.
    ///
    /// # Errors
    /// [`ScimError`] as a server answers it: `invalidSyntax` or `invalidValue`, naming the operation at fault.
    pub fn from_value(value: Value) -> Result<Self, ScimError> {
        let mut object = match value {
            Value::Object(object) => object,
            other => {
                return Err(syntax(format!("a bulk request has to be an object, not {}", describe(&other))));
            }
        };
        if json::field(&object, "schemas").is_some() && !json::mentions_schema(&object, &urn::BULK_REQUEST) {
            return Err(syntax(format!("`schemas` of a bulk request has to hold `{}`", urn::BULK_REQUEST)));
        }
        let fail_on_errors = match json::field(&object, "failOnErrors") {
            None => None,
            Some(given) => {
                let limit = json::whole(&object, "failOnErrors").and_then(|limit| u32::try_from(limit).ok());
                Some(limit.ok_or_else(|| {
                    let given = describe(given);
                    value_error(format!("`failOnErrors` has to be a whole number of failures, not {given}"))
                })?)
            }
        };
        let operations = match json::take(&mut object, "Operations") {
            Some(Value::Array(items)) => items,
            None | Some(Value::Null) => {
                return Err(syntax("a bulk request has to have `Operations`".into()));
            }
            Some(other) => {
                return Err(syntax(format!("`Operations` has to be an array, not {}", describe(&other))));
            }
        };
        let read = |(index, item)| {
            read_operation(item).map_err(|error| {
                let detail = error.detail.unwrap_or_default();
                ScimError { detail: Some(format!("Operations[{index}]: {detail}")), ..error }
            })
        };
        let operations = operations.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { fail_on_errors, operations })
    }

    /// The body of a bulk request.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("schemas".into(), json!([urn::BULK_REQUEST]));
        if let Some(limit) = self.fail_on_errors {
            object.insert("failOnErrors".into(), limit.into());
        }
        let operations = self.operations.iter().map(BulkOperation::to_value).collect();
        object.insert("Operations".into(), Value::Array(operations));
        Value::Object(object)
    }
}

impl BulkOperation {
    /// The operation as it stands in `Operations`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("method".into(), self.method.as_str().into());
        put_text(&mut object, "bulkId", self.bulk_id.as_deref());
        put_text(&mut object, "version", self.version.as_deref());
        object.insert("path".into(), self.path.as_str().into());
        if let Some(data) = &self.data {
            object.insert("data".into(), data.clone());
        }
        Value::Object(object)
    }
}

fn read_operation(item: Value) -> Result<BulkOperation, ScimError> {
    let mut object = match item {
        Value::Object(object) => object,
        other => return Err(syntax(format!("an operation has to be an object, not {}", describe(&other)))),
    };
    let method = match json::field(&object, "method") {
        Some(Value::String(word)) => BulkMethod::parse(word),
        _ => None,
    };
    let Some(method) = method else {
        let given = json::field(&object, "method").map_or_else(|| "missing".into(), describe);
        return Err(syntax(format!("`method` is {given}; it has to be POST, PUT, PATCH or DELETE")));
    };
    let Some(path) = json::text(&object, "path").map(str::to_owned) else {
        return Err(syntax(format!("`{method}` has to have a `path`")));
    };
    let data = json::take(&mut object, "data").filter(|data| !data.is_null());
    // RFC 7644 section 3.7: data is "REQUIRED when "method" is "POST", "PUT", and "PATCH"".
    if data.is_none() && method != BulkMethod::Delete {
        return Err(syntax(format!("`{method}` of `{}` has to have `data`", cut(&path))));
    }
    let text = |name| scalar_text(&object, name);
    Ok(BulkOperation { method, bulk_id: text("bulkId"), version: text("version"), path, data })
}

impl BulkResponse {
    /// Reads a provider's answer.
    ///
    /// A status may be a string, a number, or the object that drafts of RFC 7644 had, `{"code": "201"}`; where
    /// it is missing, that of the error in `response` counts.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not an object with `Operations`, or when a result has no status.
    pub fn from_value(value: Value) -> Result<Self, Unreadable> {
        const WHAT: &str = "bulk response";
        let mut object = match value {
            Value::Object(object) => object,
            other => return Err(Unreadable::field(WHAT, "it", "an object", &other)),
        };
        let items = match json::take(&mut object, "Operations") {
            Some(Value::Array(items)) => items,
            // Nothing was tried; but an error body must not pass for that.
            None | Some(Value::Null) if json::mentions_schema(&object, &urn::BULK_RESPONSE) => Vec::new(),
            None | Some(Value::Null) => return Err(Unreadable::missing(WHAT, "Operations")),
            Some(other) => return Err(Unreadable::field(WHAT, "Operations", "an array", &other)),
        };
        let read = |(index, item)| read_result(WHAT, index, item);
        let operations = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { operations })
    }

    /// The answer as a provider sends it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let operations: Vec<_> = self.operations.iter().map(BulkResult::to_value).collect();
        json!({"schemas": [urn::BULK_RESPONSE], "Operations": operations})
    }
}

impl BulkResult {
    /// The result as it stands in `Operations`. The status is a string there (RFC 7644 section 3.7).
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        put_text(&mut object, "location", self.location.as_deref());
        put_text(&mut object, "method", self.method.map(BulkMethod::as_str));
        put_text(&mut object, "bulkId", self.bulk_id.as_deref());
        put_text(&mut object, "version", self.version.as_deref());
        object.insert("status".into(), self.status.to_string().into());
        if let Some(response) = &self.response {
            object.insert("response".into(), response.clone());
        }
        Value::Object(object)
    }
}

fn read_result(what: &'static str, index: usize, item: Value) -> Result<BulkResult, Unreadable> {
    let place = || format!("Operations[{index}]");
    let mut object = match item {
        Value::Object(object) => object,
        other => return Err(Unreadable::field(what, place(), "an object", &other)),
    };
    let response = json::take(&mut object, "response").filter(|response| !response.is_null());
    let status = match json::field(&object, "status") {
        Some(Value::Object(parts)) => json::field(parts, "code"),
        given => given,
    };
    let from_response = || json::field(response.as_ref()?.as_object()?, "status");
    let Some(status) = status.or_else(from_response) else {
        return Err(Unreadable::missing(what, format!("{}.status", place())));
    };
    let status = read_status(status).ok_or_else(|| {
        Unreadable::field(what, format!("{}.status", place()), "an HTTP status from 100 to 599", status)
    })?;
    let text = |name| scalar_text(&object, name);
    Ok(BulkResult {
        method: json::text(&object, "method").and_then(BulkMethod::parse),
        bulk_id: text("bulkId"),
        version: text("version"),
        location: text("location"),
        status,
        response,
    })
}

/// The text under the name, where it is a number too: a client that counts its operations may name them so.
fn scalar_text(object: &Object, name: &str) -> Option<String> {
    match json::field(object, name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn put_text(object: &mut Object, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        object.insert(name.into(), text.into());
    }
}

fn syntax(detail: String) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, detail)
}

fn value_error(detail: String) -> ScimError {
    ScimError::bad_request(ScimType::InvalidValue, detail)
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Point 21: the messages of a bulk request, as RFC 7644 shows them.
    #[test]
    fn the_examples_of_the_rfc_print_as_they_were_read() {
        // RFC 7644 section 3.7.2.
        let request = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "failOnErrors": 1,
            "Operations": [
                {"method": "POST", "bulkId": "qwerty", "path": "/Users", "data": {"userName": "Alice"}},
                {"method": "PUT", "bulkId": "b", "version": "W/\"4weymrEsh5O6cAEK\"", "path": "/Users/b7c14771",
                 "data": {"userName": "Bob"}},
                {"method": "PATCH", "version": "W/\"edac3253e2c0ef2\"", "path": "/Users/5d8d29d3",
                 "data": {"Operations": [{"op": "remove", "path": "nickName"}]}},
                {"method": "DELETE", "version": "W/\"0ee8add0a938e1a\"", "path": "/Users/e9025315"},
            ],
        });
        assert_eq!(BulkRequest::from_value(request.clone()).unwrap().to_value(), request);
        let response = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
            "Operations": [
                {"location": "https://example.com/v2/Users/92b725cd", "method": "POST", "bulkId": "qwerty",
                 "version": "W/\"oY4m4wn58tkVjJxK\"", "status": "201"},
                {"method": "POST", "bulkId": "other", "status": "400",
                 "response": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                              "scimType": "invalidSyntax", "detail": "Request is unparsable", "status": "400"}},
            ],
        });
        assert_eq!(BulkResponse::from_value(response.clone()).unwrap().to_value(), response);
    }

    /// Point 22: the status as a string, a number, or what drafts of the RFC had.
    #[test]
    fn results_are_read_as_servers_send_them() {
        let odd = json!({"operations": [
            {"Method": "post", "BulkID": 7, "status": 201},
            {"method": "POST", "status": {"code": "409", "description": "taken"}},
            {"status": " 204 ", "response": null},
            {"method": "MOVE", "response": {"status": "404"}},
        ]});
        let read = BulkResponse::from_value(odd).unwrap();
        let statuses: Vec<_> = read.operations.iter().map(|one| one.status).collect();
        assert_eq!(statuses, [201, 409, 204, 404]);
        assert_eq!(read.operations[0].bulk_id.as_deref(), Some("7"));
        assert_eq!(read.operations[0].method, Some(BulkMethod::Post));
        assert_eq!((read.operations[3].method, &read.operations[2].response), (None, &None));
    }

    #[test]
    fn what_is_no_bulk_response_is_not_an_empty_one() {
        for body in [json!({"status": "413"}), json!([]), json!({"Operations": {}}), json!({"id": "1"})] {
            assert!(BulkResponse::from_value(body.clone()).is_err(), "{body}");
        }
        let nameless = json!({"Operations": [{"status": "200"}, {"method": "PUT"}]});
        assert_eq!(
            BulkResponse::from_value(nameless).unwrap_err().to_string(),
            "cannot read the bulk response: Operations[1].status is missing"
        );
        let nothing_tried = json!({"schemas": [urn::BULK_RESPONSE]});
        assert_eq!(BulkResponse::from_value(nothing_tried).unwrap(), BulkResponse::default());
    }

    #[test]
    fn requests_are_read_in_any_case_and_without_schemas() {
        let odd = json!({"FAILONERRORS": "3", "operations": [{"METHOD": "delete", "Path": "/Users/1"}]});
        let read = BulkRequest::from_value(odd).unwrap();
        assert_eq!(read.fail_on_errors, Some(3));
        assert_eq!(read.operations, [BulkOperation::new(BulkMethod::Delete, "/Users/1")]);
    }

    #[test]
    fn a_mistake_in_a_request_is_named_by_its_operation_and_kind() {
        for (operation, word) in [
            (json!("x"), "object"),
            (json!({"path": "/Users"}), "`method` is missing"),
            (json!({"method": "GET", "path": "/Users"}), "`method` is the string \"GET\""),
            (json!({"method": "DELETE"}), "`DELETE` has to have a `path`"),
            (json!({"method": "POST", "path": "/Users"}), "has to have `data`"),
        ] {
            let good = json!({"method": "DELETE", "path": "/Users/1"});
            let error = BulkRequest::from_value(json!({"Operations": [good, operation]})).unwrap_err();
            let detail = error.detail.unwrap();
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidSyntax)), "{detail}");
            assert!(detail.starts_with("Operations[1]: ") && detail.contains(word), "{detail}");
        }
        for body in [json!(1), json!({}), json!({"Operations": 1}), json!({"schemas": [], "Operations": []})]
        {
            let error = BulkRequest::from_value(body.clone()).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax), "{body}");
        }
        let error = BulkRequest::from_value(json!({"failOnErrors": -1, "Operations": []})).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
    }
}
