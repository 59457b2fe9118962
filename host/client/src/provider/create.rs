//! Creating a resource, and finding out what became of it where the answer leaves doubt.
//!
//! Nothing is created blindly a second time. A conflict, a server error and a lost answer all lead to a
//! look-up: the resource may be there, from before or from this very request.

use super::find::{Found, Freshness};
use super::known::Known;
use super::match_key::MatchKey;
use super::sorting_out::may_be_about_a_member;
use super::{Kind, Provider, Unwritable, members, refusal_of};
use crate::call::{Action, CallReport, Subject};
use crate::dialect;
use crate::failure::{ClientError, Failure};
use scimwright_scim::check::check_create;
use scimwright_scim::{AttributeName, AttributePath, Desired, DesiredValue, Resource};
use serde_json::Value;
use std::time::Instant;

/// What became of a create.
#[derive(Debug, Clone)]
pub enum Creation {
    /// The resource was made (201).
    Made {
        /// It.
        known: Known,
        /// The last call that had a part in it.
        call: CallReport,
        /// What is wanted and cannot be had.
        unwritable: Vec<Unwritable>,
        /// Why not all of its members could be added yet. `known` says which of them were sent, so that an
        /// update adds the others.
        unfinished: Option<Box<ClientError>>,
    },
    /// The resource was made, and the answer was lost: it was found again by a look-up.
    Recovered {
        /// It, as the look-up found it.
        resource: Box<Resource>,
        /// The failure of the create.
        error: ClientError,
    },
    /// The resource was there before. The provider said so (200, as some answer), or refused to make another.
    Existed {
        /// It, as the look-up found it.
        resource: Box<Resource>,
        /// The call that says so.
        call: CallReport,
    },
}

impl Provider {
    /// Creates a resource (RFC 7644 section 3.3). `match_by` are the keys it is looked up by where the answer
    /// leaves doubt, in their order. The wanted state has to be [prepared](Kind::prepare).
    ///
    /// # Errors
    /// Any failure after which no resource was found. Where [`ClientError::may_have_been_executed`] is true,
    /// it may exist all the same: look again later.
    pub async fn create(
        &self,
        kind: &Kind,
        desired: &Desired,
        match_by: &[MatchKey],
    ) -> Result<Creation, ClientError> {
        let whole = desired.to_resource(kind.resource_type());
        let findings = check_create(desired, &whole, kind.schemas(), &kind.quirks.required);
        if let Some(failure) = refusal_of(&findings) {
            let subject = Subject::new(Action::Create, &kind.resource_type().name, None);
            return Err(self.client.unsent(subject, failure));
        }
        let (first, mut rest) = split_members(kind, desired, None);
        let mut body = match rest {
            None => with_types(kind, whole),
            Some(_) => body_of(kind, &first),
        };
        let mut made = self.client.create(kind.resource_type(), &body).await;
        let mut sent = first;
        // It may be one of the members that is refused. Nothing was made, and without members it may be.
        if let Err(error) = &made
            && may_be_about_a_member(error)
            && !matches!(error.kind, Failure::Conflict(_))
            && sent.value(&members::path()).is_some()
        {
            let (bare, all) = split_members(kind, desired, Some(0));
            let bare_body = body_of(kind, &bare);
            if let Ok(answer) = self.client.create(kind.resource_type(), &bare_body).await {
                (made, sent, body, rest) = (Ok(answer), bare, bare_body, all);
            }
        }
        let made = match made {
            Ok(made) => made,
            Err(error) => return self.after_failure(kind, desired, match_by, error).await,
        };
        let created = made.value;
        // A provider that returns no body is taken at its word until it says otherwise.
        let mut seen = created.resource.unwrap_or_else(|| with_id(&body, &created.id));
        let shows_members = !self.keeps_members(kind) && self.notes_members(kind, &seen);
        if !shows_members && seen.get(&members::path()).is_none() || self.keeps_members(kind) {
            super::writing::keep_members(&body, &mut seen);
        }
        self.shared.rosters.enter(kind, &seen).await;
        if created.adopted {
            return Ok(Creation::Existed { resource: Box::new(seen), call: made.call });
        }
        let known = Known { id: created.id, sent: Some(sent), seen };
        let Some(rest) = rest else {
            return Ok(Creation::Made { known, call: made.call, unwritable: Vec::new(), unfinished: None });
        };
        // The resource is there: what is still missing is an update, and its failure is not the create's.
        let (updated, error) = self.complete(kind, &known, &rest).await;
        if let Some(error) = &error {
            tracing::warn!(%error, "a resource was created, and not all of its members could be added");
        }
        Ok(Creation::Made {
            known: updated.known,
            call: updated.call.unwrap_or(made.call),
            unwritable: updated.unwritable,
            unfinished: error.map(Box::new),
        })
    }

    /// Point by point: a refusal that cannot have made anything is the answer; anything else is looked into.
    async fn after_failure(
        &self,
        kind: &Kind,
        desired: &Desired,
        match_by: &[MatchKey],
        error: ClientError,
    ) -> Result<Creation, ClientError> {
        let conflict = matches!(error.kind, Failure::Conflict(_));
        if !conflict && !error.may_have_been_executed() {
            return Err(error);
        }
        let since = Freshness::Since(Instant::now());
        // Whatever the administrator matches by: nobody but us sets an externalId.
        let external_id = MatchKey::single(AttributePath::new(AttributeName::EXTERNAL_ID));
        let mut match_by = match_by.to_vec();
        if !match_by.contains(&external_id) {
            match_by.push(external_id);
        }
        let found = match self.find_as_of(kind, &match_by, desired, since).await {
            Ok(Found::One(resource)) => resource,
            // Nothing, several, or a look-up that fails as well: the first failure is the one to report.
            _ => return Err(error),
        };
        Ok(match conflict || !is_ours(&error, &found, desired) {
            true => Creation::Existed { resource: found, call: *error.call },
            false => Creation::Recovered { resource: found, error },
        })
    }
}

/// Whether a resource that was found after a failed create is the one that it made.
///
/// After a lost answer it is: whoever creates has looked before, and found nothing. A server error that was
/// answered is less clear, as some servers answer a user name that is taken with 500 (canaille). There only
/// the externalId tells, which nobody but us sets.
fn is_ours(error: &ClientError, found: &Resource, desired: &Desired) -> bool {
    let answered = error.kind.refusal().is_some();
    let wanted = desired.value(&AttributePath::new(AttributeName::EXTERNAL_ID)).and_then(Value::as_str);
    !answered || (wanted.is_some() && wanted == found.external_id())
}

/// The wanted state with as many members as a create may hold, and the whole where that is less. `at_most` is
/// another bound than the profile's.
fn split_members(kind: &Kind, desired: &Desired, at_most: Option<usize>) -> (Desired, Option<Desired>) {
    let path = members::path();
    let by_profile = kind.quirks.members_on_create.unwrap_or(kind.quirks.member_additions.get());
    let bound = at_most.unwrap_or_else(|| usize::try_from(by_profile).unwrap_or(usize::MAX));
    let Some(Value::Array(members)) = desired.value(&path) else { return (desired.clone(), None) };
    if members.len() <= bound {
        return (desired.clone(), None);
    }
    let mut first = desired.clone();
    match bound {
        0 => {
            first.remove(&path);
        }
        _ => first.set(&path, DesiredValue::Set(members[..bound].to_vec().into())),
    }
    (first, Some(desired.clone()))
}

fn body_of(kind: &Kind, desired: &Desired) -> Resource {
    with_types(kind, desired.to_resource(kind.resource_type()))
}

fn with_types(kind: &Kind, mut body: Resource) -> Resource {
    dialect::fill_member_types(&mut body, &kind.quirks);
    body
}

fn with_id(body: &Resource, id: &str) -> Resource {
    let mut resource = body.clone();
    resource.set(&AttributePath::new(AttributeName::ID), id.into());
    resource
}
