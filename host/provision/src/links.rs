//! Links changed by hand: a resource adopted, a link forgotten, a provider that moved.
//!
//! Nothing here writes to a provider. Whatever a link is to point at is read there first, so that no link is made to
//! something that is not there, or that is another record's.

use crate::decide::is_inactive;
use crate::error::ProvisionError;
use crate::typed::typed;
use futures::TryStreamExt;
use jiff::Timestamp;
use scimwright_client::{ClientError, Failure, Kind, MatchKey, Provider};
use scimwright_record::{ProviderName, RecordKey, RecordSource};
use scimwright_scim::{Desired, Resource, compare};
use scimwright_state::{
    Action, Link, LinkChange, LinkScope, LogEntry, LogStatus, Ownership, RunId, RunKind, RunOutcome,
    RunReport, Settlement, Standing, StateError, TenantState,
};
use std::time::Duration;

/// How many links of a resource type are looked up before a provider is believed to have moved.
const SAMPLE: usize = 10;

/// One resource type at one provider, for whoever changes its links by hand.
#[derive(Clone)]
pub struct LinkDesk {
    /// The provider.
    pub target: Provider,
    /// The resource type as the provider describes it.
    pub kind: Kind,
    /// The tenant's memory.
    pub state: TenantState,
    /// Where the links belong.
    pub scope: LinkScope,
}

/// A resource that is to be linked to a record by hand.
#[derive(Debug, Clone)]
pub struct Adoption {
    /// The record's key.
    pub key: RecordKey,
    /// The provider's id of the resource.
    pub resource_id: String,
    /// Whether it counts as ours from now on, or as one that was there before us.
    pub ownership: Ownership,
    /// Whether a link that the record has already may be given up.
    pub replace: bool,
}

/// Why a link cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The provider has no such resource.
    #[error("provider `{}` has no {} with the id `{resource_id}`; ids are compared to the letter", .scope.provider, .scope.resource_type)]
    NotThere {
        /// Where it was looked for.
        scope: LinkScope,
        /// The id.
        resource_id: String,
    },
    /// The resource belongs to another record.
    #[error(
        "resource `{resource_id}` at `{}` belongs to record `{owner}`; if that is wrong, run `scimwright links forget {} {} \
         {}` first", .scope.provider, .scope.provider, .scope.resource_type, typed(.owner.as_str())
    )]
    Taken {
        /// Where.
        scope: LinkScope,
        /// The resource.
        resource_id: String,
        /// The record that has it.
        owner: RecordKey,
    },
    /// The record has a resource already.
    #[error(
        "record `{key}` has resource `{resource_id}` at `{}` already; `--replace` gives that one up, and leaves it at the \
         provider as it is", .scope.provider
    )]
    Linked {
        /// Where.
        scope: LinkScope,
        /// The record.
        key: RecordKey,
        /// The resource that it has.
        resource_id: String,
    },
    /// What is at the new address is something else.
    #[error(
        "{base_url} does not have the resources that we know of provider `{provider}`: {}. The links stay at {known}; if \
         this is another service, give it another name", .strangers.join("; ")
    )]
    Elsewhere {
        /// The provider.
        provider: ProviderName,
        /// The address that was looked at.
        base_url: String,
        /// The address that the links belong to.
        known: String,
        /// What is not there, or is something else; the first few.
        strangers: Vec<String>,
    },
    /// The provider did not answer as it should.
    #[error(transparent)]
    Provider(Box<ClientError>),
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<ClientError> for LinkError {
    fn from(error: ClientError) -> Self {
        Self::Provider(Box::new(error))
    }
}

/// What became of the links of one resource type when their provider moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// How many links there are.
    pub links: u64,
    /// How many of them were looked up at the new address.
    pub checked: u64,
    /// What is not there any more, or is not what it was.
    pub strangers: Vec<String>,
}

impl LinkDesk {
    /// Links a record to a resource that is at the provider. Nothing is sent that changes it: the next sync compares it
    /// with what the mapping wants, and changes what differs.
    ///
    /// # Errors
    /// [`LinkError::Taken`] and [`LinkError::Linked`] where one of the two has somebody else already,
    /// [`LinkError::NotThere`] where the provider has no such resource, and when the provider or the state cannot be
    /// used. Nothing has changed then.
    pub async fn adopt(&self, adoption: &Adoption) -> Result<Link, LinkError> {
        let Adoption { key, resource_id, ownership, replace } = adoption;
        if let Some(owner) = self.state.link_by_resource(&self.scope, resource_id).await?
            && owner.key != *key
        {
            return Err(LinkError::Taken {
                scope: self.scope.clone(),
                resource_id: resource_id.clone(),
                owner: owner.key,
            });
        }
        if let Some(link) = self.state.link(&self.scope, key).await?
            && !replace
        {
            let (scope, resource_id) = (self.scope.clone(), link.resource_id);
            return Err(LinkError::Linked { scope, key: key.clone(), resource_id });
        }
        let seen = match self.target.get_by_id(&self.kind, resource_id).await {
            Ok(exchange) => exchange.value,
            Err(error) if matches!(error.kind, Failure::NotFound(_)) => {
                let (scope, resource_id) = (self.scope.clone(), resource_id.clone());
                return Err(LinkError::NotThere { scope, resource_id });
            }
            Err(error) => return Err(error.into()),
        };
        // The provider's own spelling: some find an id whatever its case.
        let resource_id = seen.id_text().unwrap_or_else(|| resource_id.clone());
        let run = self.state.begin_run(RunKind::Provision, &self.scope).await?;
        let mut link = found(key.clone(), resource_id, *ownership, seen, Desired::new(), run);
        if link.ownership == Ownership::Created && is_inactive(&link.seen) {
            // What is ours was disabled by us. Its record is there, so the next run makes it active again.
            link.standing = Standing::Disabled;
        }
        let log = row(&self.scope, &link, Some(run), Action::Adopt, "linked by hand");
        let settlement = Settlement { link: Some(LinkChange::Put(&link)), log };
        let settled = self.state.settle(&self.scope, key, &settlement).await;
        let outcome = if settled.is_ok() { RunOutcome::Completed } else { RunOutcome::Failed };
        let summary = serde_json::json!({ "linked": u64::from(settled.is_ok()) });
        let reason = settled.as_ref().err().map(ToString::to_string);
        self.state.finish_run(run, &RunReport::new(outcome, summary).because(reason)).await?;
        settled?;
        Ok(link)
    }

    /// Looks a few links up at the provider's address of today, and compares what is there with what is remembered.
    ///
    /// # Errors
    /// When the provider or the state cannot be used.
    pub async fn recognise(&self, match_by: &[MatchKey]) -> Result<Moved, LinkError> {
        let links = self.state.count_links(&self.scope, None).await?;
        let mut moved = Moved { links, checked: 0, strangers: Vec::new() };
        let mut sample = self.state.links(&self.scope);
        while moved.checked < SAMPLE as u64 {
            let Some(link) = sample.try_next().await? else { break };
            moved.checked += 1;
            let name = format!("{} {} of record {}", self.scope.resource_type, link.resource_id, link.key);
            match self.target.get_by_id(&self.kind, &link.resource_id).await {
                Ok(exchange) if self.is_same(&link.seen, &exchange.value, match_by) => {}
                Ok(_) => moved.strangers.push(format!("{name} is somebody else there")),
                Err(error) if matches!(error.kind, Failure::NotFound(_)) => {
                    moved.strangers.push(format!("{name} is not there"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(moved)
    }

    /// Whether both are one and the same: short ids such as `1` are there at every service.
    fn is_same(&self, known: &Resource, found: &Resource, match_by: &[MatchKey]) -> bool {
        let same = |key: &MatchKey| {
            key.paths().iter().all(|path| match (known.get(path), found.get(path)) {
                (Some(known), Some(found)) => {
                    compare::same_state(known, found, self.kind.schemas().find(path))
                }
                _ => false,
            })
        };
        match_by.iter().any(same)
    }
}

impl Moved {
    /// Whether so much was recognised that it is the same service: more than half of what was looked up. Somebody may
    /// have deleted a few by hand.
    #[must_use]
    pub fn is_recognised(&self) -> bool {
        (self.strangers.len() as u64) * 2 < self.checked || self.checked == 0
    }
}

/// Makes sure that the source has a record with this key. A link to a key that nobody has is one to somebody who left: the
/// next run would deprovision its resource.
///
/// # Errors
/// [`ProvisionError::NoSuchRecord`] where it has none, [`ProvisionError::Source`] where it cannot be read as far as that.
pub async fn seek(source: &dyn RecordSource, key: &RecordKey) -> Result<(), ProvisionError> {
    let mut rows = source.read_keys(vec![key.clone()]).await.map_err(ProvisionError::Source)?;
    while let Some(row) = rows.try_next().await.map_err(ProvisionError::Source)? {
        // A row that is broken today is that person's all the same.
        if row.key() == Some(key) {
            return Ok(());
        }
    }
    Err(ProvisionError::NoSuchRecord { source_name: source.name().clone(), key: key.clone() })
}

/// Forgets the link of a record, with a row in the client log. What it pointed at; `None` where there was none.
///
/// # Errors
/// [`StateError`] when the state cannot be written.
pub async fn forget(
    state: &TenantState,
    scope: &LinkScope,
    key: &RecordKey,
) -> Result<Option<String>, StateError> {
    forget_as(state, scope, key, None, "link forgotten by hand").await
}

/// The same, for a reason and in a run.
pub(crate) async fn forget_as(
    state: &TenantState,
    scope: &LinkScope,
    key: &RecordKey,
    run: Option<RunId>,
    reason: &str,
) -> Result<Option<String>, StateError> {
    let Some(link) = state.link(scope, key).await? else { return Ok(None) };
    let log = row(scope, &link, run, Action::Forget, reason);
    state.settle(scope, key, &Settlement { link: Some(LinkChange::Forget), log }).await?;
    Ok(Some(link.resource_id))
}

/// A link to a resource that was found. The next run looks at its record whatever happens.
pub(crate) fn found(
    key: RecordKey,
    resource_id: String,
    ownership: Ownership,
    seen: Resource,
    sent: Desired,
    run: RunId,
) -> Link {
    let now = Timestamp::now();
    Link {
        key,
        resource_id,
        ownership,
        standing: Standing::Active,
        version: seen.version().map(str::to_owned),
        sent,
        seen,
        created_at: now,
        updated_at: now,
        run,
        fingerprint: None,
        due_at: None,
    }
}

/// A row of the client log for something that needed no request.
pub(crate) fn row(
    scope: &LinkScope,
    link: &Link,
    run: Option<RunId>,
    action: Action,
    message: &str,
) -> LogEntry {
    LogEntry {
        run,
        request_id: String::new(),
        provider: scope.provider.clone(),
        resource_type: scope.resource_type.clone(),
        resource_id: Some(link.resource_id.clone()),
        key: Some(link.key.clone()),
        action,
        status: LogStatus::Success,
        http_status: None,
        message: message.to_owned(),
        changes: Vec::new(),
        duration: Duration::ZERO,
        at: Timestamp::now(),
    }
}
