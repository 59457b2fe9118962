//! How a played provider lets the members of a group be changed.
//!
//! Every provider takes members out in its own form, and what one does with another's form ranges from a
//! refusal to an empty group. So each operation of a PATCH is told by its form here, before it is read as RFC
//! 7644 has it: a removal by value is none there.

use super::manners::OddRemoval;
use super::resources::field;
use super::{Play, Rule};
use crate::catalogue::Definition;
use crate::fault;
use crate::kind::Kind;
use scimwright_profile::MemberRemoval;
use scimwright_scim::{AttributeName, AttributePath, Filter, PatchOperation, PatchPath, Resource, ScimError};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MEMBERS: &str = "members";

/// What an operation does to the members of a group.
#[derive(Debug)]
enum Change<'a> {
    /// Nothing.
    None,
    /// `add` of these.
    Add(&'a Value),
    /// `remove` of those that a filter matches: so many comparisons.
    RemoveByFilter(usize),
    /// `remove` of these.
    RemoveByValue(&'a Value),
    /// `remove` of all.
    RemoveAll,
    /// `replace` by these.
    Replace(&'a Value),
}

impl Play {
    /// Whether a group may be created with these members.
    ///
    /// # Errors
    /// 400 for too many, or untyped ones.
    pub(super) fn may_begin_with(&self, kind: Kind, members: Option<&Value>) -> Result<(), ScimError> {
        let count = entries(members).len();
        match self.of(kind).members_on_create {
            Some(most) if count > most as usize => {
                let detail = format!("a create may have {most} members, not {count}");
                Err(self.broke(Rule::MembersOnCreate, fault::invalid_value(detail)))
            }
            _ => self.are_typed(kind, members),
        }
    }

    /// Whether each member has the type it has to have.
    ///
    /// # Errors
    /// 400 where one has not.
    pub(super) fn are_typed(&self, kind: Kind, members: Option<&Value>) -> Result<(), ScimError> {
        let Some(wanted) = &self.of(kind).member_type else { return Ok(()) };
        let typed = |entry: &Value| {
            let given = entry.as_object().and_then(|entry| field(entry, "type")).and_then(Value::as_str);
            given == Some(wanted.as_str())
        };
        if entries(members).iter().all(typed) {
            return Ok(());
        }
        let detail = format!("every entry of `members` has to have the type `{wanted}`");
        Err(self.broke(Rule::MemberType, fault::invalid_value(detail)))
    }

    /// The operations of a PATCH on a group as RFC 7644 has them, without those that this provider ignores.
    ///
    /// # Errors
    /// 400 for a form it does not take, and for too many changes at once.
    pub(super) fn changes_of_members(
        &self,
        definition: &Definition,
        operations: Vec<Value>,
        group: &Resource,
    ) -> Result<Vec<Value>, ScimError> {
        self.are_few(definition, &operations)?;
        let mut present = member_ids(group);
        let mut kept = Vec::with_capacity(operations.len());
        for operation in operations {
            let change = change(definition, &operation);
            if let Change::Add(added) | Change::Replace(added) = &change {
                self.are_typed(Kind::Group, Some(added))?;
                present.extend(entries(Some(added)).iter().filter_map(id_of));
            }
            let whole = matches!(change, Change::RemoveAll | Change::Replace(_));
            if whole && !self.role.group.members_as_a_whole {
                let error = fault::invalid_value("members can only be added and removed one by one");
                return Err(self.broke(Rule::MembersAsAWhole, error));
            }
            if self.removes(&change) {
                match change {
                    Change::RemoveByValue(removed) => kept.extend(one_by_one(removed, &mut present)),
                    _ => kept.push(operation),
                }
                continue;
            }
            self.note(Rule::MemberRemoval);
            match self.role.manners.odd_removal {
                OddRemoval::Refused => {
                    return Err(fault::invalid_value("members cannot be removed in this way"));
                }
                OddRemoval::Ignored => {}
                OddRemoval::EmptiesGroup => kept.push(json!({ "op": "remove", "path": MEMBERS })),
            }
        }
        Ok(kept)
    }

    /// Whether a change is one that this provider carries out. Removing everybody and replacing everybody are
    /// plain RFC 7644, and so work wherever PATCH changes members at all.
    fn removes(&self, change: &Change<'_>) -> bool {
        match (self.role.group.member_removal, change) {
            (_, Change::None | Change::Add(_)) => true,
            (MemberRemoval::Filter, change) => !matches!(change, Change::RemoveByValue(_)),
            (MemberRemoval::Value, change) => !matches!(change, Change::RemoveByFilter(_)),
            (MemberRemoval::Replace, change) => matches!(change, Change::Replace(_) | Change::RemoveAll),
            (MemberRemoval::Put, _) => false,
        }
    }

    /// Holds a PATCH to the number of changes it may ask for. Those of a `replace` nobody can count without
    /// knowing who is there, which is for the provider to know and not for the client.
    fn are_few(&self, definition: &Definition, operations: &[Value]) -> Result<(), ScimError> {
        let quirks = &self.role.group;
        let (mut added, mut removed) = (0, 0);
        for operation in operations {
            match change(definition, operation) {
                Change::Add(values) => added += entries(Some(values)).len(),
                Change::RemoveByValue(values) => removed += entries(Some(values)).len(),
                Change::RemoveByFilter(comparisons) => removed += comparisons,
                Change::None | Change::RemoveAll | Change::Replace(_) => {}
            }
        }
        let (most_added, most_removed) = (quirks.member_additions.get(), quirks.member_removals.get());
        if added > most_added as usize {
            let detail = format!("a request may add {most_added} members, not {added}");
            return Err(self.broke(Rule::MemberAdditions, fault::invalid_value(detail)));
        }
        if removed > most_removed as usize {
            let detail = format!("a request may remove {most_removed} members, not {removed}");
            return Err(self.broke(Rule::MemberRemovals, fault::invalid_value(detail)));
        }
        Ok(())
    }
}

/// What an operation does to the members. What cannot be read does nothing; reading it will say why.
fn change<'a>(definition: &Definition, operation: &'a Value) -> Change<'a> {
    let Some(object) = operation.as_object() else { return Change::None };
    let text = |name: &str| field(object, name).and_then(Value::as_str);
    let value = field(object, "value").filter(|value| !value.is_null());
    let op = text("op").unwrap_or_default().to_ascii_lowercase();
    let (filter, value) = match text("path").filter(|path| !path.trim().is_empty()) {
        None => (None, value.and_then(|value| field(value.as_object()?, MEMBERS))),
        Some(path) => match PatchPath::parse(path).ok().and_then(|path| of_members(definition, path)) {
            Some(filter) => (filter, value),
            None => return Change::None,
        },
    };
    match (op.as_str(), filter, value) {
        ("add", None, Some(value)) => Change::Add(value),
        ("replace", None, Some(value)) => Change::Replace(value),
        ("remove", Some(filter), _) => Change::RemoveByFilter(comparisons(&filter)),
        ("remove", None, Some(value)) => Change::RemoveByValue(value),
        // Without a path there is nobody to remove either; reading it says so.
        ("remove", None, None) if text("path").is_some() => Change::RemoveAll,
        _ => Change::None,
    }
}

/// The filter of a path that names members, if the path does.
fn of_members(definition: &Definition, path: PatchPath) -> Option<Option<Filter>> {
    match path {
        PatchPath::Attribute { path, filter } => {
            let path = definition.schemas.canonical(&path);
            (path.schema.is_none() && path.attribute == *MEMBERS && path.sub.is_none()).then_some(filter)
        }
        PatchPath::Extension(_) => None,
    }
}

fn comparisons(filter: &Filter) -> usize {
    match filter {
        Filter::Or(operands) | Filter::And(operands) => operands.iter().map(comparisons).sum(),
        Filter::Not(inner) => comparisons(inner),
        Filter::Present(_) | Filter::Compare { .. } | Filter::Element { .. } => 1,
    }
}

/// A single entry counts as a list of one.
fn entries(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(entries)) => entries,
        Some(single) => std::slice::from_ref(single),
    }
}

fn id_of(entry: &Value) -> Option<String> {
    let text = entry.as_str().or_else(|| field(entry.as_object()?, "value")?.as_str());
    text.map(str::to_owned)
}

fn member_ids(group: &Resource) -> BTreeSet<String> {
    entries(group.as_map().get(MEMBERS)).iter().filter_map(id_of).collect()
}

/// The removal of these members as RFC 7644 has it. Somebody who is no member need not be removed.
fn one_by_one(removed: &Value, present: &mut BTreeSet<String>) -> Vec<Value> {
    let Ok(members) = AttributeName::parse(MEMBERS).map(AttributePath::new) else { return Vec::new() };
    let ids = entries(Some(removed)).iter().filter_map(id_of);
    ids.filter(|id| present.remove(id))
        .map(|id| {
            let filter = Filter::eq(AttributePath::new(AttributeName::VALUE), id.as_str());
            PatchOperation::Remove { path: PatchPath::element(members.clone(), filter) }.to_value()
        })
        .collect()
}
