//! How a multi-valued attribute is changed.
//!
//! Its values are told apart by a key: a part that every value has, no two alike. Then each value is added,
//! removed or changed on its own, with a filter that selects it; without such a key, or where values have no
//! parts and some have to go, the whole attribute is replaced.
//!
//! The order is: removals, then the old primary gives way, then changes, then additions. So no step makes a
//! second primary value, and no filter selects a value that an earlier step added.

use super::{Difference, Outcome, Parts, without_null};
use crate::compare::{Rule, fingerprint, same_scalar, says};
use crate::filter::{Filter, FilterValue};
use crate::json::{self, Object, is_unassigned};
use crate::name::AttributeName;
use crate::patch::{PatchOperation, PatchPath};
use crate::path::AttributePath;
use crate::schema::Attribute;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

pub(super) fn work_out(
    difference: Difference<'_>,
    wanted: &Value,
    seen: &Value,
    sent: Option<&Value>,
    operations: &mut Vec<PatchOperation>,
) {
    let rule = difference.rule;
    let agrees = says(seen, wanted, rule);
    // What a provider shows twice has to be known to be there twice, or a filter would select both.
    let (wanted, seen) = (values(wanted), values(seen));
    let complex = |items: &[&Value]| items.iter().all(|item| item.is_object());
    if complex(&wanted) && complex(&seen) {
        let keyed = keys_to_try(difference.attribute).into_iter().find_map(|name| {
            Some((Keyed::new(&wanted, &name, rule)?, Keyed::new(&seen, &name, rule)?, name))
        });
        if let Some((wanted, seen, name)) = keyed {
            let sent = sent.map(|sent| each_once(values(sent), rule.by_schema())).unwrap_or_default();
            let sent = Keyed::new(&sent, &name, rule).unwrap_or_default();
            return Changes::default().collect(difference, &name, &wanted, &seen, &sent, operations);
        }
    }
    if agrees {
        return;
    }
    let path = Some(PatchPath::attribute(difference.path.clone()));
    let known: HashSet<_> = seen.iter().map(|item| fingerprint(item, rule)).collect();
    let kept: HashSet<_> = wanted.iter().map(|item| fingerprint(item, rule)).collect();
    if known.is_subset(&kept) && !complex(&wanted) {
        let missing = wanted.iter().filter(|item| !known.contains(&fingerprint(item, rule)));
        let missing: Vec<Value> = missing.map(|item| (*item).clone()).collect();
        if !missing.is_empty() {
            operations.push(PatchOperation::Add { path, value: missing.into() });
        }
        return;
    }
    let all = wanted.into_iter().map(without_null).collect();
    operations.push(PatchOperation::Replace { path, value: Value::Array(all) });
}

/// The values that say something.
fn values(value: &Value) -> Vec<&Value> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    items.iter().filter(|item| !is_unassigned(item)).collect()
}

/// The values without those that say the same by the schema's rule.
fn each_once<'v>(mut values: Vec<&'v Value>, rule: Rule<'_>) -> Vec<&'v Value> {
    let mut known = HashSet::new();
    values.retain(|value| known.insert(fingerprint(value, rule)));
    values
}

/// What is wanted of a multi-valued attribute, without what is wanted twice: a provider would keep one of two
/// values that differ in case only, and the other would be sent for ever. What one of them clears is cleared.
pub(crate) fn wanted_once<'v>(wanted: &'v Value, rule: Rule<'_>) -> Cow<'v, Value> {
    let Value::Array(items) = wanted else { return Cow::Borrowed(wanted) };
    let by_schema = rule.by_schema();
    if few_and_different(items, by_schema)
        || each_once(items.iter().collect(), by_schema).len() == items.len()
    {
        return Cow::Borrowed(wanted);
    }
    let mut once: Vec<Value> = Vec::with_capacity(items.len());
    let mut places = HashMap::new();
    for item in items {
        match places.entry(fingerprint(item, by_schema)) {
            Entry::Vacant(place) => {
                place.insert(once.len());
                once.push(item.clone());
            }
            Entry::Occupied(place) => clear_too(&mut once[*place.get()], item),
        }
    }
    Cow::Owned(Value::Array(once))
}

/// Whether these are a few values that are quickly seen to differ, as most people's addresses do: by their `value`.
fn few_and_different(items: &[Value], rule: Rule<'_>) -> bool {
    const FEW: usize = 4;
    let rule = rule.of_part("value");
    fn value(item: &Value) -> Option<&Value> {
        json::field(item.as_object()?, "value")
    }
    match items {
        [] | [_] => true,
        several if several.len() <= FEW => several.iter().enumerate().all(|(index, one)| {
            several[..index].iter().all(|other| match (value(one), value(other)) {
                (Some(one), Some(other)) => !same_scalar(one, other, rule),
                _ => false,
            })
        }),
        _ => false,
    }
}

/// Clears the parts of a value that its double says are to have no value.
fn clear_too(kept: &mut Value, double: &Value) {
    let (Value::Object(kept), Value::Object(double)) = (kept, double) else { return };
    for (name, part) in double.iter().filter(|(_, part)| is_unassigned(part)) {
        if json::spelled(kept, name).is_none() {
            kept.insert(name.clone(), part.clone());
        }
    }
}

/// The parts that may tell values apart, best first. `type` stays when the value changes; but where `value`
/// is another resource's id, or cannot change, another `value` is another thing.
fn keys_to_try(attribute: Option<&Attribute>) -> Vec<AttributeName> {
    let by_value_only = attribute.is_some_and(|attribute| {
        let value = attribute.sub_attribute("value");
        attribute.is_link() || value.is_some_and(Attribute::is_immutable)
    });
    if by_value_only { vec![AttributeName::VALUE] } else { vec![AttributeName::TYPE, AttributeName::VALUE] }
}

/// Complex values by their key, in their order.
#[derive(Default)]
struct Keyed<'v> {
    order: Vec<(String, &'v Object)>,
    by_key: HashMap<String, &'v Object>,
}

impl<'v> Keyed<'v> {
    /// None when a value has no key, or two have the same.
    fn new(items: &[&'v Value], name: &AttributeName, rule: Rule<'_>) -> Option<Self> {
        let mut keyed = Self::default();
        // A provider's filter tells them apart by the schema's rule. A `type` is only a label; a `value` that
        // differs in case is another value.
        let by_schema = rule.by_schema().of_part(name.as_str());
        let identity = if *name == AttributeName::TYPE { by_schema } else { rule.of_part(name.as_str()) };
        let mut selected = HashSet::new();
        for item in items {
            let parts = item.as_object()?;
            let key = json::field(parts, name.as_str())?;
            FilterValue::try_from(key).ok()?;
            if !selected.insert(fingerprint(key, by_schema)) {
                return None;
            }
            let key = fingerprint(key, identity);
            keyed.by_key.insert(key.clone(), parts);
            keyed.order.push((key, parts));
        }
        Some(keyed)
    }
}

/// Operations by the order in which they have to happen.
#[derive(Default)]
struct Changes {
    removals: Vec<PatchOperation>,
    old_primaries: Vec<PatchOperation>,
    changes: Vec<PatchOperation>,
    additions: Vec<Value>,
}

impl Changes {
    fn collect(
        mut self,
        difference: Difference<'_>,
        name: &AttributeName,
        wanted: &Keyed<'_>,
        seen: &Keyed<'_>,
        sent: &Keyed<'_>,
        operations: &mut Vec<PatchOperation>,
    ) {
        let select = |parts: &Object| {
            let key = json::field(parts, name.as_str()).and_then(|key| FilterValue::try_from(key).ok());
            Filter::eq(AttributePath::new(name.clone()), key.unwrap_or(FilterValue::Null))
        };
        let element = |parts| PatchPath::element(difference.path.clone(), select(parts));
        for (key, parts) in &seen.order {
            if !wanted.by_key.contains_key(key) {
                self.removals.push(PatchOperation::Remove { path: element(parts) });
            }
        }
        let new_primary = wanted.order.iter().any(|(key, parts)| {
            is_primary(parts) && !seen.by_key.get(key).is_some_and(|seen| is_primary(seen))
        });
        for (key, wanted_parts) in &wanted.order {
            let Some(seen_parts) = seen.by_key.get(key) else {
                self.additions.push(without_null(&Value::Object((*wanted_parts).clone())));
                continue;
            };
            let sent = sent.by_key.get(key).copied();
            let one = Some((name, select(seen_parts)));
            let parts = Parts { difference, element: one, seen: seen_parts, sent };
            if parts.changes_immutable(wanted_parts) {
                self.removals.push(PatchOperation::Remove { path: element(seen_parts) });
                self.additions.push(without_null(&Value::Object((*wanted_parts).clone())));
                continue;
            }
            let mut outcome = Outcome::default();
            parts.work_out(wanted_parts, &mut outcome);
            let mut changes = outcome.operations;
            // The provider should do this by itself (RFC 7644 section 3.5.2); some do not.
            if new_primary && is_primary(seen_parts) && json::spelled(wanted_parts, "primary").is_none() {
                changes.retain(|change| !touches_primary(change));
                let path = difference.path.with_sub(AttributeName::PRIMARY);
                let path = Some(PatchPath::element(path, select(seen_parts)));
                self.old_primaries.push(PatchOperation::Replace { path, value: Value::Bool(false) });
            }
            let (old, rest): (Vec<_>, Vec<_>) = changes.into_iter().partition(ends_primary);
            self.old_primaries.extend(old);
            self.changes.extend(rest);
        }
        operations.extend(self.removals);
        operations.extend(self.old_primaries);
        operations.extend(self.changes);
        if !self.additions.is_empty() {
            let path = Some(PatchPath::attribute(difference.path.clone()));
            operations.push(PatchOperation::Add { path, value: Value::Array(self.additions) });
        }
    }
}

fn is_primary(parts: &Object) -> bool {
    json::field(parts, "primary") == Some(&Value::Bool(true))
}

fn touches_primary(operation: &PatchOperation) -> bool {
    match operation.path() {
        Some(PatchPath::Attribute { path, .. }) => path.sub == Some(AttributeName::PRIMARY),
        _ => false,
    }
}

fn ends_primary(operation: &PatchOperation) -> bool {
    touches_primary(operation) && operation.value().is_none_or(|value| *value == Value::Bool(false))
}
