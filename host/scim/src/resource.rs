//! A SCIM resource: a JSON object whose keys compare without case.
//!
//! A resource is kept as the JSON it arrived as, not as a struct per type: what a resource may hold is
//! declared by the provider's schemas at run time, and whatever a provider sends has to survive being read
//! and written back.

use crate::json::{self, Object};
use crate::name::AttributeName;
use crate::path::AttributePath;
use crate::unreadable::Unreadable;
use crate::urn::SchemaUrn;
use serde_json::Value;

/// A resource (RFC 7643 section 3).
///
/// Lookups ignore the case of names and URNs; null counts as absent (RFC 7643 section 2.5). The order and
/// spelling of members are kept.
///
/// ```
/// use scimwright_scim::{AttributePath, Resource};
/// use serde_json::json;
///
/// let resource = Resource::from_value(json!({
///     "id": "2819c",
///     "username": "jdoe",
///     "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tools"},
/// }))?;
/// assert_eq!(resource.id(), Some("2819c"));
/// assert_eq!(resource.get(&AttributePath::parse("userName")?), Some(&json!("jdoe")));
/// let path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
/// assert_eq!(resource.get(&AttributePath::parse(path)?), Some(&json!("Tools")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
#[serde(transparent)]
pub struct Resource {
    members: Object,
}

impl Resource {
    /// A resource without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes JSON that is a resource.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not an object.
    pub fn from_value(value: Value) -> Result<Self, Unreadable> {
        match value {
            Value::Object(members) => Ok(Self { members }),
            other => Err(Unreadable::field("resource", "it", "an object", &other)),
        }
    }

    /// The members, in the order in which they arrived.
    #[must_use]
    pub fn as_map(&self) -> &Object {
        &self.members
    }

    /// The members, to be changed.
    pub fn as_map_mut(&mut self) -> &mut Object {
        &mut self.members
    }

    /// The resource as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.members.clone())
    }

    /// The resource as JSON, without a copy.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::Object(self.members)
    }

    /// The provider's id (RFC 7643 section 3.1). A number, which some servers send, is none:
    /// [`id_text`](Self::id_text) reads it too.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        json::text(&self.members, "id")
    }

    /// The provider's id as text, where it is a number too.
    #[must_use]
    pub fn id_text(&self) -> Option<String> {
        match json::field(&self.members, "id")? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The client's own identifier (RFC 7643 section 3.1).
    #[must_use]
    pub fn external_id(&self) -> Option<&str> {
        json::text(&self.members, "externalId")
    }

    /// The ETag in `meta.version` (RFC 7643 section 3.1), quotes and `W/` included.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        json::text(json::field(&self.members, "meta")?.as_object()?, "version")
    }

    /// What `schemas` lists. A provider that leaves it out is not rare.
    pub fn schemas(&self) -> impl Iterator<Item = SchemaUrn> + use<> {
        json::texts(&self.members, "schemas").into_iter().filter_map(|text| SchemaUrn::parse(&text).ok())
    }

    /// The value at the path. A path to a part of a multi-valued attribute has no single value and finds
    /// nothing: [`values`](Self::values) finds all of them.
    #[must_use]
    pub fn get(&self, path: &AttributePath) -> Option<&Value> {
        let value = json::field(self.container(path)?, path.attribute.as_str())?;
        match &path.sub {
            None => Some(value),
            Some(sub) => json::field(value.as_object()?, sub.as_str()),
        }
    }

    /// Every single value at the path: the elements of a multi-valued attribute one by one, or the named part
    /// of each.
    #[must_use]
    pub fn values(&self, path: &AttributePath) -> Vec<&Value> {
        let Some(container) = self.container(path) else { return Vec::new() };
        let Some(value) = json::field(container, path.attribute.as_str()) else { return Vec::new() };
        let parts = flatten(value);
        match &path.sub {
            None => parts.collect(),
            Some(sub) => parts
                .filter_map(|part| json::field(part.as_object()?, sub.as_str()))
                .flat_map(flatten)
                .collect(),
        }
    }

    /// Puts a value at the path and returns whether that was possible: a part of something that is not a
    /// single complex value has no place. What is missing on the way is made, and an extension that is used
    /// is listed in `schemas`.
    pub fn set(&mut self, path: &AttributePath, value: Value) -> bool {
        let Some(container) = self.container_mut(path) else { return false };
        let Some(sub) = &path.sub else {
            json::put(container, path.attribute.as_str(), value);
            return true;
        };
        if json::field(container, path.attribute.as_str()).is_none() {
            json::put(container, path.attribute.as_str(), Value::Object(Object::new()));
        }
        match json::field_mut(container, path.attribute.as_str()) {
            Some(Value::Object(parts)) => {
                json::put(parts, sub.as_str(), value);
                true
            }
            _ => false,
        }
    }

    /// Takes the value at the path out, and the extension with it when nothing else is in it.
    pub fn remove(&mut self, path: &AttributePath) -> Option<Value> {
        let key = self.container_key(path);
        let container = match &key {
            None if path.schema.as_ref().is_some_and(|urn| !urn.is_core()) => return None,
            None => &mut self.members,
            Some(key) => self.members.get_mut(key)?.as_object_mut()?,
        };
        let taken = match &path.sub {
            None => json::take(container, path.attribute.as_str()),
            Some(sub) => {
                let parts = json::field_mut(container, path.attribute.as_str())?.as_object_mut()?;
                json::take(parts, sub.as_str())
            }
        };
        if let Some(key) = key
            && self.members.get(&key).and_then(Value::as_object).is_some_and(Object::is_empty)
        {
            self.members.shift_remove(&key);
            self.unlist_schema(&key);
        }
        taken
    }

    /// Takes a whole extension out, and its URN out of `schemas`.
    pub fn remove_extension(&mut self, urn: &SchemaUrn) -> Option<Value> {
        self.unlist_schema(urn.as_str());
        json::take(&mut self.members, urn.as_str())
    }

    /// Takes the named part out of every value of the attribute; values that are empty then go too.
    pub(crate) fn remove_part(&mut self, path: &AttributePath, part: &AttributeName) {
        let Some(value) = self.existing_mut(path) else { return };
        match value {
            Value::Array(items) => {
                items.iter_mut().filter_map(Value::as_object_mut).for_each(|parts| {
                    json::take(parts, part.as_str());
                });
                items.retain(|item| !json::is_unassigned(item));
            }
            Value::Object(parts) => {
                json::take(parts, part.as_str());
            }
            _ => {}
        }
        if json::is_unassigned(value) {
            self.remove(path);
        }
    }

    /// The value of the path's attribute, to be changed where it stands.
    pub(crate) fn existing_mut(&mut self, path: &AttributePath) -> Option<&mut Value> {
        let container = match self.container_key(path) {
            Some(key) => self.members.get_mut(&key)?.as_object_mut()?,
            None if path.schema.as_ref().is_none_or(SchemaUrn::is_core) => &mut self.members,
            None => return None,
        };
        json::field_mut(container, path.attribute.as_str())
    }

    /// Lists a schema in `schemas`, once.
    pub fn list_schema(&mut self, urn: &SchemaUrn) {
        if json::mentions_schema(&self.members, urn) {
            return;
        }
        let mut listed = json::texts(&self.members, "schemas");
        listed.push(urn.as_str().to_owned());
        if json::spelled(&self.members, "schemas").is_none() {
            self.members.shift_insert(0, "schemas".into(), Value::from(listed));
        } else {
            json::put(&mut self.members, "schemas", Value::from(listed));
        }
    }

    fn unlist_schema(&mut self, urn: &str) {
        if let Some(Value::Array(listed)) = json::field_mut(&mut self.members, "schemas") {
            listed.retain(|item| !item.as_str().is_some_and(|text| text.eq_ignore_ascii_case(urn)));
        }
    }

    /// The key of the extension in which the path's attribute stands, where it is there.
    fn container_key(&self, path: &AttributePath) -> Option<String> {
        json::spelled(&self.members, path.schema.as_ref()?.as_str()).map(str::to_owned)
    }

    // RFC 7643 section 3.3: an extension's attributes stand in an object under its URN. Core attributes are
    // at the top level even when a path spells their URN out.
    fn container(&self, path: &AttributePath) -> Option<&Object> {
        let Some(urn) = &path.schema else { return Some(&self.members) };
        match json::field(&self.members, urn.as_str()) {
            Some(extension) => extension.as_object(),
            None if urn.is_core() => Some(&self.members),
            None => None,
        }
    }

    fn container_mut(&mut self, path: &AttributePath) -> Option<&mut Object> {
        let Some(urn) = &path.schema else { return Some(&mut self.members) };
        if json::field(&self.members, urn.as_str()).is_none() {
            if urn.is_core() {
                return Some(&mut self.members);
            }
            json::put(&mut self.members, urn.as_str(), Value::Object(Object::new()));
        }
        self.list_schema(urn);
        json::field_mut(&mut self.members, urn.as_str())?.as_object_mut()
    }
}

/// The elements of an array, or the value itself; never null.
fn flatten(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Null => Box::new(std::iter::empty()),
        Value::Array(items) => Box::new(items.iter().filter(|item| !item.is_null())),
        single => Box::new(std::iter::once(single)),
    }
}

impl From<Resource> for Value {
    fn from(resource: Resource) -> Self {
        resource.into_value()
    }
}

impl<'de> serde::Deserialize<'de> for Resource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { members: Object::deserialize(deserializer)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::urn;
    use serde_json::json;

    fn resource(value: Value) -> Resource {
        Resource::from_value(value).unwrap()
    }

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";

    /// Point 4: whatever case a provider writes names and URNs in.
    #[test]
    fn names_and_urns_are_found_in_any_case() {
        let user = resource(json!({
            "USERNAME": "jdoe",
            "Name": {"GIVENNAME": "J"},
            "URN:ietf:params:scim:schemas:extension:enterprise:2.0:user": {"Department": "Tools"},
        }));
        assert_eq!(user.get(&path("userName")), Some(&json!("jdoe")));
        assert_eq!(user.get(&path("name.givenName")), Some(&json!("J")));
        assert_eq!(user.get(&path(DEPARTMENT)), Some(&json!("Tools")));
        assert_eq!(
            user.get(&path("urn:ietf:params:scim:schemas:core:2.0:User:userName")),
            Some(&json!("jdoe"))
        );
    }

    /// Point 4: null and absent are the same state.
    #[test]
    fn null_is_absent() {
        let user = resource(json!({"title": null, "name": {"givenName": null}}));
        assert_eq!(user.get(&path("title")), None);
        assert_eq!(user.get(&path("name.givenName")), None);
        assert!(user.values(&path("title")).is_empty());
    }

    #[test]
    fn the_parts_of_a_multi_valued_attribute_are_found_one_by_one() {
        let user = resource(json!({"emails": [{"value": "a"}, null, {"value": "b"}, {"type": "x"}]}));
        assert_eq!(user.values(&path("emails.value")), [&json!("a"), &json!("b")]);
        assert_eq!(user.get(&path("emails.value")), None);
    }

    #[test]
    fn an_extension_is_listed_when_it_is_used_and_unlisted_when_it_is_empty() {
        let mut user = resource(json!({"schemas": [urn::USER]}));
        assert!(user.set(&path(DEPARTMENT), json!("Tools")));
        assert_eq!(user.schemas().collect::<Vec<_>>(), [urn::USER, urn::ENTERPRISE_USER]);
        assert_eq!(user.remove(&path(DEPARTMENT)), Some(json!("Tools")));
        assert_eq!(user, resource(json!({"schemas": [urn::USER]})));
    }

    #[test]
    fn setting_keeps_the_spelling_that_is_there() {
        let mut user = resource(json!({"USERNAME": "a"}));
        assert!(user.set(&path("userName"), json!("b")));
        assert!(user.set(&path("name.givenName"), json!("c")));
        assert!(!user.set(&path("userName.part"), json!("d")));
        assert_eq!(user.to_value(), json!({"USERNAME": "b", "name": {"givenName": "c"}}));
    }

    #[test]
    fn a_numeric_id_is_read_as_text_on_request() {
        let user = resource(json!({"id": 42, "meta": {"version": "W/\"3\""}}));
        assert_eq!(user.id(), None);
        assert_eq!(user.id_text().as_deref(), Some("42"));
        assert_eq!(user.version(), Some("W/\"3\""));
    }

    #[test]
    fn what_is_not_an_object_is_no_resource() {
        assert_eq!(
            Resource::from_value(json!("x")).unwrap_err().to_string(),
            "cannot read the resource: it has to be an object, not the string \"x\""
        );
    }
}
