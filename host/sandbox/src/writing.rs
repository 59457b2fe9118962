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
use scimwright_scim::{PatchOperation, PatchPath, PatchRequest, ScimError};
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
        let attributes = self.check(kind).writable(self.body(request)?)?;
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
        let mut patch = PatchRequest::parse(&Value::Object(self.body(request)?))?;
        patch.operations.iter_mut().for_each(forgive);
        let schemas = &self.catalogue.of(kind).schemas;
        self.change(kind, id, request, now, |representation, row| {
            let mut resource = representation.of(kind, row);
            patch.apply(&mut resource, schemas)?;
            Ok(std::mem::take(resource.as_map_mut()))
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
        hold(request, row)?;
        let id = row.id;
        store.remove(kind, id, now);
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
        hold(request, row)?;
        let id = row.id;
        let before = row.content();
        let mut attributes = self.check(kind).writable(next(self.representation(&store), row)?)?;
        keep_immutable(self.definition(kind), &before.attributes, &mut attributes)?;
        let after = self.content(&store, attributes)?;
        if after != before {
            store.replace(kind, id, after, now).map_err(taken)?;
        }
        self.result(&store, kind, id, 200, &projection)
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

/// Takes out of an operation on a whole extension what no client means by it.
fn forgive(operation: &mut PatchOperation) {
    use PatchOperation::{Add, Replace};
    if let Add { path: Some(PatchPath::Extension(_)), value: Value::Object(extension) }
    | Replace { path: Some(PatchPath::Extension(_)), value: Value::Object(extension) } = operation
    {
        drop_repeated_schemas(extension);
    }
}

fn hold(request: &Request, row: &Row) -> Result<(), ScimError> {
    match condition::for_writing(request, &row.version()) {
        Verdict::Holds => Ok(()),
        Verdict::NotModified | Verdict::Failed => Err(condition::failed(&row.version())),
    }
}

fn taken(taken: Taken) -> ScimError {
    fault::uniqueness(format!("`userName` is taken by the resource {}", taken.holder))
}
