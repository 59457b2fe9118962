//! What of a record may be written down.
//!
//! Masking keeps the shape of a value, so that a mapping takes the same way through its code: letters become `x`,
//! digits `0`, everything else stays. A date becomes the first of January 2000, since no mapping would take
//! `0000-00-00` for one.

use scimwright_mapping::case::CaseLookup;
use scimwright_mapping::{
    AttributeMap, AttributeValue, Case, Manifest, Reads, Scalar, SubAttribute, SubValue, TapeAnswer,
};
use scimwright_record::{Field, FieldValue, Record, RecordKey};
use serde_json::Value;
use std::collections::HashMap;

/// The name under which a record's key is masked.
pub const KEY: &str = "$key";

/// The longest run of bytes that is kept of binary values.
const MAX_BINARY: usize = 1024;

/// Which fields are masked, and which are dropped. Names of fields, in records and in look-ups alike; [`KEY`] is the
/// key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Fields whose values are masked.
    pub mask: Vec<String>,
    /// Fields whose values become null.
    pub drop: Vec<String>,
}

impl Redaction {
    /// Whether everything is written down as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mask.is_empty() && self.drop.is_empty()
    }

    /// Names that this module neither reads nor can have looked up: most likely misspelt, and then what they were to
    /// keep out would be written down.
    #[must_use]
    pub fn unknown(&self, manifest: &Manifest) -> Vec<&str> {
        if manifest.reads == Reads::All || !manifest.lookups.is_empty() {
            return Vec::new();
        }
        let names = self.mask.iter().chain(&self.drop).map(String::as_str);
        names.filter(|name| *name != KEY && !manifest.reads.contains(name)).collect()
    }

    /// The case without what may not be written down. What is expected of it is left out: it has to be found out anew.
    ///
    /// A look-up by the value of a masked field is made with the masked value, and answered as before. What was mapped
    /// already came from the record by ways that nobody knows, so all of it is masked.
    #[must_use]
    pub fn apply(&self, case: &Case) -> Case {
        if self.is_empty() {
            return case.clone();
        }
        let mut swapped = HashMap::new();
        let mut fields = self.fields(case.record.fields(), &mut swapped);
        let mut key = case.record.key().clone();
        if self.mask.iter().any(|name| name == KEY) {
            key = masked_key(&key, &mut swapped);
            // The column that the key was read from says the same.
            for field in &mut fields {
                if matches!(&field.value, FieldValue::Text(text) if *text == case.record.key().as_str()) {
                    field.value = FieldValue::Text(key.as_str().to_owned());
                }
            }
        }
        let found = |lookup: &CaseLookup, swapped: &mut HashMap<String, String>| match &lookup.answer {
            TapeAnswer::Found(record) => TapeAnswer::Found(Record::with_distinct_fields(
                record.source().clone(),
                record.key().clone(),
                self.fields(record.fields(), swapped),
            )),
            // Where a source says what it could not find, it may say what it was asked for.
            TapeAnswer::Unavailable(reason) => TapeAnswer::Unavailable(mask_text(reason)),
            other => other.clone(),
        };
        let answers: Vec<_> = case.lookups.iter().map(|lookup| found(lookup, &mut swapped)).collect();
        let lookups = case.lookups.iter().zip(answers).map(|(lookup, answer)| {
            let key = swapped.get(&lookup.key).unwrap_or(&lookup.key).clone();
            CaseLookup { answer: rekeyed(answer, &key), key, ..lookup.clone() }
        });
        Case {
            record: Record::with_distinct_fields(case.record.source().clone(), key, fields),
            lookups: lookups.collect(),
            mapped: case.mapped.as_ref().map(mask_map),
            expected: None,
            ..case.clone()
        }
    }

    /// Fields without what may not be written down. `swapped` learns what became of each masked text.
    fn fields(&self, fields: &[Field], swapped: &mut HashMap<String, String>) -> Vec<Field> {
        let is_in = |names: &[String], field: &Field| names.contains(&field.name);
        let redact = |field: &Field| {
            let value = if is_in(&self.drop, field) {
                FieldValue::Null
            } else if is_in(&self.mask, field) {
                let masked = mask(&field.value);
                for (before, after) in texts(&field.value).into_iter().zip(texts(&masked)) {
                    swapped.insert(before, after);
                }
                masked
            } else {
                field.value.clone()
            };
            Field { name: field.name.clone(), value }
        };
        fields.iter().map(redact).collect()
    }
}

fn masked_key(key: &RecordKey, swapped: &mut HashMap<String, String>) -> RecordKey {
    let masked = mask_text(key.as_str());
    swapped.insert(key.as_str().to_owned(), masked.clone());
    // A masked key is as long as the key and as free of blanks and control characters.
    RecordKey::parse(&masked).unwrap_or_else(|_| key.clone())
}

/// A record that was found, under the key that will be asked for.
fn rekeyed(answer: TapeAnswer, key: &str) -> TapeAnswer {
    match (answer, RecordKey::parse(key)) {
        (TapeAnswer::Found(record), Ok(key)) => TapeAnswer::Found(Record::with_distinct_fields(
            record.source().clone(),
            key,
            record.fields().to_vec(),
        )),
        (answer, _) => answer,
    }
}

/// The texts in a value by which something may be looked up.
fn texts(value: &FieldValue) -> Vec<String> {
    match value {
        FieldValue::Text(text) => vec![text.clone()],
        FieldValue::Integer(number) => vec![number.to_string()],
        FieldValue::Many(texts) => texts.clone(),
        _ => Vec::new(),
    }
}

/// The value, masked.
fn mask(value: &FieldValue) -> FieldValue {
    match value {
        FieldValue::Null => FieldValue::Null,
        FieldValue::Text(text) => FieldValue::Text(mask_text(text)),
        FieldValue::Boolean(_) => FieldValue::Boolean(false),
        FieldValue::Integer(number) => FieldValue::Integer(mask_integer(*number)),
        FieldValue::Decimal(_) => FieldValue::Decimal(0.5),
        FieldValue::DateTime(text) => FieldValue::DateTime(mask_text(text)),
        FieldValue::Binary(bytes) => FieldValue::Binary(vec![0; bytes.len().min(MAX_BINARY)]),
        FieldValue::Many(texts) => FieldValue::Many(texts.iter().map(|text| mask_text(text)).collect()),
        FieldValue::Json(value) => FieldValue::Json(mask_json(value)),
    }
}

/// Letters become `x`, digits `0`, a date 2000-01-01.
fn mask_text(text: &str) -> String {
    const DAY: &str = "2000-01-01";
    let rest = match text.get(..DAY.len()) {
        Some(start) if is_day(start) => match text.get(DAY.len()..) {
            // With a time: the time's digits become zeros, which is midnight, and the letters T and Z stay.
            Some(time) if time.starts_with(['T', 't', ' ']) || time.is_empty() => {
                let zeros = time.chars().map(|c| if c.is_numeric() { '0' } else { c });
                return format!("{DAY}{}", zeros.collect::<String>());
            }
            _ => text,
        },
        _ => text,
    };
    let mask = |c: char| match c {
        c if c.is_numeric() => '0',
        c if c.is_uppercase() => 'X',
        c if c.is_alphabetic() => 'x',
        c => c,
    };
    rest.chars().map(mask).collect()
}

fn is_day(text: &str) -> bool {
    text.bytes().zip(b"0000-00-00").all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        shape => byte == *shape,
    })
}

/// A number of as many digits.
fn mask_integer(number: i64) -> i64 {
    let digits = number.unsigned_abs().checked_ilog10().unwrap_or(0);
    10_i64.checked_pow(digits).unwrap_or(i64::MAX) * number.signum()
}

fn mask_json(value: &Value) -> Value {
    match value {
        Value::String(text) => mask_text(text).into(),
        Value::Number(number) => number.as_i64().map_or(0.5.into(), |number| mask_integer(number).into()),
        Value::Bool(_) => false.into(),
        Value::Null => Value::Null,
        Value::Array(items) => items.iter().map(mask_json).collect(),
        Value::Object(entries) => {
            Value::Object(entries.iter().map(|(name, value)| (name.clone(), mask_json(value))).collect())
        }
    }
}

fn mask_map(map: &AttributeMap) -> AttributeMap {
    let value = |value: &AttributeValue| match value {
        AttributeValue::One(value) => AttributeValue::One(mask_scalar(value)),
        AttributeValue::Many(values) => AttributeValue::Many(values.iter().map(mask_scalar).collect()),
        AttributeValue::Complex(parts) => AttributeValue::Complex(mask_parts(parts)),
        AttributeValue::Complexes(items) => {
            AttributeValue::Complexes(items.iter().map(|parts| mask_parts(parts)).collect())
        }
        AttributeValue::Json(value) => AttributeValue::Json(mask_json(value)),
        AttributeValue::Clear => AttributeValue::Clear,
    };
    map.iter().map(|(path, attribute)| (path.clone(), value(attribute))).collect()
}

fn mask_parts(parts: &[SubAttribute]) -> Vec<SubAttribute> {
    let value = |value: &SubValue| match value {
        SubValue::One(value) => SubValue::One(mask_scalar(value)),
        SubValue::Many(values) => SubValue::Many(values.iter().map(mask_scalar).collect()),
    };
    parts.iter().map(|part| SubAttribute { name: part.name.clone(), value: value(&part.value) }).collect()
}

fn mask_scalar(value: &Scalar) -> Scalar {
    match value {
        Scalar::Text(text) => Scalar::Text(mask_text(text)),
        Scalar::DateTime(text) => Scalar::DateTime(mask_text(text)),
        Scalar::Reference(text) => Scalar::Reference(mask_text(text)),
        Scalar::Boolean(_) => Scalar::Boolean(false),
        Scalar::Integer(number) => Scalar::Integer(mask_integer(*number)),
        Scalar::Decimal(_) => Scalar::Decimal(0.5),
        Scalar::Binary(bytes) => Scalar::Binary(vec![0; bytes.len().min(MAX_BINARY)]),
        Scalar::Link(link) => {
            let key = RecordKey::parse(&mask_text(link.key.as_str())).unwrap_or_else(|_| link.key.clone());
            Scalar::Link(scimwright_mapping::RecordLink { key, ..link.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn redacted(mask: &[&str], drop: &[&str], case: Value) -> Value {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let redaction = Redaction { mask: names(mask), drop: names(drop) };
        redaction.apply(&Case::from_json(&case).unwrap()).to_json()
    }

    #[test]
    fn masking_keeps_the_shape_and_nothing_else() {
        for (text, masked) in [
            ("Zoë.Martin+1@example.com", "Xxx.Xxxxxx+0@xxxxxxx.xxx"),
            ("1980-05-17", "2000-01-01"),
            ("1980-05-17T10:20:30+01:00", "2000-01-01T00:00:00+00:00"),
            ("1980-05-17b", "0000-00-00x"),
            ("٤٢", "00"),
            ("", ""),
        ] {
            assert_eq!(mask_text(text), masked);
        }
        for (number, masked) in
            [(0, 0), (7, 1), (4711, 1000), (-42, -10), (i64::MIN, -1_000_000_000_000_000_000)]
        {
            assert_eq!(mask_integer(number), masked);
        }
    }

    #[test]
    fn records_look_ups_and_their_keys_are_redacted_together() {
        let case = redacted(
            &["name", "department_id", "head"],
            &["iban"],
            json!({
                "source": "hr", "key": "E1001",
                "fields": { "name": "Zoë", "iban": "DE00 1234", "department_id": "D77", "title": "Engineer" },
                "lookups": [
                    { "source": "departments", "key": "D77", "fields": ["head", "name"],
                      "found": { "head": "Ada", "name": "R&D", "floor": 3 } },
                    { "source": "departments", "key": "D77", "fields": ["x"], "unavailable": "no D77" },
                ],
                "expected": { "userName": "zoe" },
            }),
        );
        assert_eq!(
            case["fields"],
            json!({ "name": "Xxx", "iban": null, "department_id": "X00", "title": "Engineer" })
        );
        assert_eq!(case["key"], "E1001", "the key is needed");
        assert_eq!(
            case["lookups"],
            json!([
                { "source": "departments", "key": "X00", "fields": ["head", "name"],
                  "found": { "head": "Xxx", "name": "X&X", "floor": 3 } },
                { "source": "departments", "key": "X00", "fields": ["x"], "unavailable": "xx X00" },
            ])
        );
        assert_eq!(case.get("expected"), None);
        assert!(!case.to_string().contains("Zoë") && !case.to_string().contains("D77"));
    }

    #[test]
    fn the_key_is_masked_by_its_own_name_and_what_was_mapped_always() {
        let case = redacted(
            &[KEY],
            &[],
            json!({ "source": "hr", "key": "E1001", "fields": {},
                "mapped": { "userName": "zoe", "active": true, "manager": { "value": { "$link": "User/E7" } } } }),
        );
        assert_eq!(case["key"], "X0000");
        assert_eq!(
            case["mapped"],
            json!({ "userName": "xxx", "active": false, "manager": { "value": { "$link": "User/X0" } } })
        );
    }

    #[test]
    fn nothing_to_redact_changes_nothing() {
        let json =
            json!({ "source": "hr", "key": "E1", "fields": { "a": "b" }, "expected": { "title": "b" } });
        let case = Case::from_json(&json).unwrap();
        assert_eq!(Redaction::default().apply(&case), case);
    }
}
