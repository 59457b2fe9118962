//! A resource while a change of several requests is under way.
//!
//! What a request did is known from its answer, or from what it was told to do where the answer shows nothing.
//! The second is put off until somebody wants to know: a group that grows by a hundred members a request would
//! be copied, and looked through, for each of them.

use super::Kind;
use super::writing::attribute;
use scimwright_scim::{AttributeName, AttributePath, PatchOperation, PatchRequest, Resource};
use serde_json::Value;

/// A resource, and what was done to it since.
pub(super) struct Progress<'k> {
    kind: &'k Kind,
    known: Resource,
    done: Vec<PatchOperation>,
}

impl<'k> Progress<'k> {
    pub(super) fn new(kind: &'k Kind, known: Resource) -> Self {
        Self { kind, known, done: Vec::new() }
    }

    /// The version for the next write.
    pub(super) fn version(&self) -> Option<&str> {
        self.known.version()
    }

    /// The version that the last answer names. One that is not known any more must not be named in `If-Match`.
    pub(super) fn set_version(&mut self, version: Option<&str>) {
        let path = AttributePath::new(AttributeName::META).with_sub(AttributeName::VERSION);
        match version {
            Some(version) => {
                self.known.set(&path, version.into());
            }
            None => {
                self.known.remove(&path);
            }
        }
    }

    /// The provider did as it was told.
    pub(super) fn did(&mut self, standard: &PatchRequest) {
        for operation in &standard.operations {
            let into = self.done.last_mut();
            match (into, operation) {
                (
                    Some(PatchOperation::Add { path: known, value: Value::Array(values) }),
                    PatchOperation::Add { path, value: Value::Array(more) },
                ) if known == path => values.extend(more.iter().cloned()),
                _ => self.done.push(operation.clone()),
            }
        }
    }

    /// The provider shows the resource as it is.
    pub(super) fn is(&mut self, shown: Resource) {
        self.known = shown;
        self.done.clear();
    }

    /// The provider shows the resource, but not its members: they are what they are by what was done.
    pub(super) fn is_but_for_members(&mut self, mut shown: Resource) {
        let members = AttributePath::new(AttributeName::MEMBERS);
        match self.known.remove(&members) {
            Some(known) => {
                shown.set(&members, known);
            }
            None => {
                shown.remove(&members);
            }
        }
        self.known = shown;
        self.done.retain(|operation| attribute(operation).as_ref() == Some(&members));
    }

    /// Whether there are members, as far as is known.
    pub(super) fn has_members(&mut self) -> bool {
        let members = AttributePath::new(AttributeName::MEMBERS);
        self.now().get(&members).is_some_and(|members| members.as_array().is_some_and(|all| !all.is_empty()))
    }

    /// The resource as it is now, or must be.
    pub(super) fn now(&mut self) -> &Resource {
        self.catch_up();
        &self.known
    }

    pub(super) fn into_resource(mut self) -> Resource {
        self.catch_up();
        self.known
    }

    fn catch_up(&mut self) {
        let done = PatchRequest::new(std::mem::take(&mut self.done));
        if done.is_empty() || done.apply(&mut self.known, self.kind.schemas()).is_ok() {
            return;
        }
        // Somebody else was there in between: what still applies is as it was told to be.
        for operation in done.operations {
            let alone = PatchRequest::new(vec![operation]);
            if alone.apply(&mut self.known, self.kind.schemas()).is_err() {
                tracing::debug!(
                    "a change that the provider accepted does not apply to what we know of the resource"
                );
            }
        }
    }
}
