//! A modification from JSON and to JSON (RFC 7644 section 3.5.2).

use super::{PatchOperation, PatchPath, PatchRequest};
use crate::error::{ScimError, ScimType};
use crate::filter::FilterError;
use crate::json::{self, Object};
use crate::unreadable::describe;
use crate::urn;
use serde_json::{Map, Value, json};

impl PatchRequest {
    /// Reads the body of a modification. Names of members and the words of `op` are read in any case.
    ///
    /// # Errors
    /// [`ScimError`] as a server answers it: `invalidSyntax`, `invalidPath`, `invalidValue`, or `noTarget`
    /// for a remove without a path, naming the operation at fault.
    pub fn parse(body: &Value) -> Result<Self, ScimError> {
        let Some(object) = body.as_object() else {
            return Err(syntax(format!("a PATCH body has to be an object, not {}", describe(body))));
        };
        if json::field(object, "schemas").is_some() && !json::mentions_schema(object, &urn::PATCH_OP) {
            return Err(syntax(format!("`schemas` of a PATCH body has to hold `{}`", urn::PATCH_OP)));
        }
        let operations = match json::field(object, "Operations") {
            Some(Value::Array(items)) => items,
            Some(other) => {
                return Err(syntax(format!("`Operations` has to be an array, not {}", describe(other))));
            }
            None => return Err(syntax("a PATCH body has to have `Operations`".into())),
        };
        let read = |(index, item)| {
            read_operation(item).map_err(|error| {
                let detail = error.detail.unwrap_or_default();
                ScimError { detail: Some(format!("Operations[{index}]: {detail}")), ..error }
            })
        };
        operations.iter().enumerate().map(read).collect::<Result<_, _>>().map(Self::new)
    }

    /// The body of a modification. `op` is in lower case, as RFC 7644 spells it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let operations: Vec<_> = self.operations.iter().map(PatchOperation::to_value).collect();
        json!({"schemas": [urn::PATCH_OP], "Operations": operations})
    }
}

impl PatchOperation {
    /// The operation as it stands in `Operations`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("op".into(), self.op().into());
        if let Some(path) = self.path() {
            object.insert("path".into(), path.to_string().into());
        }
        if let Some(value) = self.value() {
            object.insert("value".into(), value.clone());
        }
        Value::Object(object)
    }
}

fn read_operation(item: &Value) -> Result<PatchOperation, ScimError> {
    let Some(object) = item.as_object() else {
        return Err(syntax(format!("an operation has to be an object, not {}", describe(item))));
    };
    let op = match json::field(object, "op") {
        Some(Value::String(op)) => op.to_ascii_lowercase(),
        Some(other) => return Err(syntax(format!("`op` has to be a string, not {}", describe(other)))),
        None => return Err(syntax("`op` is missing; it is `add`, `replace` or `remove`".into())),
    };
    let path = read_path(object)?;
    match op.as_str() {
        "add" => Ok(PatchOperation::Add { path, value: read_value(object, "add")? }),
        "replace" => Ok(PatchOperation::Replace { path, value: read_value(object, "replace")? }),
        "remove" => read_remove(path, object),
        other => Err(syntax(format!("`op` is `{}`; it has to be `add`, `replace` or `remove`", cut(other)))),
    }
}

fn read_path(object: &Object) -> Result<Option<PatchPath>, ScimError> {
    match json::field(object, "path") {
        None => Ok(None),
        // Some clients send an empty path where they mean none.
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => PatchPath::parse(text).map(Some).map_err(ScimError::from),
        Some(other) => {
            let detail = format!("`path` has to be a string, not {}", describe(other));
            Err(ScimError::bad_request(ScimType::InvalidPath, detail))
        }
    }
}

// A value that is null is a value: it says that there is to be none (RFC 7643 section 2.5).
fn read_value(object: &Object, op: &str) -> Result<Value, ScimError> {
    let key = json::spelled(object, "value");
    key.and_then(|key| object.get(key)).cloned().ok_or_else(|| {
        ScimError::bad_request(ScimType::InvalidValue, format!("`{op}` has to have a `value`"))
    })
}

fn read_remove(path: Option<PatchPath>, object: &Object) -> Result<PatchOperation, ScimError> {
    // RFC 7644 section 3.5.2.2: "If "path" is unspecified, the operation fails with […] "noTarget"."
    let Some(path) = path else {
        return Err(ScimError::bad_request(ScimType::NoTarget, "`remove` has to have a `path`"));
    };
    // A remove has no value. Clients exist that list in it what to remove; to ignore it would remove all.
    if json::field(object, "value").is_some() {
        let detail = format!(
            "`remove` of `{path}` has a `value`, which RFC 7644 does not define; name what to remove in the \
             path, as in `members[value eq \"…\"]`"
        );
        return Err(ScimError::bad_request(ScimType::InvalidSyntax, detail));
    }
    Ok(PatchOperation::Remove { path })
}

fn syntax(detail: String) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, detail)
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

/// As a server answers it: `invalidFilter` for a filter, `invalidPath` for a path.
impl From<FilterError> for ScimError {
    fn from(error: FilterError) -> Self {
        let scim_type = if error.noun == "path" { ScimType::InvalidPath } else { ScimType::InvalidFilter };
        Self::bad_request(scim_type, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(operations: Value) -> Value {
        json!({"schemas": [urn::PATCH_OP], "Operations": operations})
    }

    #[test]
    fn a_body_prints_as_it_was_read() {
        let body = body(json!([
            {"op": "add", "value": {"title": "x"}},
            {"op": "add", "path": "members", "value": [{"value": "1"}]},
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "a"},
            {"op": "replace", "path": "title", "value": null},
            {"op": "remove", "path": "nickName"},
        ]));
        assert_eq!(PatchRequest::parse(&body).unwrap().to_value(), body);
    }

    /// Point 7: `Add` for `add`, `operations` for `Operations`.
    #[test]
    fn words_and_members_are_read_in_any_case() {
        let odd = json!({
            "operations": [{"OP": "Add", "Path": "title", "VALUE": "x"}, {"op": "REMOVE", "path": "a"}],
        });
        let patch = PatchRequest::parse(&odd).unwrap();
        assert_eq!(patch.operations[0].op(), "add");
        assert_eq!(patch.operations[1].op(), "remove");
    }

    #[test]
    fn every_mistake_has_its_kind_and_names_the_operation() {
        for (operation, scim_type) in [
            (json!(1), ScimType::InvalidSyntax),
            (json!({"path": "a"}), ScimType::InvalidSyntax),
            (json!({"op": "move", "path": "a"}), ScimType::InvalidSyntax),
            (json!({"op": "add", "path": "a"}), ScimType::InvalidValue),
            (json!({"op": "add", "path": "a b", "value": 1}), ScimType::InvalidPath),
            (json!({"op": "add", "path": 1, "value": 1}), ScimType::InvalidPath),
            (json!({"op": "remove"}), ScimType::NoTarget),
            (json!({"op": "remove", "path": "members", "value": [{"value": "1"}]}), ScimType::InvalidSyntax),
        ] {
            let good = json!({"op": "remove", "path": "title"});
            let error = PatchRequest::parse(&body(json!([good, operation]))).unwrap_err();
            assert_eq!((error.status, error.scim_type.as_ref()), (400, Some(&scim_type)), "{operation}");
            assert!(error.detail.unwrap().starts_with("Operations[1]: "));
        }
        for body in
            [json!([]), json!({}), json!({"Operations": {}}), json!({"schemas": ["x:y"], "Operations": []})]
        {
            let error = PatchRequest::parse(&body).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax), "{body}");
        }
    }

    proptest! {
        #[test]
        fn a_parsed_patch_prints_and_parses_again(
            operations in prop::collection::vec(
                (
                    prop::sample::select(vec!["add", "Replace", "REMOVE"]),
                    prop::option::of(prop::sample::select(vec![
                        "title", "name.givenName", "emails[type eq \"a]\"].value", "urn:a:2.0:B", "x[", "urn:b:c",
                    ])),
                    prop::option::of(prop::sample::select(vec![json!(null), json!("x"), json!({"a": [1]})])),
                ),
                0..4,
            ),
        ) {
            let operations: Vec<_> = operations
                .into_iter()
                .map(|(op, path, value)| {
                    let mut operation = Map::new();
                    operation.insert("op".into(), op.into());
                    path.map(|path| operation.insert("path".into(), path.into()));
                    value.map(|value| operation.insert("value".into(), value));
                    Value::Object(operation)
                })
                .collect();
            if let Ok(patch) = PatchRequest::parse(&body(operations.into())) {
                prop_assert_eq!(PatchRequest::parse(&patch.to_value()).unwrap(), patch);
            }
        }
    }
}
