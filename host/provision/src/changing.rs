//! Changing a resource that is known, and deleting it.

use crate::carry_out::{Attempt, on_any_core};
use crate::cycle::Cycle;
use crate::decide;
use crate::error::ProvisionError;
use crate::event::{Action, Event, RecordEvent};
use crate::fitting::known;
use crate::one::Existing;
use crate::operation::{Mark, Operation, Wish};
use crate::record::Decided;
use crate::setback::Trouble;
use crate::typed::typed;
use jiff::Timestamp;
use scimwright_client::{Failure, Known, Unwritable};
use scimwright_record::RecordKey;
use scimwright_scim::{Desired, diff};
use scimwright_state::{Action as LogAction, Link, LinkChange, LinkScope, RunId, Settlement, Standing};
use std::sync::Arc;

impl Cycle<'_> {
    pub(crate) async fn update(
        &self,
        run: &RunId,
        link: Link,
        operation: Operation,
    ) -> Result<(), ProvisionError> {
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

    pub(crate) async fn disable(
        &self,
        run: &RunId,
        link: Link,
        operation: Operation,
    ) -> Result<(), ProvisionError> {
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

    pub(crate) async fn remove(
        &self,
        run: &RunId,
        link: Link,
        operation: Operation,
    ) -> Result<(), ProvisionError> {
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
            // A new plan would not know either: it does not read what nobody changed here.
            let LinkScope { provider, resource_type } = &self.scope;
            let reason = format!(
                "resource {} is not at the provider any more, which the plan did not know, and another plan would not; \
                 `scimwright provision {provider} {resource_type} {}` makes a new resource, as does `scimwright sync \
                 --retry --provider {provider} --resource {resource_type}`",
                link.resource_id,
                typed(link.key.as_str())
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
                for wish in updated.unwritable.iter().filter(|one| !is_refused_member(one)) {
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
                match self.refused(&updated.unwritable).await? {
                    Some(trouble) => Ok(Attempt::Failed(trouble)),
                    None => Ok(Attempt::Done(link)),
                }
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

    /// Whom the provider refuses to have in a group or out of it. All others were written, so that this is known and said
    /// in every run until it works.
    pub(crate) async fn refused(&self, unwritable: &[Unwritable]) -> Result<Option<Trouble>, ProvisionError> {
        const NAMED: usize = 5;
        let state = &self.provisioner.state;
        let provider = &self.provisioner.provider;
        let refused: Vec<_> = unwritable.iter().filter(|one| is_refused_member(one)).collect();
        let mut said = Vec::new();
        for one in refused.iter().take(NAMED) {
            let Unwritable::MemberRefused { id, adding, because } = one else { continue };
            let mut who = format!("`{id}`");
            for scope in state.scopes().await?.into_iter().filter(|scope| scope.provider == *provider) {
                if let Some(link) = state.link_by_resource(&scope, id).await? {
                    who = format!("{} {} ({id})", scope.resource_type, link.key);
                    break;
                }
            }
            let what = if *adding { "added" } else { "removed" };
            said.push(format!("member {who} could not be {what}: {because}"));
        }
        if refused.len() > NAMED {
            said.push(format!("and {} more", refused.len() - NAMED));
        }
        Ok((!said.is_empty()).then(|| {
            Trouble::left_open(format!(
                "{}. All else was written, and it is tried again in every run. Where somebody deleted the member's \
                 resource, `scimwright drift {provider} --repair` makes it anew",
                said.join("; ")
            ))
        }))
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

/// Whether a provider refused a member of a group.
pub(crate) fn is_refused_member(unwritable: &Unwritable) -> bool {
    matches!(unwritable, Unwritable::MemberRefused { .. })
}

/// A change of a resource that is known.
pub(crate) struct Change<'a> {
    pub(crate) link: &'a Link,
    pub(crate) from: Known,
    pub(crate) desired: &'a Desired,
    /// What it stands as afterwards.
    pub(crate) standing: Standing,
}
