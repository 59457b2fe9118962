//! How one PATCH is spelled.

use super::Step;
use super::members::Portion;
use scimwright_profile::{MemberRemoval, OperationNames, PatchForm, ResourceQuirks};
use scimwright_scim::{
    AttributePath, PatchOperation, PatchPath, PatchRequest, Resource, SchemaSet, SchemaUrn, urn,
};
use serde_json::{Map, Value, json};

/// One PATCH while it is being put together: what is sent, and what that means.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// An operation without a path: the attributes it sets.
    object: Map<String, Value>,
    /// Operations with paths.
    operations: Vec<PatchOperation>,
    members: Option<Portion>,
    /// What the operations that are not about members mean, in the words of RFC 7644.
    standard: Vec<PatchOperation>,
}

impl Wire {
    pub(super) fn new(
        operations: Vec<PatchOperation>,
        seen: &Resource,
        schemas: &SchemaSet,
        quirks: &ResourceQuirks,
    ) -> Self {
        let mut wire = Self { standard: operations.clone(), ..Self::default() };
        if quirks.patch_form == PatchForm::Path {
            wire.operations = operations;
            return wire;
        }
        for (index, operation) in operations.iter().enumerate() {
            let alone = !operations.iter().enumerate().any(|(other_index, other)| {
                other_index != index && same_attribute(operation, other, schemas)
            });
            match Assignment::of(operation, seen, schemas).filter(|_| alone) {
                Some(assignment) => assignment.put_into(&mut wire.object),
                None => wire.operations.push(operation.clone()),
            }
        }
        wire
    }

    pub(super) fn with(mut self, members: Option<Portion>) -> Self {
        self.members = members;
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.standard.is_empty() && self.members.is_none()
    }

    pub(super) fn into_step(self, quirks: &ResourceQuirks) -> Step {
        let mut operations = Vec::new();
        if !self.object.is_empty() {
            // RFC 7644 section 3.5.2.3: what does not exist yet is added by a `replace` too.
            operations.push(json!({"op": "replace", "value": self.object}));
        }
        operations.extend(self.operations.iter().map(PatchOperation::to_value));
        let members = self.members.as_ref();
        operations.extend(members.into_iter().flat_map(|one| member_operations(one, quirks.member_removal)));
        if quirks.operation_names == OperationNames::Capital {
            operations.iter_mut().for_each(capitalise);
        }
        let mut standard = self.standard;
        standard.extend(self.members.iter().flat_map(Portion::standard));
        Step::Patch {
            body: json!({"schemas": [urn::PATCH_OP], "Operations": operations}),
            standard: PatchRequest::new(standard),
        }
    }
}

fn member_operations(portion: &Portion, removal: MemberRemoval) -> Vec<Value> {
    if removal != MemberRemoval::Value || portion.removals.is_empty() {
        return portion.standard().iter().map(PatchOperation::to_value).collect();
    }
    let named: Vec<_> = portion.removals.iter().map(|value| json!({"value": value})).collect();
    let mut operations: Vec<_> = portion.whole.iter().map(PatchOperation::to_value).collect();
    operations.push(json!({"op": "remove", "path": "members", "value": named}));
    operations.extend(portion.addition().iter().map(PatchOperation::to_value));
    operations
}

/// `add` as `Add`.
fn capitalise(operation: &mut Value) {
    if let Some(Value::String(op)) = operation.get_mut("op")
        && let Some(first) = op.get_mut(..1)
    {
        first.make_ascii_uppercase();
    }
}

fn same_attribute(one: &PatchOperation, other: &PatchOperation, schemas: &SchemaSet) -> bool {
    match (one.path(), other.path()) {
        (Some(PatchPath::Attribute { path: one, .. }), Some(PatchPath::Attribute { path: other, .. })) => {
            schemas.canonical(one).same_attribute(&schemas.canonical(other))
        }
        (Some(PatchPath::Attribute { path, .. }), Some(PatchPath::Extension(urn)))
        | (Some(PatchPath::Extension(urn)), Some(PatchPath::Attribute { path, .. })) => {
            path.schema.as_ref() == Some(urn)
        }
        (Some(PatchPath::Extension(one)), Some(PatchPath::Extension(other))) => one == other,
        // Without a path, an operation may be about anything.
        _ => true,
    }
}

/// Whether the resource has something in this extension.
fn has_extension(seen: &Resource, urn: &SchemaUrn) -> bool {
    let mut members = seen.as_map().iter();
    members
        .any(|(key, value)| *urn == *key.as_str() && value.as_object().is_some_and(|parts| !parts.is_empty()))
}

/// An attribute and the whole value it gets: what an operation without a path can say.
struct Assignment {
    path: AttributePath,
    value: Value,
}

impl Assignment {
    /// None where the operation needs a path: where it removes, selects values, names a part, or gives an
    /// attribute with several values or parts only some of them. Providers replace or drop nested values that
    /// come without a path, which does no harm only when the whole value is given.
    fn of(operation: &PatchOperation, seen: &Resource, schemas: &SchemaSet) -> Option<Self> {
        let (path, value, adds) = match operation {
            PatchOperation::Add { path: Some(path), value } => (path, value, true),
            PatchOperation::Replace { path: Some(path), value } => (path, value, false),
            _ => return None,
        };
        let PatchPath::Attribute { path, filter: None } = path else { return None };
        let path = schemas.canonical(path);
        // An extension is one nested value too.
        if path.sub.is_some() || path.schema.as_ref().is_some_and(|urn| has_extension(seen, urn)) {
            return None;
        }
        let multi_valued = schemas.find_attribute(&path).map_or(value.is_array(), |found| found.multi_valued);
        let is_new = seen.get(&path).is_none_or(|seen| seen.is_null() || *seen == json!([]));
        let is_whole = match value {
            _ if is_new => true,
            _ if multi_valued => !adds,
            Value::Object(_) => false,
            _ => true,
        };
        is_whole.then(|| Self { path, value: value.clone() })
    }

    /// An extension's attributes stand under its URN (RFC 7643 section 3.3).
    fn put_into(self, object: &mut Map<String, Value>) {
        let name = self.path.attribute.to_string();
        let Some(urn) = self.path.schema else {
            object.insert(name, self.value);
            return;
        };
        let extension = object.entry(urn.to_string()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(extension) = extension {
            extension.insert(name, self.value);
        }
    }
}
