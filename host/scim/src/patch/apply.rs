//! Carrying a modification out on a resource (RFC 7644 section 3.5.2): all of it, or nothing.
//!
//! This is what a service provider does. A client has it too, to know what a provider will make of a patch:
//! a plan shows it, and tests hold [`diff`](crate::diff()) to it.

use super::elements::Elements;
use super::{PatchOperation, PatchPath, PatchRequest, value};
use crate::compare::same_state;
use crate::error::{ScimError, ScimType};
use crate::filter::{Comparison, Filter, FilterValue};
use crate::json::is_unassigned;
use crate::name::AttributeName;
use crate::path::AttributePath;
use crate::resource::Resource;
use crate::schema::{Attribute, Mutability};
use crate::schema_set::SchemaSet;
use crate::unreadable::describe;
use crate::urn::SchemaUrn;
use serde_json::Value;

impl PatchRequest {
    /// Carries the modification out, and returns whether it changed anything. A modification that changes
    /// nothing leaves the resource's version alone (RFC 7644 section 3.5.2.1).
    ///
    /// # Errors
    /// [`ScimError`] as a server answers it, naming the operation: `invalidPath` for an attribute that is not
    /// declared, `noTarget` for a filter that selects nothing, `invalidValue` for a value that does not fit,
    /// `mutability` for a change to what is readOnly or immutable, or the removal of what is required. The
    /// resource is unchanged then.
    pub fn apply(&self, resource: &mut Resource, schemas: &SchemaSet) -> Result<bool, ScimError> {
        // RFC 7644 section 3.5.2: a request is atomic, so everything happens on a draft.
        let mut draft = Draft { resource: resource.clone(), schemas };
        let mut begun = 0;
        while let Some(operation) = self.operations.get(begun) {
            let run = removals_by_value(&self.operations[begun..]);
            let outcome = match run.len() {
                0 | 1 => draft.carry_out(operation).map(|()| 1).map_err(|error| (0, error)),
                several => draft.remove_each(&run).map(|()| several),
            };
            begun += outcome.map_err(|(offset, error)| {
                let detail = error.detail.unwrap_or_default();
                ScimError { detail: Some(format!("Operations[{}]: {detail}", begun + offset)), ..error }
            })?;
        }
        let changed = draft.resource != *resource;
        if changed {
            *resource = draft.resource;
        }
        Ok(changed)
    }
}

/// A removal of the value with this `value`: the path, the filter, and what it names.
type Removal<'p> = (&'p AttributePath, &'p Filter, &'p str);

/// The first of the operations, as long as they remove from one attribute the values that a filter names by
/// their `value`.
fn removals_by_value(operations: &[PatchOperation]) -> Vec<Removal<'_>> {
    let mut run: Vec<Removal<'_>> = Vec::new();
    for removal in operations.iter().map_while(removal_by_value) {
        if run.first().is_some_and(|(first, ..)| *first != removal.0) {
            break;
        }
        run.push(removal);
    }
    run
}

fn removal_by_value(operation: &PatchOperation) -> Option<Removal<'_>> {
    let PatchOperation::Remove { path: PatchPath::Attribute { path, filter: Some(filter) } } = operation
    else {
        return None;
    };
    match filter {
        Filter::Compare { path: part, operator: Comparison::Equal, value: FilterValue::Text(text) }
            if path.sub.is_none() && *part == AttributePath::new(AttributeName::VALUE) =>
        {
            Some((path, filter, text))
        }
        _ => None,
    }
}

struct Draft<'s> {
    resource: Resource,
    schemas: &'s SchemaSet,
}

/// What becomes of values that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Add,
    Replace,
}

/// What the schemas say of a target.
#[derive(Clone, Copy)]
struct Declared<'s> {
    attribute: Option<&'s Attribute>,
    part: Option<&'s Attribute>,
}

impl<'s> Draft<'s> {
    fn carry_out(&mut self, operation: &PatchOperation) -> Result<(), ScimError> {
        match operation {
            PatchOperation::Add { path: Some(path), value } => self.put(path, value, Mode::Add),
            PatchOperation::Replace { path: Some(path), value } => self.put(path, value, Mode::Replace),
            PatchOperation::Add { path: None, value } => self.merge(value, Mode::Add),
            PatchOperation::Replace { path: None, value } => self.merge(value, Mode::Replace),
            PatchOperation::Remove { path } => self.remove(path),
        }
    }

    /// RFC 7644 sections 3.5.2.1 and 3.5.2.3: without a path, the value holds attributes of the resource.
    /// Keys are names, URN-qualified names, URNs of extensions, and with some clients whole paths.
    fn merge(&mut self, value: &Value, mode: Mode) -> Result<(), ScimError> {
        let Value::Object(members) = value else {
            let detail = format!("without a `path`, `value` has to be an object, not {}", describe(value));
            return Err(ScimError::bad_request(ScimType::InvalidValue, detail));
        };
        for (key, value) in members {
            if AttributeName::SCHEMAS == *key.as_str() {
                self.list_schemas(value);
            } else if *key == *self.schemas.resource_type().schema.as_str() && value.is_object() {
                self.merge(value, mode)?;
            } else {
                self.put(&PatchPath::parse(key)?, value, mode)?;
            }
        }
        Ok(())
    }

    /// `schemas` follows from the attributes; what a client adds to it counts only where it is one of ours.
    fn list_schemas(&mut self, value: &Value) {
        let listed = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        for urn in listed.filter_map(|text| SchemaUrn::parse(text).ok()) {
            if self.schemas.has_extension(&urn) {
                self.resource.list_schema(&urn);
            }
        }
    }

    fn put(&mut self, path: &PatchPath, value: &Value, mode: Mode) -> Result<(), ScimError> {
        match path.resolved(self.schemas) {
            PatchPath::Extension(urn) => self.put_extension(&urn, value, mode),
            PatchPath::Attribute { path, filter } => {
                let declared = self.declared(&path)?;
                if is_unassigned(value) {
                    // RFC 7643 section 2.5: null and the empty array are "unassigned"; adding that adds
                    // nothing.
                    return match mode {
                        Mode::Add => Ok(()),
                        Mode::Replace => self.remove_attribute(&path, filter.as_ref(), declared),
                    };
                }
                if filter.is_some() || self.is_multi_valued(&path, declared, value) {
                    self.put_elements(&path, filter.as_ref(), value, mode, declared)
                } else {
                    self.put_single(&path, value, declared)
                }
            }
        }
    }

    fn put_extension(&mut self, urn: &SchemaUrn, value: &Value, mode: Mode) -> Result<(), ScimError> {
        if !self.schemas.has_extension(urn) {
            return Err(invalid_path(urn));
        }
        if is_unassigned(value) {
            return match mode {
                Mode::Add => Ok(()),
                Mode::Replace => self.remove(&PatchPath::Extension(urn.clone())),
            };
        }
        let Value::Object(members) = value else {
            let detail = format!("the value of `{urn}` has to be an object, not {}", describe(value));
            return Err(ScimError::bad_request(ScimType::InvalidValue, detail));
        };
        for (key, value) in members {
            let attribute = AttributeName::parse(key).map_err(|_| invalid_path(&format!("{urn}:{key}")))?;
            let path = AttributePath { schema: Some(urn.clone()), attribute, sub: None };
            self.put(&PatchPath::attribute(path), value, mode)?;
        }
        Ok(())
    }

    /// A single value: an attribute, a complex one, or a part of one.
    fn put_single(
        &mut self,
        path: &AttributePath,
        value: &Value,
        declared: Declared<'s>,
    ) -> Result<(), ScimError> {
        let target = declared.target(path);
        value::check(value, target, path)?;
        let is_complex = target.map_or(value.is_object(), Attribute::is_complex);
        match value {
            // RFC 7644 section 3.5.2.3: sub-attributes that are not specified are left unchanged.
            Value::Object(parts) if is_complex && path.sub.is_none() => {
                for (name, part) in parts {
                    let sub =
                        AttributeName::parse(name).map_err(|_| invalid_path(&format!("{path}.{name}")))?;
                    let path = self.schemas.canonical(&path.with_sub(sub));
                    let declared = self.declared(&path)?;
                    if is_unassigned(part) {
                        self.remove_attribute(&path, None, declared)?;
                    } else {
                        self.put_single(&path, part, declared)?;
                    }
                }
                Ok(())
            }
            _ => {
                if self.may_write(self.resource.get(path), value, path, declared)?
                    && !self.resource.set(path, value.clone())
                {
                    let detail =
                        format!("`{path}` has no place: its attribute is not a single complex value");
                    return Err(ScimError::bad_request(ScimType::NoTarget, detail));
                }
                Ok(())
            }
        }
    }

    /// Values of a multi-valued attribute: all, those that match, or a part of either.
    fn put_elements(
        &mut self,
        path: &AttributePath,
        filter: Option<&Filter>,
        value: &Value,
        mode: Mode,
        declared: Declared<'s>,
    ) -> Result<(), ScimError> {
        let whole = path.without_sub();
        let mut elements = self.elements(&whole, declared);
        let given = match value {
            Value::Array(items) => items.as_slice(),
            single => std::slice::from_ref(single),
        };
        if path.sub.is_none() && filter.is_none() {
            match mode {
                Mode::Add => elements.add(given)?,
                Mode::Replace => elements.replace_all(given)?,
            }
            return self.store(&whole, elements, declared);
        }
        let mut matching = elements.matching(filter);
        if matching.is_empty() {
            matching.push(self.make_target(&mut elements, path, filter, mode)?);
        }
        match &path.sub {
            Some(sub) => {
                check_part(value, declared.part, path)?;
                for index in matching {
                    if self.may_write(elements.part(index, sub), value, path, declared)? {
                        elements.set_part(index, sub, value);
                    }
                }
            }
            None => {
                let [given] = given else {
                    let detail = format!("`{whole}` with a filter takes one value, not {}", describe(value));
                    return Err(ScimError::bad_request(ScimType::InvalidValue, detail));
                };
                for index in matching {
                    match (mode, given) {
                        (Mode::Add, Value::Object(parts)) => {
                            value::check(given, declared.attribute, &whole)?;
                            for (name, part) in parts {
                                self.add_part(&mut elements, index, &whole, name, part)?;
                            }
                        }
                        _ => elements.replace(index, given)?,
                    }
                }
            }
        }
        self.store(&whole, elements, declared)
    }

    /// Adds one part to the value at the index, as `add` of a complex value does with each.
    fn add_part(
        &self,
        elements: &mut Elements<'_>,
        index: usize,
        path: &AttributePath,
        name: &str,
        value: &Value,
    ) -> Result<(), ScimError> {
        let sub = AttributeName::parse(name).map_err(|_| invalid_path(&format!("{path}.{name}")))?;
        let path = self.schemas.canonical(&path.with_sub(sub.clone()));
        let declared = self.declared(&path)?;
        if !is_unassigned(value) && self.may_write(elements.part(index, &sub), value, &path, declared)? {
            elements.set_part(index, &sub, value);
        }
        Ok(())
    }

    /// A value for an operation that found none.
    fn make_target(
        &self,
        elements: &mut Elements<'_>,
        path: &AttributePath,
        filter: Option<&Filter>,
        mode: Mode,
    ) -> Result<usize, ScimError> {
        let made = match (filter, mode) {
            // RFC 7644 section 3.5.2.1: if the target does not exist, it is added.
            (Some(filter), Mode::Add) => elements.make(filter),
            (None, _) => Some(elements.make_empty()),
            // RFC 7644 section 3.5.2.3: a filter that matches nothing is `noTarget`.
            (Some(_), Mode::Replace) => None,
        };
        made.ok_or_else(|| no_target(path, filter))
    }

    fn remove(&mut self, path: &PatchPath) -> Result<(), ScimError> {
        match path.resolved(self.schemas) {
            PatchPath::Extension(urn) if !self.schemas.has_extension(&urn) => Err(invalid_path(&urn)),
            PatchPath::Extension(urn) => {
                if self.schemas.requires(&urn) {
                    let detail = format!("`{urn}` is required and cannot be removed");
                    return Err(ScimError::bad_request(ScimType::Mutability, detail));
                }
                self.resource.remove_extension(&urn);
                Ok(())
            }
            PatchPath::Attribute { path, filter } => {
                let declared = self.declared(&path)?;
                self.remove_attribute(&path, filter.as_ref(), declared)
            }
        }
    }

    fn remove_attribute(
        &mut self,
        path: &AttributePath,
        filter: Option<&Filter>,
        declared: Declared<'s>,
    ) -> Result<(), ScimError> {
        let whole = path.without_sub();
        let Some(current) = self.resource.get(&whole) else {
            // RFC 7644 section 3.12, table 9: a filter that yields no match is `noTarget`; an attribute that
            // is not there is removed already.
            return match filter {
                Some(_) => Err(no_target(path, filter)),
                None => Ok(()),
            };
        };
        if filter.is_none() && !current.is_array() {
            if self.resource.get(path).is_some() {
                may_remove(path, declared)?;
                self.resource.remove(path);
                self.tidy(&whole);
            }
            return Ok(());
        }
        let mut elements = self.elements(&whole, declared);
        let matching = elements.matching(filter);
        if matching.is_empty() && filter.is_some() {
            return Err(no_target(path, filter));
        }
        match &path.sub {
            None => {
                forbid_read_only(path, declared.attribute)?;
                elements.remove(&matching);
            }
            Some(sub) => {
                for index in matching {
                    if elements.part(index, sub).is_some() {
                        may_remove(path, declared)?;
                        elements.set_part(index, sub, &Value::Null);
                    }
                }
            }
        }
        self.store(&whole, elements, declared)
    }

    /// Removes values that are named by their `value`, many of them in one go: half of a large group may leave at
    /// once, and to look through it for each of them would take a thousand times as long. An error comes with the
    /// number of the removal.
    fn remove_each(&mut self, run: &[Removal<'_>]) -> Result<(), (usize, ScimError)> {
        let Some(&(path, ..)) = run.first() else { return Ok(()) };
        let one_by_one = |draft: &mut Self| {
            for (index, (path, filter, _)) in run.iter().enumerate() {
                let path = PatchPath::element((*path).clone(), (*filter).clone());
                draft.remove(&path).map_err(|error| (index, error))?;
            }
            Ok(())
        };
        let resolved = PatchPath::attribute(path.clone()).resolved(self.schemas);
        let PatchPath::Attribute { path, filter: None } = resolved else { return one_by_one(self) };
        let declared = self.declared(&path).map_err(|error| (0, error))?;
        let current = self.resource.get(&path).and_then(Value::as_array);
        if current.is_none_or(|items| !items.iter().all(Value::is_object)) {
            return one_by_one(self);
        }
        forbid_read_only(&path, declared.attribute).map_err(|error| (0, error))?;
        let mut elements = self.elements(&path, declared);
        let mut places = elements.places_by_value();
        let mut gone = Vec::with_capacity(run.len());
        for (index, (_, filter, text)) in run.iter().enumerate() {
            let found = places.take(text);
            if found.is_empty() {
                return Err((index, no_target(&path, Some(filter))));
            }
            gone.extend(found);
        }
        elements.remove(&gone);
        self.store(&path, elements, declared).map_err(|error| (run.len() - 1, error))
    }

    /// The values of the attribute, to be changed. They leave the draft, since copying a large group's
    /// members for every operation is what would cost most; [`store`](Self::store) puts them back, and where
    /// an error comes between, the draft is thrown away.
    fn elements<'p>(&mut self, path: &'p AttributePath, declared: Declared<'p>) -> Elements<'p> {
        let current = match self.resource.existing_mut(path) {
            Some(current) if declared.is_guarded() => Some(current.clone()),
            Some(current) => Some(current.take()),
            None => None,
        };
        Elements::new(current.filter(|current| !current.is_null()), path, declared.attribute)
    }

    /// Puts the values back. RFC 7644 section 3.5.2.2: where none is left the attribute is unassigned.
    fn store(
        &mut self,
        path: &AttributePath,
        elements: Elements<'_>,
        declared: Declared<'s>,
    ) -> Result<(), ScimError> {
        let whole = Declared { part: None, ..declared };
        let existed = elements.existed();
        match elements.settle() {
            Some(value) => {
                if !declared.is_guarded() || self.may_write(self.resource.get(path), &value, path, whole)? {
                    self.resource.set(path, value);
                }
            }
            None => {
                if existed {
                    may_remove(path, whole)?;
                }
                self.resource.remove(path);
            }
        }
        Ok(())
    }

    /// Takes a complex value out in which nothing is left.
    fn tidy(&mut self, path: &AttributePath) {
        if self.resource.get(path).is_some_and(is_unassigned) {
            self.resource.remove(path);
        }
    }

    fn declared(&self, path: &AttributePath) -> Result<Declared<'s>, ScimError> {
        let attribute = self.schemas.find_attribute(path);
        if attribute.is_none() && self.schemas.describes(path) {
            return Err(invalid_path(path));
        }
        let part = match (&path.sub, attribute) {
            (Some(sub), Some(attribute)) => {
                let part = attribute.sub_attribute(sub.as_str());
                // A complex attribute that is declared without parts says nothing about them.
                let open = attribute.is_complex() && attribute.sub_attributes.is_empty();
                if part.is_none() && !open {
                    return Err(invalid_path(path));
                }
                part
            }
            _ => None,
        };
        Ok(Declared { attribute, part })
    }

    fn is_multi_valued(&self, path: &AttributePath, declared: Declared<'_>, value: &Value) -> bool {
        match declared.attribute {
            Some(attribute) => attribute.multi_valued,
            None => {
                let current = self.resource.get(&path.without_sub());
                current.map_or(value.is_array() && path.sub.is_none(), Value::is_array)
            }
        }
    }

    /// Whether the value has to be written: not when it is there already. That makes it harmless to send back
    /// what was read, readOnly attributes included.
    fn may_write(
        &self,
        current: Option<&Value>,
        value: &Value,
        path: &AttributePath,
        declared: Declared<'_>,
    ) -> Result<bool, ScimError> {
        let target = declared.target(path);
        if current == Some(value) {
            return Ok(false);
        }
        let same = current.is_some_and(|current| same_state(current, value, target));
        for definition in [declared.attribute, declared.part].into_iter().flatten() {
            match definition.mutability {
                _ if same => {}
                Mutability::ReadOnly => return Err(mutability(path, "is readOnly")),
                // RFC 7643 section 7: an immutable attribute may be set while it has no value.
                Mutability::Immutable if current.is_some() => {
                    return Err(mutability(path, "is immutable and has another value"));
                }
                _ => {}
            }
        }
        let read_only = target.is_some_and(Attribute::is_read_only);
        Ok(!(same && read_only))
    }
}

impl<'s> Declared<'s> {
    /// Whether the attribute as a whole may not be changed at will.
    fn is_guarded(self) -> bool {
        let guarded = [Mutability::ReadOnly, Mutability::Immutable];
        self.attribute.is_some_and(|attribute| guarded.contains(&attribute.mutability))
    }

    /// The definition of what the path names: the part, or the attribute.
    fn target(self, path: &AttributePath) -> Option<&'s Attribute> {
        if path.sub.is_some() { self.part } else { self.attribute }
    }
}

fn check_part(value: &Value, part: Option<&Attribute>, path: &AttributePath) -> Result<(), ScimError> {
    match (value, part) {
        (Value::Array(items), Some(part)) if part.multi_valued => {
            items.iter().try_for_each(|item| value::check(item, Some(part), path))
        }
        _ => value::check(value, part, path),
    }
}

fn forbid_read_only(path: &AttributePath, attribute: Option<&Attribute>) -> Result<(), ScimError> {
    match attribute {
        Some(attribute) if attribute.is_read_only() => Err(mutability(path, "is readOnly")),
        _ => Ok(()),
    }
}

// RFC 7644 section 3.5.2.2: removing what is required or readOnly is a `mutability` error.
fn may_remove(path: &AttributePath, declared: Declared<'_>) -> Result<(), ScimError> {
    forbid_read_only(path, declared.attribute)?;
    forbid_read_only(path, declared.part)?;
    let Some(target) = declared.target(path) else { return Ok(()) };
    if target.required {
        return Err(mutability(path, "is required and cannot be removed"));
    }
    if target.mutability == Mutability::Immutable {
        return Err(mutability(path, "is immutable and cannot be removed"));
    }
    Ok(())
}

fn mutability(path: &AttributePath, problem: &str) -> ScimError {
    ScimError::bad_request(ScimType::Mutability, format!("`{path}` {problem}"))
}

fn invalid_path(path: &impl ToString) -> ScimError {
    let path = path.to_string();
    ScimError::bad_request(
        ScimType::InvalidPath,
        format!("the schemas do not declare `{}`", path.escape_debug()),
    )
}

fn no_target(path: &AttributePath, filter: Option<&Filter>) -> ScimError {
    let path = PatchPath::Attribute { path: path.clone(), filter: filter.cloned() };
    ScimError::bad_request(ScimType::NoTarget, format!("`{path}` selects no value"))
}
