//! A schema: which attributes a resource has, and how they behave (RFC 7643 section 7).
//!
//! Schemas come from the provider at run time, so every word of the vocabulary has an `Other` that keeps
//! what this crate does not know, and prints it again.

use crate::json::{self, Object};
use crate::name::AttributeName;
use crate::unreadable::Unreadable;
use crate::urn::{self, SchemaUrn};
use serde_json::{Map, Value};
use std::fmt;

/// A schema (RFC 7643 section 7).
///
/// ```
/// use scimwright_scim::{Schema, builtin};
///
/// let user = builtin::user_schema();
/// assert!(user.attribute("USERNAME").is_some_and(|attribute| attribute.required));
/// assert_eq!(Schema::from_value(&user.to_value())?, *user);
/// # Ok::<(), scimwright_scim::Unreadable>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Its URN.
    pub id: SchemaUrn,
    /// Its name, for people.
    pub name: Option<String>,
    /// What it describes, for people.
    pub description: Option<String>,
    /// Its attributes, in the provider's order.
    pub attributes: Vec<Attribute>,
}

/// An attribute or sub-attribute with its characteristics (RFC 7643 section 7). What a definition leaves
/// out has the default of RFC 7643 section 2.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: AttributeName,
    /// What its values are; `type` on the wire.
    pub data_type: DataType,
    /// Whether it has several values.
    pub multi_valued: bool,
    /// What it means, for people.
    pub description: Option<String>,
    /// Whether a resource has to have it.
    pub required: bool,
    /// Values that are suggested, such as `work` and `home`.
    pub canonical_values: Vec<String>,
    /// Whether string values that differ in case are different values.
    pub case_exact: bool,
    /// Who may change it, and when.
    pub mutability: Mutability,
    /// When a provider includes it in a response.
    pub returned: Returned,
    /// Among what its value has to be unique.
    pub uniqueness: Uniqueness,
    /// What a reference may refer to: resource types, `external`, `uri`.
    pub reference_types: Vec<String>,
    /// The parts of a complex attribute.
    pub sub_attributes: Vec<Attribute>,
}

macro_rules! wire_words {
    ($(#[$doc:meta])* $name:ident, default $default:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A word that the RFC does not define, in the provider's spelling.
            Other(String),
        }

        impl $name {
            /// The word on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        /// The default of RFC 7643 section 2.2.
        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        /// Reads the word on the wire, in any case.
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $(if text.eq_ignore_ascii_case($text) { return Self::$variant; })*
                Self::Other(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

wire_words! {
    /// The type of an attribute's values (RFC 7643 section 2.3).
    DataType, default String {
        /// Text.
        String = "string",
        /// True or false.
        Boolean = "boolean",
        /// A real number.
        Decimal = "decimal",
        /// A whole number.
        Integer = "integer",
        /// A moment, as `xsd:dateTime`.
        DateTime = "dateTime",
        /// Bytes, as base64.
        Binary = "binary",
        /// A URI.
        Reference = "reference",
        /// An object with sub-attributes.
        Complex = "complex",
    }
}

wire_words! {
    /// Who may change an attribute, and when (RFC 7643 section 7).
    Mutability, default ReadWrite {
        /// Only the provider.
        ReadOnly = "readOnly",
        /// Anybody, at any time.
        ReadWrite = "readWrite",
        /// The client, once: at creation, or while it has no value.
        Immutable = "immutable",
        /// The client; nobody reads it back.
        WriteOnly = "writeOnly",
    }
}

wire_words! {
    /// When a provider includes an attribute in a response (RFC 7643 section 7).
    Returned, default Default {
        /// In every response, whatever is asked for.
        Always = "always",
        /// In none.
        Never = "never",
        /// Unless it is excluded, or others are asked for.
        Default = "default",
        /// Where it is asked for.
        Request = "request",
    }
}

wire_words! {
    /// Among what a value has to be unique (RFC 7643 section 7).
    Uniqueness, default None {
        /// Among nothing.
        None = "none",
        /// Among the provider's resources.
        Server = "server",
        /// In the world.
        Global = "global",
    }
}

const WHAT: &str = "schema";

impl Schema {
    /// The attribute of this name, compared without case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == *name)
    }

    /// Reads a schema from a provider's `/Schemas`.
    ///
    /// An attribute whose definition cannot be read is left out, so that one odd vendor attribute does not
    /// cost the whole schema; [`read`](Self::read) says which.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not an object, or its `id` is missing or not a URN.
    pub fn from_value(value: &Value) -> Result<Self, Unreadable> {
        Self::read(value).map(|(schema, _)| schema)
    }

    /// Reads a schema, and returns the attribute definitions that could not be read beside it.
    ///
    /// # Errors
    /// As [`from_value`](Self::from_value).
    pub fn read(value: &Value) -> Result<(Self, Vec<Unreadable>), Unreadable> {
        let object = json::object(WHAT, value)?;
        // Some servers put the URN only into `schemas` of the schema itself, or call it `schema`.
        let id = json::text(object, "id").or_else(|| json::text(object, "schema"));
        let id = id.ok_or_else(|| Unreadable::missing(WHAT, "id"))?;
        let id = SchemaUrn::parse(id).map_err(|cause| Unreadable::invalid(WHAT, "id", cause))?;
        let mut left_out = Vec::new();
        let schema = Self {
            id,
            name: json::text(object, "name").map(str::to_owned),
            description: json::text(object, "description").map(str::to_owned),
            attributes: read_attributes(object, "attributes", "", &mut left_out),
        };
        Ok((schema, left_out))
    }

    /// The schema as `/Schemas` shows it, without `meta`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("schemas".into(), Value::from(vec![urn::SCHEMA.as_str()]));
        object.insert("id".into(), self.id.as_str().into());
        put_text(&mut object, "name", self.name.as_deref());
        put_text(&mut object, "description", self.description.as_deref());
        let attributes = self.attributes.iter().map(Attribute::to_value).collect();
        object.insert("attributes".into(), Value::Array(attributes));
        Value::Object(object)
    }
}

impl Attribute {
    /// A single-valued attribute with the defaults of RFC 7643 section 2.2.
    #[must_use]
    pub fn new(name: AttributeName, data_type: DataType) -> Self {
        Self {
            name,
            data_type,
            multi_valued: false,
            description: None,
            required: false,
            canonical_values: Vec::new(),
            case_exact: false,
            mutability: Mutability::default(),
            returned: Returned::default(),
            uniqueness: Uniqueness::default(),
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
        }
    }

    /// The part of this name, compared without case.
    #[must_use]
    pub fn sub_attribute(&self, name: &str) -> Option<&Self> {
        self.sub_attributes.iter().find(|attribute| attribute.name == *name)
    }

    /// Whether it has parts.
    #[must_use]
    pub fn is_complex(&self) -> bool {
        self.data_type == DataType::Complex
    }

    /// Whether only the provider may change it.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }

    /// Whether it may be written once and not again: at creation, or while it has no value.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.mutability == Mutability::Immutable
    }

    /// Whether no response ever shows it, as with `password`. RFC 7643 section 7 says of `writeOnly` that it
    /// is not to be returned, so either characteristic is enough.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.mutability == Mutability::WriteOnly || self.returned == Returned::Never
    }

    /// Whether its `value` is the id of another resource, as in `members` and `manager`: it is complex and
    /// has a `$ref` (RFC 7643 section 2.4).
    #[must_use]
    pub fn is_link(&self) -> bool {
        self.sub_attribute("$ref").is_some()
    }

    fn read(value: &Value, place: &str, left_out: &mut Vec<Unreadable>) -> Result<Self, Unreadable> {
        let object = value.as_object().ok_or_else(|| Unreadable::field(WHAT, place, "an object", value))?;
        let name_place = format!("{place}.name");
        let name =
            json::text(object, "name").ok_or_else(|| Unreadable::missing(WHAT, name_place.as_str()))?;
        let name =
            AttributeName::parse(name).map_err(|cause| Unreadable::invalid(WHAT, name_place, cause))?;
        let sub_attributes = read_attributes(object, "subAttributes", place, left_out);
        let data_type = match json::text(object, "type") {
            Some(word) => DataType::from(word),
            None if !sub_attributes.is_empty() => DataType::Complex,
            None => DataType::default(),
        };
        Ok(Self {
            multi_valued: json::boolean(object, "multiValued").unwrap_or(false),
            description: json::text(object, "description").map(str::to_owned),
            required: json::boolean(object, "required").unwrap_or(false),
            canonical_values: json::texts(object, "canonicalValues"),
            case_exact: json::boolean(object, "caseExact").unwrap_or(false),
            mutability: json::text(object, "mutability").map(Mutability::from).unwrap_or_default(),
            returned: json::text(object, "returned").map(Returned::from).unwrap_or_default(),
            uniqueness: json::text(object, "uniqueness").map(Uniqueness::from).unwrap_or_default(),
            reference_types: json::texts(object, "referenceTypes"),
            sub_attributes,
            name,
            data_type,
        })
    }

    /// The definition as `/Schemas` shows it, every characteristic spelled out.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("name".into(), self.name.as_str().into());
        object.insert("type".into(), self.data_type.as_str().into());
        if !self.sub_attributes.is_empty() {
            let parts = self.sub_attributes.iter().map(Self::to_value).collect();
            object.insert("subAttributes".into(), Value::Array(parts));
        }
        object.insert("multiValued".into(), self.multi_valued.into());
        put_text(&mut object, "description", self.description.as_deref());
        object.insert("required".into(), self.required.into());
        if !self.canonical_values.is_empty() {
            object.insert("canonicalValues".into(), self.canonical_values.clone().into());
        }
        object.insert("caseExact".into(), self.case_exact.into());
        object.insert("mutability".into(), self.mutability.as_str().into());
        object.insert("returned".into(), self.returned.as_str().into());
        object.insert("uniqueness".into(), self.uniqueness.as_str().into());
        if !self.reference_types.is_empty() {
            object.insert("referenceTypes".into(), self.reference_types.clone().into());
        }
        Value::Object(object)
    }
}

fn read_attributes(
    object: &Object,
    key: &str,
    place: &str,
    left_out: &mut Vec<Unreadable>,
) -> Vec<Attribute> {
    let Some(Value::Array(definitions)) = json::field(object, key) else { return Vec::new() };
    let prefix = if place.is_empty() { String::new() } else { format!("{place}.") };
    let mut attributes = Vec::with_capacity(definitions.len());
    for (index, definition) in definitions.iter().enumerate() {
        match Attribute::read(definition, &format!("{prefix}{key}[{index}]"), left_out) {
            Ok(attribute) => attributes.push(attribute),
            Err(problem) => left_out.push(problem),
        }
    }
    attributes
}

fn put_text(object: &mut Object, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        object.insert(key.to_owned(), text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_definition_leaves_out_has_the_default_of_the_rfc() {
        let value = json!({"id": "urn:acme:Device", "attributes": [{"name": "serial"}]});
        let schema = Schema::from_value(&value).unwrap();
        let plain = Attribute::new(AttributeName::parse("serial").unwrap(), DataType::String);
        assert_eq!(schema.attribute("SERIAL"), Some(&plain));
        assert_eq!(plain.mutability, Mutability::ReadWrite);
        assert_eq!(plain.returned, Returned::Default);
        assert_eq!(plain.uniqueness, Uniqueness::None);
        assert!(!plain.case_exact && !plain.required && !plain.multi_valued);
    }

    #[test]
    fn unknown_words_survive_a_round_trip() {
        let value = json!({"id": "urn:acme:Device", "attributes": [
            {"name": "a", "type": "geo", "mutability": "admins", "returned": "mondays", "uniqueness": "tenant"},
        ]});
        let schema = Schema::from_value(&value).unwrap();
        assert_eq!(schema.attributes[0].data_type, DataType::Other("geo".into()));
        assert_eq!(Schema::from_value(&schema.to_value()).unwrap(), schema);
    }

    #[test]
    fn one_odd_attribute_does_not_cost_the_schema_and_is_named() {
        let value = json!({"id": "urn:acme:Device", "attributes": [
            {"name": "good"}, {"name": "not good"}, 7,
            {"name": "complex", "subAttributes": [{"name": "part"}, {"type": "string"}]},
        ]});
        let (schema, left_out) = Schema::read(&value).unwrap();
        assert_eq!(schema.attributes.len(), 2);
        assert!(schema.attributes[1].is_complex());
        let places: Vec<_> = left_out.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["attributes[1].name", "attributes[2]", "attributes[3].subAttributes[1].name"]);
    }

    #[test]
    fn a_schema_without_a_urn_is_refused() {
        assert!(Schema::from_value(&json!({"attributes": []})).is_err());
        assert!(Schema::from_value(&json!({"id": "User"})).is_err());
        assert!(Schema::from_value(&json!([])).is_err());
    }
}
