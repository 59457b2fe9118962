//! From a decision to the provider and into memory; in a plan, to an event only.
//!
//! A request that creates has its intent written first. Link, client-log row and the end of the intent are
//! stored together, so that a killed process leaves either an open intent or a settled operation. After a
//! lost response the resource is looked up; nothing is repeated blindly.

use crate::cycle::Cycle;
use crate::decide::{self, Change, Decision, WriteMethod};
use crate::error::ProvisionError;
use crate::event::{Action, PlannedRequest, RecordEvent};
use crate::matching::{self, Match};
use jiff::Timestamp;
use scimwright_client::{CallReport, ClientError, Failure};
use scimwright_mapping::AttributeMap;
use scimwright_record::RecordKey;
use scimwright_scim::{Desired, Resource};
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
    ) -> Result<(), ProvisionError> {
        let (desired, waiting) = self.resolve(&attributes).await?;
        if !waiting.is_empty() {
            self.defer(&key, &attributes, &waiting).await?;
        }
        match link {
            Some(link) => self.provision_linked(link, desired).await,
            None => self.provision_unlinked(&key, desired).await,
        }
    }

    async fn provision_linked(&self, link: Link, desired: Desired) -> Result<(), ProvisionError> {
        let desired = decide::reactivated(&link, desired);
        let schemas = &self.provisioner.binding.schemas;
        match decide::for_link(&link, &desired, schemas, self.method) {
            Decision::Nothing => self.settled(event(&link, Action::Unchanged)),
            Decision::Remember => {
                let unchanged = event(&link, Action::Unchanged);
                if let Some(run) = &self.run {
                    let link = Link { sent: desired, standing: Standing::Active, run: *run, ..link };
                    self.provisioner.state.put_link(&self.scope, &link).await?;
                }
                self.settled(unchanged);
            }
            Decision::Change(change) => {
                let changes = change.paths();
                let Some(run) = &self.run else {
                    let request = Some(self.planned_change(
                        &link.resource_id,
                        (Some(&link.sent), &link.seen),
                        &desired,
                        &change,
                    ));
                    self.settled(RecordEvent { changes, request, ..event(&link, Action::Update) });
                    return Ok(());
                };
                match self.change(run, &link, desired.clone(), &change, Standing::Active).await? {
                    Attempt::Done(link) => {
                        self.settled(RecordEvent { changes, ..event(&link, Action::Update) });
                    }
                    Attempt::Gone => return self.replace_the_lost(link, desired).await,
                    Attempt::Failed(reason) => self.fail(&link.key, Some(&link), reason),
                }
            }
        }
        Ok(())
    }

    /// Somebody deleted the resource at the provider. The record is still in scope, so it gets a new one.
    async fn replace_the_lost(&self, link: Link, desired: Desired) -> Result<(), ProvisionError> {
        self.provisioner.state.forget_link(&self.scope, &link.key).await?;
        self.tally.emit(crate::event::Event::Notice {
            key: Some(link.key.clone()),
            message: format!(
                "resource {} is not at the provider any more; somebody deleted it there. A new one is made",
                link.resource_id
            ),
        });
        Box::pin(self.provision_unlinked(&link.key, desired)).await
    }

    async fn provision_unlinked(&self, key: &RecordKey, desired: Desired) -> Result<(), ProvisionError> {
        let _claim = match self.claims.claim(key, &self.provisioner.rules.matching, &desired) {
            Ok(claim) => claim,
            Err(contested) => {
                let reason = format!(
                    "record {} has the same {} and is being provisioned; two records claim one resource",
                    contested.by, contested.path
                );
                self.fail(key, None, reason);
                return Ok(());
            }
        };
        if self.began_empty {
            return self.create(key, desired).await;
        }
        match self.find(&desired).await? {
            Attempt::Done(Match::One(resource)) => self.adopt(key, *resource, desired).await,
            Attempt::Done(Match::None) => self.create(key, desired).await,
            Attempt::Done(Match::NothingToMatchBy) if !self.unsettled.contains(key) => {
                self.create(key, desired).await
            }
            Attempt::Done(ambiguous) => {
                self.fail(key, None, self.cannot_match(&ambiguous));
                Ok(())
            }
            Attempt::Gone => {
                self.fail(key, None, "the provider has no such resource type any more".to_owned());
                Ok(())
            }
            Attempt::Failed(reason) => {
                self.fail(key, None, reason);
                Ok(())
            }
        }
    }

    fn cannot_match(&self, outcome: &Match) -> String {
        match outcome {
            Match::Several { by, ids } => format!(
                "several resources at `{}` have this {by}: {} and perhaps more; correct it there, or match by \
                 another attribute",
                self.provisioner.provider,
                ids.join(", ")
            ),
            Match::FilterIgnored { by } => format!(
                "`{}` ignores the filter on {by} and has too many resources to look through; match by an \
                 attribute it can filter by",
                self.provisioner.provider
            ),
            Match::NothingToMatchBy => {
                "an earlier run may have created this resource and lost the answer, and \
                 the mapping gives none of the attributes in `match` to look for it by; add one"
                    .to_owned()
            }
            Match::None | Match::One(_) => String::new(),
        }
    }

    async fn find(&self, desired: &Desired) -> Result<Attempt<Match>, ProvisionError> {
        let provisioner = self.provisioner;
        let found = matching::find(
            &provisioner.client,
            &provisioner.binding,
            &provisioner.rules.matching,
            desired,
            self.tally,
        );
        match found.await {
            Ok(found) => Ok(Attempt::Done(found)),
            Err(error) => self.provider_failed(error).map(Attempt::Failed),
        }
    }

    /// Takes over a resource that was there already, and changes it where it differs.
    async fn adopt(
        &self,
        key: &RecordKey,
        resource: Resource,
        desired: Desired,
    ) -> Result<(), ProvisionError> {
        let Some(id) = resource.id_text() else {
            self.fail(key, None, "the provider returned a matching resource without an id".to_owned());
            return Ok(());
        };
        if let Some(owner) = self.provisioner.state.link_by_resource(&self.scope, &id).await? {
            self.contest(&owner.key);
            let reason = format!(
                "resource {id} at `{}` matches this record, but belongs to record {} already; if that is the same \
                 person under an older key, give the record its older key back",
                self.provisioner.provider, owner.key
            );
            self.fail(key, None, reason);
            return Ok(());
        }
        let change =
            decide::for_adoption(&resource, &desired, &self.provisioner.binding.schemas, self.method);
        let changes = change.as_ref().map(Change::paths).unwrap_or_default();
        // What an earlier run of ours began to create is ours, not adopted.
        let (ownership, action) = match self.unsettled.contains(key) {
            true => (Ownership::Created, Action::Create),
            false => (Ownership::Adopted, Action::Adopt),
        };
        let Some(run) = &self.run else {
            let request = change.map(|change| self.planned_change(&id, (None, &resource), &desired, &change));
            self.settled(RecordEvent {
                key: key.clone(),
                action,
                resource_id: Some(id),
                changes,
                reason: None,
                request,
            });
            return Ok(());
        };
        let link = self.new_link(run, key, id, ownership, desired.clone(), resource);
        let entry =
            self.log_entry(run, &link, LogAction::Adopt, "linked to a resource that was there already");
        let settlement = Settlement { link: Some(LinkChange::Put(Box::new(link.clone()))), log: entry };
        match change {
            None => self.provisioner.state.settle(&self.scope, key, &settlement).await?,
            Some(change) => match self.change(run, &link, desired, &change, Standing::Active).await? {
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

    async fn create(&self, key: &RecordKey, desired: Desired) -> Result<(), ProvisionError> {
        let binding = &self.provisioner.binding;
        let body = desired.to_resource(&binding.resource_type);
        let Some(run) = &self.run else {
            self.settled(RecordEvent {
                key: key.clone(),
                action: Action::Create,
                resource_id: None,
                changes: Vec::new(),
                reason: None,
                request: Some(PlannedRequest {
                    method: "POST",
                    path: binding.resource_type.endpoint.clone(),
                    body: Some(body.into_value()),
                }),
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
        match self.provisioner.client.create(&binding.resource_type, &body).await {
            Ok(exchange) => {
                self.tally.sent(&exchange.call);
                let created = exchange.value;
                // A provider that returns no body is taken at its word until it says otherwise.
                let seen = created.resource.unwrap_or(body);
                let ownership = if created.adopted { Ownership::Adopted } else { Ownership::Created };
                let link = self.new_link(run, key, created.id, ownership, desired, seen);
                self.store(&link, LogAction::Create, "created", &exchange.call).await?;
                self.settled(event(&link, Action::Create));
                Ok(())
            }
            Err(error) => {
                self.tally.sent(&error.call);
                self.after_failed_create(run, key, desired, error).await
            }
        }
    }

    /// A conflict, and a response that never came, lead to a look-up: the resource may be there.
    async fn after_failed_create(
        &self,
        run: &RunId,
        key: &RecordKey,
        desired: Desired,
        error: ClientError,
    ) -> Result<(), ProvisionError> {
        let in_doubt = error.may_have_been_executed();
        let conflict = matches!(error.kind, Failure::Conflict(_));
        if !in_doubt && !conflict {
            return self.create_failed(run, key, error).await;
        }
        match self.find(&desired).await? {
            Attempt::Done(Match::One(resource)) => {
                let id = resource.id_text().unwrap_or_default();
                match self.provisioner.state.link_by_resource(&self.scope, &id).await? {
                    Some(owner) => {
                        self.contest(&owner.key);
                        let reason =
                            format!("{error}. Resource {id} has it, which belongs to record {}", owner.key);
                        self.give_up(run, key, &error, reason).await
                    }
                    None if in_doubt => {
                        // Our own request made it, and only the answer was lost.
                        let link =
                            self.new_link(run, key, id, Ownership::Created, desired, (*resource).clone());
                        self.store(&link, LogAction::Create, "created; the answer was lost", &error.call)
                            .await?;
                        self.settled(event(&link, Action::Create));
                        Ok(())
                    }
                    None => Box::pin(self.adopt(key, *resource, desired)).await,
                }
            }
            // In doubt and not to be found: the intent stays, and the next run looks again.
            _ if in_doubt => {
                let reason = format!("{error}. It is not to be found yet; the next run looks again");
                self.log_failure(run, key, LogAction::Create, None, &error).await?;
                self.fail(key, None, reason);
                Ok(())
            }
            _ => self.create_failed(run, key, error).await,
        }
    }

    async fn create_failed(
        &self,
        run: &RunId,
        key: &RecordKey,
        error: ClientError,
    ) -> Result<(), ProvisionError> {
        let reason = error.to_string();
        self.give_up(run, key, &error, reason).await?;
        self.provider_failed(error).map(|_| ())
    }

    /// Ends an intent without a resource.
    async fn give_up(
        &self,
        run: &RunId,
        key: &RecordKey,
        error: &ClientError,
        reason: String,
    ) -> Result<(), ProvisionError> {
        let log = self.failure_entry(run, key, LogAction::Create, None, error);
        self.provisioner.state.settle(&self.scope, key, &Settlement { link: None, log }).await?;
        self.fail(key, None, reason);
        Ok(())
    }

    /// Changes a resource that we know, and remembers how it is now.
    pub(crate) async fn change(
        &self,
        run: &RunId,
        link: &Link,
        desired: Desired,
        change: &Change,
        standing: Standing,
    ) -> Result<Attempt<Link>, ProvisionError> {
        let action = match standing {
            Standing::Disabled => LogAction::Disable,
            Standing::Active if link.standing == Standing::Disabled => LogAction::Enable,
            Standing::Active => LogAction::Update,
        };
        let written = match change.method {
            WriteMethod::Patch => self.patch(link, change).await,
            WriteMethod::Put => self.put(link, &desired, change).await,
        };
        match written {
            Ok((seen, call)) => {
                let link = Link {
                    version: seen.version().map(str::to_owned),
                    sent: desired,
                    seen,
                    standing,
                    updated_at: Timestamp::now(),
                    run: *run,
                    ..link.clone()
                };
                self.store(&link, action, &change.paths().join(", "), &call).await?;
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

    async fn patch(&self, link: &Link, change: &Change) -> Result<(Resource, CallReport), ClientError> {
        let binding = &self.provisioner.binding;
        let answer = self
            .provisioner
            .client
            .modify(&binding.resource_type, &link.resource_id, &change.patch, None)
            .await
            .inspect_err(|error| self.tally.sent(&error.call))?;
        self.tally.sent(&answer.call);
        let seen = answer.value.resource.unwrap_or_else(|| {
            // 204 (RFC 7644 section 3.5.2): the provider did as it was told.
            let mut seen = link.seen.clone();
            if change.patch.apply(&mut seen, &binding.schemas).is_err() {
                tracing::warn!(key = %link.key, "a change that the provider accepted does not apply here");
            }
            seen
        });
        Ok((seen, answer.call))
    }

    /// Read, merge, write: what we did not change survives, values of others in a list included.
    async fn put(
        &self,
        link: &Link,
        desired: &Desired,
        change: &Change,
    ) -> Result<(Resource, CallReport), ClientError> {
        let binding = &self.provisioner.binding;
        let client = &self.provisioner.client;
        let current = client
            .retrieve(&binding.resource_type, &link.resource_id)
            .await
            .inspect_err(|error| self.tally.sent(&error.call))?;
        self.tally.sent(&current.call);
        let mut merged = current.value.clone();
        let body = match change.patch.apply(&mut merged, &binding.schemas) {
            // Nothing more is wanted of it; what only the provider may write is dropped.
            Ok(_) => Desired::new().merge_into(None, &merged, &binding.schemas),
            // The resource changed so much that the difference does not fit it any more.
            Err(_) => desired.merge_into(Some(&link.sent), &current.value, &binding.schemas),
        };
        let answer = client
            .replace(&binding.resource_type, &link.resource_id, &body, None)
            .await
            .inspect_err(|error| self.tally.sent(&error.call))?;
        self.tally.sent(&answer.call);
        Ok((answer.value.resource.unwrap_or(body), answer.call))
    }

    /// Deletes a resource. The link goes only when the provider confirms that the resource is gone.
    pub(crate) async fn delete(&self, run: &RunId, link: &Link) -> Result<Attempt<()>, ProvisionError> {
        let binding = &self.provisioner.binding;
        match self.provisioner.client.delete(&binding.resource_type, &link.resource_id, None).await {
            Ok(exchange) => {
                self.tally.sent(&exchange.call);
                let log = self.success_entry(run, link, LogAction::Delete, "deleted", &exchange.call);
                let settlement = Settlement { link: Some(LinkChange::Forget), log };
                self.provisioner.state.settle(&self.scope, &link.key, &settlement).await?;
                Ok(Attempt::Done(()))
            }
            Err(error) => {
                self.tally.sent(&error.call);
                self.log_failure(run, &link.key, LogAction::Delete, Some(&link.resource_id), &error).await?;
                self.provider_failed(error).map(Attempt::Failed)
            }
        }
    }

    /// The request that a change would be, for a plan.
    pub(crate) fn planned_change(
        &self,
        id: &str,
        (sent, seen): (Option<&Desired>, &Resource),
        desired: &Desired,
        change: &Change,
    ) -> PlannedRequest {
        let binding = &self.provisioner.binding;
        let path = format!("{}/{id}", binding.resource_type.endpoint);
        match change.method {
            WriteMethod::Patch => {
                PlannedRequest { method: "PATCH", path, body: Some(change.patch.to_value()) }
            }
            WriteMethod::Put => PlannedRequest {
                method: "PUT",
                path,
                body: Some(desired.merge_into(sent, seen, &binding.schemas).into_value()),
            },
        }
    }

    /// Tells a failure of one record, which is reported, from one that every record would meet.
    pub(crate) fn provider_failed(&self, error: ClientError) -> Result<String, ProvisionError> {
        match error.kind {
            // Nobody to talk to, or nobody who listens: the next record would fare no better.
            Failure::Unreachable { .. }
            | Failure::TimedOut { connecting: true, .. }
            | Failure::Authentication(_) => Err(error.into()),
            _ => Ok(error.to_string()),
        }
    }
}

/// The event of a record with a link.
pub(crate) fn event(link: &Link, action: Action) -> RecordEvent {
    RecordEvent {
        key: link.key.clone(),
        action,
        resource_id: Some(link.resource_id.clone()),
        changes: Vec::new(),
        reason: None,
        request: None,
    }
}
