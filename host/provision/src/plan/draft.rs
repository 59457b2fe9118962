//! Operations and references on their way into a plan: shown, written, and nothing done.
//!
//! What a sync would find out only by doing it is found out here as far as that can be: what the provider would refuse,
//! two records that claim one resource, and references to what the same plan is going to make.

use crate::cycle::Cycle;
use crate::decide;
use crate::error::ProvisionError;
use crate::event::{Action, Event, RecordEvent};
use crate::operation::{Operation, Step, Waiting, Work};
use crate::plan::file::{PlannedOperation, PlannedReference};
use crate::references::missing;
use crate::round::Peers;
use crate::setback::Trouble;
use jiff::Timestamp;
use scimwright_client::Known;
use scimwright_record::RecordKey;
use scimwright_scim::check::Occasion;
use scimwright_scim::{Desired, Resource, diff};
use scimwright_state::{Link, Noted, Ownership, RunId, Standing};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering;

/// What a resource will be once an operation of the plan is carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Planned {
    id: String,
    sent: Desired,
    seen: Resource,
    is_new: bool,
}

impl Planned {
    /// The link as it will be then.
    pub(crate) fn link(self, key: RecordKey, link: Option<Link>) -> Link {
        let now = Timestamp::now();
        let link = link.unwrap_or_else(|| Link {
            key,
            resource_id: self.id,
            ownership: if self.is_new { Ownership::Created } else { Ownership::Adopted },
            standing: Standing::Active,
            sent: Desired::new(),
            seen: Resource::new(),
            version: None,
            created_at: now,
            updated_at: now,
            run: RunId::generate(),
            fingerprint: None,
            due_at: None,
        });
        Link { sent: self.sent, seen: self.seen, ..link }
    }
}

impl Cycle<'_> {
    /// Puts an operation into the plan.
    pub(crate) async fn draft(&self, operation: Operation) -> Result<(), ProvisionError> {
        if let Some(trouble) = self.would_be_refused(&operation).await? {
            return self.fail(&operation.key, link_of(&operation.step), trouble, None).await;
        }
        if link_of(&operation.step).is_none() {
            self.drafted.fetch_add(1, Ordering::Relaxed);
        }
        // References go with their record: whoever wants the one wants the other.
        let action = match (&operation.step, &operation.wish.waiting) {
            (Step::Nothing(_) | Step::Remember(_), Some(_)) => Action::Update,
            _ => self.as_it_ends(operation.action()),
        };
        let is_wanted = self.filter.admits(&operation.key, action);
        if let Some(waiting) = operation.wish.waiting.as_ref().filter(|_| is_wanted) {
            let planned = Some(Box::new(self.planned(&operation)));
            self.defer(&operation.key, &Work::FillIn(waiting.clone(), planned)).await?;
        }
        // Counted in any case: how many may go does not depend on who is looking.
        if operation.wish.deactivate {
            let planned = Some(Box::new(self.planned(&operation)));
            self.defer(&operation.key, &Work::Deactivate(operation.wish.mark.clone(), planned)).await?;
        }
        if !is_wanted {
            return Ok(());
        }
        let requests = self.requests_of(&operation);
        if let Some(plan) = &self.plan
            && let Some(line) = PlannedOperation::of(&self.scope, &operation, requests.clone())
        {
            plan.operation(PlannedOperation { action: self.as_it_ends(line.action), ..line })?;
        }
        self.settled(RecordEvent { requests, ..operation.event() });
        Ok(())
    }

    /// Why it would not work, as far as that is known before it is tried.
    async fn would_be_refused(&self, operation: &Operation) -> Result<Option<Trouble>, ProvisionError> {
        let kind = &self.provisioner.kind;
        let refusal = match &operation.step {
            Step::Create => kind.refusal(&operation.desired, Occasion::Create),
            Step::Adopt { resource, .. } if !operation.changes.is_empty() => {
                kind.refusal(&operation.desired, Occasion::Change { sent: None, seen: resource })
            }
            Step::Update(link) => {
                let occasion = Occasion::Change { sent: Some(&link.sent), seen: &link.seen };
                kind.refusal(&operation.desired, occasion)
            }
            _ => None,
        };
        if let Some(reason) = refusal {
            return Ok(Some(Trouble::permanent(reason)));
        }
        match &operation.step {
            Step::Create | Step::Adopt { .. } => self.would_collide(operation).await,
            _ => Ok(None),
        }
    }

    /// Whether another record of this plan is going to have what this one is found by.
    async fn would_collide(&self, operation: &Operation) -> Result<Option<Trouble>, ProvisionError> {
        let Some(claimed) = &self.claimed else { return Ok(None) };
        for match_key in self.provisioner.rules.matching.iter() {
            let Some(filter) = match_key.filter(&operation.wish.desired) else { continue };
            // As for records under way: many providers compare without case.
            let value = format!("{:x}", Sha256::digest(filter.to_string().to_lowercase()));
            let Ok(value) = RecordKey::parse(&value) else { continue };
            if let Noted::Duplicate { of, .. } = claimed.note(&value, operation.key.as_str()).await? {
                let reason = format!("record {of} has the same {match_key}; two records claim one resource");
                return Ok(Some(Trouble::permanent(reason)));
            }
        }
        Ok(None)
    }

    /// What the resource will be once this is carried out.
    fn planned(&self, operation: &Operation) -> Planned {
        let kind = &self.provisioner.kind;
        let sent = operation.desired.clone();
        match &operation.step {
            Step::Create => Planned {
                id: placeholder(&self.provisioner.rules.resource_type, &operation.key),
                seen: sent.to_resource(kind.resource_type()),
                sent,
                is_new: true,
            },
            Step::Adopt { resource, .. } => Planned {
                id: resource.id_text().unwrap_or_default(),
                seen: sent.merge_into(None, resource, kind.schemas()),
                sent,
                is_new: false,
            },
            Step::Nothing(link)
            | Step::Remember(link)
            | Step::Update(link)
            | Step::Disable(link)
            | Step::Deactivate(link)
            | Step::Delete(link) => Planned {
                id: link.resource_id.clone(),
                seen: sent.merge_into(Some(&link.sent), &link.seen, kind.schemas()),
                sent,
                is_new: false,
            },
        }
    }

    /// Puts references into the plan that are filled in when what they point at is there.
    pub(crate) async fn draft_references(
        &self,
        key: RecordKey,
        waiting: Waiting,
        planned: Planned,
        peers: &Peers<'_>,
    ) -> Result<(), ProvisionError> {
        let mut ids = self.resource_ids(&waiting.attributes).await?;
        for link in waiting.attributes.links() {
            if !ids.contains_key(link) && peers.will_have(link).await? {
                ids.insert(link.clone(), placeholder(&link.resource_type, &link.key));
            }
        }
        let (partial, dangling) = self.resolve_with(&waiting.attributes, &ids);
        let missing = missing(&dangling);
        if let Some(message) = &missing {
            self.note(&key, message.clone());
            self.tally.reference_left_open();
        }
        let Planned { id, sent, seen, is_new } = planned;
        let partial = self.sparing_strangers(&key, &waiting.wish(partial, dangling), &seen).await?;
        let desired = self.with_references((&sent, &seen), is_new, &waiting, &partial);
        let changes = decide::paths(&diff(&desired, Some(&sent), &seen, self.provisioner.kind.schemas()));
        let requests = self.planned_change(&Known { id: id.clone(), sent: Some(sent), seen }, &desired);
        if !requests.is_empty() {
            self.tally.reference_filled_in();
        }
        if let Some(plan) = &self.plan {
            let (scope, key, changes) = (self.scope.clone(), key.clone(), changes.clone());
            let requests = requests.clone();
            plan.reference(PlannedReference { scope, key, changes, missing, requests, waiting })?;
        }
        if !requests.is_empty() {
            let resource_id = (!is_new).then_some(id);
            let (action, reason) = (Action::Update, None);
            let event = RecordEvent { key, action, resource_id, changes, reason, requests };
            self.tally.emit(Event::Reference(event));
        }
        Ok(())
    }
}

/// What stands for an id that the provider has still to choose.
fn placeholder(resource_type: &scimwright_record::ResourceTypeName, key: &RecordKey) -> String {
    format!("<id of {resource_type} {key}>")
}

fn link_of(step: &Step) -> Option<&Link> {
    match step {
        Step::Create | Step::Adopt { .. } => None,
        Step::Nothing(link)
        | Step::Remember(link)
        | Step::Update(link)
        | Step::Disable(link)
        | Step::Deactivate(link)
        | Step::Delete(link) => Some(link),
    }
}
