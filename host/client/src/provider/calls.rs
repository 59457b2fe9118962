//! The five calls: get, get by id, delete, provision, provision new.
//!
//! They are what a script or a workflow needs of a provider, each complete in itself: the resource is looked
//! up where it has to be, and what comes out is the resource or a failure.

use super::create::Creation;
use super::find::Found;
use super::known::Known;
use super::match_key::MatchKey;
use super::writing::as_shown;
use super::{Kind, Provider};
use crate::bulk::BulkOutcome;
use crate::call::{Action, CallReport, Exchange, Subject};
use crate::capability::Capability;
use crate::failure::{ClientError, Failure, Refusal};
use crate::judge::Deleted;
use crate::query::Query;
use futures::stream::BoxStream;
use scimwright_scim::{BulkOperation, Desired, Resource};

/// What a provisioning call did.
#[derive(Debug, Clone)]
pub struct Provisioned {
    /// What is to be remembered of the resource.
    pub known: Known,
    /// What was done.
    pub done: Done,
    /// The last call that changed something, if one did.
    pub call: Option<CallReport>,
    /// What of the wanted state was not sent, and why; each a sentence.
    pub left_out: Vec<String>,
}

/// What was done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was made.
    Created,
    /// It was there, and was changed.
    Updated,
    /// It was there, and is as wanted.
    Unchanged,
}

impl Provisioned {
    /// Whether anything was changed at the provider.
    #[must_use]
    pub fn wrote(&self) -> bool {
        self.done != Done::Unchanged
    }
}

impl Provider {
    /// Resources that match a query, page by page and each once.
    ///
    /// The stream always ends. After an `Err` something is missing.
    pub fn get(&self, kind: &Kind, query: Query) -> BoxStream<'static, Result<Resource, ClientError>> {
        self.client.query_all(kind.resource_type(), self.paged(query))
    }

    /// The same page by page, with the report of each call.
    pub fn get_pages(
        &self,
        kind: &Kind,
        query: Query,
    ) -> BoxStream<'static, Result<Exchange<Vec<Resource>>, ClientError>> {
        self.client.query_pages(kind.resource_type(), self.paged(query))
    }

    /// The resource with this id.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is none, and all others.
    pub async fn get_by_id(&self, kind: &Kind, id: &str) -> Result<Exchange<Resource>, ClientError> {
        self.client.retrieve(kind.resource_type(), id).await
    }

    /// Carries many operations out in as few requests as the provider takes (RFC 7644 section 3.7), one by one
    /// where it has no bulk requests. See [`Client::bulk`](crate::Client::bulk).
    ///
    /// # Errors
    /// As for [`discovery`](Self::discovery); what became of the operations is in the outcome.
    pub async fn bulk(
        &self,
        operations: Vec<BulkOperation>,
        fail_on_errors: Option<u32>,
    ) -> Result<BulkOutcome, ClientError> {
        let limits = self.discovery().await?.capabilities.bulk.value;
        let outcome = self.client.bulk(&limits, operations, fail_on_errors).await;
        if let Some(refusal) = outcome.fell_back.as_ref().filter(|_| limits.supported) {
            self.observe_lack(Capability::Bulk, refusal.to_string());
        }
        Ok(outcome)
    }

    /// A resource that is known, as it is now; with the members that we know of where the provider does not show any.
    ///
    /// # Errors
    /// [`ClientError`] when it cannot be read.
    pub async fn look(&self, kind: &Kind, known: &Known) -> Result<Resource, ClientError> {
        let fresh = self.client.retrieve(kind.resource_type(), &known.id).await?.value;
        Ok(as_shown(self.keeps_members(kind), &known.seen, fresh))
    }

    /// Deletes the resource with this id. That it was gone already is no error.
    ///
    /// # Errors
    /// Any failure but [`Failure::NotFound`].
    pub async fn delete(&self, kind: &Kind, id: &str) -> Result<Exchange<Deleted>, ClientError> {
        let _turn = self.shared.writers.turn(&kind.resource_type().endpoint, id).await;
        self.client.delete(kind.resource_type(), id, None).await
    }

    /// Creates a resource, or changes the one that is there so that it is as wanted.
    ///
    /// `known` is what an earlier call returned for it. Without, the resource is looked up by the keys in
    /// `match_by`.
    ///
    /// # Errors
    /// [`Failure::Ambiguous`] where several resources match or none can be looked for, and any failure of a
    /// look-up, a create or a change.
    pub async fn provision(
        &self,
        kind: &Kind,
        desired: Desired,
        match_by: &[MatchKey],
        known: Option<&Known>,
    ) -> Result<Provisioned, ClientError> {
        let (desired, left_out) = kind.prepare(desired);
        if let Some(known) = known {
            match self.change(kind, known, &desired, left_out.clone()).await {
                // Somebody deleted it at the provider.
                Err(error) if matches!(error.kind, Failure::NotFound(_)) => {}
                outcome => return outcome,
            }
        }
        match self.find(kind, match_by, &desired).await? {
            Found::One(found) => {
                let desired = kind.revived(desired, &found);
                let known = Known { id: found.id_text().unwrap_or_default(), sent: None, seen: *found };
                self.change(kind, &known, &desired, left_out).await
            }
            Found::None | Found::NothingToMatchBy => {
                self.make(kind, desired, match_by, left_out, Clash::Change).await
            }
            unclear => Err(self.ambiguous(kind, &unclear)),
        }
    }

    /// Creates a resource; it is a failure if it is there already.
    ///
    /// # Errors
    /// [`Failure::Conflict`] where a resource matches, and as for [`provision`](Self::provision).
    pub async fn provision_new(
        &self,
        kind: &Kind,
        desired: Desired,
        match_by: &[MatchKey],
    ) -> Result<Provisioned, ClientError> {
        let (desired, left_out) = kind.prepare(desired);
        match self.find(kind, match_by, &desired).await? {
            Found::None | Found::NothingToMatchBy => {
                self.make(kind, desired, match_by, left_out, Clash::Refuse).await
            }
            Found::One(found) => Err(self.taken(kind, &found)),
            unclear => Err(self.ambiguous(kind, &unclear)),
        }
    }

    async fn change(
        &self,
        kind: &Kind,
        known: &Known,
        desired: &Desired,
        left_out: Vec<String>,
    ) -> Result<Provisioned, ClientError> {
        let updated = self.update(kind, known, desired).await?;
        let done = if updated.call.is_some() { Done::Updated } else { Done::Unchanged };
        let unwritable = updated.unwritable.iter().map(ToString::to_string);
        let left_out = left_out.into_iter().chain(unwritable).collect();
        Ok(Provisioned { known: updated.known, done, call: updated.call, left_out })
    }

    async fn make(
        &self,
        kind: &Kind,
        desired: Desired,
        match_by: &[MatchKey],
        left_out: Vec<String>,
        clash: Clash,
    ) -> Result<Provisioned, ClientError> {
        let (found, done) = match self.create(kind, &desired, match_by).await? {
            Creation::Made { known, call, unwritable, unfinished } => {
                let unfinished = unfinished.map(|error| {
                    format!("not all members could be added yet, and the next call goes on: {error}")
                });
                let notes = unwritable.iter().map(ToString::to_string).chain(unfinished);
                let left_out = left_out.into_iter().chain(notes).collect();
                return Ok(Provisioned { known, done: Done::Created, call: Some(call), left_out });
            }
            Creation::Recovered { resource, .. } => (resource, Some(Done::Created)),
            Creation::Existed { resource, .. } if clash == Clash::Refuse => {
                return Err(self.taken(kind, &resource));
            }
            Creation::Existed { resource, .. } => (resource, None),
        };
        let desired = kind.revived(desired, &found);
        let known = Known { id: found.id_text().unwrap_or_default(), sent: None, seen: *found };
        let changed = self.change(kind, &known, &desired, left_out).await?;
        Ok(Provisioned { done: done.unwrap_or(changed.done), ..changed })
    }

    fn taken(&self, kind: &Kind, found: &Resource) -> ClientError {
        let id = found.id_text().unwrap_or_default();
        let detail = format!("a {} with the same values is there already: {id}", kind.resource_type().name);
        let refusal = Refusal { status: 409, scim_type: None, detail: Some(detail) };
        self.unsent(kind, Failure::Conflict(refusal))
    }

    /// A failure that was found before anything was sent.
    fn unsent(&self, kind: &Kind, failure: Failure) -> ClientError {
        self.client.unsent(Subject::new(Action::Create, &kind.resource_type().name, None), failure)
    }

    fn ambiguous(&self, kind: &Kind, found: &Found) -> ClientError {
        self.unsent(kind, Failure::Ambiguous { reason: found.to_string() })
    }
}

/// What a create does when the resource is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clash {
    Change,
    Refuse,
}
