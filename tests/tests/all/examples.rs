//! The golden cases of every example mapping, through the real host: the module that an admin would drop in.
//!
//! The same cases run natively in the examples themselves, so a difference between the two is a difference
//! between the SDK and the host.

use scimwright_mapping::{
    AttributeMap, AttributeValue, CallContext, Fault, Grants, HostOptions, Limits, MapError, MappingHost,
    MappingModule, ModuleId, Operation, Outcome, Scalar, SubAttribute, SubValue,
};
use scimwright_record::{FieldValue, ModuleName, Record, RecordKey, SourceName, TenantName};
use scimwright_scim::{AttributeName, AttributePath};
use scimwright_tests::tool::root;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

#[test]
fn corp_user_maps_every_case_as_expected() {
    check("corp-user", |module, context, record, _| match module.map(context, record) {
        Ok(mapped) => outcome_json(&mapped.outcome),
        Err(error) => error_json(&error),
    });
}

#[test]
fn corp_defaults_offers_what_every_case_expects() {
    check("corp-defaults", |module, context, record, case| {
        let mapped = attribute_map(case.get("mapped").unwrap_or(&json!({})));
        match module.defaults(context, record, &mapped) {
            Ok(supplied) => map_json(&supplied.attributes),
            Err(error) => error_json(&error),
        }
    });
}

/// Runs all cases of an example and compares.
fn check(name: &str, run: impl Fn(&MappingModule, &CallContext, &Record, &Value) -> Value) {
    let host = MappingHost::new(HostOptions::default()).unwrap();
    let cases = cases(name);
    assert!(cases.len() >= 5, "{name} has only {} cases", cases.len());
    for path in cases {
        let case = read(&path);
        let expected = read(&PathBuf::from(path.display().to_string().replace(".record.", ".expected.")));
        let settings = settings(&case);
        let id = ModuleId { tenant: TenantName::default(), name: ModuleName::parse(name).unwrap() };
        let file = root().join("target/guests/modules").join(format!("{name}.wasm"));
        let module = host.load(id, &file, Limits::default(), settings, Grants::default()).unwrap();
        let produced = run(&module, &context(&case), &record(&case), &case);
        assert_eq!(sorted(produced), sorted(expected), "{}", path.display());
    }
}

fn cases(name: &str) -> Vec<PathBuf> {
    let folder = root().join("mappings-examples").join(name).join("cases");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> =
        files.filter(|path| path.display().to_string().ends_with(".record.json")).collect();
    cases.sort();
    cases
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn settings(case: &Value) -> Vec<(String, String)> {
    let given = case["context"]["settings"].as_object().cloned().unwrap_or_default();
    given.into_iter().map(|(name, value)| (name, value.as_str().unwrap().to_owned())).collect()
}

fn context(case: &Value) -> CallContext {
    let text = |name: &str, default: &str| case["context"][name].as_str().unwrap_or(default).to_owned();
    CallContext {
        tenant: text("tenant", "default").parse().unwrap(),
        provider: text("provider", "acme").parse().unwrap(),
        resource_type: text("resource_type", "User").parse().unwrap(),
        operation: match text("operation", "preview").as_str() {
            "create" => Operation::Create,
            "update" => Operation::Update,
            _ => Operation::Preview,
        },
        now: text("now", "2026-01-01T00:00:00Z"),
    }
}

fn record(case: &Value) -> Record {
    let source = SourceName::parse(case["source"].as_str().unwrap()).unwrap();
    let key = RecordKey::parse(case["key"].as_str().unwrap()).unwrap();
    case["fields"]
        .as_object()
        .unwrap()
        .iter()
        .fold(Record::new(source, key), |record, (name, value)| record.with(name, field(value)))
}

fn field(value: &Value) -> FieldValue {
    match value {
        Value::Null => FieldValue::Null,
        Value::Bool(truth) => FieldValue::Boolean(*truth),
        Value::String(text) => FieldValue::Text(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => FieldValue::Integer(whole),
            None => FieldValue::Decimal(number.as_f64().unwrap()),
        },
        Value::Array(items) if items.iter().all(Value::is_string) => {
            FieldValue::Many(items.iter().map(|item| item.as_str().unwrap().to_owned()).collect())
        }
        nested => FieldValue::Json(nested.clone()),
    }
}

/// The part of a map that the cases of default-values modules need: texts, and `null` for what was cleared.
fn attribute_map(mapped: &Value) -> AttributeMap {
    let attributes = mapped.as_object().unwrap().iter().map(|(name, value)| {
        let value = match value {
            Value::Null => AttributeValue::Clear,
            text => AttributeValue::One(Scalar::Text(text.as_str().unwrap().to_owned())),
        };
        (AttributePath::parse(name).unwrap(), value)
    });
    attributes.collect()
}

fn outcome_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Provision(map) => map_json(map),
        Outcome::Skip(reason) => json!({ "skip": reason }),
    }
}

fn map_json(map: &AttributeMap) -> Value {
    let mut resource = Map::new();
    for (path, value) in map.iter() {
        let name = path.attribute.to_string();
        match &path.schema {
            Some(urn) => {
                let extension = resource.entry(urn.to_string()).or_insert_with(|| json!({}));
                extension[name] = value_json(value);
            }
            None => {
                resource.insert(name, value_json(value));
            }
        }
    }
    Value::Object(resource)
}

fn value_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::One(scalar) => scalar_json(scalar),
        AttributeValue::Many(scalars) => scalars.iter().map(scalar_json).collect(),
        AttributeValue::Complex(parts) => parts_json(parts),
        AttributeValue::Complexes(items) => items.iter().map(|parts| parts_json(parts)).collect(),
        AttributeValue::Json(value) => value.clone(),
        AttributeValue::Clear => Value::Null,
    }
}

fn parts_json(parts: &[SubAttribute]) -> Value {
    let part = |part: &SubAttribute| {
        let value = match &part.value {
            SubValue::One(scalar) => scalar_json(scalar),
            SubValue::Many(scalars) => scalars.iter().map(scalar_json).collect(),
        };
        (AttributeName::to_string(&part.name), value)
    };
    Value::Object(parts.iter().map(part).collect())
}

fn scalar_json(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) | Scalar::DateTime(text) | Scalar::Reference(text) => json!(text),
        Scalar::Boolean(truth) => json!(truth),
        Scalar::Integer(number) => json!(number),
        Scalar::Decimal(number) => json!(number),
        Scalar::Binary(bytes) => json!(bytes),
        Scalar::Link(link) => json!({ "$link": format!("{}/{}", link.resource_type, link.key) }),
    }
}

fn error_json(error: &MapError) -> Value {
    match &error.fault {
        Fault::InvalidRecord { field: Some(field), message } => {
            json!({ "error": { "kind": "invalid-record", "field": field, "message": message } })
        }
        Fault::InvalidRecord { field: None, message } => {
            json!({ "error": { "kind": "invalid-record", "message": message } })
        }
        other => json!({ "error": { "kind": "unexpected", "message": other.to_string() } }),
    }
}

/// Objects without regard to the order of their names, lists with it.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let sorted: std::collections::BTreeMap<_, _> =
                entries.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
