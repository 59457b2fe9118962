//! What has to hold of whatever arrives, well-formed or not: one function for each kind of input.
//!
//! Nothing may panic; what was read prints as something that reads the same again; a refused change changes
//! nothing, and no change breaks a rule of the schema. Two parties hold the crate to this: the tests beside this
//! file, with a bounded number of inputs, and the fuzzer in `fuzz/`, with as many as it is given time for.

#![allow(unreachable_pub, reason = "the fuzzer includes this file and uses it from other crates")]

use scimwright_scim::check::{Occasion, check};
use scimwright_scim::{
    AttributeName, AttributePath, BulkRequest, BulkResponse, Desired, Filter, FilterError, ListResponse,
    PatchPath, PatchRequest, Resource, ResourceType, Schema, SchemaSet, SchemaUrn, ScimError, SearchRequest,
    ServiceProviderConfig, builtin, bulk, compare, conflicts, diff, prepare,
};
use serde_json::{Map, Value, json};
use std::fmt::Debug;

/// A filter: parse, print, evaluate.
pub fn filter(text: &str) {
    match Filter::parse(text) {
        Ok(filter) => {
            let printed = filter.to_string();
            // Escapes and blanks may make a filter longer than what may be parsed.
            if printed.len() <= Filter::MAX_BYTES {
                assert_eq!(Filter::parse(&printed).as_ref(), Ok(&filter), "{text:?} printed {printed:?}");
            }
            for (resource, schemas) in seen() {
                let matches = filter.matches(&resource, &schemas);
                assert_ne!(filter.clone().negated().matches(&resource, &schemas), matches, "{printed:?}");
                let checked = filter.check(&schemas);
                match Filter::parse_for(text, &schemas) {
                    Ok(again) => assert_eq!((&again, checked), (&filter, Ok(()))),
                    Err(error) => {
                        assert_eq!(checked.map_err(|error| error.status), Err(400));
                        error_is_placed(&error, text);
                    }
                }
            }
        }
        Err(error) => error_is_placed(&error, text),
    }
}

/// A path: of an attribute, of an operation, a name, a URN.
pub fn path(text: &str) {
    match PatchPath::parse(text) {
        Ok(path) => {
            let printed = path.to_string();
            if printed.len() <= Filter::MAX_BYTES {
                assert_eq!(PatchPath::parse(&printed).as_ref(), Ok(&path), "{text:?} printed {printed:?}");
            }
            remove_anywhere(path);
        }
        Err(error) => error_is_placed(&error, text),
    }
    if let Ok(path) = AttributePath::parse(text) {
        assert_eq!(path.to_string(), text);
        for (resource, schemas) in seen() {
            let canonical = schemas.canonical(&path);
            assert_eq!(schemas.canonical(&canonical), canonical);
            assert_eq!(schemas.find(&canonical), schemas.find(&path));
            set_get_remove(resource, &path);
        }
    }
    if let Ok(name) = AttributeName::parse(text) {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(urn) = SchemaUrn::parse(text) {
        assert_eq!(urn.as_str(), text);
    }
}

/// The body of a PATCH: parse, print, apply. A member `seen` of the body is the resource that it is applied to,
/// beside two others.
pub fn patch(body: &Value) {
    let Ok(patch) = PatchRequest::parse(body) else { return };
    assert_eq!(PatchRequest::parse(&patch.to_value()).as_ref(), Ok(&patch), "{body}");
    let given = body.get("seen").filter(|seen| seen.is_object()).cloned();
    let given = given.and_then(|seen| Resource::from_value(seen).ok());
    let given = given.map(|seen| (seen, builtin::user_schema_set()));
    for (before, schemas) in seen().into_iter().chain(given) {
        apply(&patch, &before, &schemas);
    }
}

/// Every other message from the wire.
pub fn message(body: &Value) {
    reads_again(body, |body| ListResponse::from_value(body.clone()), ListResponse::to_value);
    reads_again(body, SearchRequest::from_value, SearchRequest::to_value);
    reads_again(body, ScimError::from_value, ScimError::to_value);
    reads_again(body, |body| Resource::from_value(body.clone()), Resource::to_value);
    reads_again(body, Schema::from_value, Schema::to_value);
    reads_again(body, |body| BulkResponse::from_value(body.clone()), BulkResponse::to_value);
    // What these two print has everything spelled out, which they may have filled in; so they settle at once.
    let settled = |value: &Value| ServiceProviderConfig::from_value(value).map(|one| one.to_value());
    reads_again(body, settled, Value::clone);
    let settled = |value: &Value| ResourceType::from_value(value).map(|one| one.to_value());
    reads_again(body, settled, Value::clone);
    reads_again(body, |body| BulkRequest::from_value(body.clone()), BulkRequest::to_value);
    if let Ok(request) = BulkRequest::from_value(body.clone()) {
        order(request);
    }
    if let Ok(response) = BulkResponse::from_value(body.clone()) {
        for result in response.operations {
            assert_eq!(result.error().is_some(), result.status >= 400);
        }
    }
    if let Ok(wanted) = serde_json::from_value::<Desired>(body.clone()) {
        change(&wanted);
    }
}

fn error_is_placed(error: &FilterError, text: &str) {
    assert!(text.get(error.span.clone()).is_some(), "{error:?} of {text:?}");
    assert_eq!(ScimError::from(error.clone()).status, 400);
}

fn reads_again<T: Debug + PartialEq, E: Debug + PartialEq>(
    body: &Value,
    read: impl Fn(&Value) -> Result<T, E>,
    print: impl Fn(&T) -> Value,
) {
    if let Ok(once) = read(body) {
        let printed = print(&once);
        assert_eq!(read(&printed).as_ref(), Ok(&once), "{body}\nprinted {printed}");
    }
}

fn order(request: BulkRequest) {
    let ids: Vec<_> = request.operations.iter().filter_map(|one| one.bulk_id.clone()).collect();
    for mut operation in request.operations.clone() {
        let before = operation.references();
        if operation.resolve(|id| ids.iter().any(|known| known == id).then(|| "7".into())).is_ok() {
            assert_eq!(operation.references(), Vec::<String>::new(), "{before:?}");
        }
    }
    let count = request.operations.len();
    match bulk::in_order(request.operations) {
        Ok(ordered) => {
            assert_eq!(ordered.len(), count);
            assert_eq!(bulk::in_order(ordered.clone()).as_ref(), Ok(&ordered));
        }
        Err(circular) => {
            assert_eq!(circular.operations.len(), count);
            assert!(!circular.bulk_ids.is_empty());
        }
    }
}

/// A wanted state that may be anything: it prepares, is checked, and differs, without a panic.
fn change(wanted: &Desired) {
    for (seen, schemas) in seen() {
        let (prepared, _) = prepare(wanted.clone(), &schemas);
        assert!(prepare(prepared.clone(), &schemas).1.is_empty(), "{prepared:?}");
        for occasion in [Occasion::Create, Occasion::Change { sent: None, seen: &seen }] {
            for finding in check(&prepared, occasion, &schemas, &[]) {
                assert!(!finding.to_string().is_empty());
            }
        }
        let patch = diff(&prepared, None, &seen, &schemas);
        assert_eq!(PatchRequest::parse(&patch.to_value()).as_ref(), Ok(&patch));
        assert!(diff(&prepared, Some(&prepared), &seen, &schemas).is_empty());
        assert!(conflicts(&prepared, Some(&prepared), &seen, &schemas).is_empty());
        apply(&patch, &seen, &schemas);
        let body = prepared.merge_into(None, &seen, &schemas);
        assert_eq!(body.id(), None);
    }
}

/// All of it or nothing, and by the rules.
fn apply(patch: &PatchRequest, before: &Resource, schemas: &SchemaSet) {
    let mut after = before.clone();
    match patch.apply(&mut after, schemas) {
        Err(error) => {
            assert_eq!(&after, before, "refused with {error}");
            assert_eq!(error.status, 400);
        }
        Ok(changed) => {
            assert_eq!(changed, after != *before);
            for (path, attribute) in schemas.attributes() {
                let (old, new) = (value(before, &path), value(&after, &path));
                let derived = path.attribute == *"schemas";
                if attribute.is_read_only() && !derived {
                    assert_eq!(old, new, "`{path}` is readOnly");
                }
                if attribute.required && !derived && !compare::same_state(&old, &Value::Null, Some(attribute))
                {
                    assert!(
                        !compare::same_state(&new, &Value::Null, Some(attribute)),
                        "`{path}` is required"
                    );
                }
                // RFC 7643 section 2.4: `primary` is true no more than once.
                if primaries(&old) <= 1 {
                    assert!(primaries(&new) <= 1, "`{path}`: {new}");
                }
            }
        }
    }
}

fn primaries(value: &Value) -> usize {
    let items = value.as_array().into_iter().flatten();
    items.filter(|item| item.get("primary") == Some(&json!(true))).count()
}

fn value(resource: &Resource, path: &AttributePath) -> Value {
    resource.get(path).cloned().unwrap_or_default()
}

fn set_get_remove(mut resource: Resource, path: &AttributePath) {
    if resource.set(path, json!("x")) {
        assert_eq!(resource.get(path), Some(&json!("x")), "{path}");
        assert_eq!(resource.remove(path), Some(json!("x")), "{path}");
    }
    assert!(resource.values(path).is_empty() || resource.get(path).is_none() || path.sub.is_none());
}

fn remove_anywhere(path: PatchPath) {
    let patch = PatchRequest::new(vec![scimwright_scim::PatchOperation::Remove { path }]);
    for (before, schemas) in seen() {
        apply(&patch, &before, &schemas);
    }
}

/// A user and a group as providers show them.
fn seen() -> [(Resource, SchemaSet); 2] {
    let resource = |value: Value| Resource::from_value(value).unwrap_or_default();
    let mut user = json!({
        "schemas": [scimwright_scim::urn::USER],
        "id": "2819c",
        "userName": "JDoe",
        "name": {"givenName": "Jo", "familyName": "Doe"},
        "active": true,
        "emails": [{"type": "work", "value": "a@example.com", "primary": true}, {"type": "home", "value": "b"}],
        "groups": [{"value": "g"}],
        "x509Certificates": [{"value": "AAAA"}],
        "meta": {"lastModified": "2024-03-01T10:00:00+01:00"},
    });
    let extension: Map<_, _> = Map::from_iter([("manager".to_owned(), json!({"value": "9"}))]);
    user[scimwright_scim::urn::ENTERPRISE_USER.as_str()] = Value::Object(extension);
    let group = json!({
        "schemas": [scimwright_scim::urn::GROUP],
        "id": "g1",
        "displayName": "Tools",
        "members": [{"value": "1", "type": "User", "$ref": "https://x/Users/1"}, {"value": "2"}],
    });
    [(resource(user), builtin::user_schema_set()), (resource(group), builtin::group_schema_set())]
}
