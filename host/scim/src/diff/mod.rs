//! The smallest patch from what is seen at a provider to what is wanted.
//!
//! A pure function of four values. It considers what is wanted and nothing else: attributes that are not
//! mentioned are left alone, and so are the parts of a complex value that are not mentioned and that we
//! did not send. A multi-valued attribute is wanted as a whole: a value that nobody wants is removed.
//!
//! What was sent before decides first. A value that has not changed since needs nothing, even if the provider
//! shows another: it normalises, and to insist would rewrite it for ever. Strings are compared to the letter
//! here, whatever their `caseExact`: a name whose case was corrected is a changed name.
//!
//! Two kinds of attribute follow rules of their own. What is immutable and has a value is never changed;
//! wanting another value is a [`Conflict`]. And what no response shows, such as a password, is compared with
//! what was sent and with nothing else, or it would be sent for ever because it never comes back.
//!
//! - here: which attributes differ, and how single values are changed
//! - `elements`: how multi-valued attributes are changed
//! - `conflict`: [`Conflict`]

mod conflict;
mod elements;

pub use conflict::Conflict;
pub(crate) use elements::wanted_once;

use crate::compare::{Rule, fingerprint, says};
use crate::desired::{Desired, DesiredValue};
use crate::filter::Filter;
use crate::json::{self, Object, is_unassigned};
use crate::name::AttributeName;
use crate::patch::{PatchOperation, PatchPath, PatchRequest};
use crate::path::AttributePath;
use crate::resource::Resource;
use crate::schema::{Attribute, Returned};
use crate::schema_set::SchemaSet;
use serde_json::Value;
use std::collections::BTreeSet;

/// What has to be changed at the provider so that it agrees with `desired`; empty when it does.
///
/// `sent` is the last state sent, if any, and `seen` the resource as the provider last showed it. What only
/// the provider may write is passed over; [`prepare`](crate::prepare()) says so to whoever wanted it. So is
/// another value for what is immutable; [`conflicts`] says so.
///
/// Each operation has a path to one attribute or one part of it, so that no provider has to merge nested
/// values. The values of a multi-valued attribute are told apart by `type`, or by `value` where that does not
/// do and where it is another resource's id; where neither is unique, the attribute is replaced.
///
/// ```
/// use scimwright_scim::{AttributePath, Desired, Resource, builtin, diff};
/// use serde_json::json;
///
/// let mut desired = Desired::new();
/// desired.set(&AttributePath::parse("emails")?, json!([{"type": "work", "value": "new@example.com"}]));
/// let seen = json!({"emails": [{"type": "work", "value": "old@example.com", "display": "x"}]});
/// let seen = Resource::from_value(seen)?;
/// assert_eq!(
///     diff(&desired, None, &seen, &builtin::user_schema_set()).to_value()["Operations"],
///     json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "new@example.com"}])
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn diff(desired: &Desired, sent: Option<&Desired>, seen: &Resource, schemas: &SchemaSet) -> PatchRequest {
    PatchRequest::new(outcome(desired, sent, seen, schemas).operations)
}

/// What is wanted and cannot be had, because it is immutable and has another value: what [`diff`] of the same
/// values passes over. As with `diff`, what has not changed since it was sent is no conflict, and neither is a
/// value that the schema's rules take for the same.
///
/// ```
/// use scimwright_scim::{AttributePath, Desired, Resource, builtin, conflicts, diff};
/// use serde_json::json;
///
/// // At this provider the user name is set once.
/// let mut user = builtin::user_schema().to_value();
/// user["attributes"][0]["mutability"] = json!("immutable");
/// let schemas = [scimwright_scim::Schema::from_value(&user)?];
/// let users = scimwright_scim::SchemaSet::new(builtin::user_resource_type().clone(), &schemas);
///
/// let mut desired = Desired::new();
/// desired.set(&AttributePath::parse("userName")?, json!("jsmith"));
/// let seen = Resource::from_value(json!({"userName": "jdoe"}))?;
/// assert!(diff(&desired, None, &seen, &users).is_empty());
/// assert_eq!(
///     conflicts(&desired, None, &seen, &users)[0].to_string(),
///     "`userName` stays \"jdoe\": it is immutable, so it cannot become \"jsmith\""
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn conflicts(
    desired: &Desired,
    sent: Option<&Desired>,
    seen: &Resource,
    schemas: &SchemaSet,
) -> Vec<Conflict> {
    outcome(desired, sent, seen, schemas).conflicts
}

/// [`diff`] and [`conflicts`] of the same values, worked out once: of a large group that is worth it.
#[must_use]
pub fn diff_and_conflicts(
    desired: &Desired,
    sent: Option<&Desired>,
    seen: &Resource,
    schemas: &SchemaSet,
) -> (PatchRequest, Vec<Conflict>) {
    let Outcome { operations, conflicts } = outcome(desired, sent, seen, schemas);
    (PatchRequest::new(operations), conflicts)
}

/// What is to be done, and what cannot be done.
#[derive(Default)]
struct Outcome {
    operations: Vec<PatchOperation>,
    conflicts: Vec<Conflict>,
}

fn outcome(desired: &Desired, sent: Option<&Desired>, seen: &Resource, schemas: &SchemaSet) -> Outcome {
    let sent = sent.map(|sent| canonical(sent, schemas)).unwrap_or_default();
    let mut outcome = Outcome::default();
    for (path, wanted) in canonical(desired, schemas) {
        let attribute = schemas.find_attribute(&path);
        let derived = path.schema.is_none() && path.attribute == AttributeName::SCHEMAS;
        if derived || attribute.is_some_and(Attribute::is_read_only) {
            continue;
        }
        let sent = sent.iter().find(|(known, _)| *known == path).map(|(_, value)| *value);
        let seen = seen.get(&path).filter(|seen| !is_unassigned(seen));
        // RFC 7643 section 7: what is writeOnly or never returned says nothing by its absence, and should a
        // provider show something all the same, it is not the value but a hash of it.
        let hidden = attribute.is_some_and(Attribute::is_hidden);
        let seen = seen.filter(|_| !hidden);
        // What is returned on request only may be there although it is not seen.
        let on_request = attribute.is_some_and(|attribute| attribute.returned == Returned::Request);
        let unknown = hidden || on_request && seen.is_none();
        let rule = Rule::of(attribute).to_the_letter();
        Difference { path: &path, attribute, rule, seen, unknown }.work_out(wanted, sent, &mut outcome);
    }
    outcome
}

/// The entries under their canonical paths; where two spellings meet, the later one counts.
fn canonical<'d>(desired: &'d Desired, schemas: &SchemaSet) -> Vec<(AttributePath, &'d DesiredValue)> {
    let mut entries: Vec<(AttributePath, &DesiredValue)> = Vec::with_capacity(desired.len());
    for (path, value) in desired.iter() {
        let path = schemas.canonical(path);
        match entries.iter_mut().find(|(known, _)| *known == path) {
            Some((_, place)) => *place = value,
            None => entries.push((path, value)),
        }
    }
    entries
}

/// One attribute: where it is, how it compares, and what the provider shows.
#[derive(Clone, Copy)]
struct Difference<'a> {
    path: &'a AttributePath,
    attribute: Option<&'a Attribute>,
    rule: Rule<'a>,
    seen: Option<&'a Value>,
    /// Whether it may have a value although none is seen.
    unknown: bool,
}

impl Difference<'_> {
    fn work_out(self, wanted: &DesiredValue, sent: Option<&DesiredValue>, outcome: &mut Outcome) {
        let path = || PatchPath::attribute(self.path.clone());
        let wanted = match wanted {
            DesiredValue::Set(wanted) if !is_unassigned(wanted) => wanted,
            _ => {
                let cleared_before = sent.is_some_and(|sent| match sent {
                    DesiredValue::Set(sent) => is_unassigned(sent),
                    DesiredValue::Clear => true,
                });
                match (cleared_before, self.seen) {
                    (true, _) => {}
                    (false, Some(seen)) if self.is_immutable() => {
                        outcome.conflicts.push(self.conflict(seen, None));
                    }
                    (false, None) if !self.unknown => {}
                    (false, _) => outcome.operations.push(PatchOperation::Remove { path: path() }),
                }
                return;
            }
        };
        let sent = match sent {
            Some(DesiredValue::Set(sent)) => Some(sent),
            _ => None,
        };
        if sent.is_some_and(|sent| unchanged(wanted, sent, self.rule)) {
            return;
        }
        let wanted = &*wanted_once(wanted, self.rule);
        let is_multi = self.attribute.map_or(wanted.is_array(), |attribute| attribute.multi_valued);
        let Some(seen) = self.seen else {
            let (path, value) = (Some(path()), without_null(wanted));
            // To add to values that nobody sees would keep them.
            let stale = self.unknown && (is_multi || sent.is_some());
            outcome.operations.push(match stale {
                true => PatchOperation::Replace { path, value },
                false => PatchOperation::Add { path, value },
            });
            return;
        };
        if self.is_immutable() {
            if !says(seen, wanted, self.rule.by_schema()) {
                outcome.conflicts.push(self.conflict(seen, Some(wanted)));
            }
            return;
        }
        let settled = says(seen, wanted, self.rule) && sent.is_none_or(|sent| !drops_parts(wanted, sent));
        if settled && !self.has_hidden_parts() {
            return;
        }
        match (wanted, seen) {
            _ if is_multi => elements::work_out(self, wanted, seen, sent, &mut outcome.operations),
            (Value::Object(wanted), Value::Object(seen)) => {
                let sent = sent.and_then(Value::as_object);
                let parts = Parts { difference: self, element: None, seen, sent };
                parts.work_out(wanted, outcome);
            }
            _ => outcome
                .operations
                .push(PatchOperation::Replace { path: Some(path()), value: without_null(wanted) }),
        }
    }

    fn is_immutable(&self) -> bool {
        self.attribute.is_some_and(Attribute::is_immutable)
    }

    fn has_hidden_parts(&self) -> bool {
        self.attribute.is_some_and(|attribute| attribute.sub_attributes.iter().any(Attribute::is_hidden))
    }

    fn conflict(&self, seen: &Value, wanted: Option<&Value>) -> Conflict {
        Conflict { path: self.path.clone(), seen: seen.clone(), wanted: wanted.cloned() }
    }
}

/// The parts of one complex value: of the attribute, or of one value of a multi-valued one.
struct Parts<'a> {
    difference: Difference<'a>,
    /// Which value of a multi-valued attribute it is: the part that tells, and the filter that selects it.
    element: Option<(&'a AttributeName, Filter)>,
    seen: &'a Object,
    sent: Option<&'a Object>,
}

impl Parts<'_> {
    fn work_out(&self, wanted: &Object, outcome: &mut Outcome) {
        for (name, wanted) in wanted {
            let sent = self.sent.and_then(|sent| sent.get(json::spelled(sent, name)?));
            let rule = self.difference.rule.of_part(name);
            if sent.is_none_or(|sent| fingerprint(wanted, rule) != fingerprint(sent, rule)) {
                self.settle(name, wanted, outcome);
            }
        }
        // What we sent and want no more; what we never sent is not ours.
        for (name, sent) in self.sent.into_iter().flatten() {
            if json::spelled(wanted, name).is_none() && !is_unassigned(sent) {
                self.settle(name, &Value::Null, outcome);
            }
        }
    }

    fn settle(&self, name: &str, wanted: &Value, outcome: &mut Outcome) {
        let Some(operation) = self.change(name, wanted) else { return };
        let stands = json::field(self.seen, name).filter(|seen| !is_unassigned(seen));
        match (stands, operation.path()) {
            (Some(seen), Some(PatchPath::Attribute { path, .. })) if self.is_immutable(name) => {
                let same = says(seen, wanted, self.difference.rule.by_schema().of_part(name));
                // A value of a multi-valued attribute is removed and added anew where it is to have another
                // part (see `elements`). For a part that we merely want no more that would be too much.
                if self.element.is_none() && !same {
                    let wanted = (!is_unassigned(wanted)).then(|| wanted.clone());
                    outcome.conflicts.push(Conflict { path: path.clone(), seen: seen.clone(), wanted });
                }
            }
            _ => outcome.operations.push(operation),
        }
    }

    /// What makes the part of this name what is wanted, if anything has to.
    fn change(&self, name: &str, wanted: &Value) -> Option<PatchOperation> {
        let declared = self.part(name);
        if declared.is_some_and(Attribute::is_read_only) {
            return None;
        }
        let hidden = declared.is_some_and(Attribute::is_hidden);
        let seen = json::field(self.seen, name).filter(|seen| !hidden && !is_unassigned(seen));
        let rule = self.difference.rule.of_part(name);
        let seen_value = seen.unwrap_or(&Value::Null);
        // RFC 7643 section 2.4: a value without `primary` is not the primary one.
        let not_primary = |value: &Value| is_unassigned(value) || *value == Value::Bool(false);
        if AttributeName::PRIMARY == *name && not_primary(wanted) && not_primary(seen_value) {
            return None;
        }
        let is_key = self.element.as_ref().is_some_and(|(key, _)| **key == *name);
        if is_key || !hidden && says(seen_value, wanted, rule) {
            return None;
        }
        let sub = declared.map(|part| part.name.clone()).or_else(|| AttributeName::parse(name).ok())?;
        let path = self.difference.path.with_sub(sub);
        let path =
            PatchPath::Attribute { path, filter: self.element.as_ref().map(|(_, filter)| filter.clone()) };
        Some(match (is_unassigned(wanted), seen) {
            (true, _) => PatchOperation::Remove { path },
            (false, None) if !hidden => PatchOperation::Add { path: Some(path), value: wanted.clone() },
            (false, _) => PatchOperation::Replace { path: Some(path), value: wanted.clone() },
        })
    }

    /// Whether the wanted value differs in a part that cannot be changed once it is there.
    fn changes_immutable(&self, wanted: &Object) -> bool {
        wanted.iter().any(|(name, wanted)| {
            self.is_immutable(name)
                && json::field(self.seen, name).is_some()
                && self.change(name, wanted).is_some()
        })
    }

    fn is_immutable(&self, name: &str) -> bool {
        self.part(name).is_some_and(Attribute::is_immutable)
    }

    fn part(&self, name: &str) -> Option<&Attribute> {
        self.difference.attribute.and_then(|attribute| attribute.sub_attribute(name))
    }
}

/// Whether the wanted value is what was sent. A part that is to be cleared and was not before is a change,
/// although null and absent are one state of a resource.
fn unchanged(wanted: &Value, sent: &Value, rule: Rule<'_>) -> bool {
    wanted == sent
        || fingerprint(wanted, rule) == fingerprint(sent, rule)
            && clears(wanted, rule).is_subset(&clears(sent, rule))
}

/// The parts that the value says are to have no value.
fn clears(value: &Value, rule: Rule<'_>) -> BTreeSet<String> {
    match value {
        Value::Object(parts) => {
            let cleared = parts.iter().filter(|(_, part)| is_unassigned(part));
            cleared.map(|(name, _)| name.to_ascii_lowercase()).collect()
        }
        Value::Array(items) => items
            .iter()
            .flat_map(|item| {
                let names = clears(item, rule);
                names.into_iter().map(|name| format!("{}.{name}", fingerprint(item, rule)))
            })
            .collect(),
        _ => BTreeSet::new(),
    }
}

/// Whether something was sent that is wanted no more: a part of the complex value, or of one of the values.
fn drops_parts(wanted: &Value, sent: &Value) -> bool {
    match (wanted, sent) {
        (Value::Object(wanted), Value::Object(sent)) => {
            sent.iter().any(|(name, part)| !is_unassigned(part) && json::spelled(wanted, name).is_none())
        }
        (Value::Array(_), Value::Array(_)) => true,
        _ => false,
    }
}

/// The value without parts that are to have no value.
fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(parts) => {
            let parts = parts.iter().filter(|(_, part)| !is_unassigned(part));
            Value::Object(parts.map(|(name, part)| (name.clone(), part.clone())).collect())
        }
        Value::Array(items) => items.iter().filter(|item| !is_unassigned(item)).map(without_null).collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests;
