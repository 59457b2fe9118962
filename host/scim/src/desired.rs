//! The attributes that we manage, and what each is to be.
//!
//! Three states are kept apart: an attribute with a value, one to be cleared at the provider, and one that
//! is not mentioned and therefore left alone. This is also what is remembered of the last state sent, so
//! its JSON form is part of the state database and does not change.
//!
//! # JSON form
//! An object from the path of each attribute to its value, in order; `null` is [`DesiredValue::Clear`]. A
//! `null` inside a complex value clears that part.
//!
//! ```json
//! {
//!   "userName": "jdoe",
//!   "title": null,
//!   "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Tools"
//! }
//! ```

use crate::diff::diff;
use crate::json::{self, Object, is_unassigned};
use crate::name::AttributeName;
use crate::patch::{PatchOperation, PatchPath, PatchRequest};
use crate::path::AttributePath;
use crate::resource::Resource;
use crate::resource_type::ResourceType;
use crate::schema_set::SchemaSet;
use crate::urn::SchemaUrn;
use serde::de::Error as _;
use serde_json::Value;
use std::sync::Arc;

/// The attributes that we manage, in order, each of them once.
///
/// Cloning is cheap: what is wanted goes along with a record from its mapping to what is remembered of it, and clones
/// share it until one of them is changed.
///
/// ```
/// use scimwright_scim::{AttributePath, Desired, DesiredValue};
/// use serde_json::json;
///
/// let mut desired = Desired::new();
/// desired.set(&AttributePath::parse("userName")?, json!("jdoe"));
/// desired.set(&AttributePath::parse("title")?, DesiredValue::Clear);
/// assert_eq!(serde_json::to_string(&desired)?, r#"{"userName":"jdoe","title":null}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Desired {
    /// Paths without a sub-attribute; no two name the same attribute.
    entries: Arc<Vec<(AttributePath, DesiredValue)>>,
}

/// What an attribute is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DesiredValue {
    /// It is to have this value; never null.
    Set(Value),
    /// It is to have none.
    Clear,
}

impl Desired {
    /// Manages nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what the attribute is to be, in place of what was said before.
    ///
    /// A path with a sub-attribute changes that part of the attribute's complex value, which is made if it is
    /// not there; clearing a part leaves a null in it. Setting null is clearing (RFC 7643 section 2.5).
    pub fn set(&mut self, path: &AttributePath, value: impl Into<DesiredValue>) {
        let value = value.into();
        let value = match &path.sub {
            None => value,
            Some(sub) => DesiredValue::Set(self.with_part(path, sub, value)),
        };
        let entries = Arc::make_mut(&mut self.entries);
        match entries.iter_mut().find(|(known, _)| known.same_attribute(path)) {
            Some((_, place)) => *place = value,
            None => entries.push((path.without_sub(), value)),
        }
    }

    /// The attribute's complex value with one part changed.
    fn with_part(&self, path: &AttributePath, sub: &AttributeName, value: DesiredValue) -> Value {
        let mut parts = match self.get(path) {
            Some(DesiredValue::Set(Value::Object(parts))) => parts.clone(),
            _ => Object::new(),
        };
        let value = match value {
            DesiredValue::Set(value) => value,
            DesiredValue::Clear => Value::Null,
        };
        json::put(&mut parts, sub.as_str(), value);
        Value::Object(parts)
    }

    /// What is said of the path's attribute; a sub-attribute in the path plays no part.
    #[must_use]
    pub fn get(&self, path: &AttributePath) -> Option<&DesiredValue> {
        self.entries.iter().find(|(known, _)| known.same_attribute(path)).map(|(_, value)| value)
    }

    /// The value that the attribute, or the part of it that the path names, is to have. None when it is to be
    /// cleared, or is not mentioned.
    #[must_use]
    pub fn value(&self, path: &AttributePath) -> Option<&Value> {
        let DesiredValue::Set(value) = self.get(path)? else { return None };
        match &path.sub {
            None => Some(value),
            Some(sub) => json::field(value.as_object()?, sub.as_str()),
        }
    }

    /// Everything that is said, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&AttributePath, &DesiredValue)> {
        self.entries.iter().map(|(path, value)| (path, value))
    }

    /// Says nothing more of the path's attribute, and returns what was said.
    pub fn remove(&mut self, path: &AttributePath) -> Option<DesiredValue> {
        let index = self.entries.iter().position(|(known, _)| known.same_attribute(path))?;
        Some(Arc::make_mut(&mut self.entries).remove(index).1)
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many attributes are mentioned.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The body of a create (RFC 7644 section 3.3): `schemas` first, with the core schema and every extension
    /// that is used or required, then the attributes in order, those of an extension nested under its URN.
    /// What is cleared, null or empty is left out.
    #[must_use]
    pub fn to_resource(&self, resource_type: &ResourceType) -> Resource {
        let mut resource = Resource::new();
        resource.list_schema(&resource_type.schema);
        for extension in resource_type.extensions.iter().filter(|extension| extension.required) {
            resource.list_schema(&extension.schema);
        }
        for (path, value) in self.iter() {
            let DesiredValue::Set(value) = value else { continue };
            if is_unassigned(value) || path.attribute == AttributeName::SCHEMAS {
                continue;
            }
            let schema = path.schema.as_ref().filter(|urn| **urn != resource_type.schema);
            let schema = schema.map(|urn| spelled_by(resource_type, urn));
            let place = AttributePath { schema, attribute: path.attribute.clone(), sub: None };
            resource.set(&place, without_empty(value));
        }
        resource
    }

    /// The body of a replace (RFC 7644 section 3.5.1): the resource as it was read, with the managed
    /// attributes changed as [`diff`] would change them, and without what only the provider may write. What
    /// we do not manage survives. `schemas` is made right where the provider leaves it out of what it shows.
    ///
    /// `sent` is the last state sent, as for [`diff`]. What is immutable keeps the value it has, since
    /// RFC 7644 section 3.5.1 wants it matched; [`conflicts`](crate::conflicts) names what was wanted instead.
    /// Where the change contradicts the schema otherwise, as clearing a required attribute does, the body says
    /// what is wanted all the same: to refuse it is the provider's part.
    #[must_use]
    pub fn merge_into(&self, sent: Option<&Self>, seen: &Resource, schemas: &SchemaSet) -> Resource {
        self.merge_patch(diff(self, sent, seen, schemas), seen, schemas)
    }

    /// The same with the difference, where that is known.
    pub(crate) fn merge_patch(&self, patch: PatchRequest, seen: &Resource, schemas: &SchemaSet) -> Resource {
        let mut merged = seen.clone();
        // All at once where nothing stands against it, since each application works on a copy.
        if patch.apply(&mut merged, schemas).is_err() {
            for operation in patch.operations {
                self.carry_over(operation, &mut merged, schemas);
            }
        }
        drop_read_only(&mut merged, schemas);
        list_schemas(&mut merged, schemas.resource_type());
        merged
    }

    /// Carries one change out, by force where the schema is against it.
    fn carry_over(&self, operation: PatchOperation, resource: &mut Resource, schemas: &SchemaSet) {
        let target = match operation.path() {
            Some(PatchPath::Attribute { path, .. }) => path.without_sub(),
            _ => return,
        };
        if PatchRequest::new(vec![operation]).apply(resource, schemas).is_err() {
            self.put_as_wanted(&target, resource, schemas);
        }
    }

    /// Makes the attribute exactly what is wanted of it.
    fn put_as_wanted(&self, target: &AttributePath, resource: &mut Resource, schemas: &SchemaSet) {
        match self.entries.iter().rfind(|(path, _)| schemas.canonical(path) == *target) {
            Some((_, DesiredValue::Set(value))) if !is_unassigned(value) => {
                resource.set(target, without_empty(value));
            }
            _ => {
                resource.remove(target);
            }
        }
    }
}

/// An extension's URN as the resource type spells it.
fn spelled_by(resource_type: &ResourceType, urn: &SchemaUrn) -> SchemaUrn {
    let known = resource_type.extensions.iter().find(|extension| extension.schema == *urn);
    known.map_or(urn, |extension| &extension.schema).clone()
}

/// The value without the parts and values that say nothing.
fn without_empty(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().filter(|item| !is_unassigned(item)).map(without_empty).collect(),
        Value::Object(parts) => {
            let parts = parts.iter().filter(|(_, part)| !is_unassigned(part));
            Value::Object(parts.map(|(name, part)| (name.clone(), without_empty(part))).collect())
        }
        scalar => scalar.clone(),
    }
}

/// Takes out what only the provider may write. RFC 7644 section 3.5.1 lets it ignore such values, and some
/// providers refuse them instead.
fn drop_read_only(resource: &mut Resource, schemas: &SchemaSet) {
    let read_only: Vec<_> = schemas.attributes().filter(|(_, attribute)| attribute.is_read_only()).collect();
    for (path, _) in read_only {
        resource.remove(&path);
    }
    for (path, attribute) in schemas.attributes() {
        for part in attribute.sub_attributes.iter().filter(|part| part.is_read_only()) {
            resource.remove_part(&path, &part.name);
        }
    }
}

/// Lists the core schema, and every extension that the resource has.
fn list_schemas(resource: &mut Resource, resource_type: &ResourceType) {
    resource.list_schema(&resource_type.schema);
    for extension in &resource_type.extensions {
        if json::field(resource.as_map(), extension.schema.as_str()).is_some() {
            resource.list_schema(&extension.schema);
        }
    }
}

impl<V: Into<DesiredValue>> FromIterator<(AttributePath, V)> for Desired {
    fn from_iter<I: IntoIterator<Item = (AttributePath, V)>>(entries: I) -> Self {
        let mut desired = Self::new();
        for (path, value) in entries {
            desired.set(&path, value);
        }
        desired
    }
}

impl IntoIterator for Desired {
    type Item = (AttributePath, DesiredValue);
    type IntoIter = std::vec::IntoIter<Self::Item>;
    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.entries).into_iter()
    }
}

/// Null is [`DesiredValue::Clear`].
impl From<Value> for DesiredValue {
    fn from(value: Value) -> Self {
        if value.is_null() { Self::Clear } else { Self::Set(value) }
    }
}

impl serde::Serialize for Desired {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries.iter().map(|(path, value)| {
            let value = match value {
                DesiredValue::Set(value) => value,
                DesiredValue::Clear => &Value::Null,
            };
            (path, value)
        }))
    }
}

impl<'de> serde::Deserialize<'de> for Desired {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut desired = Self::new();
        for (text, value) in Object::deserialize(deserializer)? {
            desired.set(&AttributePath::parse(&text).map_err(D::Error::custom)?, value);
        }
        Ok(desired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::testing;
    use proptest::prelude::*;
    use serde_json::json;

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    fn desired(value: Value) -> Desired {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_stored_form_is_fixed() {
        let mut desired = Desired::new();
        desired.set(&path("userName"), json!("jdoe"));
        desired.set(&path("title"), DesiredValue::Clear);
        desired.set(&path("name.givenName"), json!("J"));
        desired.set(&path("name.middleName"), DesiredValue::Clear);
        desired.set(&path("emails"), json!([{"value": "a", "primary": true}]));
        desired.set(
            &path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
            json!("Tools"),
        );
        insta::assert_snapshot!(serde_json::to_string_pretty(&desired).unwrap(), @r#"
        {
          "userName": "jdoe",
          "title": null,
          "name": {
            "givenName": "J",
            "middleName": null
          },
          "emails": [
            {
              "value": "a",
              "primary": true
            }
          ],
          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Tools"
        }
        "#);
    }

    #[test]
    fn an_attribute_is_mentioned_once_in_whatever_case() {
        let mut desired = desired(json!({"userName": "a", "title": "t", "USERNAME": "b"}));
        assert_eq!(desired.len(), 2);
        assert_eq!(desired.value(&path("username")), Some(&json!("b")));
        assert_eq!(desired.remove(&path("USERname")), Some(DesiredValue::Set(json!("b"))));
        assert_eq!(desired.get(&path("userName")), None);
    }

    #[test]
    fn cleared_set_and_not_mentioned_are_three_things() {
        let desired = desired(json!({"title": null, "nickName": ""}));
        assert_eq!(desired.get(&path("title")), Some(&DesiredValue::Clear));
        assert_eq!(desired.get(&path("nickName")), Some(&DesiredValue::Set(json!(""))));
        assert_eq!(desired.get(&path("locale")), None);
    }

    #[test]
    fn parts_can_be_set_one_by_one() {
        let mut desired = Desired::new();
        desired.set(&path("name.givenName"), json!("J"));
        desired.set(&path("NAME.GIVENNAME"), json!("K"));
        desired.set(&path("name.familyName"), json!("D"));
        assert_eq!(
            desired.get(&path("name")),
            Some(&DesiredValue::Set(json!({"givenName": "K", "familyName": "D"})))
        );
        assert_eq!(desired.value(&path("name.FAMILYname")), Some(&json!("D")));
    }

    #[test]
    fn a_create_lists_its_schemas_first_and_nests_extensions() {
        let desired = desired(json!({
            "userName": "jdoe",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:department": "Tools",
            "urn:ietf:params:scim:schemas:core:2.0:User:title": "x",
            "nickName": null,
            "emails": [{"value": "a", "display": null}, {}],
            "ims": [],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager": {"value": "9"},
        }));
        let body = desired.to_resource(builtin::user_schema_set().resource_type());
        insta::assert_json_snapshot!(body, @r#"
        {
          "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
          ],
          "userName": "jdoe",
          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Tools",
            "manager": {
              "value": "9"
            }
          },
          "title": "x",
          "emails": [
            {
              "value": "a"
            }
          ]
        }
        "#);
    }

    #[test]
    fn an_extension_is_listed_only_where_it_is_used_or_required() {
        let users = builtin::user_schema_set();
        let plain = desired(json!({
            "userName": "jdoe",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division": null,
        }));
        let mut resource_type = users.resource_type().clone();
        assert_eq!(plain.to_resource(&resource_type).schemas().count(), 1);
        resource_type.extensions[0].required = true;
        assert_eq!(plain.to_resource(&resource_type).schemas().count(), 2);
    }

    #[test]
    fn a_replace_keeps_what_we_do_not_manage_and_drops_what_only_the_provider_writes() {
        let seen = Resource::from_value(json!({
            "id": "1",
            "meta": {"version": "W/1"},
            "userName": "old",
            "nickName": "theirs",
            "title": "old",
            "name": {"givenName": "J", "formatted": "theirs"},
            "groups": [{"value": "g"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "manager": {"value": "9", "displayName": "Boss"}, "costCenter": "C",
            },
        }))
        .unwrap();
        let desired = desired(json!({"userName": "new", "title": null, "name": {"givenName": "K"}}));
        let users = builtin::user_schema_set();
        insta::assert_json_snapshot!(desired.merge_into(None, &seen, &users), @r#"
        {
          "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
          ],
          "userName": "new",
          "nickName": "theirs",
          "name": {
            "givenName": "K",
            "formatted": "theirs"
          },
          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "manager": {
              "value": "9"
            },
            "costCenter": "C"
          }
        }
        "#);
    }

    #[test]
    fn a_replace_says_what_is_wanted_even_where_the_schema_requires_a_value() {
        let seen = json!({"userName": "old", "name": {"givenName": "J"}, "title": "t"});
        let wanted = desired(json!({"userName": null, "name": {"givenName": "K"}}));
        let users = builtin::user_schema_set();
        let body = wanted.merge_into(None, &Resource::from_value(seen).unwrap(), &users).into_value();
        assert_eq!(body, json!({"schemas": [crate::urn::USER], "name": {"givenName": "K"}, "title": "t"}));
    }

    /// Point 13: what is immutable has to stand in the body as it is, or the provider refuses all of it.
    #[test]
    fn a_replace_keeps_what_is_immutable() {
        let mut schema = builtin::user_schema().clone();
        for attribute in &mut schema.attributes {
            if attribute.name == "userName" || attribute.name == "emails" {
                attribute.mutability = crate::Mutability::Immutable;
            }
        }
        let users = SchemaSet::new(builtin::user_resource_type().clone(), &[schema]);
        let seen = json!({"userName": "old", "emails": [{"value": "a"}, {"value": "b"}], "title": "t"});
        let wanted = desired(json!({"userName": "new", "emails": [{"value": "b"}, {"value": "c"}]}));
        let body = wanted.merge_into(None, &Resource::from_value(seen).unwrap(), &users).into_value();
        assert_eq!(body["userName"], "old");
        assert_eq!(body["emails"], json!([{"value": "a"}, {"value": "b"}]));
        assert_eq!(body["title"], "t");
    }

    #[test]
    fn text_that_is_no_path_is_not_taken_from_the_store() {
        assert!(serde_json::from_value::<Desired>(json!({"user name": 1})).is_err());
        assert!(serde_json::from_value::<Desired>(json!(["userName"])).is_err());
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(desired in testing::wanted()) {
            let stored = serde_json::to_string(&desired).unwrap();
            prop_assert_eq!(serde_json::from_str::<Desired>(&stored).unwrap(), desired);
        }
    }
}
