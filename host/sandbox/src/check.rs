//! Holds a resource that a client wrote against the schemas, and keeps of it what the client may write.
//!
//! What comes out has the schemas' spelling, no unassigned values, and nothing that is readOnly or computed,
//! so that everything behind this file compares and stores without a second look. Strict and tolerant differ
//! only in what is refused here.

use crate::catalogue::Definition;
use crate::fault;
use scimwright_scim::{Attribute, AttributeName, DataType, Mutability, Returned, Schema, ScimError};
use serde_json::{Map, Value};

/// Checks resources of one type.
#[derive(Clone, Copy)]
pub(crate) struct Check<'a> {
    pub(crate) definition: &'a Definition,
    /// See [`SandboxOptions::strict`](crate::SandboxOptions::strict).
    pub(crate) strict: bool,
}

impl Check<'_> {
    /// The writable attributes of a resource: those of extensions under their URN, `members` among the rest.
    ///
    /// # Errors
    /// `invalidSyntax` for what no schema declares, `invalidValue` for a value that does not suit its
    /// attribute or is missing (RFC 7644 section 3.12).
    pub(crate) fn writable(self, body: Map<String, Value>) -> Result<Map<String, Value>, ScimError> {
        self.schemas(&body)?;
        let core = &self.definition.core;
        let mut kept = Map::new();
        for (key, value) in body {
            // RFC 7643 section 3.1: these are of every resource, and the provider's to set.
            if ["schemas", "id", "meta"].iter().any(|name| key.eq_ignore_ascii_case(name)) || value.is_null()
            {
                continue;
            }
            if key.eq_ignore_ascii_case("externalId") {
                put(&mut kept, "externalId", self.external_id(value)?)?;
            } else if let Some(schema) = self.extension(&key) {
                let Value::Object(mut nested) = value else {
                    return Err(unsuited(&key, "an object", &value));
                };
                drop_repeated_schemas(&mut nested);
                let nested = self.object(&schema.attributes, nested, &format!("{}:", schema.id))?;
                put(&mut kept, schema.id.as_str(), (!nested.is_empty()).then_some(Value::Object(nested)))?;
            } else if let Some(attribute) = declared(&core.attributes, &key) {
                put(&mut kept, attribute.name.as_str(), self.attribute(attribute, value, "")?)?;
            } else {
                self.undeclared(&key)?;
            }
        }
        required(&core.attributes, &kept, "")?;
        Ok(kept)
    }

    /// RFC 7643 section 3: every resource says which schemas it is built from, the core schema among them.
    fn schemas(self, body: &Map<String, Value>) -> Result<(), ScimError> {
        if !self.strict {
            return Ok(());
        }
        let core = &self.definition.core.id;
        let listed = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
        let listed = listed.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if !listed.iter().any(|urn| urn.as_str().is_some_and(|urn| *core == *urn)) {
            return Err(fault::invalid_value(format!("`schemas` has to list {core}")));
        }
        let known = |urn: &str| *core == *urn || self.extension(urn).is_some();
        match listed.iter().find(|urn| !urn.as_str().is_some_and(known)) {
            Some(odd) => Err(fault::invalid_value(format!("`schemas` lists {odd}, which nobody declared"))),
            None => Ok(()),
        }
    }

    fn extension(&self, key: &str) -> Option<&Schema> {
        self.definition.schemas.extensions().iter().find(|schema| schema.id == *key)
    }

    fn external_id(self, value: Value) -> Result<Option<Value>, ScimError> {
        match value {
            Value::String(text) => Ok(Some(Value::String(text))),
            other => Err(unsuited("externalId", "a string", &other)),
        }
    }

    fn undeclared(self, place: &str) -> Result<(), ScimError> {
        if self.strict {
            let kind = &self.definition.schemas.resource_type().name;
            return Err(fault::invalid_syntax(format!("no schema of {kind} declares `{place}`")));
        }
        Ok(())
    }

    /// The attributes of an object that may be written, checked one by one. `parent` is what a path to them
    /// begins with.
    fn object(
        self,
        attributes: &[Attribute],
        object: Map<String, Value>,
        parent: &str,
    ) -> Result<Map<String, Value>, ScimError> {
        let mut kept = Map::new();
        for (key, value) in object {
            match declared(attributes, &key) {
                Some(attribute) => {
                    put(&mut kept, attribute.name.as_str(), self.attribute(attribute, value, parent)?)?;
                }
                None => self.undeclared(&format!("{parent}{key}"))?,
            }
        }
        if !kept.is_empty() {
            required(attributes, &kept, parent)?;
        }
        Ok(kept)
    }

    /// The value to keep for an attribute; `None` where there is nothing to keep.
    fn attribute(
        self,
        attribute: &Attribute,
        value: Value,
        parent: &str,
    ) -> Result<Option<Value>, ScimError> {
        // RFC 7644 section 3.3: a readOnly attribute in a body is ignored.
        if attribute.mutability == Mutability::ReadOnly || value.is_null() {
            return Ok(None);
        }
        let place = format!("{parent}{}", attribute.name);
        let checked = match (attribute.multi_valued, value) {
            (true, Value::Array(items)) => self.list(attribute, items, &place)?,
            (true, single) if !self.strict => self.list(attribute, vec![single], &place)?,
            (true, single) => return Err(unsuited(&place, "an array", &single)),
            (false, single) => self.single(attribute, single, &place)?,
        };
        // RFC 7643 section 7: what is never returned has no use here; a password is forgotten at once.
        Ok(checked.filter(|_| attribute.returned != Returned::Never))
    }

    fn list(self, attribute: &Attribute, items: Vec<Value>, place: &str) -> Result<Option<Value>, ScimError> {
        let mut kept: Vec<Value> = Vec::with_capacity(items.len());
        for item in items {
            kept.extend(self.single(attribute, item, place)?);
        }
        // RFC 7643 section 2.4: "primary" is true at most once.
        if kept.iter().filter(|item| item["primary"] == true).count() > 1 {
            return Err(fault::invalid_value(format!("`{place}` has more than one primary value")));
        }
        Ok((!kept.is_empty()).then_some(Value::Array(kept)))
    }

    fn single(self, attribute: &Attribute, value: Value, place: &str) -> Result<Option<Value>, ScimError> {
        let value = if self.strict { value } else { loosened(&attribute.data_type, value) };
        let wanted = match (&attribute.data_type, &value) {
            (DataType::Complex, Value::Object(_)) => None,
            (DataType::Complex, _) => Some("an object"),
            (DataType::Boolean, Value::Bool(_)) => None,
            (DataType::Boolean, _) => Some("true or false"),
            (DataType::Integer, Value::Number(number)) if !number.is_f64() => None,
            (DataType::Integer, _) => Some("a whole number"),
            (DataType::Decimal, Value::Number(_)) => None,
            (DataType::Decimal, _) => Some("a number"),
            (DataType::DateTime, Value::String(text)) if is_moment(text) => None,
            (DataType::DateTime, _) => Some("a moment like 2026-01-31T12:00:00Z"),
            (DataType::Other(_), _) => None,
            (_, Value::String(_)) => None,
            (_, _) => Some("a string"),
        };
        if let Some(wanted) = wanted {
            return Err(unsuited(place, wanted, &value));
        }
        match value {
            Value::Object(parts) if attribute.data_type == DataType::Complex => {
                let kept = self.object(&attribute.sub_attributes, parts, &format!("{place}."))?;
                Ok((!kept.is_empty()).then_some(Value::Object(kept)))
            }
            simple => Ok(Some(simple)),
        }
    }
}

/// Refuses to change an immutable attribute once it has a value, and puts back one that was left out
/// (RFC 7644 section 3.5.1).
///
/// Entries of a list come and go as wholes, so that only single values can be held to this.
///
/// # Errors
/// `mutability`, naming the attribute.
pub(crate) fn keep_immutable(
    definition: &Definition,
    before: &Map<String, Value>,
    after: &mut Map<String, Value>,
) -> Result<(), ScimError> {
    let fixed = |it: &&Attribute| it.mutability == Mutability::Immutable && !it.multi_valued;
    for attribute in definition.core.attributes.iter().filter(fixed) {
        let name = attribute.name.as_str();
        let Some(old) = before.get(name) else { continue };
        match after.get(name) {
            Some(new) if new != old => {
                return Err(fault::mutability(format!("`{name}` is immutable and has a value already")));
            }
            Some(_) => {}
            None => {
                after.insert(name.to_owned(), old.clone());
            }
        }
    }
    Ok(())
}

/// Takes `schemas` out of an extension's object. RFC 7643 section 3 has it in the resource only; scim2-models
/// writes it into extensions as well, and means nothing by it.
pub(crate) fn drop_repeated_schemas(extension: &mut Map<String, Value>) {
    extension.retain(|key, _| !key.eq_ignore_ascii_case("schemas"));
}

fn declared<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name == *key)
}

/// Adds a checked value; two spellings of one name in one object would leave it to chance which one counts.
fn put(kept: &mut Map<String, Value>, name: &str, value: Option<Value>) -> Result<(), ScimError> {
    let Some(value) = value else { return Ok(()) };
    match kept.insert(name.to_owned(), value) {
        Some(_) => Err(fault::invalid_syntax(format!("`{name}` is given twice"))),
        None => Ok(()),
    }
}

/// RFC 7643 section 7: a required attribute has a value, and a blank string says nothing.
fn required(attributes: &[Attribute], kept: &Map<String, Value>, parent: &str) -> Result<(), ScimError> {
    let blank = |name: &AttributeName| match kept.get(name.as_str()) {
        None => true,
        Some(value) => value.as_str().is_some_and(|text| text.trim().is_empty()),
    };
    let asked = |it: &&Attribute| it.required && it.mutability != Mutability::ReadOnly;
    match attributes.iter().filter(asked).find(|attribute| blank(&attribute.name)) {
        Some(missing) => Err(fault::invalid_value(format!("`{parent}{}` is required", missing.name))),
        None => Ok(()),
    }
}

/// What a tolerant provider makes of values that were written as text.
fn loosened(data_type: &DataType, value: Value) -> Value {
    match (data_type, value.as_str()) {
        (DataType::Boolean, Some(text)) if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        (DataType::Boolean, Some(text)) if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        _ => value,
    }
}

/// RFC 7643 section 2.3.5: an xsd:dateTime. Its zone is optional there.
fn is_moment(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok()
}

fn unsuited(place: &str, wanted: &str, value: &Value) -> ScimError {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    fault::invalid_value(format!("`{place}` has to be {wanted}, not {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::kind::Kind;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn an_immutable_attribute_is_set_once_and_comes_back_where_it_was_left_out() {
        let catalogue = Catalogue::new();
        let mut schema = catalogue.of(Kind::User).core.clone();
        let title = schema.attributes.iter_mut().find(|it| it.name == "title").unwrap();
        title.mutability = Mutability::Immutable;
        let schemas = catalogue.of(Kind::User).schemas.clone();
        let definition = Definition { core: Box::leak(Box::new(schema)), schemas };

        let before = object(json!({ "userName": "b", "title": "Clerk" }));
        let mut same = before.clone();
        assert!(keep_immutable(&definition, &before, &mut same).is_ok());
        let mut left_out = object(json!({ "userName": "b" }));
        keep_immutable(&definition, &before, &mut left_out).unwrap();
        assert_eq!(left_out, before);
        let mut changed = object(json!({ "userName": "b", "title": "Chief" }));
        let refusal = keep_immutable(&definition, &before, &mut changed).unwrap_err();
        assert!(refusal.to_string().contains("(mutability)"), "{refusal}");
        let mut first = object(json!({ "title": "Clerk" }));
        assert!(keep_immutable(&definition, &Map::new(), &mut first).is_ok());
    }

    #[test]
    fn a_moment_may_come_with_and_without_a_zone() {
        for text in ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+01:00", "2026-01-31T12:00:00"] {
            assert!(is_moment(text), "{text}");
        }
        for text in ["yesterday", "2026-13-31T12:00:00Z", ""] {
            assert!(!is_moment(text), "{text}");
        }
    }
}
