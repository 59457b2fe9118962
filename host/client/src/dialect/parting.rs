//! A change that was refused, taken apart: to find out which of its members the provider refuses.

use super::members::{SingleChanges, Target, current, key, remove_one, values};
use scimwright_scim::{
    AttributeName, AttributePath, PatchOperation, PatchPath, PatchRequest, Resource, SchemaSet,
};
use serde_json::Value;

/// A part of a change of a group: what is not about members, who goes, and who comes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Part {
    others: Vec<PatchOperation>,
    /// The `value`s of members that go.
    removals: Vec<Value>,
    /// Members that come.
    additions: Vec<Value>,
}

/// The last member of a change that was taken apart.
#[derive(Debug)]
pub(crate) enum Single<'p> {
    /// The member with this `value` is to go.
    Removal(&'p Value),
    /// This member is to come.
    Addition(&'p Value),
}

impl Part {
    /// None where no member comes or goes, or where one is named in another way than by its `value`.
    pub(crate) fn of(standard: &PatchRequest, seen: &Resource, schemas: &SchemaSet) -> Option<Self> {
        let mut part = Self::default();
        let before = current(seen, &members());
        for operation in &standard.operations {
            match (Target::of(operation, schemas), operation) {
                (None, _) => part.others.push(operation.clone()),
                (Some(Target::One(value)), _) => part.removals.push(value),
                (Some(Target::All), PatchOperation::Add { value, .. }) => {
                    part.additions.extend(values(value).cloned());
                }
                (Some(Target::All), PatchOperation::Replace { value, .. }) => {
                    let single = SingleChanges::between(before.clone(), values(value).collect())?;
                    part.removals.extend(single.removals);
                    part.additions.extend(single.additions);
                }
                (Some(Target::All | Target::Part), _) => return None,
            }
        }
        (!part.removals.is_empty() || !part.additions.is_empty()).then_some(part)
    }

    /// Takes out who is gone or there already, by what the provider shows. False where nobody was.
    pub(crate) fn leave_out_done(&mut self, shown: &Resource) -> bool {
        let there: std::collections::HashSet<String> =
            current(shown, &members()).into_iter().filter_map(key).collect();
        let before = self.len();
        self.removals.retain(|value| super::members::named(value).is_none_or(|id| there.contains(&id)));
        self.additions.retain(|member| key(member).is_none_or(|id| !there.contains(&id)));
        self.len() < before
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.others.len() + self.removals.len() + self.additions.len()
    }

    /// Whether the part holds what is not about members.
    pub(crate) fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// The one member that it is about, if it is.
    pub(crate) fn single(&self) -> Option<Single<'_>> {
        match (self.others.as_slice(), self.removals.as_slice(), self.additions.as_slice()) {
            ([], [value], []) => Some(Single::Removal(value)),
            ([], [], [member]) => Some(Single::Addition(member)),
            _ => None,
        }
    }

    /// Whether members go in it, and nothing else happens.
    pub(crate) fn only_removes(&self) -> bool {
        self.others.is_empty() && self.additions.is_empty()
    }

    /// The smaller parts that it is made of. Of those who go the first is tried alone, which shows whether the
    /// provider takes removals at all; those who come are halved.
    pub(crate) fn taken_apart(self) -> Vec<Self> {
        let Self { others, removals, additions } = self;
        let kinds = [others.is_empty(), removals.is_empty(), additions.is_empty()];
        let alone = kinds.into_iter().filter(|empty| !empty).count() == 1;
        let mut parts = Vec::new();
        let mut part = |others: &[PatchOperation], removals: &[Value], additions: &[Value]| {
            parts.push(Self {
                others: others.to_vec(),
                removals: removals.to_vec(),
                additions: additions.to_vec(),
            });
        };
        match alone {
            false => {
                part(&others, &[], &[]);
                part(&[], &removals, &[]);
                part(&[], &[], &additions);
            }
            true => {
                let (first, rest) = removals.split_at(removals.len().min(1));
                part(&others, first, &[]);
                part(&[], rest, &[]);
                let (first, rest) = additions.split_at(additions.len() / 2);
                part(&[], &[], first);
                part(&[], &[], rest);
            }
        }
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// The part in the words of RFC 7644.
    pub(crate) fn standard(&self) -> PatchRequest {
        let path = members();
        let mut operations = self.others.clone();
        operations.extend(self.removals.iter().map(|value| remove_one(&path, value)));
        if !self.additions.is_empty() {
            let value = Value::Array(self.additions.clone());
            operations.push(PatchOperation::Add { path: Some(PatchPath::attribute(path)), value });
        }
        PatchRequest::new(operations)
    }
}

/// The `value` of a member, as text.
pub(crate) fn member_id(member: &Value) -> Option<String> {
    key(member)
}

/// A `value` as text.
pub(crate) fn value_id(value: &Value) -> Option<String> {
    super::members::named(value)
}

fn members() -> AttributePath {
    AttributePath::new(AttributeName::MEMBERS)
}
