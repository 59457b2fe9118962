//! Creating, replacing, modifying and deleting (RFC 7644 sections 3.3, 3.5 and 3.6).

use crate::catalogue::Definition;
use crate::check::{Check, drop_repeated_schemas, keep_immutable};
use crate::condition::{self, Verdict};
use crate::fault;
use crate::kind::Kind;
use crate::message::{Request, Response};
use crate::projection::Projection;
use crate::provider::Provider;
use crate::representation::Representation;
use crate::store::{Content, Member, ResourceId, Row, Store, Taken};
use jiff::Timestamp;
use scimwright_scim::{PatchOperation, PatchPath, PatchRequest, Resource, ScimError};
use serde_json::{Map, Value};
use std::collections::HashSet;

impl Provider {
    /// RFC 7644 section 3.3
    pub(crate) fn create(
        &self,
        kind: Kind,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ScimError> {
        let projection = self.projection(request)?;
        let body = self.body(request)?;
        if let Some(play) = &self.play {
            play.accepts_new(kind, &body)?;
        }
        let mut attributes = self.check(kind).writable(body)?;
        if let Some(play) = &self.play {
            play.settle(kind, self.definition(kind), &mut attributes)?;
        }
        let mut store = self.write();
        let content = self.content(&store, attributes)?;
        let id = store.insert(kind, content, now).map_err(taken)?;
        // RFC 7644 section 3.3: the answer says where the resource is now.
        let location = self.representation(&store).location(kind, id);
        Ok(self.result(&store, kind, id, 201, &projection)?.with_header("Location", location))
    }

    /// RFC 7644 section 3.5.1
    pub(crate) fn replace(
        &self,
        kind: Kind,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ScimError> {
        let body = self.body(request)?;
        if let Some(play) = &self.play {
            play.accepts_replacement(kind, id, &body)?;
        }
        self.change(kind, id, request, now, |_, _| Ok(body))
    }

    /// RFC 7644 section 3.5.2
    pub(crate) fn modify(
        &self,
        kind: Kind,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ScimError> {
        let body = self.body(request)?;
        let definition = self.definition(kind);
        if let Some(play) = &self.play {
            return self.change(kind, id, request, now, |representation, row| {
                let mut resource = representation.of(kind, row);
                let patch = play.understand_patch(kind, definition, body, &resource)?;
                apply(patch, &mut resource, definition)
            });
        }
        let patch = PatchRequest::parse(&Value::Object(body))?;
        self.change(kind, id, request, now, |representation, row| {
            apply(patch, &mut representation.of(kind, row), definition)
        })
    }

    /// RFC 7644 section 3.6
    pub(crate) fn delete(
        &self,
        kind: Kind,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ScimError> {
        let mut store = self.write();
        let row = named(&store, kind, id)?;
        self.hold(request, row)?;
        let id = row.id;
        match self.play.as_ref().and_then(|play| play.tombstone(kind, row)) {
            Some(tombstone) => store.replace(kind, id, tombstone, now).map_err(taken)?,
            None => store.remove(kind, id, now),
        }
        Ok(Response::empty(204))
    }

    /// Puts what `next` makes of a resource in its place. Where that is what was there before, nothing
    /// happens, and the version stays (RFC 7644 section 3.5.2.1).
    fn change(
        &self,
        kind: Kind,
        id: &str,
        request: &Request,
        now: Timestamp,
        next: impl FnOnce(Representation<'_>, &Row) -> Result<Map<String, Value>, ScimError>,
    ) -> Result<Response, ScimError> {
        let projection = self.projection(request)?;
        let mut store = self.write();
        let row = named(&store, kind, id)?;
        self.hold(request, row)?;
        let id = row.id;
        let before = row.content();
        let mut attributes = self.check(kind).writable(next(self.representation(&store), row)?)?;
        keep_immutable(self.definition(kind), &before.attributes, &mut attributes)?;
        if let Some(play) = &self.play {
            play.settle(kind, self.definition(kind), &mut attributes)?;
        }
        let after = self.content(&store, attributes)?;
        let ends = self.play.as_ref().is_some_and(|play| play.ends(kind, &before, &after));
        if after != before {
            store.replace(kind, id, after, now).map_err(taken)?;
        }
        let response = self.result(&store, kind, id, 200, &projection)?;
        if ends {
            store.remove(kind, id, now);
        }
        Ok(match &self.play {
            Some(play) => play.answered(response),
            None => response,
        })
    }

    fn hold(&self, request: &Request, row: &Row) -> Result<(), ScimError> {
        let tag = self.tags.of(row);
        match condition::for_writing(request, tag.as_deref()) {
            Verdict::Holds => Ok(()),
            Verdict::NotModified | Verdict::Failed => Err(condition::failed(tag.as_deref())),
        }
    }

    fn result(
        &self,
        store: &Store,
        kind: Kind,
        id: ResourceId,
        status: u16,
        projection: &Projection,
    ) -> Result<Response, ScimError> {
        // Whoever comes here holds the lock under which the resource was written.
        let row = store.get(kind, id).ok_or_else(|| ScimError::new(500, "the resource is gone"))?;
        Ok(self.shown(store, kind, row, status, projection))
    }

    /// Parts the members, which are kept as identifiers, from the attributes, which are kept as text.
    fn content(&self, store: &Store, mut attributes: Map<String, Value>) -> Result<Content, ScimError> {
        let listed = match attributes.shift_remove("members") {
            Some(Value::Array(listed)) => listed,
            _ => Vec::new(),
        };
        let mut members = Vec::with_capacity(listed.len());
        let mut seen = HashSet::with_capacity(listed.len());
        for entry in listed {
            let value = entry["value"].as_str().unwrap_or_default();
            match ResourceId::parse(value).and_then(|id| store.find(id)) {
                // One member once: RFC 7644 section 3.5.2.1 lets an addition that is there already be.
                Some((_, row)) if seen.insert(row.id) => {
                    let display = entry["display"].as_str().filter(|text| *text != row.label());
                    members.push(Member { id: row.id, display: display.map(Into::into) });
                }
                Some(_) => {}
                None if self.strict => {
                    return Err(fault::invalid_value(format!(
                        "`members` names {value:?}, and nothing has this id"
                    )));
                }
                None => {}
            }
        }
        Ok(Content { attributes, members })
    }

    fn check(&self, kind: Kind) -> Check<'_> {
        Check { definition: self.definition(kind), strict: self.strict }
    }

    fn definition(&self, kind: Kind) -> &Definition {
        self.catalogue.of(kind)
    }
}

/// The resource a path names.
///
/// # Errors
/// 404 where there is none (RFC 7644 section 3.12).
pub(crate) fn named<'a>(store: &'a Store, kind: Kind, id: &str) -> Result<&'a Row, ScimError> {
    let row = ResourceId::parse(id).and_then(|id| store.get(kind, id));
    row.ok_or_else(|| ScimError::new(404, format!("there is no {} with the id `{id}`", kind.name())))
}

/// What a modification makes of a resource.
fn apply(
    mut patch: PatchRequest,
    resource: &mut Resource,
    definition: &Definition,
) -> Result<Map<String, Value>, ScimError> {
    patch.operations.iter_mut().for_each(forgive);
    patch.apply(resource, &definition.schemas)?;
    Ok(std::mem::take(resource.as_map_mut()))
}

/// Takes out of an operation on a whole extension what no client means by it.
fn forgive(operation: &mut PatchOperation) {
    use PatchOperation::{Add, Replace};
    if let Add { path: Some(PatchPath::Extension(_)), value: Value::Object(extension) }
    | Replace { path: Some(PatchPath::Extension(_)), value: Value::Object(extension) } = operation
    {
        drop_repeated_schemas(extension);
    }
}

fn taken(taken: Taken) -> ScimError {
    fault::uniqueness(format!("`userName` is taken by the resource {}", taken.holder))
}
