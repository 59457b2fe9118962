//! Changing a resource so that it is as wanted.
//!
//! What is to be done is decided here and in `rounds`; how one request is made of it is `writing`'s part.

use super::known::Known;
use super::rounds::{Changed, Rounds};
use super::writing::{predicted, replacement};
use super::{Kind, Provider, Unwritable, members};
use crate::call::{Action, CallReport, Subject};
use crate::dialect::Step;
use crate::failure::ClientError;
use crate::message::Method;
use scimwright_scim::check::Occasion;
use scimwright_scim::{Desired, diff};
use serde_json::Value;

/// A resource after a change.
#[derive(Debug, Clone)]
pub struct Updated {
    /// What is to be remembered of it now.
    pub known: Known,
    /// The last request that changed it; none where nothing had to be sent.
    pub call: Option<CallReport>,
    /// What is wanted and cannot be had.
    pub unwritable: Vec<Unwritable>,
}

/// A request that a change would be.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedWrite {
    /// PATCH or PUT.
    pub method: Method,
    /// The body. That of a PUT rests on the resource as it was last seen, and is made anew from what the
    /// provider has when it is sent.
    pub body: Value,
}

impl Provider {
    /// Changes a resource so that it is as wanted. The wanted state has to be [prepared](Kind::prepare).
    ///
    /// What is not mentioned is left alone. Where nothing differs from what was last sent and seen, nothing is
    /// sent. Where something does, and the answer shows that somebody else changed what is wanted too, that is
    /// put right with it.
    ///
    /// # Errors
    /// [`Failure::NotFound`](crate::Failure::NotFound) where the resource is gone,
    /// [`Failure::PreconditionFailed`](crate::Failure::PreconditionFailed) where others change it faster than
    /// we do, [`Failure::NotApplied`](crate::Failure::NotApplied) where the provider says yes and does not do
    /// it, and all others. A change in several requests may have been carried out in part; to try again is
    /// safe.
    pub async fn update(
        &self,
        kind: &Kind,
        known: &Known,
        desired: &Desired,
    ) -> Result<Updated, ClientError> {
        let _turn = self.shared.writers.turn(&kind.resource_type().endpoint, &known.id).await;
        let (desired, unwritable) = kind.reconcile(desired.clone(), known);
        let occasion = Occasion::Change { sent: known.sent.as_ref(), seen: &known.seen };
        if let Some(failure) = kind.objection(&desired, occasion) {
            let subject = Subject::new(Action::Modify, &kind.resource_type().name, Some(&known.id));
            return Err(self.client.unsent(subject, failure));
        }
        let changed = Rounds::new(self, kind, &desired, known).run().await;
        if let Some(error) = changed.error {
            return Err(error);
        }
        Ok(self.updated(kind, &known.id, changed, unwritable).await)
    }

    /// Adds the members for which there was no room in the create. Gives also back how far it came where it
    /// fails.
    pub(super) async fn complete(
        &self,
        kind: &Kind,
        known: &Known,
        desired: &Desired,
    ) -> (Updated, Option<ClientError>) {
        let _turn = self.shared.writers.turn(&kind.resource_type().endpoint, &known.id).await;
        let mut changed = Rounds::new(self, kind, desired, known).run().await;
        let error = changed.error.take();
        if error.is_some() {
            changed.sent = members::so_far(changed.sent, &changed.seen);
        }
        (self.updated(kind, &known.id, changed, Vec::new()).await, error)
    }

    async fn updated(
        &self,
        kind: &Kind,
        id: &str,
        changed: Changed,
        mut unwritable: Vec<Unwritable>,
    ) -> Updated {
        if changed.call.is_some() {
            self.shared.rosters.enter(kind, &changed.seen).await;
        }
        unwritable.extend(changed.ignored.into_iter().map(Unwritable::Ignored));
        unwritable.extend(changed.refused.into_iter().map(Unwritable::from));
        let known = Known { id: id.to_owned(), sent: Some(changed.sent), seen: changed.seen };
        Updated { known, call: changed.call, unwritable }
    }

    /// The requests that [`update`](Self::update) would send; nothing is sent.
    #[must_use]
    pub fn planned(&self, kind: &Kind, known: &Known, desired: &Desired) -> Vec<PlannedWrite> {
        let patch = diff(desired, known.sent.as_ref(), &known.seen, kind.schemas());
        let mut seen = known.seen.clone();
        let mut planned = Vec::new();
        for step in self.translate(kind, &seen, &patch).steps {
            planned.push(match &step {
                Step::Patch { body, .. } => PlannedWrite { method: Method::Patch, body: body.clone() },
                Step::Put { standard } => {
                    let body = replacement(kind, (&seen, &seen), standard, desired, &known.id);
                    PlannedWrite { method: Method::Put, body: body.into_value() }
                }
            });
            seen = predicted(kind, seen, step.standard());
        }
        planned
    }
}
