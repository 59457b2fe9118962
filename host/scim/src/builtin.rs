//! The schemas and resource types that RFC 7643 defines, embedded as JSON.
//!
//! They are what a provider without usable metadata is taken to follow, and what the sandbox serves. The
//! files in `schemas/` are those of RFC 7643 section 8.7, with three kinds of difference, each where that
//! listing contradicts the RFC's own text, or leaves out what real resources hold:
//!
//! - `reference` and `binary` attributes, and a `value` that is another resource's id, are `caseExact`
//!   (sections 2.3.6, 2.3.7 and 3.1), as is `password`; `Group.displayName` is required (section 4.2);
//! - `addresses.primary`, `members.display` and `authenticationSchemes.type` and `.primary` are declared
//!   (sections 2.4 and 5);
//! - `ServiceProviderConfig` has `pagination` (RFC 9865 section 4).
//!
//! ```
//! use scimwright_scim::{builtin, urn};
//!
//! assert_eq!(builtin::user_schema().id, urn::USER);
//! assert_eq!(builtin::resource_types().len(), 2);
//! assert!(builtin::schema_set("user").is_some());
//! ```

use crate::resource_type::ResourceType;
use crate::schema::{Attribute, Schema};
use crate::schema_set::SchemaSet;
use crate::urn::{self, SchemaUrn};
use serde_json::Value;
use std::sync::LazyLock;

struct Embedded {
    /// User, Group, EnterpriseUser, then the three that describe the provider itself.
    schemas: [Schema; 6],
    common: Vec<Attribute>,
    resource_types: Vec<ResourceType>,
}

static EMBEDDED: LazyLock<Embedded> = LazyLock::new(|| {
    let [common, user, group, enterprise, config, resource_type, schema] = [
        include_str!("../schemas/common.json"),
        include_str!("../schemas/user.json"),
        include_str!("../schemas/group.json"),
        include_str!("../schemas/enterprise_user.json"),
        include_str!("../schemas/service_provider_config.json"),
        include_str!("../schemas/resource_type.json"),
        include_str!("../schemas/schema.json"),
    ]
    .map(read_schema);
    Embedded {
        schemas: [user, group, enterprise, config, resource_type, schema],
        common: common.attributes,
        resource_types: read_resource_types(include_str!("../schemas/resource_types.json")),
    }
});

static USERS: LazyLock<SchemaSet> = LazyLock::new(|| schema_set_of(&urn::USER));
static GROUPS: LazyLock<SchemaSet> = LazyLock::new(|| schema_set_of(&urn::GROUP));

/// The User schema (RFC 7643 section 4.1).
#[must_use]
pub fn user_schema() -> &'static Schema {
    &EMBEDDED.schemas[0]
}

/// The Group schema (RFC 7643 section 4.2).
#[must_use]
pub fn group_schema() -> &'static Schema {
    &EMBEDDED.schemas[1]
}

/// The enterprise extension of User (RFC 7643 section 4.3).
#[must_use]
pub fn enterprise_user_schema() -> &'static Schema {
    &EMBEDDED.schemas[2]
}

/// The schema of `/ServiceProviderConfig` (RFC 7643 section 5).
#[must_use]
pub fn service_provider_config_schema() -> &'static Schema {
    &EMBEDDED.schemas[3]
}

/// The schema of `/ResourceTypes` (RFC 7643 section 6).
#[must_use]
pub fn resource_type_schema() -> &'static Schema {
    &EMBEDDED.schemas[4]
}

/// The schema of `/Schemas` (RFC 7643 section 7).
#[must_use]
pub fn schema_schema() -> &'static Schema {
    &EMBEDDED.schemas[5]
}

/// All six: User, Group, EnterpriseUser, ServiceProviderConfig, ResourceType, Schema.
#[must_use]
pub fn schemas() -> &'static [Schema] {
    &EMBEDDED.schemas
}

/// The one with this URN.
#[must_use]
pub fn schema(urn: &SchemaUrn) -> Option<&'static Schema> {
    schemas().iter().find(|schema| schema.id == *urn)
}

/// User, with the enterprise extension, and Group (RFC 7643 section 8.6).
#[must_use]
pub fn resource_types() -> &'static [ResourceType] {
    &EMBEDDED.resource_types
}

/// The one of this name, compared without case.
#[must_use]
pub fn resource_type(name: &str) -> Option<&'static ResourceType> {
    resource_types().iter().find(|one| one.name.eq_ignore_ascii_case(name))
}

/// User (RFC 7643 section 8.6).
#[must_use]
pub fn user_resource_type() -> &'static ResourceType {
    USERS.resource_type()
}

/// Group (RFC 7643 section 8.6).
#[must_use]
pub fn group_resource_type() -> &'static ResourceType {
    GROUPS.resource_type()
}

/// The schemas of the resource type of this name, `User` or `Group`, compared without case.
#[must_use]
pub fn schema_set(name: &str) -> Option<SchemaSet> {
    resource_type(name).map(|one| SchemaSet::new(one.clone(), schemas()))
}

/// The schemas of a User: core and enterprise extension.
#[must_use]
pub fn user_schema_set() -> SchemaSet {
    USERS.clone()
}

/// The schemas of a Group.
#[must_use]
pub fn group_schema_set() -> SchemaSet {
    GROUPS.clone()
}

/// What every resource has: `schemas`, `id`, `externalId`, `meta` (RFC 7643 sections 3 and 3.1).
#[must_use]
pub fn common_attributes() -> &'static [Attribute] {
    &EMBEDDED.common
}

pub(crate) fn common_attribute(name: &str) -> Option<&'static Attribute> {
    common_attributes().iter().find(|attribute| attribute.name == *name)
}

#[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads each of them")]
fn read_schema(text: &str) -> Schema {
    let value: Value = serde_json::from_str(text).expect("an embedded schema is JSON");
    let (schema, left_out) = Schema::read(&value).expect("an embedded schema can be read");
    debug_assert!(left_out.is_empty(), "{left_out:?}");
    schema
}

#[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
fn read_resource_types(text: &str) -> Vec<ResourceType> {
    let values: Vec<Value> = serde_json::from_str(text).expect("the embedded resource types are JSON");
    let read = |value| ResourceType::from_value(value).expect("an embedded resource type can be read");
    values.iter().map(read).collect()
}

#[expect(clippy::expect_used, reason = "both resource types are embedded, and a test asks for both")]
fn schema_set_of(urn: &SchemaUrn) -> SchemaSet {
    let found = resource_types().iter().find(|one| one.schema == *urn);
    SchemaSet::new(found.expect("the resource type is embedded").clone(), schemas())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{DataType, Mutability, Returned};
    use serde_json::json;

    #[test]
    fn every_embedded_schema_is_read_whole_and_prints_as_its_file() {
        let files = [
            include_str!("../schemas/user.json"),
            include_str!("../schemas/group.json"),
            include_str!("../schemas/enterprise_user.json"),
            include_str!("../schemas/service_provider_config.json"),
            include_str!("../schemas/resource_type.json"),
            include_str!("../schemas/schema.json"),
        ];
        for (schema, file) in schemas().iter().zip(files) {
            assert_eq!(schema.to_value(), serde_json::from_str::<Value>(file).unwrap(), "{}", schema.id);
        }
        let urns = [
            urn::USER,
            urn::GROUP,
            urn::ENTERPRISE_USER,
            urn::SERVICE_PROVIDER_CONFIG,
            urn::RESOURCE_TYPE,
            urn::SCHEMA,
        ];
        assert!(schemas().iter().map(|schema| &schema.id).eq(&urns));
    }

    #[test]
    fn both_resource_types_are_there_with_all_their_schemas() {
        for name in ["User", "group"] {
            assert!(schema_set(name).unwrap().missing().is_empty());
        }
        assert_eq!(user_schema_set().extensions()[0].id, urn::ENTERPRISE_USER);
        assert_eq!(group_schema_set().resource_type().endpoint, "/Groups");
        assert!(schema_set("Device").is_none());
    }

    #[test]
    fn the_characteristics_that_rules_hang_on_are_those_of_the_rfc() {
        let user = user_schema();
        assert_eq!(user.attributes.len(), 21);
        let password = user.attribute("password").unwrap();
        assert_eq!((&password.mutability, &password.returned), (&Mutability::WriteOnly, &Returned::Never));
        assert!(user.attribute("groups").unwrap().is_read_only());
        assert!(!user.attribute("userName").unwrap().case_exact);
        let members = group_schema().attribute("members").unwrap();
        assert_eq!(members.sub_attribute("value").unwrap().mutability, Mutability::Immutable);
        assert!(members.is_link());
        let manager = enterprise_user_schema().attribute("manager").unwrap();
        assert!(manager.sub_attribute("displayName").unwrap().is_read_only());
    }

    #[test]
    fn every_complex_attribute_and_no_other_has_parts() {
        fn check(attribute: &Attribute) {
            assert_eq!(attribute.is_complex(), !attribute.sub_attributes.is_empty(), "{}", attribute.name);
            assert_eq!(attribute.data_type == DataType::Reference, !attribute.reference_types.is_empty());
            assert!(attribute.description.is_some(), "{}", attribute.name);
            attribute.sub_attributes.iter().for_each(check);
        }
        schemas().iter().flat_map(|schema| &schema.attributes).chain(common_attributes()).for_each(check);
    }

    #[test]
    fn the_schema_of_schemas_describes_itself_two_levels_deep() {
        let attributes = schema_schema().attribute("attributes").unwrap();
        let parts = attributes.sub_attribute("subAttributes").unwrap();
        assert!(parts.sub_attribute("mutability").is_some());
        assert_eq!(parts.to_value()["multiValued"], json!(true));
    }
}
