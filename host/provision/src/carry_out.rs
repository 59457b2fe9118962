//! From an operation to the provider and into memory; in a plan, to an event only.
//!
//! A request that creates has its intent written first. Link, client-log row and the end of the intent are
//! stored together, so that a killed process leaves either an open intent or a settled operation. After a
//! lost response the resource is looked up; nothing is repeated blindly.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::{Action, PlannedRequest, RecordEvent};
use crate::fitting::known;
use crate::operation::{Mark, Operation, Step, Work};
use crate::record::Decided;
use crate::setback::Trouble;
use jiff::Timestamp;
use scimwright_client::Known;
use scimwright_record::{Record, RecordKey};
use scimwright_scim::Desired;
use scimwright_state::{Link, RunId, Standing, StateError};
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
        decided: Result<Decided, ProvisionError>,
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
    pub(crate) async fn settle(&self, key: &RecordKey, decided: Decided) -> Result<(), ProvisionError> {
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
}

/// Makes a call as a task of its own: bodies are written and read on whatever core is free, while this task goes on with
/// other records. Dropped, it ends.
pub(crate) async fn on_any_core<T: Send + 'static>(
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
