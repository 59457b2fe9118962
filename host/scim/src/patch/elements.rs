//! The values of a multi-valued attribute while they are being patched.
//!
//! Two rules hold whatever is done: no value is there twice (RFC 7644 section 3.5.2.1), and at most one is
//! the primary one, the last that was made so (RFC 7644 section 3.5.2).

use super::value;
use crate::compare::{Rule, fingerprint};
use crate::error::ScimError;
use crate::filter::{Comparison, Filter, FilterValue, element_matches};
use crate::json::{self, Object, is_unassigned};
use crate::name::AttributeName;
use crate::path::AttributePath;
use crate::schema::Attribute;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

pub(super) struct Elements<'a> {
    items: Vec<Value>,
    /// The path of the attribute, for errors.
    path: &'a AttributePath,
    attribute: Option<&'a Attribute>,
    /// The value that was last made the primary one.
    new_primary: Option<usize>,
    /// Whether a value was changed where it stands, so that it may have become like another.
    rewritten: bool,
    /// Whether there was a value before.
    existed: bool,
}

/// Where which `value` is.
pub(super) struct Places<'a> {
    rule: Rule<'a>,
    by_value: HashMap<String, Vec<usize>>,
}

impl Places<'_> {
    /// The places of this `value`, which is gone from there afterwards.
    pub(super) fn take(&mut self, text: &str) -> Vec<usize> {
        self.by_value.remove(&fingerprint(&Value::from(text), self.rule)).unwrap_or_default()
    }
}

impl<'a> Elements<'a> {
    pub(super) fn new(
        current: Option<Value>,
        path: &'a AttributePath,
        attribute: Option<&'a Attribute>,
    ) -> Self {
        let items = match current {
            Some(Value::Array(mut items)) => {
                items.retain(|item| !item.is_null());
                items
            }
            Some(single) => vec![single],
            None => Vec::new(),
        };
        let existed = !items.is_empty();
        Self { items, path, attribute, new_primary: None, rewritten: false, existed }
    }

    /// Whether there was a value before anything was done.
    pub(super) fn existed(&self) -> bool {
        self.existed
    }

    /// The places of all values, or of those that match.
    pub(super) fn matching(&self, filter: Option<&Filter>) -> Vec<usize> {
        let matches = |item| filter.is_none_or(|filter| element_matches(filter, item, self.attribute));
        (0..self.items.len()).filter(|&index| matches(&self.items[index])).collect()
    }

    /// The places of all values, each of which has parts, by their `value`: for looking up many.
    pub(super) fn places_by_value(&self) -> Places<'a> {
        let rule = Rule::of(self.attribute).of_part("value");
        let mut places = Places { rule, by_value: HashMap::new() };
        for (index, item) in self.items.iter().enumerate() {
            let value = item.as_object().and_then(|parts| json::field(parts, "value"));
            let several = match value {
                Some(Value::Array(items)) => items.as_slice(),
                Some(single) => std::slice::from_ref(single),
                None => &[],
            };
            for text in several.iter().filter(|value| value.is_string()) {
                places.by_value.entry(fingerprint(text, rule)).or_default().push(index);
            }
        }
        places
    }

    /// Adds the values that are not there yet.
    pub(super) fn add(&mut self, given: &[Value]) -> Result<(), ScimError> {
        let rule = Rule::of(self.attribute);
        let mut known: HashSet<_> = self.items.iter().map(|item| fingerprint(item, rule)).collect();
        for item in given.iter().filter(|item| !is_unassigned(item)) {
            value::check(item, self.attribute, self.path)?;
            if known.insert(fingerprint(item, rule)) {
                self.items.push(without_null(item));
                self.note_primary(self.items.len() - 1);
            }
        }
        Ok(())
    }

    /// Puts these values in place of all that are there.
    pub(super) fn replace_all(&mut self, given: &[Value]) -> Result<(), ScimError> {
        self.items.clear();
        self.add(given)
    }

    /// Puts a value in place of the one at the index.
    pub(super) fn replace(&mut self, index: usize, given: &Value) -> Result<(), ScimError> {
        value::check(given, self.attribute, self.path)?;
        self.items[index] = without_null(given);
        self.rewritten = true;
        self.note_primary(index);
        Ok(())
    }

    /// The part of the value at the index.
    pub(super) fn part(&self, index: usize, name: &AttributeName) -> Option<&Value> {
        json::field(self.items[index].as_object()?, name.as_str())
    }

    /// Sets a part of the value at the index; null takes it out. The part itself has been checked.
    pub(super) fn set_part(&mut self, index: usize, name: &AttributeName, given: &Value) {
        self.rewritten = true;
        let item = &mut self.items[index];
        if !item.is_object() {
            // RFC 7643 section 2.4: a value without parts is short for one with a `value`.
            let mut parts = Object::new();
            parts.insert("value".into(), item.take());
            *item = Value::Object(parts);
        }
        if let Value::Object(parts) = item {
            if is_unassigned(given) {
                json::take(parts, name.as_str());
            } else {
                json::put(parts, name.as_str(), given.clone());
            }
        }
        self.note_primary(index);
    }

    /// Makes a value as the filter describes it, where the filter says what it has to be: one or more `eq`
    /// joined by `and`. Clients add a work address by `add` to `emails[type eq "work"].value`.
    pub(super) fn make(&mut self, filter: &Filter) -> Option<usize> {
        let mut parts = Object::new();
        describe(filter, &mut parts)?;
        self.items.push(Value::Object(parts));
        Some(self.items.len() - 1)
    }

    /// Makes a value without parts, for a part to be set in.
    pub(super) fn make_empty(&mut self) -> usize {
        self.items.push(Value::Object(Object::new()));
        self.items.len() - 1
    }

    /// Takes the values at these indexes out.
    pub(super) fn remove(&mut self, indexes: &[usize]) {
        let gone: HashSet<_> = indexes.iter().collect();
        let mut index = 0;
        self.items.retain(|_| {
            index += 1;
            !gone.contains(&(index - 1))
        });
        self.new_primary = None;
    }

    /// The values as they are to be stored; none when nothing is left.
    pub(super) fn settle(mut self) -> Option<Value> {
        if let Some(primary) = self.new_primary {
            for (index, item) in self.items.iter_mut().enumerate() {
                let Some(parts) = item.as_object_mut().filter(|_| index != primary) else { continue };
                if let Some(flag) =
                    json::field_mut(parts, "primary").filter(|flag| **flag == Value::Bool(true))
                {
                    *flag = Value::Bool(false);
                }
            }
        }
        if self.rewritten {
            let rule = Rule::of(self.attribute);
            let mut known = HashSet::new();
            self.items.retain(|item| !is_unassigned(item) && known.insert(fingerprint(item, rule)));
        }
        let single = self.attribute.is_some_and(|attribute| !attribute.multi_valued);
        match self.items.len() {
            0 => None,
            1 if single => self.items.pop(),
            _ => Some(Value::Array(self.items)),
        }
    }

    fn note_primary(&mut self, index: usize) {
        if self.part(index, &AttributeName::PRIMARY) == Some(&Value::Bool(true)) {
            self.new_primary = Some(index);
        }
    }
}

fn describe(filter: &Filter, parts: &mut Object) -> Option<()> {
    match filter {
        Filter::Compare { path, operator: Comparison::Equal, value } if path.sub.is_none() => {
            if *value == FilterValue::Null || json::field(parts, path.attribute.as_str()).is_some() {
                return None;
            }
            parts.insert(path.attribute.as_str().to_owned(), Value::from(value));
            Some(())
        }
        Filter::And(operands) => operands.iter().try_for_each(|one| describe(one, parts)),
        _ => None,
    }
}

/// The value without parts that are null (RFC 7643 section 2.5).
fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(parts) => {
            let parts = parts.iter().filter(|(_, part)| !part.is_null());
            Value::Object(parts.map(|(name, part)| (name.clone(), part.clone())).collect())
        }
        other => other.clone(),
    }
}
