//! The members of a group, as far as they are a question of what is known: who is wanted without those whom
//! the provider refuses, and whether it shows them at all.

use super::notice::Notice;
use super::{Kind, Provider};
use crate::dialect::{member_id, value_id};
use scimwright_scim::{
    AttributeName, AttributePath, Desired, DesiredValue, Filter, Mutability, PatchOperation, PatchPath,
    PatchRequest, Resource, Returned, SchemaSet,
};
use serde_json::Value;
use std::collections::HashSet;

/// The path of a group's members.
pub(super) fn path() -> AttributePath {
    AttributePath::new(AttributeName::MEMBERS)
}

/// The members that a resource shows.
fn shown(resource: &Resource) -> usize {
    resource.get(&path()).and_then(Value::as_array).map_or(0, Vec::len)
}

/// The `value`s of the members that a resource shows.
pub(super) fn ids(resource: &Resource) -> HashSet<String> {
    resource.values(&path()).into_iter().filter_map(member_id).collect()
}

/// Takes refused members out of a wanted state, and puts those back that could not be taken out: it then says
/// what was sent, and the next difference names them again.
pub(super) fn leave_out(
    desired: &mut Desired,
    coming: &HashSet<String>,
    going: &HashSet<String>,
    sent: Option<&Desired>,
) {
    let path = path();
    let listed = |desired: &Desired| match desired.value(&path) {
        Some(Value::Array(members)) => members.clone(),
        _ => Vec::new(),
    };
    let mut members = listed(desired);
    members.retain(|member| member_id(member).is_none_or(|id| !coming.contains(&id)));
    if let Some(sent) = sent {
        let stays = |member: &Value| member_id(member).is_some_and(|id| going.contains(&id));
        members.extend(listed(sent).into_iter().filter(stays));
    }
    desired.set(&path, DesiredValue::Set(members.into()));
}

/// As much of a wanted state as the resource has of its members.
pub(super) fn so_far(mut desired: Desired, seen: &Resource) -> Desired {
    let path = path();
    let there = ids(seen);
    if let Some(Value::Array(members)) = desired.value(&path) {
        let arrived = |member: &&Value| member_id(member).is_some_and(|id| there.contains(&id));
        let members: Vec<Value> = members.iter().filter(arrived).cloned().collect();
        match members.is_empty() {
            true => {
                desired.remove(&path);
            }
            false => desired.set(&path, DesiredValue::Set(members.into())),
        }
    }
    desired
}

/// A change without members that were refused.
pub(super) fn without(
    patch: PatchRequest,
    coming: &HashSet<String>,
    going: &HashSet<String>,
) -> PatchRequest {
    let operations = patch.operations.into_iter().filter_map(|operation| {
        let Some(PatchPath::Attribute { path: about, filter }) = operation.path() else {
            return Some(operation);
        };
        if about.attribute != AttributeName::MEMBERS || about.sub.is_some() {
            return Some(operation);
        }
        if let (PatchOperation::Remove { .. }, Some(Filter::Compare { value, .. })) = (&operation, filter) {
            let stays = value_id(&Value::from(value)).is_some_and(|id| going.contains(&id));
            return (!stays).then_some(operation);
        }
        Some(match operation {
            PatchOperation::Add { path, value: Value::Array(mut members) } => {
                members.retain(|member| member_id(member).is_none_or(|id| !coming.contains(&id)));
                if members.is_empty() {
                    return None;
                }
                PatchOperation::Add { path, value: members.into() }
            }
            other => other,
        })
    });
    PatchRequest::new(operations.collect())
}

/// Schemas in which the members of a group count as shown, where they say that no answer shows them, or only one
/// that is asked for it. We know them from what we sent, and a difference has to rest on that.
pub(super) fn as_if_shown(schemas: &SchemaSet) -> Option<SchemaSet> {
    let core = schemas.core()?;
    let members = core.attributes.iter().position(|attribute| attribute.name == AttributeName::MEMBERS)?;
    let attribute = core.attributes.get(members)?;
    let unseen = attribute.is_hidden() || attribute.returned == Returned::Request;
    if !unseen {
        return None;
    }
    let mut core = core.clone();
    if let Some(attribute) = core.attributes.get_mut(members) {
        attribute.returned = Returned::Default;
        attribute.mutability = Mutability::ReadWrite;
    }
    let all: Vec<_> = std::iter::once(core).chain(schemas.extensions().iter().cloned()).collect();
    Some(SchemaSet::new(schemas.resource_type().clone(), &all))
}

impl Provider {
    /// Whether the members of a group are known from what was sent, because the provider does not show them.
    pub(super) fn keeps_members(&self, kind: &Kind) -> bool {
        !kind.quirks.members_readable || self.knowledge().knows(kind, |manner| manner.members_hidden)
    }

    /// Takes down whether a resource shows members; true where the provider is known to show them.
    pub(super) fn notes_members(&self, kind: &Kind, resource: &Resource) -> bool {
        let mut knowledge = self.knowledge();
        if shown(resource) > 0 {
            knowledge.manner(kind).members_shown = true;
        }
        knowledge.knows(kind, |manner| manner.members_shown && !manner.answers_without_members)
    }

    /// Whether answers to writes are known to leave members out.
    pub(super) fn answers_without_members(&self, kind: &Kind) -> bool {
        self.knowledge().knows(kind, |manner| manner.answers_without_members)
    }

    /// What a group that was read says about whether members are shown, where there have to be some.
    pub(super) fn learn_about_members(&self, kind: &Kind, read: &Resource, expected: bool, left_out: bool) {
        let mut knowledge = self.knowledge();
        let manner = knowledge.manner(kind);
        if shown(read) > 0 {
            manner.members_shown = true;
            manner.answers_without_members |= left_out;
        } else if expected && left_out && !manner.members_shown && !manner.members_hidden {
            manner.members_hidden = true;
            let resource_type = kind.resource_type().name.clone();
            knowledge.say(Notice::HidesMembers { resource_type });
        }
    }

    /// Takes down that a PATCH of such a resource works.
    pub(super) fn note_patched(&self, kind: &Kind) {
        if !self.has_patched(kind) {
            self.knowledge().manner(kind).patched = true;
        }
    }

    /// Whether a PATCH of such a resource has worked.
    pub(super) fn has_patched(&self, kind: &Kind) -> bool {
        self.knowledge().knows(kind, |manner| manner.patched)
    }
}
