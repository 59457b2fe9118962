//! What a provider is to be told, in the words that it understands.
//!
//! Pure functions of values. A standard patch, as [`diff`](scimwright_scim::diff()) makes it, becomes the
//! requests that this provider wants, each together with its standard form: the caller predicts from that what
//! the resource will be, and a PUT merges it. A wanted state is shaped before, so that nothing is asked for that
//! the provider cannot keep.
//!
//! - here: [`translate`], which request says what, and in which order
//! - `members`: which members are added and removed, and in which portions
//! - `parting`: a refused change taken apart, to find the member that is refused
//! - `wire`: how one request is spelled
//! - `shape`: a wanted state cut to what the provider can keep

mod members;
mod parting;
mod shape;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use parting::{Part, Single, member_id, value_id};
pub(crate) use shape::{fill_member_types, shape};

use members::MemberChanges;
use scimwright_profile::{MemberRemoval, ResourceQuirks, Update};
use scimwright_scim::{AttributePath, PatchOperation, PatchPath, PatchRequest, Resource, SchemaSet};
use serde_json::Value;
use wire::Wire;

/// A modification in a provider's dialect.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Translation {
    /// The requests, in the order in which they have to be sent.
    pub(crate) steps: Vec<Step>,
    /// What was to be changed and cannot be: the provider's PATCH does not take it, and PUT is ruled out. No
    /// step does anything about it.
    pub(crate) unpatchable: Vec<PatchPath>,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// A PATCH.
    Patch {
        /// What is sent.
        body: Value,
        /// What it achieves, in the words of RFC 7644.
        standard: PatchRequest,
    },
    /// A PUT of the resource as it is after the steps before, with this carried out on it.
    Put {
        /// What it achieves, in the words of RFC 7644.
        standard: PatchRequest,
    },
}

impl Step {
    /// What the step achieves, in the words of RFC 7644.
    pub(crate) fn standard(&self) -> &PatchRequest {
        match self {
            Self::Patch { standard, .. } | Self::Put { standard } => standard,
        }
    }
}

/// Says a standard patch in the dialect of a provider.
///
/// `seen` is the resource as last seen; where a provider does not show its members, as it is known from what was
/// sent. The patch has a path in each operation and at most one attribute in each path, as `diff` makes it; an
/// operation without a path is sent as it stands.
///
/// [`Update::Declared`] counts as PATCH here: the caller knows what is declared, and asks with [`Update::Put`]
/// where PATCH does not work.
pub(crate) fn translate(
    patch: &PatchRequest,
    seen: &Resource,
    schemas: &SchemaSet,
    quirks: &ResourceQuirks,
) -> Translation {
    let (patchable, beyond): (Vec<_>, Vec<_>) = typed(patch, schemas, quirks)
        .into_iter()
        .partition(|operation| is_patchable(operation, schemas, quirks.patchable.as_deref()));
    if needs_put(&patchable, &beyond, schemas, quirks) {
        // A PUT carries the whole resource anyway, so that everything can travel in it: one request, and no
        // state in between.
        let standard = PatchRequest::new(typed(patch, schemas, quirks));
        return Translation { steps: vec![Step::Put { standard }], unpatchable: Vec::new() };
    }
    let unpatchable = beyond.iter().filter_map(|operation| operation.path().cloned()).collect();
    let (members, others) = MemberChanges::take(patchable, seen, schemas, quirks);
    let mut portions = members.into_iter().flat_map(|members| members.portions(quirks));
    // Whatever is not about members travels in the first request, so that it does not wait for the portions.
    let first = Wire::new(others, seen, schemas, quirks).with(portions.next());
    let rest = portions.map(|portion| Wire::default().with(Some(portion)));
    let steps = std::iter::once(first).chain(rest).filter(|wire| !wire.is_empty());
    Translation { steps: steps.map(|wire| wire.into_step(quirks)).collect(), unpatchable }
}

fn needs_put(
    patchable: &[PatchOperation],
    beyond: &[PatchOperation],
    schemas: &SchemaSet,
    quirks: &ResourceQuirks,
) -> bool {
    let removes = |operation: &PatchOperation| members::removes_any(operation, schemas);
    if quirks.member_removal == MemberRemoval::Put && patchable.iter().any(removes) {
        return true;
    }
    match quirks.update {
        Update::Put => !patchable.is_empty() || !beyond.is_empty(),
        Update::Patch => false,
        Update::Declared => !beyond.is_empty(),
    }
}

/// Whether the provider's PATCH takes the operation.
fn is_patchable(
    operation: &PatchOperation,
    schemas: &SchemaSet,
    patchable: Option<&[AttributePath]>,
) -> bool {
    let Some(patchable) = patchable else { return true };
    let covers = |listed: &AttributePath, path: &AttributePath| {
        let listed = schemas.canonical(listed);
        listed.same_attribute(path) && (listed.sub.is_none() || listed.sub == path.sub)
    };
    match operation.path() {
        Some(PatchPath::Attribute { path, .. }) => {
            let path = schemas.canonical(path);
            patchable.iter().any(|listed| covers(listed, &path))
        }
        Some(PatchPath::Extension(_)) => false,
        None => true,
    }
}

/// The operations, each added member with the `type` that the provider wants.
fn typed(patch: &PatchRequest, schemas: &SchemaSet, quirks: &ResourceQuirks) -> Vec<PatchOperation> {
    let mut operations = patch.operations.clone();
    if let Some(member_type) = &quirks.member_type {
        for operation in &mut operations {
            members::fill_type(operation, member_type, schemas);
        }
    }
    operations
}
