//! Small readings of JSON objects whose keys compare without case, shared by all messages.

use crate::unreadable::Unreadable;
use crate::urn::SchemaUrn;
use serde_json::{Map, Value};

pub(crate) type Object = Map<String, Value>;

/// The value as an object.
pub(crate) fn object<'a>(what: &'static str, value: &'a Value) -> Result<&'a Object, Unreadable> {
    value.as_object().ok_or_else(|| Unreadable::field(what, "it", "an object", value))
}

/// The key as it is spelled in the object, exact spelling first.
pub(crate) fn spelled<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    match object.get_key_value(name) {
        Some((key, _)) => Some(key),
        None => object.keys().find(|key| key.eq_ignore_ascii_case(name)).map(String::as_str),
    }
}

/// The value under the name, compared without case; null counts as absent (RFC 7643 section 2.5).
pub(crate) fn field<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    let found = match object.get(name) {
        Some(value) => value,
        None => object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1,
    };
    (!found.is_null()).then_some(found)
}

/// The value under the name for changing it, compared without case.
pub(crate) fn field_mut<'a>(object: &'a mut Object, name: &str) -> Option<&'a mut Value> {
    // Nearly always the spelling is the exact one.
    if object.contains_key(name) {
        return object.get_mut(name);
    }
    let key = spelled(object, name)?.to_owned();
    object.get_mut(&key)
}

/// Puts a value under the name, keeping the spelling that is there.
pub(crate) fn put(object: &mut Object, name: &str, value: Value) {
    match field_mut(object, name) {
        Some(place) => *place = value,
        None => {
            object.insert(name.to_owned(), value);
        }
    }
}

/// Takes the value under the name out, keeping the order of the others.
pub(crate) fn take(object: &mut Object, name: &str) -> Option<Value> {
    let key = spelled(object, name)?.to_owned();
    object.shift_remove(&key)
}

/// The non-empty text under the name; a number counts as its digits.
pub(crate) fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    field(object, name)?.as_str().filter(|text| !text.is_empty())
}

/// The truth under the name; servers exist that write it as a string.
pub(crate) fn boolean(object: &Object, name: &str) -> Option<bool> {
    match field(object, name)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The whole number under the name; servers exist that write it as a string, or as `10.0`.
pub(crate) fn whole(object: &Object, name: &str) -> Option<u64> {
    match field(object, name)? {
        Value::Number(number) => number.as_u64().or_else(|| {
            let real = number.as_f64()?;
            // Beyond 2^53 a real number no longer says which whole number was meant.
            (real >= 0.0 && real.fract() == 0.0 && real < 9_007_199_254_740_992.0).then_some(real as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The strings in the array under the name; a lone string counts as an array of one.
pub(crate) fn texts(object: &Object, name: &str) -> Vec<String> {
    match field(object, name) {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// Whether `schemas` mentions the URN.
pub(crate) fn mentions_schema(object: &Object, urn: &SchemaUrn) -> bool {
    match field(object, "schemas") {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).any(|text| *urn == *text),
        Some(Value::String(text)) => *urn == *text.as_str(),
        _ => false,
    }
}

/// Whether the value is no value: null, an empty array, or an object without members. RFC 7643 section 2.5
/// makes the first two the same as absent; a complex value without parts says nothing either, nor does an
/// array of such.
pub(crate) fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(is_unassigned),
        Value::Object(members) => members.values().all(is_unassigned),
        _ => false,
    }
}
