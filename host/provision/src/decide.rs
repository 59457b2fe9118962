//! Decides what a record needs. Nothing here sends, stores or waits.
//!
//! The diff is against what we last sent and saw: an attribute that we want as we wanted it last time needs
//! nothing, even where the provider keeps it in another form.

use crate::rules::UpdateMethod;
use scimwright_scim::{
    AttributeName, AttributePath, Desired, DesiredValue, PatchRequest, Resource, SchemaSet, diff,
};
use scimwright_state::{Link, Standing};
use serde_json::Value;

/// What a record with a link needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// Nothing at all.
    Nothing,
    /// Nothing is sent, but what we want has another spelling now and is to be remembered.
    Remember,
    /// The resource is changed.
    Change(Change),
}

/// A change of a resource that exists.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// The difference; it is never empty.
    pub(crate) patch: PatchRequest,
    /// How it is written.
    pub(crate) method: WriteMethod,
}

impl Change {
    /// The attributes that change, in the spelling of PATCH paths.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for operation in &self.patch.operations {
            let path = operation.path().map_or_else(|| "(several)".to_owned(), ToString::to_string);
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths
    }
}

/// How changes are written at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteMethod {
    /// RFC 7644 section 3.5.2.
    Patch,
    /// RFC 7644 section 3.5.1, after reading and merging.
    Put,
}

impl WriteMethod {
    /// Chooses by the administrator's word, or else by what the provider declares.
    pub(crate) fn choose(rule: UpdateMethod, provider_patches: bool) -> Self {
        match (rule, provider_patches) {
            (UpdateMethod::Patch, _) | (UpdateMethod::Auto, true) => Self::Patch,
            (UpdateMethod::Put, _) | (UpdateMethod::Auto, false) => Self::Put,
        }
    }
}

/// Decides for a record whose resource we know.
pub(crate) fn for_link(link: &Link, desired: &Desired, schemas: &SchemaSet, method: WriteMethod) -> Decision {
    let patch = diff(desired, Some(&link.sent), &link.seen, schemas);
    if !patch.is_empty() {
        Decision::Change(Change { patch, method })
    } else if *desired != link.sent || link.standing == Standing::Disabled {
        Decision::Remember
    } else {
        Decision::Nothing
    }
}

/// Decides for a resource that was there before we came: only what differs is changed.
pub(crate) fn for_adoption(
    resource: &Resource,
    desired: &Desired,
    schemas: &SchemaSet,
    method: WriteMethod,
) -> Option<Change> {
    let patch = diff(desired, None, resource, schemas);
    (!patch.is_empty()).then_some(Change { patch, method })
}

/// What is wanted of a resource that is to be disabled; everything else stays as it was wanted.
pub(crate) fn disabled(link: &Link) -> Desired {
    let mut desired = link.sent.clone();
    desired.set(&active(), DesiredValue::Set(Value::Bool(false)));
    desired
}

/// Makes sure that a person who came back can work again, whether or not the mapping mentions `active`.
pub(crate) fn reactivated(link: &Link, mut desired: Desired) -> Desired {
    if link.standing == Standing::Disabled && desired.get(&active()).is_none() {
        desired.set(&active(), DesiredValue::Set(Value::Bool(true)));
    }
    desired
}

/// RFC 7643 section 4.1.1: whether the person may use the service.
pub(crate) fn active() -> AttributePath {
    AttributePath::new(AttributeName::ACTIVE)
}
