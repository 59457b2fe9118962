//! Making a resource, or taking one over that was there: with an intent before, and a look-up where an answer was lost.

use crate::carry_out::{Attempt, on_any_core};
use crate::changing::{Change, is_refused_member};
use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::RecordEvent;
use crate::one::Existing;
use crate::operation::{Mark, Operation, Step};
use crate::setback::Trouble;
use crate::whose::Taken;
use jiff::Timestamp;
use scimwright_client::{CallReport, ClientError, Creation, Failure, Known};
use scimwright_record::RecordKey;
use scimwright_scim::{Desired, Resource};
use scimwright_state::{Action as LogAction, Intent, LinkChange, Ownership, RunId, Settlement, Standing};
use std::sync::Arc;

impl Cycle<'_> {
    /// Takes over a resource that was there already, and changes it where it differs.
    pub(crate) async fn adopt(&self, run: &RunId, operation: Operation) -> Result<(), ProvisionError> {
        let key = operation.key.clone();
        let Step::Adopt { resource, ours } = &operation.step else { return Ok(()) };
        let id = resource.id_text().unwrap_or_default();
        let ownership = match *ours || self.made_by_us(&key, &id).await? {
            true => Ownership::Created,
            false => Ownership::Adopted,
        };
        let from = Known { id: id.clone(), sent: None, seen: resource.as_ref().clone() };
        let made = New { key: &key, resource_id: id, ownership, mark: operation.mark() };
        let link = self.new_link(run, made, operation.desired.clone(), resource.as_ref().clone());
        if operation.changes.is_empty() {
            let entry =
                self.log_entry(run, &link, LogAction::Adopt, "linked to a resource that was there already");
            let settlement = Settlement { link: Some(LinkChange::Put(&link)), log: entry };
            self.provisioner.state.settle(&self.scope, &key, &settlement).await?;
            self.settled(operation.event());
            return Ok(());
        }
        let change = Change { link: &link, from, desired: &operation.desired, standing: Standing::Active };
        match self.change(run, change, operation.mark()).await? {
            Attempt::Done(_) => {
                self.settled(operation.event());
                Ok(())
            }
            Attempt::Gone => {
                let reason = "the matching resource vanished while it was being changed".to_owned();
                self.fail(&key, None, Trouble::temporary(reason).its_own(), None).await
            }
            Attempt::Failed(trouble) => self.fail(&key, Some(&link), trouble, operation.wish.identity).await,
        }
    }

    pub(crate) async fn create(&self, run: &RunId, operation: Operation) -> Result<(), ProvisionError> {
        let key = operation.key.clone();
        let intent = Intent {
            key: key.clone(),
            operation: LogAction::Create,
            run: *run,
            written_at: Timestamp::now(),
        };
        self.provisioner.state.write_intent(&self.scope, &intent).await?;
        let (target, kind) = (self.target.clone(), Arc::clone(&self.provisioner.kind));
        let match_by = Arc::clone(&self.provisioner.rules.matching);
        let (operation, made) = on_any_core(async move {
            let made = target.create(&kind, &operation.desired, &match_by).await;
            (operation, made)
        })
        .await?;
        match made {
            Ok(Creation::Made { known, call, unwritable, unfinished }) => {
                self.provider_works();
                let unfinished = unfinished.map(|error| {
                    format!("it was created without some of its members; the next run adds them: {error}")
                });
                let said = unwritable.iter().filter(|one| !is_refused_member(one)).map(ToString::to_string);
                for message in said.chain(unfinished) {
                    self.note(&key, message);
                }
                let mark = match known.sent.as_ref().is_none_or(|sent| *sent == operation.desired) {
                    true => operation.mark(),
                    // Not all of it arrived: the next run has to look again.
                    false => Mark { fingerprint: None, ..operation.mark() },
                };
                let sent = known.sent.unwrap_or_else(|| operation.desired.clone());
                let made = New { key: &key, resource_id: known.id, ownership: Ownership::Created, mark };
                let link = self.new_link(run, made, sent, known.seen);
                self.store(&link, LogAction::Create, "created", Vec::new(), &call).await?;
                let event = RecordEvent { resource_id: Some(link.resource_id.clone()), ..operation.event() };
                self.settled(event);
                match self.refused(&unwritable).await? {
                    Some(trouble) => self.fail(&key, Some(&link), trouble, None).await,
                    None => Ok(()),
                }
            }
            Ok(Creation::Recovered { resource, error }) => {
                self.recovered(run, operation, *resource, &error).await
            }
            Ok(Creation::Existed { resource, call }) => self.existed(run, operation, *resource, &call).await,
            Err(error) => self.create_failed(run, operation, error).await,
        }
    }

    /// Somebody had made it before us.
    async fn existed(
        &self,
        run: &RunId,
        operation: Operation,
        resource: Resource,
        call: &CallReport,
    ) -> Result<(), ProvisionError> {
        let Operation { key, wish, .. } = operation;
        let fingerprint = wish.identity.clone();
        let reason = match self.existing {
            Existing::Refuse => self.exists(&resource),
            Existing::AsPlanned => format!(
                "resource {} is there already, which the plan did not know; make a new one",
                resource.id_text().unwrap_or_default()
            ),
            Existing::Change => match self.decide_adoption(key.clone(), resource, wish).await? {
                Ok(adoption) => return Box::pin(self.adopt(run, adoption)).await,
                Err(trouble) => return self.give_up(run, &key, call, trouble, fingerprint).await,
            },
        };
        self.give_up(run, &key, call, Trouble::permanent(reason), fingerprint).await
    }

    /// Our own request made it, and only the answer was lost.
    async fn recovered(
        &self,
        run: &RunId,
        operation: Operation,
        resource: Resource,
        error: &ClientError,
    ) -> Result<(), ProvisionError> {
        let key = operation.key.clone();
        let id = resource.id_text().unwrap_or_default();
        if let Some(contested) = self.owner(&key, &id).await? {
            let trouble = Trouble { reason: format!("{error}. {}", contested.reason), ..contested };
            return self.give_up(run, &key, &error.call, trouble, None).await;
        }
        // Whether every part of the request arrived, nobody has said.
        let mark = Mark { fingerprint: None, ..operation.mark() };
        let made = New { key: &key, resource_id: id, ownership: Ownership::Created, mark };
        let link = self.new_link(run, made, operation.desired.clone(), resource);
        let message = "created; the answer was lost";
        self.store(&link, LogAction::Create, message, Vec::new(), &error.call).await?;
        self.settled(RecordEvent { resource_id: Some(link.resource_id), ..operation.event() });
        Ok(())
    }

    async fn create_failed(
        &self,
        run: &RunId,
        operation: Operation,
        error: ClientError,
    ) -> Result<(), ProvisionError> {
        let key = &operation.key;
        if error.may_have_been_executed() {
            // In doubt and not to be found: the intent stays, and the next run looks again.
            let reason = format!("{error}. It is not to be found yet; the next run looks again");
            self.log_failure(run, key, LogAction::Create, None, &error).await?;
            return self.fail(key, None, Trouble::temporary(reason), None).await;
        }
        let trouble = match &error.kind {
            Failure::Conflict(_) => self.taken(key, &operation.desired, &error).await?,
            _ => Trouble::of(&error),
        };
        self.give_up(run, key, &error.call, trouble, operation.wish.identity).await?;
        self.provider_failed(error).map(|_| ())
    }

    /// Why a record cannot have a resource, where the provider has given what it needs to another.
    async fn taken(
        &self,
        key: &RecordKey,
        desired: &Desired,
        error: &ClientError,
    ) -> Result<Trouble, ProvisionError> {
        let trouble = Trouble::of(error);
        Ok(match self.taken_by(key, desired).await? {
            Taken::ByRecord(contested) => {
                Trouble { reason: format!("{error}. {}", contested.reason), ..contested }
            }
            Taken::ByStranger(resource) => {
                Trouble { reason: format!("{error}. {}", self.unclaimed(key, &resource)), ..trouble }
            }
            Taken::Nowhere => trouble,
            Taken::Unclear => trouble.not_looked_for(),
        })
    }

    /// Ends an intent without a resource.
    async fn give_up(
        &self,
        run: &RunId,
        key: &RecordKey,
        call: &CallReport,
        trouble: Trouble,
        fingerprint: Option<String>,
    ) -> Result<(), ProvisionError> {
        let log = self.failure_entry(run, key, LogAction::Create, None, call, &trouble.reason);
        self.provisioner.state.settle(&self.scope, key, &Settlement { link: None, log }).await?;
        self.fail(key, None, trouble, fingerprint).await
    }
}

/// A resource that is to be linked.
pub(crate) struct New<'a> {
    pub(crate) key: &'a RecordKey,
    pub(crate) resource_id: String,
    pub(crate) ownership: Ownership,
    pub(crate) mark: Mark,
}
