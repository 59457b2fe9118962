//! Which attributes of a resource a response contains: `attributes`, `excludedAttributes` (RFC 7644
//! section 3.9), and each attribute's own `returned` characteristic (RFC 7643 section 7).

use crate::catalogue::Definition;
use scimwright_scim::{AttributeName, AttributePath, Resource, Returned, Schema};
use serde_json::{Map, Value};

/// What a client asks to see, or not to see.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Projection {
    /// `attributes`; empty means the default set.
    pub(crate) only: Vec<AttributePath>,
    /// `excludedAttributes`.
    pub(crate) except: Vec<AttributePath>,
}

/// Where in a resource an attribute stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// At the top, where the core schema declares it.
    Top(&'a Schema),
    /// Under the URN of an extension.
    Nested(&'a Schema),
}

impl<'a> Place<'a> {
    fn schema(self) -> &'a Schema {
        match self {
            Self::Top(schema) | Self::Nested(schema) => schema,
        }
    }

    /// Whether an entry means this attribute of the schema, or a part of it.
    fn is_meant(self, entry: &AttributePath, key: &str) -> bool {
        let same_schema = match &entry.schema {
            Some(urn) => *urn == self.schema().id,
            None => matches!(self, Self::Top(_)),
        };
        same_schema && entry.attribute == *key
    }

    fn returned(self, key: &str) -> &'a Returned {
        // RFC 7643 section 3.1: `id` is always returned; no schema lists it.
        if matches!(self, Self::Top(_)) && key == "id" {
            return &Returned::Always;
        }
        self.schema().attribute(key).map_or(&Returned::Default, |attribute| &attribute.returned)
    }
}

/// Whether an entry means an extension as a whole. Its URN reads as a path too, with the last segment in the
/// attribute's place.
fn names(entry: &AttributePath, schema: &Schema) -> bool {
    schema.id == entry.to_string().as_str()
}

/// How much of an attribute is shown.
enum Share<'a> {
    Whole,
    Nothing,
    /// These sub-attributes.
    Only(Vec<&'a AttributeName>),
    /// All but these sub-attributes.
    Without(Vec<&'a AttributeName>),
}

impl Projection {
    /// Whether any part of a core attribute will be shown, so that it is worth computing.
    pub(crate) fn wants(&self, definition: &Definition, attribute: &str) -> bool {
        !matches!(self.share(Place::Top(definition.core), attribute), Share::Nothing)
    }

    /// Leaves of a resource what the client gets to see.
    pub(crate) fn apply(&self, definition: &Definition, mut resource: Resource) -> Value {
        let show = |(key, value): (String, Value)| {
            // RFC 7643 section 3: `schemas` tells what the rest means, so no resource goes without it.
            if key == "schemas" {
                return Some((key, value));
            }
            let extension = definition.schemas.extensions().iter().find(|schema| schema.id == key.as_str());
            let shown = match extension {
                Some(schema) => self.nested(schema, value)?,
                None => self.cut(Place::Top(definition.core), &key, value)?,
            };
            Some((key, shown))
        };
        std::mem::take(resource.as_map_mut()).into_iter().filter_map(show).collect()
    }

    fn nested(&self, schema: &Schema, value: Value) -> Option<Value> {
        if self.except.iter().any(|entry| names(entry, schema)) {
            return None;
        }
        let whole = self.only.iter().any(|entry| names(entry, schema));
        let Value::Object(attributes) = value else { return None };
        let kept: Map<_, _> = attributes
            .into_iter()
            .filter_map(|(key, value)| {
                let shown = if whole { value } else { self.cut(Place::Nested(schema), &key, value)? };
                Some((key, shown))
            })
            .collect();
        (!kept.is_empty()).then_some(Value::Object(kept))
    }

    fn cut(&self, place: Place<'_>, key: &str, value: Value) -> Option<Value> {
        match self.share(place, key) {
            Share::Whole => Some(value),
            Share::Nothing => None,
            Share::Only(subs) => parts(value, |key| subs.iter().any(|sub| **sub == *key)),
            Share::Without(subs) => parts(value, |key| subs.iter().all(|sub| **sub != *key)),
        }
    }

    fn share(&self, place: Place<'_>, key: &str) -> Share<'_> {
        let asked: Vec<_> = self.only.iter().filter(|entry| place.is_meant(entry, key)).collect();
        let spurned: Vec<_> = self.except.iter().filter(|entry| place.is_meant(entry, key)).collect();
        let asked_subs: Option<Vec<_>> = asked.iter().map(|entry| entry.sub.as_ref()).collect();
        let spurned_subs: Option<Vec<_>> = spurned.iter().map(|entry| entry.sub.as_ref()).collect();
        match (place.returned(key), asked_subs, spurned_subs) {
            (Returned::Always, ..) => Share::Whole,
            (Returned::Never, ..) => Share::Nothing,
            (Returned::Request, ..) if asked.is_empty() => Share::Nothing,
            _ if asked.is_empty() && !self.only.is_empty() => Share::Nothing,
            (_, _, None) => Share::Nothing,
            (_, Some(subs), _) if !subs.is_empty() => Share::Only(subs),
            (_, _, Some(subs)) if !subs.is_empty() => Share::Without(subs),
            _ => Share::Whole,
        }
    }
}

/// The sub-attributes that pass, of a complex value or of each in a list of them.
fn parts(value: Value, passes: impl Fn(&str) -> bool + Copy) -> Option<Value> {
    match value {
        Value::Object(all) => {
            let kept: Map<_, _> = all.into_iter().filter(|(key, _)| passes(key)).collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<_> = items.into_iter().filter_map(|item| parts(item, passes)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        // A simple value has the one part `value`, which a path may spell out.
        simple => passes("value").then_some(simple),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::kind::Kind;
    use serde_json::json;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn shown(only: &[&str], except: &[&str]) -> Value {
        let read = |list: &[&str]| list.iter().map(|text| AttributePath::parse(text).unwrap()).collect();
        let projection = Projection { only: read(only), except: read(except) };
        let whole = Resource::from_value(json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "1",
            "userName": "bjensen",
            "password": "never stored, and never shown if it were",
            "name": { "givenName": "Barbara", "familyName": "Jensen" },
            "emails": [{ "value": "b@example.com", "type": "work" }],
            ENTERPRISE: { "department": "Tools", "costCenter": "7" },
            "meta": { "resourceType": "User" },
        }));
        projection.apply(Catalogue::new().of(Kind::User), whole.unwrap())
    }

    #[test]
    fn without_a_wish_everything_is_shown_but_what_is_never_returned() {
        let all = shown(&[], &[]);
        assert!(all.get("password").is_none());
        assert_eq!(all.as_object().unwrap().len(), 7);
    }

    #[test]
    fn asking_for_attributes_leaves_them_the_id_and_the_schemas() {
        let value = shown(&["USERNAME", "name.familyName", "emails.value"], &[]);
        assert_eq!(
            value,
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "id": "1",
                "userName": "bjensen",
                "name": { "familyName": "Jensen" },
                "emails": [{ "value": "b@example.com" }],
            })
        );
        assert!(shown(&["password"], &[]).get("password").is_none());
    }

    #[test]
    fn an_extension_is_asked_for_as_a_whole_or_by_attribute() {
        assert_eq!(shown(&[ENTERPRISE], &[])[ENTERPRISE]["costCenter"], "7");
        let one = shown(&[&format!("{ENTERPRISE}:department")], &[]);
        assert_eq!(one[ENTERPRISE], json!({ "department": "Tools" }));
        assert!(shown(&[], &[ENTERPRISE]).get(ENTERPRISE).is_none());
    }

    #[test]
    fn excluding_takes_an_attribute_or_a_part_away_but_never_the_id() {
        let value = shown(&[], &["id", "name.givenName", "emails"]);
        assert_eq!(value["id"], "1");
        assert_eq!(value["name"], json!({ "familyName": "Jensen" }));
        assert!(value.get("emails").is_none());
    }
}
