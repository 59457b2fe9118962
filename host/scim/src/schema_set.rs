//! The schemas that one resource type follows, looked up as one.
//!
//! A path from a person, a mapping or a provider may spell an attribute in several ways: any case, with or
//! without the URN of the core schema. Everything that compares or changes resources asks here first.

use crate::builtin;
use crate::name::AttributeName;
use crate::path::AttributePath;
use crate::resource_type::ResourceType;
use crate::schema::{Attribute, Schema};
use crate::urn::SchemaUrn;
use std::sync::Arc;

/// The schemas of one resource type: its core schema, its extensions, and the attributes that every resource
/// has (RFC 7643 section 3.1). Cheap to clone.
///
/// ```
/// use scimwright_scim::{AttributePath, builtin};
///
/// let users = builtin::user_schema_set();
/// let spelled = AttributePath::parse("urn:ietf:params:scim:schemas:core:2.0:user:NAME.givenname")?;
/// assert_eq!(users.canonical(&spelled).to_string(), "name.givenName");
/// assert!(users.find(&spelled).is_some());
/// # Ok::<(), scimwright_scim::InvalidPath>(())
/// ```
#[derive(Debug, Clone)]
pub struct SchemaSet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    resource_type: ResourceType,
    core: Option<Schema>,
    extensions: Vec<Schema>,
    missing: Vec<SchemaUrn>,
}

impl SchemaSet {
    /// Picks the schemas of the resource type out of a provider's list.
    ///
    /// A schema that the list lacks is taken from [`builtin`] where RFC 7643 defines it; otherwise it is
    /// [`missing`](Self::missing), and its attributes count as undeclared rather than wrong.
    #[must_use]
    pub fn new(resource_type: ResourceType, schemas: &[Schema]) -> Self {
        let mut missing = Vec::new();
        let mut pick = |urn: &SchemaUrn| {
            let listed = schemas.iter().find(|schema| schema.id == *urn);
            let found = listed.or_else(|| builtin::schema(urn)).cloned();
            if found.is_none() {
                missing.push(urn.clone());
            }
            found
        };
        let core = pick(&resource_type.schema);
        let extensions = resource_type.extensions.iter().filter_map(|one| pick(&one.schema)).collect();
        Self { inner: Arc::new(Inner { resource_type, core, extensions, missing }) }
    }

    /// The resource type.
    #[must_use]
    pub fn resource_type(&self) -> &ResourceType {
        &self.inner.resource_type
    }

    /// The core schema, where it is known.
    #[must_use]
    pub fn core(&self) -> Option<&Schema> {
        self.inner.core.as_ref()
    }

    /// The extensions that are known, in the resource type's order.
    #[must_use]
    pub fn extensions(&self) -> &[Schema] {
        &self.inner.extensions
    }

    /// The schemas that the resource type names and nobody describes.
    #[must_use]
    pub fn missing(&self) -> &[SchemaUrn] {
        &self.inner.missing
    }

    /// Whether this is the URN of one of the resource type's extensions, described or not.
    #[must_use]
    pub fn has_extension(&self, urn: &SchemaUrn) -> bool {
        self.inner.resource_type.extensions.iter().any(|one| one.schema == *urn)
    }

    /// Whether the attributes of the path's schema are known, so that one which is not found does not exist.
    /// A schema that is none of the resource type's has no attributes here, which is knowledge too.
    #[must_use]
    pub fn describes(&self, path: &AttributePath) -> bool {
        let urn = path.schema.as_ref().unwrap_or(&self.inner.resource_type.schema);
        !self.inner.missing.contains(urn)
    }

    /// The definition of the attribute or sub-attribute at the path.
    #[must_use]
    pub fn find(&self, path: &AttributePath) -> Option<&Attribute> {
        let attribute = self.find_attribute(path)?;
        match &path.sub {
            None => Some(attribute),
            Some(sub) => attribute.sub_attribute(sub.as_str()),
        }
    }

    /// The definition of the path's attribute, whatever its sub-attribute.
    #[must_use]
    pub fn find_attribute(&self, path: &AttributePath) -> Option<&Attribute> {
        let name = path.attribute.as_str();
        match &path.schema {
            Some(urn) if *urn != self.inner.resource_type.schema => {
                self.inner.extensions.iter().find(|schema| schema.id == *urn)?.attribute(name)
            }
            _ => {
                // RFC 7643 section 3.1: `id`, `meta` and `schemas` mean the same everywhere, whatever a
                // schema says of them. `externalId` is a provider's to describe.
                let common = builtin::common_attribute(name);
                let declared = self.inner.core.as_ref().and_then(|schema| schema.attribute(name));
                if path.attribute == AttributeName::EXTERNAL_ID {
                    declared.or(common)
                } else {
                    common.or(declared)
                }
            }
        }
    }

    /// The same path as the schemas spell it: the core schema's URN left out, an extension's URN and all
    /// names in the schema's own case. What is not declared keeps its spelling.
    #[must_use]
    pub fn canonical(&self, path: &AttributePath) -> AttributePath {
        self.spelled(path, self.find_attribute(path))
    }

    /// The same where the definition of the path's attribute is at hand.
    pub(crate) fn spelled(&self, path: &AttributePath, attribute: Option<&Attribute>) -> AttributePath {
        let resource_type = &self.inner.resource_type;
        let schema = path.schema.as_ref().filter(|urn| **urn != resource_type.schema).map(|urn| {
            let known = resource_type.extensions.iter().find(|one| one.schema == *urn);
            known.map_or(urn, |one| &one.schema).clone()
        });
        let sub = path.sub.as_ref().map(|sub| {
            let declared = attribute.and_then(|attribute| attribute.sub_attribute(sub.as_str()));
            declared.map_or(sub, |declared| &declared.name).clone()
        });
        let attribute = attribute.map_or(&path.attribute, |attribute| &attribute.name).clone();
        AttributePath { schema, attribute, sub }
    }

    /// Every attribute that a resource of this type may have, with its canonical path: the common ones, the
    /// core schema's, then the extensions'.
    pub fn attributes(&self) -> impl Iterator<Item = (AttributePath, &Attribute)> {
        self.definitions().map(|(schema, attribute)| {
            let path =
                AttributePath { schema: schema.cloned(), attribute: attribute.name.clone(), sub: None };
            (path, attribute)
        })
    }

    /// The same with the extension's URN, for whoever needs few of the paths.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = (Option<&SchemaUrn>, &Attribute)> {
        let core = self.inner.core.iter().flat_map(|schema| &schema.attributes);
        let common = builtin::common_attributes().iter();
        let top = common
            .filter(|one| {
                self.inner.core.as_ref().is_none_or(|core| core.attribute(one.name.as_str()).is_none())
            })
            .chain(core)
            .map(|attribute| (None, attribute));
        let extended = self
            .inner
            .extensions
            .iter()
            .flat_map(|schema| schema.attributes.iter().map(|attribute| (Some(&schema.id), attribute)));
        top.chain(extended)
    }

    /// Whether the resource has to follow the extension.
    pub(crate) fn requires(&self, urn: &SchemaUrn) -> bool {
        self.inner.resource_type.extensions.iter().any(|one| one.required && one.schema == *urn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::DataType;
    use crate::urn;

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    #[test]
    fn every_spelling_of_an_attribute_finds_the_same_definition() {
        let users = builtin::user_schema_set();
        for text in ["userName", "USERNAME", "urn:ietf:params:scim:schemas:core:2.0:User:username"] {
            assert_eq!(users.find(&path(text)).unwrap().name.as_str(), "userName");
            assert_eq!(users.canonical(&path(text)).to_string(), "userName");
        }
    }

    #[test]
    fn an_attribute_of_an_extension_needs_its_urn() {
        let users = builtin::user_schema_set();
        assert!(users.find(&path("department")).is_none());
        let spelled = "URN:IETF:params:scim:schemas:extension:enterprise:2.0:user:DEPARTMENT";
        let canonical = users.canonical(&path(spelled)).to_string();
        assert_eq!(canonical, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department");
    }

    #[test]
    fn attributes_that_all_resources_have_are_found() {
        let groups = builtin::group_schema_set();
        assert!(groups.find(&path("id")).unwrap().is_read_only());
        assert_eq!(groups.find(&path("meta.created")).unwrap().data_type, DataType::DateTime);
        assert!(groups.find(&path("externalId")).unwrap().case_exact);
    }

    #[test]
    fn a_schema_that_nobody_describes_is_missing_and_says_nothing_of_its_attributes() {
        let device = SchemaUrn::parse("urn:acme:Device").unwrap();
        let resource_type = ResourceType {
            id: None,
            name: "Device".into(),
            description: None,
            endpoint: "/Devices".into(),
            schema: device.clone(),
            extensions: Vec::new(),
        };
        let set = SchemaSet::new(resource_type, &[]);
        assert_eq!(set.missing(), [device]);
        assert!(!set.describes(&path("serial")));
        assert!(set.describes(&path("urn:acme:Other:serial")));
        assert!(builtin::user_schema_set().describes(&path("nonsense")));
    }

    #[test]
    fn all_attributes_are_listed_once() {
        let mut paths: Vec<_> = builtin::user_schema_set().attributes().map(|(path, _)| path).collect();
        let count = paths.len();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), count);
        assert!(paths.contains(&path(&format!("{}:manager", urn::ENTERPRISE_USER))));
    }
}
