//! From a decision to the provider and into memory; in a plan, to an event only.
//!
//! A request that creates has its intent written first. Link, client-log row and the end of the intent are
//! stored together, so that a killed process leaves either an open intent or a settled operation. After a
//! lost response the resource is looked up; nothing is repeated blindly.

use crate::cycle::Cycle;
use crate::decide::{self, Decision};
use crate::error::ProvisionError;
use crate::event::{Action, Event, PlannedRequest, RecordEvent};
use crate::one::Existing;
use crate::target::RowTarget;
use jiff::Timestamp;
use scimwright_client::{CallReport, ClientError, Creation, Failure, Found, Known};
use scimwright_mapping::{AttributeMap, UnresolvedLink};
use scimwright_record::RecordKey;
use scimwright_scim::{Desired, Resource, diff};
use scimwright_state::{
    Action as LogAction, Intent, Link, LinkChange, Ownership, RunId, Settlement, Standing,
};

/// What became of an attempt to change something at the provider.
pub(crate) enum Attempt<T> {
    /// It worked.
    Done(T),
    /// The resource is not there any more.
    Gone,
    /// It did not work, for a reason to report.
    Failed(String),
}

impl Cycle<'_> {
    /// Brings the provider to what the mapping wants for a record.
    pub(crate) async fn provision(
        &self,
        key: RecordKey,
        link: Option<Link>,
        attributes: AttributeMap,
        create_only: &[RowTarget],
    ) -> Result<(), ProvisionError> {
        let (desired, waiting) = self.resolve(&attributes).await?;
        // What an existing resource keeps waits for nobody.
        let waiting: Vec<_> = match &link {
            Some(_) => waiting.into_iter().filter(|link| !is_kept(link, create_only)).collect(),
            None => waiting,
        };
        if !waiting.is_empty() {
            self.defer(&key, &attributes, &waiting, create_only).await?;
        }
        match link {
            Some(link) if self.existing == Existing::Refuse => {
                let reason = format!(
                    "the record has resource {} at `{}` already; `scimwright provision` would bring it up to date",
                    link.resource_id, self.provisioner.provider
                );
                self.fail(&key, Some(&link), reason);
                Ok(())
            }
            Some(link) => self.provision_linked(link, desired, create_only).await,
            None => self.provision_unlinked(&key, desired, create_only).await,
        }
    }

    async fn provision_linked(
        &self,
        link: Link,
        wanted: Desired,
        create_only: &[RowTarget],
    ) -> Result<(), ProvisionError> {
        let desired = self.left_as_seen(wanted.clone(), create_only, &link.seen);
        let desired = decide::reactivated(&link, desired);
        let (desired, unwritable) = self.provisioner.kind.reconcile(desired, &known(&link));
        for wish in unwritable {
            self.tally.emit(Event::Notice { key: Some(link.key.clone()), message: wish.to_string() });
        }
        match decide::for_link(&link, &desired, self.provisioner.kind.schemas()) {
            Decision::Nothing => self.settled(event(&link, Action::Unchanged)),
            Decision::Remember => {
                let unchanged = event(&link, Action::Unchanged);
                if let Some(run) = &self.run {
                    let link = Link { sent: desired, standing: Standing::Active, run: *run, ..link };
                    self.provisioner.state.put_link(&self.scope, &link).await?;
                }
                self.settled(unchanged);
            }
            Decision::Change(changes) => {
                let Some(run) = &self.run else {
                    let requests = self.planned_change(&known(&link), &desired);
                    self.settled(RecordEvent { changes, requests, ..event(&link, Action::Update) });
                    return Ok(());
                };
                match self.change(run, &link, known(&link), desired.clone(), Standing::Active).await? {
                    Attempt::Done(link) => {
                        self.settled(RecordEvent { changes, ..event(&link, Action::Update) });
                    }
                    // The new one is created, with all that belongs to that.
                    Attempt::Gone => return self.replace_the_lost(link, wanted, create_only).await,
                    Attempt::Failed(reason) => self.fail(&link.key, Some(&link), reason),
                }
            }
        }
        Ok(())
    }

    /// What is wanted of a resource that is there: without what counts for new ones only.
    pub(crate) fn left_as_seen(
        &self,
        mut desired: Desired,
        create_only: &[RowTarget],
        seen: &Resource,
    ) -> Desired {
        for target in create_only {
            target.leave_as_seen(&mut desired, seen, self.provisioner.kind.schemas());
        }
        desired
    }

    /// Somebody deleted the resource at the provider. The record is still in scope, so it gets a new one.
    async fn replace_the_lost(
        &self,
        link: Link,
        desired: Desired,
        create_only: &[RowTarget],
    ) -> Result<(), ProvisionError> {
        self.provisioner.state.forget_link(&self.scope, &link.key).await?;
        self.tally.emit(Event::Notice {
            key: Some(link.key.clone()),
            message: format!(
                "resource {} is not at the provider any more; somebody deleted it there. A new one is made",
                link.resource_id
            ),
        });
        Box::pin(self.provision_unlinked(&link.key, desired, create_only)).await
    }

    async fn provision_unlinked(
        &self,
        key: &RecordKey,
        desired: Desired,
        create_only: &[RowTarget],
    ) -> Result<(), ProvisionError> {
        let _claim = match self.claims.claim(key, &self.provisioner.rules.matching, &desired) {
            Ok(claim) => claim,
            Err(contested) => {
                let reason = format!(
                    "record {} has the same {} and is being provisioned; two records claim one resource",
                    contested.by, contested.match_key
                );
                self.fail(key, None, reason);
                return Ok(());
            }
        };
        if self.began_empty {
            return self.create(key, desired, create_only).await;
        }
        let found =
            self.target.find(&self.provisioner.kind, &self.provisioner.rules.matching, &desired).await;
        match found {
            Ok(Found::One(resource)) if self.existing == Existing::Refuse => {
                self.fail(key, None, self.exists(&resource));
                Ok(())
            }
            Ok(Found::One(resource)) => self.adopt(key, *resource, desired, create_only).await,
            Ok(Found::None) => self.create(key, desired, create_only).await,
            Ok(Found::NothingToMatchBy) if !self.unsettled.contains(key) => {
                self.create(key, desired, create_only).await
            }
            Ok(unclear) => {
                self.fail(key, None, self.cannot_match(&unclear));
                Ok(())
            }
            Err(error) => {
                let reason = self.provider_failed(error)?;
                self.fail(key, None, reason);
                Ok(())
            }
        }
    }

    fn exists(&self, resource: &Resource) -> String {
        format!(
            "resource {} at `{}` matches this record already; `scimwright provision` would take it over",
            resource.id_text().unwrap_or_default(),
            self.provisioner.provider
        )
    }

    fn cannot_match(&self, found: &Found) -> String {
        match found {
            Found::NothingToMatchBy => {
                "an earlier run may have created this resource and lost the answer, and \
                 the mapping gives none of the keys in `match` to look for it by; add one"
                    .to_owned()
            }
            found => format!("`{}`: {found}", self.provisioner.provider),
        }
    }

    /// Takes over a resource that was there already, and changes it where it differs.
    async fn adopt(
        &self,
        key: &RecordKey,
        resource: Resource,
        desired: Desired,
        create_only: &[RowTarget],
    ) -> Result<(), ProvisionError> {
        let Some(id) = resource.id_text() else {
            self.fail(key, None, "the provider returned a matching resource without an id".to_owned());
            return Ok(());
        };
        if let Some(reason) = self.owner(&id).await? {
            self.fail(key, None, reason);
            return Ok(());
        }
        let desired = self.left_as_seen(desired, create_only, &resource);
        let desired = self.provisioner.kind.revived(desired, &resource);
        let change = decide::for_adoption(&resource, &desired, self.provisioner.kind.schemas());
        let changes = change.clone().unwrap_or_default();
        // What an earlier run of ours began to create is ours, not adopted.
        let (ownership, action) = match self.unsettled.contains(key) {
            true => (Ownership::Created, Action::Create),
            false => (Ownership::Adopted, Action::Adopt),
        };
        let Some(run) = &self.run else {
            let requests =
                self.planned_change(&Known { id: id.clone(), sent: None, seen: resource }, &desired);
            self.settled(RecordEvent {
                key: key.clone(),
                action,
                resource_id: Some(id),
                changes,
                reason: None,
                requests,
            });
            return Ok(());
        };
        let from = Known { id: id.clone(), sent: None, seen: resource.clone() };
        let link = self.new_link(run, key, id, ownership, desired.clone(), resource);
        let entry =
            self.log_entry(run, &link, LogAction::Adopt, "linked to a resource that was there already");
        let settlement = Settlement { link: Some(LinkChange::Put(Box::new(link.clone()))), log: entry };
        match change {
            None => self.provisioner.state.settle(&self.scope, key, &settlement).await?,
            Some(_) => match self.change(run, &link, from, desired, Standing::Active).await? {
                Attempt::Done(_) => {}
                Attempt::Gone => {
                    self.fail(
                        key,
                        None,
                        "the matching resource vanished while it was being changed".to_owned(),
                    );
                    return Ok(());
                }
                Attempt::Failed(reason) => {
                    self.fail(key, Some(&link), reason);
                    return Ok(());
                }
            },
        }
        self.settled(RecordEvent { changes, ..event(&link, action) });
        Ok(())
    }

    async fn create(
        &self,
        key: &RecordKey,
        desired: Desired,
        create_only: &[RowTarget],
    ) -> Result<(), ProvisionError> {
        let kind = &self.provisioner.kind;
        let Some(run) = &self.run else {
            self.settled(RecordEvent {
                key: key.clone(),
                action: Action::Create,
                resource_id: None,
                changes: Vec::new(),
                reason: None,
                requests: vec![PlannedRequest {
                    method: "POST",
                    path: kind.resource_type().endpoint.clone(),
                    body: Some(desired.to_resource(kind.resource_type()).into_value()),
                }],
            });
            return Ok(());
        };
        let intent = Intent {
            key: key.clone(),
            operation: LogAction::Create,
            run: *run,
            written_at: Timestamp::now(),
        };
        self.provisioner.state.write_intent(&self.scope, &intent).await?;
        match self.target.create(kind, &desired, &self.provisioner.rules.matching).await {
            Ok(Creation::Made { known, call }) => {
                let sent = known.sent.unwrap_or(desired);
                let link = self.new_link(run, key, known.id, Ownership::Created, sent, known.seen);
                self.store(&link, LogAction::Create, "created", Vec::new(), &call).await?;
                self.settled(event(&link, Action::Create));
                Ok(())
            }
            Ok(Creation::Recovered { resource, error }) => {
                self.recovered(run, key, desired, *resource, &error).await
            }
            Ok(Creation::Existed { resource, call }) => {
                let id = resource.id_text().unwrap_or_default();
                match self.owner(&id).await? {
                    Some(reason) => self.give_up(run, key, &call, reason).await,
                    None if self.existing == Existing::Refuse => {
                        self.give_up(run, key, &call, self.exists(&resource)).await
                    }
                    None => Box::pin(self.adopt(key, *resource, desired, create_only)).await,
                }
            }
            Err(error) => self.create_failed(run, key, error).await,
        }
    }

    /// Our own request made it, and only the answer was lost.
    async fn recovered(
        &self,
        run: &RunId,
        key: &RecordKey,
        desired: Desired,
        resource: Resource,
        error: &ClientError,
    ) -> Result<(), ProvisionError> {
        let id = resource.id_text().unwrap_or_default();
        if let Some(reason) = self.owner(&id).await? {
            return self.give_up(run, key, &error.call, format!("{error}. {reason}")).await;
        }
        let link = self.new_link(run, key, id, Ownership::Created, desired, resource);
        self.store(&link, LogAction::Create, "created; the answer was lost", Vec::new(), &error.call).await?;
        self.settled(event(&link, Action::Create));
        Ok(())
    }

    /// Why a resource cannot be this record's, where it is another's.
    async fn owner(&self, id: &str) -> Result<Option<String>, ProvisionError> {
        let Some(owner) = self.provisioner.state.link_by_resource(&self.scope, id).await? else {
            return Ok(None);
        };
        self.contest(&owner.key);
        Ok(Some(format!(
            "resource {id} at `{}` matches this record, but belongs to record {} already; if that is the same person \
             under an older key, give the record its older key back",
            self.provisioner.provider, owner.key
        )))
    }

    async fn create_failed(
        &self,
        run: &RunId,
        key: &RecordKey,
        error: ClientError,
    ) -> Result<(), ProvisionError> {
        if error.may_have_been_executed() {
            // In doubt and not to be found: the intent stays, and the next run looks again.
            let reason = format!("{error}. It is not to be found yet; the next run looks again");
            self.log_failure(run, key, LogAction::Create, None, &error).await?;
            self.fail(key, None, reason);
            return Ok(());
        }
        let reason = error.to_string();
        self.give_up(run, key, &error.call, reason).await?;
        self.provider_failed(error).map(|_| ())
    }

    /// Ends an intent without a resource.
    async fn give_up(
        &self,
        run: &RunId,
        key: &RecordKey,
        call: &CallReport,
        reason: String,
    ) -> Result<(), ProvisionError> {
        let log = self.failure_entry(run, key, LogAction::Create, None, call, &reason);
        self.provisioner.state.settle(&self.scope, key, &Settlement { link: None, log }).await?;
        self.fail(key, None, reason);
        Ok(())
    }

    /// Changes a resource from what is known of it, and remembers how it is now.
    pub(crate) async fn change(
        &self,
        run: &RunId,
        link: &Link,
        from: Known,
        desired: Desired,
        standing: Standing,
    ) -> Result<Attempt<Link>, ProvisionError> {
        let action = match standing {
            Standing::Disabled => LogAction::Disable,
            Standing::Active if link.standing == Standing::Disabled => LogAction::Enable,
            Standing::Active => LogAction::Update,
        };
        let kind = &self.provisioner.kind;
        let changes = decide::paths(&diff(&desired, from.sent.as_ref(), &from.seen, kind.schemas()));
        match self.target.update(kind, &from, &desired).await {
            Ok(updated) => {
                for wish in &updated.unwritable {
                    let message = wish.to_string();
                    self.tally.emit(Event::Notice { key: Some(link.key.clone()), message });
                }
                let seen = updated.known.seen;
                let link = Link {
                    version: seen.version().map(str::to_owned),
                    // Without what could not be written, so that it is not taken for done.
                    sent: updated.known.sent.unwrap_or(desired),
                    seen,
                    standing,
                    updated_at: Timestamp::now(),
                    run: *run,
                    ..link.clone()
                };
                match &updated.call {
                    Some(call) => {
                        let message = changes.join(", ");
                        self.store(&link, action, &message, changes, call).await?;
                    }
                    // Somebody else had made the same change in between.
                    None => self.provisioner.state.put_link(&self.scope, &link).await?,
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
    pub(crate) async fn delete(&self, run: &RunId, link: &Link) -> Result<Attempt<()>, ProvisionError> {
        match self.target.delete(&self.provisioner.kind, &link.resource_id).await {
            Ok(exchange) => {
                let log = self.success_entry(run, link, LogAction::Delete, "deleted", &exchange.call);
                let settlement = Settlement { link: Some(LinkChange::Forget), log };
                self.provisioner.state.settle(&self.scope, &link.key, &settlement).await?;
                Ok(Attempt::Done(()))
            }
            Err(error) => {
                self.log_failure(run, &link.key, LogAction::Delete, Some(&link.resource_id), &error).await?;
                self.provider_failed(error).map(Attempt::Failed)
            }
        }
    }

    /// The requests that a change would be, for a plan.
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

    /// Tells a failure of one record, which is reported, from one that every record would meet.
    pub(crate) fn provider_failed(&self, error: ClientError) -> Result<String, ProvisionError> {
        if error.kind.concerns_every_call() { Err(error.into()) } else { Ok(error.to_string()) }
    }
}

/// Whether an existing resource keeps what this link would go into.
fn is_kept(link: &UnresolvedLink, create_only: &[RowTarget]) -> bool {
    create_only.iter().any(|target| target.is_whole() && target.attribute().same_attribute(&link.path))
}

/// What a link remembers, as the client wants it.
pub(crate) fn known(link: &Link) -> Known {
    Known { id: link.resource_id.clone(), sent: Some(link.sent.clone()), seen: link.seen.clone() }
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
