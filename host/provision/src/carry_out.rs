//! From an operation to the provider and into memory; in a plan, to an event only.
//!
//! A request that creates has its intent written first. Link, client-log row and the end of the intent are
//! stored together, so that a killed process leaves either an open intent or a settled operation. After a
//! lost response the resource is looked up; nothing is repeated blindly.

use crate::cycle::Cycle;
use crate::decide;
use crate::error::ProvisionError;
use crate::event::{Action, Event, PlannedRequest, RecordEvent};
use crate::one::Existing;
use crate::operation::{Mark, Operation, Step, Wish, Work};
use crate::record::{Decided, known};
use crate::setback::Trouble;
use jiff::Timestamp;
use scimwright_client::{CallReport, ClientError, Creation, Failure, Known};
use scimwright_record::{Record, RecordKey};
use scimwright_scim::{Desired, Resource, diff};
use scimwright_state::{
    Action as LogAction, Intent, Link, LinkChange, Ownership, RunId, Settlement, Standing, StateError,
};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// What became of an attempt to change something at the provider.
pub(crate) enum Attempt<T> {
    /// It worked.
    Done(T),
    /// The resource is not there any more.
    Gone,
    /// It did not work, for a reason to report.
    Failed(Trouble),
}

impl Cycle<'_> {
    /// Takes one record all the way. That its resource belongs to another record is this record's failure
    /// and nobody else's.
    pub(crate) async fn treat_one(&self, record: Record) -> Result<(), ProvisionError> {
        let key = record.key().clone();
        let decided = self.decide(record).await;
        self.finish(&key, decided).await
    }

    /// Does what was decided about a record, and reports it.
    pub(crate) async fn finish(
        &self,
        key: &RecordKey,
        decided: Result<Decided<'_>, ProvisionError>,
    ) -> Result<(), ProvisionError> {
        let outcome = match decided {
            Ok(decided) => {
                self.trace_decision(&decided);
                self.settle(key, decided).await
            }
            Err(error) => Err(error),
        };
        self.pass_on_notices();
        self.unless_taken(key, outcome).await
    }

    /// That a resource belongs to another record ends nothing.
    pub(crate) async fn unless_taken(
        &self,
        key: &RecordKey,
        outcome: Result<(), ProvisionError>,
    ) -> Result<(), ProvisionError> {
        match outcome {
            Err(ProvisionError::State(taken @ StateError::ResourceTaken { .. })) => {
                self.fail(key, None, Trouble::permanent(taken.to_string()), None).await
            }
            outcome => outcome,
        }
    }

    /// Does what was decided, or says why nothing is done.
    pub(crate) async fn settle(&self, key: &RecordKey, decided: Decided<'_>) -> Result<(), ProvisionError> {
        match decided {
            Decided::Do(operation, _claim) => self.act(*operation).await,
            Decided::OutOfScope(link, reason, until) => self.out_of_scope(key, link, reason, until).await,
            Decided::Waits(link, setback) => {
                let until = setback
                    .next_try
                    .map(|next| format!("; it is tried again from {next} on"))
                    .unwrap_or_default();
                self.settled(RecordEvent {
                    key: key.clone(),
                    action: Action::Wait,
                    resource_id: link.map(|link| link.resource_id),
                    changes: Vec::new(),
                    reason: Some(format!("{}{until}", setback.reason)),
                    requests: Vec::new(),
                });
                Ok(())
            }
            Decided::Cannot(link, trouble, fingerprint) => {
                self.fail(key, link.as_ref(), trouble, fingerprint).await
            }
        }
    }

    /// A record that is out of scope counts as one that left: if it has a resource, that is deprovisioned by the
    /// same rules.
    async fn out_of_scope(
        &self,
        key: &RecordKey,
        link: Option<Link>,
        reason: String,
        until: Option<Timestamp>,
    ) -> Result<(), ProvisionError> {
        if let Some(link) = &link {
            self.pass.release(key, &reason).await?;
            if self.run.is_some() && link.standing == Standing::Active {
                // Until it is deprovisioned it is due, whether or not the record changes again.
                self.mark(link, &Mark { fingerprint: None, due_at: Some(self.began) }).await?;
            }
        }
        self.remember_skip(key, &reason, until).await?;
        self.settled(RecordEvent {
            key: key.clone(),
            action: Action::Skip,
            resource_id: link.map(|link| link.resource_id),
            changes: Vec::new(),
            reason: Some(reason),
            requests: Vec::new(),
        });
        Ok(())
    }

    /// Carries an operation out; in a plan, writes it down.
    pub(crate) async fn act(&self, operation: Operation) -> Result<(), ProvisionError> {
        let Some(run) = &self.run else { return self.draft(operation).await };
        if let Some(waiting) = &operation.wish.waiting {
            self.defer(&operation.key, &Work::FillIn(waiting.clone(), None)).await?;
        }
        if operation.wish.deactivate {
            self.defer(&operation.key, &Work::Deactivate(operation.wish.mark.clone(), None)).await?;
        }
        self.carry_out(run, operation).await
    }

    /// The requests that an operation would be.
    pub(crate) fn requests_of(&self, operation: &Operation) -> Vec<PlannedRequest> {
        let resource_type = self.provisioner.kind.resource_type();
        match &operation.step {
            Step::Nothing(_) | Step::Remember(_) => Vec::new(),
            Step::Create => vec![PlannedRequest {
                method: "POST",
                path: resource_type.endpoint.clone(),
                body: Some(operation.desired.to_resource(resource_type).into_value()),
            }],
            Step::Adopt { resource, .. } => {
                let id = resource.id_text().unwrap_or_default();
                let found = Known { id, sent: None, seen: resource.as_ref().clone() };
                self.planned_change(&found, &operation.desired)
            }
            Step::Update(link) | Step::Disable(link) | Step::Deactivate(link) => {
                self.planned_change(&known(link), &operation.desired)
            }
            Step::Delete(link) => {
                let path = format!("{}/{}", resource_type.endpoint, link.resource_id);
                vec![PlannedRequest { method: "DELETE", path, body: None }]
            }
        }
    }

    pub(crate) fn planned_change(&self, known: &Known, desired: &Desired) -> Vec<PlannedRequest> {
        let kind = &self.provisioner.kind;
        let path = format!("{}/{}", kind.resource_type().endpoint, known.id);
        let planned = self.target.planned(kind, known, desired).into_iter();
        planned
            .map(|write| PlannedRequest {
                method: write.method.as_str(),
                path: path.clone(),
                body: Some(write.body),
            })
            .collect()
    }

    /// Carries out what was decided, and invents nothing.
    pub(crate) async fn carry_out(&self, run: &RunId, operation: Operation) -> Result<(), ProvisionError> {
        match &operation.step {
            Step::Nothing(link) => {
                self.mark(link, &operation.mark()).await?;
                self.clear_setback(&operation).await?;
                self.settled(operation.event());
                Ok(())
            }
            Step::Remember(link) => {
                let mark = operation.mark();
                let link = Link {
                    sent: operation.desired.clone(),
                    standing: Standing::Active,
                    fingerprint: mark.fingerprint,
                    due_at: mark.due_at,
                    run: *run,
                    ..link.as_ref().clone()
                };
                self.provisioner.state.put_link(&self.scope, &link).await?;
                self.clear_setback(&operation).await?;
                self.settled(operation.event());
                Ok(())
            }
            Step::Create => self.create(run, operation).await,
            Step::Adopt { .. } => self.adopt(run, operation).await,
            Step::Update(link) | Step::Deactivate(link) => {
                self.update(run, link.as_ref().clone(), operation).await
            }
            Step::Disable(link) => self.disable(run, link.as_ref().clone(), operation).await,
            Step::Delete(link) => self.remove(run, link.as_ref().clone(), operation).await,
        }
    }

    async fn update(&self, run: &RunId, link: Link, operation: Operation) -> Result<(), ProvisionError> {
        let mark = operation.mark();
        let change = Change {
            link: &link,
            from: known(&link),
            desired: &operation.desired,
            standing: Standing::Active,
        };
        match self.change(run, change, mark).await? {
            Attempt::Done(_) => self.settled(operation.event()),
            // The new one is created, with all that belongs to that.
            Attempt::Gone => return self.replace_the_lost(run, link, operation.wish).await,
            Attempt::Failed(trouble) => {
                return self.fail(&operation.key, Some(&link), trouble, operation.wish.identity).await;
            }
        }
        Ok(())
    }

    async fn disable(&self, run: &RunId, link: Link, operation: Operation) -> Result<(), ProvisionError> {
        if operation.changes.is_empty() {
            // The mapping had set `active` to false already: what is left to do is to remember.
            let mark = operation.mark();
            let link = Link {
                sent: operation.desired.clone(),
                standing: Standing::Disabled,
                updated_at: Timestamp::now(),
                run: *run,
                fingerprint: mark.fingerprint,
                due_at: mark.due_at,
                ..link
            };
            self.provisioner.state.put_link(&self.scope, &link).await?;
            self.settled(operation.event());
            return Ok(());
        }
        let change = Change {
            link: &link,
            from: known(&link),
            desired: &operation.desired,
            standing: Standing::Disabled,
        };
        match self.change(run, change, operation.mark()).await? {
            Attempt::Done(_) => {
                self.settled(operation.event());
                Ok(())
            }
            Attempt::Gone => self.already_gone(&link).await,
            Attempt::Failed(trouble) => self.fail(&link.key, Some(&link), trouble, None).await,
        }
    }

    async fn remove(&self, run: &RunId, link: Link, operation: Operation) -> Result<(), ProvisionError> {
        match self.delete(run, &link).await? {
            // RFC 7644 section 3.6: a resource that is not there is as good as deleted.
            Attempt::Done(()) | Attempt::Gone => {
                self.settled(operation.event());
                Ok(())
            }
            Attempt::Failed(trouble) => self.fail(&link.key, Some(&link), trouble, None).await,
        }
    }

    async fn already_gone(&self, link: &Link) -> Result<(), ProvisionError> {
        self.lost_a_link();
        self.provisioner.state.forget_link(&self.scope, &link.key).await?;
        let reason = "left the source, and somebody had deleted the resource at the provider".to_owned();
        let event = RecordEvent {
            key: link.key.clone(),
            action: Action::Unchanged,
            resource_id: Some(link.resource_id.clone()),
            changes: Vec::new(),
            reason: Some(reason),
            requests: Vec::new(),
        };
        self.settled(event);
        Ok(())
    }

    /// Somebody deleted the resource at the provider. The record is still in scope, so it gets a new one.
    async fn replace_the_lost(&self, run: &RunId, link: Link, wish: Wish) -> Result<(), ProvisionError> {
        if self.existing == Existing::AsPlanned {
            let reason = format!(
                "resource {} is not at the provider any more, which the plan did not know; make a new one",
                link.resource_id
            );
            return self.fail(&link.key, Some(&link), Trouble::permanent(reason), None).await;
        }
        self.lost_a_link();
        self.provisioner.state.forget_link(&self.scope, &link.key).await?;
        self.note(
            &link.key,
            format!(
                "resource {} is not at the provider any more; somebody deleted it there. A new one is made",
                link.resource_id
            ),
        );
        self.begin_anew(run, link.key, wish).await
    }

    /// Decides once more for a record that turned out to have no resource.
    async fn begin_anew(&self, run: &RunId, key: RecordKey, wish: Wish) -> Result<(), ProvisionError> {
        match self.decide_unlinked(key.clone(), wish).await? {
            Decided::Do(operation, _claim) => Box::pin(self.carry_out(run, *operation)).await,
            decided => Box::pin(self.settle(&key, decided)).await,
        }
    }

    /// Takes over a resource that was there already, and changes it where it differs.
    async fn adopt(&self, run: &RunId, operation: Operation) -> Result<(), ProvisionError> {
        let key = operation.key.clone();
        let Step::Adopt { resource, ours } = &operation.step else { return Ok(()) };
        let id = resource.id_text().unwrap_or_default();
        let ownership = if *ours { Ownership::Created } else { Ownership::Adopted };
        let from = Known { id: id.clone(), sent: None, seen: resource.as_ref().clone() };
        let made = New { key: &key, resource_id: id, ownership, mark: operation.mark() };
        let link = self.new_link(run, made, operation.desired.clone(), resource.as_ref().clone());
        if operation.changes.is_empty() {
            let entry =
                self.log_entry(run, &link, LogAction::Adopt, "linked to a resource that was there already");
            let settlement = Settlement { link: Some(LinkChange::Put(Box::new(link))), log: entry };
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
                self.fail(&key, None, Trouble::temporary(reason), None).await
            }
            Attempt::Failed(trouble) => self.fail(&key, Some(&link), trouble, operation.wish.identity).await,
        }
    }

    async fn create(&self, run: &RunId, operation: Operation) -> Result<(), ProvisionError> {
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
                for message in unwritable.iter().map(ToString::to_string).chain(unfinished) {
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
                self.settled(RecordEvent { resource_id: Some(link.resource_id), ..operation.event() });
                Ok(())
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
                Err(trouble) => trouble.reason,
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
        if let Some(reason) = self.owner(&id).await? {
            let trouble = Trouble::permanent(format!("{error}. {reason}"));
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
        let trouble = Trouble::of(&error);
        self.give_up(run, key, &error.call, trouble, operation.wish.identity).await?;
        self.provider_failed(error).map(|_| ())
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

    /// Changes a resource from what is known of it, and remembers how it is now.
    pub(crate) async fn change(
        &self,
        run: &RunId,
        change: Change<'_>,
        mark: Mark,
    ) -> Result<Attempt<Link>, ProvisionError> {
        let Change { link, from, desired, standing } = change;
        let action = match standing {
            Standing::Disabled => LogAction::Disable,
            Standing::Active if link.standing == Standing::Disabled => LogAction::Enable,
            Standing::Active => LogAction::Update,
        };
        let kind = Arc::clone(&self.provisioner.kind);
        let changes = decide::paths(&diff(desired, from.sent.as_ref(), &from.seen, kind.schemas()));
        let (target, wanted) = (self.target.clone(), desired.clone());
        match on_any_core(async move { target.update(&kind, &from, &wanted).await }).await? {
            Ok(updated) => {
                self.provider_works();
                for wish in &updated.unwritable {
                    self.tally.emit(Event::Notice { key: Some(link.key.clone()), message: wish.to_string() });
                }
                let seen = updated.known.seen;
                // Without what could not be written, so that it is not taken for done.
                let sent = updated.known.sent.unwrap_or_else(|| desired.clone());
                let fingerprint = mark.fingerprint.filter(|_| sent == *desired);
                let link = Link {
                    version: seen.version().map(str::to_owned),
                    sent,
                    seen,
                    standing,
                    updated_at: Timestamp::now(),
                    run: *run,
                    fingerprint,
                    due_at: mark.due_at,
                    ..link.clone()
                };
                match &updated.call {
                    Some(call) => {
                        self.store(&link, action, &changes.join(", "), changes.clone(), call).await?;
                    }
                    // Somebody else had made the same change in between.
                    None => {
                        self.provisioner.state.put_link(&self.scope, &link).await?;
                        self.provisioner.state.clear_setback(&self.scope, &link.key).await?;
                    }
                }
                Ok(Attempt::Done(link))
            }
            Err(error) => {
                self.log_failure(run, &link.key, action, Some(&link.resource_id), &error).await?;
                match error.kind {
                    Failure::NotFound(_) => Ok(Attempt::Gone),
                    _ => self.provider_failed(error).map(Attempt::Failed),
                }
            }
        }
    }

    /// Deletes a resource. The link goes only when the provider confirms that the resource is gone.
    async fn delete(&self, run: &RunId, link: &Link) -> Result<Attempt<()>, ProvisionError> {
        match self.target.delete(&self.provisioner.kind, &link.resource_id).await {
            Ok(exchange) => {
                let log = self.success_entry(run, link, LogAction::Delete, "deleted", &exchange.call);
                let settlement = Settlement { link: Some(LinkChange::Forget), log };
                self.lost_a_link();
                self.provisioner.state.settle(&self.scope, &link.key, &settlement).await?;
                Ok(Attempt::Done(()))
            }
            Err(error) => {
                self.log_failure(run, &link.key, LogAction::Delete, Some(&link.resource_id), &error).await?;
                self.provider_failed(error).map(Attempt::Failed)
            }
        }
    }
}

/// Makes a call as a task of its own: bodies are written and read on whatever core is free, while this task goes on with
/// other records. Dropped, it ends.
async fn on_any_core<T: Send + 'static>(
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, ProvisionError> {
    struct Task<T>(JoinHandle<T>);
    impl<T> Drop for Task<T> {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let mut task = Task(tokio::spawn(call));
    (&mut task.0).await.map_err(|error| ProvisionError::Worker(error.to_string()))
}

/// A change of a resource that is known.
pub(crate) struct Change<'a> {
    pub(crate) link: &'a Link,
    pub(crate) from: Known,
    pub(crate) desired: &'a Desired,
    /// What it stands as afterwards.
    pub(crate) standing: Standing,
}

/// A resource that is to be linked.
pub(crate) struct New<'a> {
    pub(crate) key: &'a RecordKey,
    pub(crate) resource_id: String,
    pub(crate) ownership: Ownership,
    pub(crate) mark: Mark,
}

/// The event of a record with a link.
pub(crate) fn event(link: &Link, action: Action) -> RecordEvent {
    RecordEvent {
        key: link.key.clone(),
        action,
        resource_id: Some(link.resource_id.clone()),
        changes: Vec::new(),
        reason: None,
        requests: Vec::new(),
    }
}
