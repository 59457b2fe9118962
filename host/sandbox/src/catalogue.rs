//! What the sandbox serves, as schemas say it: the definition of every resource type.

use crate::kind::Kind;
use scimwright_scim::{Schema, SchemaSet, builtin};

/// A resource type with its schemas.
#[derive(Debug)]
pub(crate) struct Definition {
    /// The schema of the attributes at the top of a resource.
    pub(crate) core: &'static Schema,
    /// The resource type, its core schema and its extensions, to look attributes up in.
    pub(crate) schemas: SchemaSet,
}

/// The definitions of all resource types.
#[derive(Debug)]
pub(crate) struct Catalogue {
    user: Definition,
    group: Definition,
}

impl Catalogue {
    /// The resource types of RFC 7643 section 4, and the enterprise extension.
    pub(crate) fn new() -> Self {
        Self {
            user: Definition { core: builtin::user_schema(), schemas: builtin::user_schema_set() },
            group: Definition { core: builtin::group_schema(), schemas: builtin::group_schema_set() },
        }
    }

    /// The definition of a resource type.
    pub(crate) fn of(&self, kind: Kind) -> &Definition {
        match kind {
            Kind::User => &self.user,
            Kind::Group => &self.group,
        }
    }
}
