//! Records as JSON, with the kinds of values that JSON has no word for named beside them.

use super::{CaseError, Object};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scimwright_record::{Field, FieldValue, Record, RecordKey, SourceName};
use serde_json::{Map, Number, Value};

/// The record of a case.
pub(super) fn record(case: &Object<'_>) -> Result<Record, CaseError> {
    let wrong = |name: &str, error| CaseError::new(name, format!("is not right: {error}"));
    let source = SourceName::parse(&case.text("source")?).map_err(|error| wrong("source", error))?;
    let key = RecordKey::parse(&case.text("key")?).map_err(|error| wrong("key", error))?;
    let fields = case.get("fields").ok_or_else(|| CaseError::new("fields", "is missing"))?;
    let fields = from_json("", fields, case.get("types"))?;
    Ok(Record::with_distinct_fields(source, key, fields))
}

/// Fields, each of the kind that `types` names or JSON implies. `inside` is where they stand: `lookups[0].`.
pub(super) fn from_json(
    inside: &str,
    fields: &Value,
    types: Option<&Value>,
) -> Result<Vec<Field>, CaseError> {
    let fields = Object::new(&format!("{inside}fields"), fields)?;
    let none = Value::Object(Map::new());
    let types = Object::new(&format!("{inside}types"), types.unwrap_or(&none))?;
    if let Some(name) = types.entries.keys().find(|name| fields.get(name).is_none()) {
        return Err(CaseError::new(types.inside(name), "names no field"));
    }
    let field = |(name, value): (&String, &Value)| {
        let value = match types.optional_text(name)? {
            None => implied(value),
            Some(kind) => {
                typed(value, &kind).map_err(|problem| CaseError::new(fields.inside(name), problem))?
            }
        };
        Ok(Field { name: name.clone(), value })
    };
    fields.entries.iter().map(field).collect()
}

/// Writes a record's source, key, fields and types.
pub(super) fn write(record: &Record, object: &mut Map<String, Value>) {
    object.insert("source".to_owned(), record.source().as_str().into());
    object.insert("key".to_owned(), record.key().as_str().into());
    write_fields(record.fields(), "fields", object);
}

/// Writes fields under this name, and their types.
pub(super) fn write_fields(fields: &[Field], name: &str, object: &mut Map<String, Value>) {
    let (mut values, mut types) = (Map::new(), Map::new());
    for field in fields {
        let value = to_json(&field.value);
        if implied(&value) != field.value {
            types.insert(field.name.clone(), field.value.kind().into());
        }
        values.insert(field.name.clone(), value);
    }
    object.insert(name.to_owned(), Value::Object(values));
    if !types.is_empty() {
        object.insert("types".to_owned(), Value::Object(types));
    }
}

fn to_json(value: &FieldValue) -> Value {
    match value {
        FieldValue::Null => Value::Null,
        FieldValue::Text(text) | FieldValue::DateTime(text) => text.as_str().into(),
        FieldValue::Boolean(truth) => (*truth).into(),
        FieldValue::Integer(number) => (*number).into(),
        FieldValue::Decimal(number) => decimal(*number),
        FieldValue::Binary(bytes) => STANDARD.encode(bytes).into(),
        FieldValue::Many(texts) => texts.as_slice().into(),
        FieldValue::Json(value) => value.clone(),
    }
}

/// A number that comes back the same when it is read; as text where JSON's reader would be off by the last bit.
fn decimal(number: f64) -> Value {
    let text = number.to_string();
    match Number::from_f64(number) {
        Some(json) if serde_json::from_str::<f64>(&json.to_string()).ok() == Some(number) => json.into(),
        _ => text.into(),
    }
}

/// What a JSON value is taken for when nobody says otherwise.
fn implied(value: &Value) -> FieldValue {
    match value {
        Value::Null => FieldValue::Null,
        Value::Bool(truth) => FieldValue::Boolean(*truth),
        Value::String(text) => FieldValue::Text(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => FieldValue::Integer(number),
            (None, Some(number)) => FieldValue::Decimal(number),
            (None, None) => FieldValue::Json(value.clone()),
        },
        Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.map_or_else(|| FieldValue::Json(value.clone()), FieldValue::Many)
        }
        Value::Object(_) => FieldValue::Json(value.clone()),
    }
}

fn typed(value: &Value, kind: &str) -> Result<FieldValue, String> {
    let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("is to be {kind}, and is no text"));
    Ok(match kind {
        "text" => FieldValue::Text(text()?),
        "date-time" => FieldValue::DateTime(text()?),
        "binary" => FieldValue::Binary(
            STANDARD.decode(text()?).map_err(|error| format!("is to be bytes in base64: {error}"))?,
        ),
        "decimal" => {
            let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            let number = number.filter(|number| number.is_finite());
            FieldValue::Decimal(number.ok_or("is to be decimal, and is no number")?)
        }
        "json" => FieldValue::Json(value.clone()),
        // These are what JSON implies, so naming them adds nothing and must not contradict it.
        "null" | "boolean" | "integer" | "many" => match implied(value) {
            implied if implied.kind() == kind => implied,
            implied => return Err(format!("is to be {kind}, and is {}", implied.kind())),
        },
        _ => {
            return Err(
                "has a type that there is not; there are text, boolean, integer, decimal, date-time, \
                        binary, many, json and null"
                    .to_owned(),
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(fields: &[(&str, FieldValue)]) -> Record {
        let fields = fields.iter().map(|(name, value)| Field { name: (*name).into(), value: value.clone() });
        Record::with_distinct_fields(
            SourceName::parse("hr").unwrap(),
            RecordKey::parse("1").unwrap(),
            fields.collect(),
        )
    }

    fn written(record: &Record) -> Value {
        let mut object = Map::new();
        write(record, &mut object);
        Value::Object(object)
    }

    #[test]
    fn every_kind_of_value_comes_back_as_it_was() {
        let record = record(&[
            ("null", FieldValue::Null),
            ("text", FieldValue::Text("2024-03-01T00:00:00Z".into())),
            ("boolean", FieldValue::Boolean(false)),
            ("integer", FieldValue::Integer(i64::MIN)),
            ("decimal", FieldValue::Decimal(1.0)),
            ("exact", FieldValue::Decimal(0.1 + 0.2)),
            ("tiny", FieldValue::Decimal(f64::MIN_POSITIVE / 3.0)),
            ("moment", FieldValue::DateTime("2024-03-01T00:00:00Z".into())),
            ("bytes", FieldValue::Binary(vec![0, 255, 7])),
            ("many", FieldValue::Many(vec!["a".into()])),
            ("none", FieldValue::Many(Vec::new())),
            ("json", FieldValue::Json(json!({ "deep": [1, { "a": null }] }))),
            ("json-text", FieldValue::Json(json!("text"))),
            ("json-texts", FieldValue::Json(json!(["a", "b"]))),
            ("json-null", FieldValue::Json(Value::Null)),
        ]);
        let json = written(&record);
        let again: Value = serde_json::from_str(&json.to_string()).unwrap();
        let case = super::super::Case::from_json(&again).unwrap();
        assert_eq!(case.record, record, "{json}");
        assert_eq!(json["types"].get("text"), None, "text is what JSON implies");
    }

    #[test]
    fn a_type_that_does_not_fit_its_value_is_named_with_its_field() {
        let problem = |fields, types| from_json("", &fields, Some(&types)).unwrap_err().to_string();
        assert_eq!(
            problem(json!({ "a": 1 }), json!({ "a": "date-time" })),
            "`fields.a` is to be date-time, and is no text"
        );
        assert_eq!(problem(json!({ "a": "x" }), json!({ "b": "text" })), "`types.b` names no field");
        assert!(problem(json!({ "a": "x" }), json!({ "a": "date" })).contains("there are text, boolean"));
        assert!(problem(json!({ "a": "x" }), json!({ "a": "binary" })).contains("base64"));
    }
}
