//! Does a value fit its attribute? Asked before a patch puts it into a resource.

use crate::compare;
use crate::error::{ScimError, ScimType};
use crate::json::is_unassigned;
use crate::path::AttributePath;
use crate::schema::{Attribute, DataType};
use crate::unreadable::describe;
use serde_json::Value;

/// Checks one single value: not the array of a multi-valued attribute, but each value in it. Parts that are
/// not declared are refused, as a server with a schema does.
///
/// An attribute that nobody describes takes everything, and so does a type that RFC 7643 does not define.
pub(super) fn check(
    value: &Value,
    attribute: Option<&Attribute>,
    path: &AttributePath,
) -> Result<(), ScimError> {
    let Some(attribute) = attribute else { return Ok(()) };
    let fits = match &attribute.data_type {
        DataType::String | DataType::Reference | DataType::Binary => value.is_string(),
        DataType::Boolean => value.is_boolean(),
        DataType::Decimal => value.is_number(),
        DataType::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        DataType::DateTime => value.as_str().is_some_and(|text| compare::instant(text).is_some()),
        DataType::Complex => return check_parts(value, attribute, path),
        DataType::Other(_) => true,
    };
    if fits { Ok(()) } else { Err(misfit(&attribute.data_type, value, path)) }
}

fn check_parts(value: &Value, attribute: &Attribute, path: &AttributePath) -> Result<(), ScimError> {
    let Some(parts) = value.as_object() else { return Err(misfit(&attribute.data_type, value, path)) };
    // A complex attribute that is declared without parts says nothing about them.
    if attribute.sub_attributes.is_empty() {
        return Ok(());
    }
    for (key, part) in parts {
        let Some(declared) = attribute.sub_attribute(key) else {
            let detail = format!("`{path}` has no part `{}`", key.escape_debug());
            return Err(ScimError::bad_request(ScimType::InvalidValue, detail));
        };
        if is_unassigned(part) {
            continue;
        }
        let path = path.with_sub(declared.name.clone());
        match part {
            Value::Array(items) if declared.multi_valued => {
                items.iter().try_for_each(|item| check(item, Some(declared), &path))?;
            }
            single => check(single, Some(declared), &path)?,
        }
    }
    Ok(())
}

fn misfit(wanted: &DataType, got: &Value, path: &AttributePath) -> ScimError {
    let wanted = match wanted {
        DataType::Complex => "an object".to_owned(),
        DataType::DateTime => "a moment such as \"2024-03-01T08:00:00Z\"".to_owned(),
        DataType::Integer => "a whole number".to_owned(),
        DataType::Decimal => "a number".to_owned(),
        DataType::Boolean => "true or false".to_owned(),
        other => format!("a {other}"),
    };
    let detail = format!("`{path}` has to be {wanted}, not {}", describe(got));
    ScimError::bad_request(ScimType::InvalidValue, detail)
}
