//! Everything that is needed to bring one resource type at one provider up to date.

use crate::error::ProvisionError;
use crate::event::{Mode, Summary};
use crate::layers::Layers;
use crate::plan::{PlanFilter, PlanWriter};
use crate::rules::{DeprovisionAction, ResourceRules};
use crate::stop::StopSignal;
use crate::tally::{Found, Tally};
use jiff::Timestamp;
use scimwright_client::{Kind, Provider};
use scimwright_record::{ProviderName, RecordSource, TenantName};
use scimwright_state::{LinkScope, ProviderMetadata, RunId, RunOutcome, RunReport, TenantState};
use std::sync::Arc;
use std::time::Duration;

/// Brings one resource type at one provider up to date with one source.
#[derive(Clone)]
pub struct Provisioner {
    /// The tenant on whose behalf.
    pub tenant: TenantName,
    /// The provider's name in the configuration.
    pub provider: ProviderName,
    /// The provider.
    pub target: Provider,
    /// The resource type as the provider describes it, with its schemas, and how the provider treats it.
    pub kind: Arc<Kind>,
    /// The tenant's memory.
    pub state: TenantState,
    /// The administrator's decisions.
    pub rules: ResourceRules,
    /// The mapping.
    pub layers: Arc<Layers>,
    /// Where the records come from.
    pub source: Arc<dyn RecordSource>,
    /// Who belongs to whom, where that stands in a source of its own.
    pub members: Option<Arc<dyn RecordSource>>,
    /// A digest of everything in the configuration that has a part in what a record becomes. Modules have digests of
    /// their own.
    pub recipe: String,
    /// How long the rows of the client log are kept.
    pub log_kept: Duration,
}

/// How far a run reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Every record is read and mapped.
    #[default]
    Full,
    /// Only what changed since it was last brought up to date: by the source's change column where it has one, else by
    /// a digest of each record. What ends by itself, and what waits for another try, counts as changed.
    Changed,
}

/// What is done with records whose next try is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patience {
    /// They wait, unless the record has changed.
    #[default]
    Wait,
    /// They are tried now.
    TryNow,
}

/// What may be different in a single run.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Allows this many deprovisions, whatever the threshold says.
    pub allow_deprovisions: Option<u64>,
    /// Allows this many memberships of a table to be taken out, whatever the threshold says.
    pub allow_removals: Option<u64>,
    /// Ends the run early: no more records are taken, those under way are settled, nobody is deprovisioned.
    pub stop: StopSignal,
    /// How far it reaches; as the rules of each resource type say where this says nothing.
    pub reach: Option<Reach>,
    /// What is done with records that wait for another try.
    pub patience: Patience,
    /// What of a plan is shown, and written. A sync does everything.
    pub filter: PlanFilter,
    /// Where a plan is written to, if anywhere.
    pub plan: Option<Arc<PlanWriter>>,
    /// The provider is asked nothing: what was seen last is taken for what is there, and nobody without a link is looked
    /// for.
    pub offline: bool,
}

/// A run that could not be finished, and how far it came.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Unfinished {
    /// What was done until then.
    pub summary: Summary,
    /// Why it could not go on.
    pub cause: ProvisionError,
}

impl Provisioner {
    /// Writes down how a run ended, and all that it found out.
    pub(crate) async fn close(
        &self,
        run: RunId,
        outcome: RunOutcome,
        failure: Option<&ProvisionError>,
        tally: &Tally<'_>,
    ) -> Result<(), ProvisionError> {
        let summary = serde_json::to_value(tally.summary()).unwrap_or_default();
        let Found { broken_off, held } = tally.found();
        // Whoever told it to stop knows why.
        let failure = failure.filter(|error| !matches!(error, ProvisionError::Stopped));
        let reason = failure.map(ToString::to_string).or(broken_off);
        let report = RunReport::new(outcome, summary).because(reason).holding(held);
        Ok(self.state.finish_run(run, &report).await?)
    }

    pub(crate) fn check_rules(&self) -> Result<(), ProvisionError> {
        let can_disable = self.kind.schemas().find(&crate::decide::active()).is_some();
        let disables = matches!(
            self.rules.deprovision.action,
            DeprovisionAction::Disable | DeprovisionAction::DisableThenDelete { .. }
        );
        if disables && !can_disable {
            return Err(ProvisionError::CannotDisable {
                provider: self.provider.to_string(),
                resource_type: self.rules.resource_type.to_string(),
            });
        }
        Ok(())
    }

    /// How far a run reaches. A cycle over what changed alone never sees who vanished without a trace, so that every
    /// now and then everything is read.
    pub(crate) async fn reach(&self, options: &RunOptions) -> Result<Reach, ProvisionError> {
        let Some(last) = self.state.full_cycle_at(&self.scope()).await? else { return Ok(Reach::Full) };
        let is_due = Timestamp::now().duration_since(last).unsigned_abs() >= self.rules.full_every;
        Ok(match options.reach {
            Some(reach) => reach,
            None if is_due => Reach::Full,
            None => self.rules.reach,
        })
    }

    /// Makes sure that our links are this provider's: ids of another one would be taken for resources that somebody
    /// deleted.
    pub(crate) async fn check_address(&self, mode: Mode) -> Result<(), ProvisionError> {
        let wanted = self.target.client().base_url().to_string();
        match self.state.provider_address(&self.provider).await? {
            Some(known) if known == wanted => Ok(()),
            Some(known) if self.knows_links().await? => {
                Err(ProvisionError::Moved { provider: self.provider.clone(), known, wanted })
            }
            _ if mode == Mode::Plan => Ok(()),
            _ => Ok(self.state.set_provider_address(&self.provider, &wanted).await?),
        }
    }

    /// Remembers what the provider said about itself, so that a record can be explained without asking it.
    pub(crate) async fn remember_metadata(&self) -> Result<(), ProvisionError> {
        // It was asked when this was put together; should that have failed, there is nothing to remember.
        let Ok(discovery) = self.target.discovery().await else { return Ok(()) };
        let metadata = ProviderMetadata {
            address: self.target.client().base_url().to_string(),
            documents: discovery.documents.clone().into(),
            read_at: discovery.read_at,
        };
        Ok(self.state.set_provider_metadata(&self.provider, &metadata).await?)
    }

    /// Another provider's name under which resources at this very address are linked, where we have not one link of our
    /// own: whoever renames a provider in the configuration gives up what is known of it.
    pub(crate) async fn former_name(&self) -> Result<Option<ProviderName>, ProvisionError> {
        if self.knows_links().await? {
            return Ok(None);
        }
        let here = self.target.client().base_url();
        for scope in self.state.scopes().await? {
            if scope.provider != self.provider
                && self.state.provider_address(&scope.provider).await?.as_deref() == Some(here)
                && self.state.count_links(&scope, None).await? > 0
            {
                return Ok(Some(scope.provider));
            }
        }
        Ok(None)
    }

    async fn knows_links(&self) -> Result<bool, ProvisionError> {
        for scope in self.state.scopes().await? {
            if scope.provider == self.provider && self.state.count_links(&scope, None).await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn scope(&self) -> LinkScope {
        LinkScope { provider: self.provider.clone(), resource_type: self.rules.resource_type.clone() }
    }
}
