//! A resource type: where resources live at a provider, and which schemas they follow (RFC 7643 section 6).

use crate::json::{self, Object};
use crate::unreadable::{Unreadable, describe};
use crate::urn::{self, SchemaUrn};
use serde_json::{Map, Value, json};

/// A resource type (RFC 7643 section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// Its id at the provider; mostly the same as the name.
    pub id: Option<String>,
    /// Its name: `User`.
    pub name: String,
    /// What it is, for people.
    pub description: Option<String>,
    /// Where its resources live, relative to the base URL: `/Users`. Servers exist that give an absolute URL.
    pub endpoint: String,
    /// Its core schema.
    pub schema: SchemaUrn,
    /// Its extensions; `schemaExtensions` on the wire.
    pub extensions: Vec<SchemaExtension>,
}

/// A schema that extends a resource type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaExtension {
    /// The extension's URN.
    pub schema: SchemaUrn,
    /// Whether every resource has to follow it.
    pub required: bool,
}

const WHAT: &str = "resource type";

impl ResourceType {
    /// Reads a resource type from a provider's `/ResourceTypes`.
    ///
    /// A missing name is taken from the id and the other way round.
    ///
    /// # Errors
    /// [`Unreadable`] names what is missing: the endpoint, the schema, or both name and id.
    pub fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let object = json::object(WHAT, value)?;
        let id = json::text(object, "id");
        let name = json::text(object, "name").or(id).ok_or_else(|| Unreadable::missing(WHAT, "name"))?;
        let endpoint = json::text(object, "endpoint").ok_or_else(|| Unreadable::missing(WHAT, "endpoint"))?;
        Ok(Self {
            id: id.map(str::to_owned),
            name: name.to_owned(),
            description: json::text(object, "description").map(str::to_owned),
            endpoint: endpoint.to_owned(),
            schema: read_urn(object, "schema")?,
            extensions: read_extensions(object)?,
        })
    }

    /// The resource type as `/ResourceTypes` shows it, without `meta`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("schemas".into(), Value::from(vec![urn::RESOURCE_TYPE.as_str()]));
        object.insert("id".into(), self.id.as_deref().unwrap_or(&self.name).into());
        object.insert("name".into(), self.name.as_str().into());
        if let Some(description) = &self.description {
            object.insert("description".into(), description.as_str().into());
        }
        object.insert("endpoint".into(), self.endpoint.as_str().into());
        object.insert("schema".into(), self.schema.as_str().into());
        if !self.extensions.is_empty() {
            let extensions = self.extensions.iter();
            let extensions = extensions.map(|one| json!({"schema": one.schema, "required": one.required}));
            object.insert("schemaExtensions".into(), extensions.collect());
        }
        Value::Object(object)
    }
}

fn read_urn(object: &Object, key: &str) -> Result<SchemaUrn, Unreadable> {
    let text = json::text(object, key).ok_or_else(|| Unreadable::missing(WHAT, key))?;
    SchemaUrn::parse(text).map_err(|cause| Unreadable::invalid(WHAT, key, cause))
}

fn read_extensions(object: &Object) -> Result<Vec<SchemaExtension>, Unreadable> {
    let items = match json::field(object, "schemaExtensions") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items.as_slice(),
        // A lone extension without its array is seen in the wild.
        Some(single @ Value::Object(_)) => std::slice::from_ref(single),
        Some(other) => return Err(Unreadable::field(WHAT, "schemaExtensions", "an array", other)),
    };
    items.iter().enumerate().map(|(index, item)| read_extension(index, item)).collect()
}

fn read_extension(index: usize, item: &Value) -> Result<SchemaExtension, Unreadable> {
    let place = format!("schemaExtensions[{index}]");
    let (text, required) = match item {
        Value::String(text) => (Some(text.as_str()), false),
        Value::Object(object) => {
            (json::text(object, "schema"), json::boolean(object, "required").unwrap_or(false))
        }
        other => {
            let problem = format!("has to be an object, not {}", describe(other));
            return Err(Unreadable { what: WHAT, place, problem });
        }
    };
    let text = text.ok_or_else(|| Unreadable::missing(WHAT, format!("{place}.schema")))?;
    let schema = SchemaUrn::parse(text)
        .map_err(|cause| Unreadable::invalid(WHAT, format!("{place}.schema"), cause))?;
    Ok(SchemaExtension { schema, required })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_type_survives_the_wire() {
        let value = json!({
            "schemas": [urn::RESOURCE_TYPE], "id": "User", "name": "User", "description": "User Account",
            "endpoint": "/Users", "schema": urn::USER,
            "schemaExtensions": [{"schema": urn::ENTERPRISE_USER, "required": true}],
        });
        let read = ResourceType::from_value(&value).unwrap();
        assert!(read.extensions[0].required);
        assert_eq!(read.to_value(), value);
    }

    #[test]
    fn what_servers_leave_out_is_made_up_for() {
        let value = json!({
            "id": "Device", "endpoint": "https://acme.example/scim/Devices", "schema": "urn:acme:Device",
            "schemaExtensions": null,
        });
        let read = ResourceType::from_value(&value).unwrap();
        assert_eq!(read.name, "Device");
        assert!(read.extensions.is_empty());
    }

    #[test]
    fn an_error_names_the_place() {
        let value =
            json!({"name": "User", "endpoint": "/Users", "schema": urn::USER, "schemaExtensions": [{}]});
        assert_eq!(
            ResourceType::from_value(&value).unwrap_err().to_string(),
            "cannot read the resource type: schemaExtensions[0].schema is missing"
        );
    }
}
