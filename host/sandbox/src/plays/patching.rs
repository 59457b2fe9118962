//! Which modifications a played provider understands.
//!
//! The spelling of operations is looked at in the JSON as it came, since reading it forgives case; so are
//! members, whose removal by value is no operation of RFC 7644. The rest is looked at once it is read.

use super::resources::field;
use super::{Play, Rule};
use crate::catalogue::Definition;
use crate::fault;
use crate::kind::Kind;
use scimwright_profile::{OperationNames, PatchForm};
use scimwright_scim::{
    AttributePath, PatchOperation, PatchPath, PatchRequest, Resource, SchemaUrn, ScimError,
};
use serde_json::{Map, Value};

impl Play {
    /// Reads the body of a PATCH on a resource as this provider does.
    ///
    /// # Errors
    /// 400 for what it does not take.
    pub(crate) fn understand_patch(
        &self,
        kind: Kind,
        definition: &Definition,
        mut body: Map<String, Value>,
        resource: &Resource,
    ) -> Result<PatchRequest, ScimError> {
        let listed = body.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case("Operations"));
        if let Some((_, Value::Array(operations))) = listed {
            operations.iter().try_for_each(|operation| self.is_spelled(kind, operation))?;
            if kind == Kind::Group {
                *operations = self.changes_of_members(definition, std::mem::take(operations), resource)?;
            }
        }
        let patch = PatchRequest::parse(&Value::Object(body))?;
        for operation in &patch.operations {
            self.is_formed(kind, definition, operation)?;
            self.is_patchable(kind, definition, operation)?;
        }
        Ok(patch)
    }

    fn is_spelled(&self, kind: Kind, operation: &Value) -> Result<(), ScimError> {
        let op = operation.as_object().and_then(|object| field(object, "op")).and_then(Value::as_str);
        match (self.of(kind).operation_names, op) {
            (OperationNames::Capital, Some(op)) if !["Add", "Replace", "Remove"].contains(&op) => {
                let detail = format!("`op` is `{op}`; it has to be `Add`, `Replace` or `Remove`");
                Err(self.broke(Rule::OperationNames, fault::invalid_syntax(detail)))
            }
            _ => Ok(()),
        }
    }

    fn is_formed(
        &self,
        kind: Kind,
        definition: &Definition,
        operation: &PatchOperation,
    ) -> Result<(), ScimError> {
        let refused = |detail: String| Err(self.broke(Rule::PatchForm, fault::invalid_path(detail)));
        match (operation, operation.path()) {
            (_, None) if self.role.manners.path_required => {
                refused(format!("`{}` has to have a `path`", operation.op()))
            }
            // What an object of attributes can say as well, it has to say.
            (PatchOperation::Add { .. } | PatchOperation::Replace { .. }, Some(path))
                if self.of(kind).patch_form == PatchForm::Object && is_simple(definition, path) =>
            {
                refused(format!(
                    "`{}` of `{path}` must have no path, and an object as its value",
                    operation.op()
                ))
            }
            _ => Ok(()),
        }
    }

    fn is_patchable(
        &self,
        kind: Kind,
        definition: &Definition,
        operation: &PatchOperation,
    ) -> Result<(), ScimError> {
        let Some(patchable) = &self.of(kind).patchable else { return Ok(()) };
        let may_change = |touched: &AttributePath| {
            patchable
                .iter()
                .map(|path| definition.schemas.canonical(path))
                .any(|path| path.same_attribute(touched) && (path.sub.is_none() || path.sub == touched.sub))
        };
        match touched(definition, operation).iter().find(|path| !may_change(path)) {
            Some(other) => {
                let detail = format!("`{other}` cannot be changed by PATCH");
                Err(self.broke(Rule::Patchable, fault::mutability(detail)))
            }
            None => Ok(()),
        }
    }
}

/// Whether a path names a whole attribute that has one value without parts.
fn is_simple(definition: &Definition, path: &PatchPath) -> bool {
    let path = match path {
        PatchPath::Attribute { path, filter: None } => path.clone(),
        PatchPath::Attribute { .. } => return false,
        PatchPath::Extension(urn) => match attribute_at(definition, urn) {
            Some(path) => path,
            None => return false,
        },
    };
    let attribute = definition.schemas.find(&path);
    path.sub.is_none() && attribute.is_some_and(|it| !it.multi_valued && !it.is_complex())
}

/// The attribute that reads like an extension's URN. The text alone does not tell them apart.
fn attribute_at(definition: &Definition, urn: &SchemaUrn) -> Option<AttributePath> {
    if definition.schemas.has_extension(urn) {
        return None;
    }
    AttributePath::parse(urn.as_str()).ok().map(|path| definition.schemas.canonical(&path))
}

/// The attributes that an operation changes.
fn touched(definition: &Definition, operation: &PatchOperation) -> Vec<AttributePath> {
    let named = |value: Option<&Value>, urn: Option<&str>| -> Vec<AttributePath> {
        let members = value.and_then(Value::as_object).into_iter().flatten();
        let path = |key: &str| match urn {
            Some(urn) => AttributePath::parse(&format!("{urn}:{key}")),
            None => AttributePath::parse(key),
        };
        members
            .filter_map(|(key, _)| path(key).ok())
            .map(|path| definition.schemas.canonical(&path))
            .collect()
    };
    let whole = |urn: &SchemaUrn| -> Vec<AttributePath> {
        let attributes = definition.schemas.attributes().map(|(path, _)| path);
        attributes.filter(|path| path.schema.as_ref() == Some(urn)).collect()
    };
    match (operation.path(), operation.value()) {
        (Some(PatchPath::Attribute { path, .. }), _) => vec![definition.schemas.canonical(path)],
        (Some(PatchPath::Extension(urn)), value) => match (attribute_at(definition, urn), value) {
            (Some(path), _) => vec![path],
            (None, Some(Value::Object(_))) => named(value, Some(urn.as_str())),
            (None, _) => whole(urn),
        },
        (None, Some(Value::Object(attributes))) => attributes
            .iter()
            .flat_map(|(key, value)| {
                let extension =
                    definition.schemas.extensions().iter().find(|schema| schema.id == key.as_str());
                match extension {
                    Some(schema) => named(Some(value), Some(schema.id.as_str())),
                    None => AttributePath::parse(key)
                        .map(|path| definition.schemas.canonical(&path))
                        .into_iter()
                        .collect(),
                }
            })
            .collect(),
        (None, _) => Vec::new(),
    }
}
