//! Bringing back what was changed or deleted, the way of every operation.

use super::comparison::{drifted, seen_as, there};
use super::{DriftOptions, DriftReport};
use crate::anew::MadeAnew;
use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::{Action, Mode, RecordEvent};
use crate::links;
use crate::operation::{Mark, Operation, Step, Wish};
use crate::provisioner::{Patience, RunOptions};
use crate::round::Peers;
use futures::TryStreamExt;
use scimwright_record::RecordKey;
use scimwright_scim::{AttributePath, Resource, compare};
use scimwright_state::{Deferred, Link, LinkScope, Standing};
use serde::{Deserialize, Serialize};

/// What is to be brought back, put aside until everything was looked at.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Damage {
    Missing,
    Changed { found: Resource, paths: Vec<AttributePath> },
}

impl Cycle<'_> {
    pub(super) async fn put_aside(&self, key: &RecordKey, damage: &Damage) -> Result<(), ProvisionError> {
        let damage =
            serde_json::to_value(damage).map_err(|error| ProvisionError::Scratch(error.to_string()))?;
        Ok(self.pass.defer(key, &damage).await?)
    }

    pub(super) async fn repair(
        &self,
        report: &DriftReport,
        options: &DriftOptions,
        anew: &mut MadeAnew,
    ) -> Result<(), ProvisionError> {
        let threshold = &self.provisioner.rules.deprovision.threshold;
        let links = self.provisioner.state.count_links(&self.scope, None).await?;
        let (damaged, allowed) = (report.damaged, threshold.allowed(links));
        if damaged > allowed && !options.unlimited && options.key.is_none() {
            let LinkScope { provider, resource_type } = &self.scope;
            let reason = format!(
                "{damaged} of {links} resources are not as they were left, and max_deprovision = {threshold} allows \
                 {allowed}; if they are to be brought back, run `scimwright drift {provider} \
                 {resource_type} --repair --yes`"
            );
            self.tally.held(damaged, reason);
            return Ok(());
        }
        // What is put off by a repair belongs to a pass of its own, so that neither is taken for the other.
        let mut lost = Vec::new();
        let mut damages = self.pass.deferred();
        while let Some(Deferred { key, work }) = damages.try_next().await? {
            self.go_on()?;
            let damage =
                serde_json::from_value(work).map_err(|error| ProvisionError::Scratch(error.to_string()))?;
            match damage {
                Damage::Missing => lost.push(key),
                Damage::Changed { found, paths } => self.bring_back(&key, found, &paths, anew).await?,
            }
        }
        if !lost.is_empty() {
            self.make_anew(lost, anew).await?;
        }
        Ok(())
    }

    /// Writes what was sent last once more, as far as it is not there.
    pub(crate) async fn bring_back(
        &self,
        key: &RecordKey,
        found: Resource,
        paths: &[AttributePath],
        anew: &MadeAnew,
    ) -> Result<(), ProvisionError> {
        let Some(run) = &self.run else { return Ok(()) };
        let Some(link) = self.provisioner.state.link(&self.scope, key).await? else { return Ok(()) };
        let (desired, _) = anew.pointing(&link.sent, self.provisioner.kind.schemas());
        let mark = Mark { fingerprint: link.fingerprint.clone(), due_at: link.due_at };
        let wish = Wish { desired: desired.clone(), mark, ..Wish::default() };
        let known = Box::new(seen_as(&link, found.clone(), paths));
        let operation = Operation {
            key: key.clone(),
            step: match link.standing {
                Standing::Active => Step::Update(known),
                Standing::Disabled => Step::Disable(known),
            },
            desired,
            changes: paths.iter().map(ToString::to_string).collect(),
            reason: None,
            wish,
        };
        self.carry_out(run, operation).await?;
        self.pass_on_notices();
        self.look_at_repaired(key, &found, paths).await
    }

    /// Looks at what was written where the answer did not show it, so that a form of the provider's own is named once and
    /// not for ever. What is still as it was before the repair is not taken for that.
    async fn look_at_repaired(
        &self,
        key: &RecordKey,
        before: &Resource,
        paths: &[AttributePath],
    ) -> Result<(), ProvisionError> {
        let Some(link) = self.provisioner.state.link(&self.scope, key).await? else { return Ok(()) };
        if self.unseen(&link, paths).await?.is_empty() {
            return Ok(());
        }
        let Some(found) = self.read_resource(&link.resource_id).await? else { return Ok(()) };
        let schemas = self.provisioner.kind.schemas();
        let is_as_before = |path: &AttributePath| {
            compare::same_state(&there(before, path), &there(&found, path), schemas.find(path))
        };
        if paths.iter().any(is_as_before) {
            self.note(key, "was written, answered with success, and is still as it was".to_owned());
            return Ok(());
        }
        let seen = Link { version: found.version().map(str::to_owned), seen: found, ..link };
        Ok(self.provisioner.state.put_link(&self.scope, &seen).await?)
    }

    /// Makes resources anew that somebody deleted, for records that are still there and in scope.
    async fn make_anew(&self, lost: Vec<RecordKey>, anew: &mut MadeAnew) -> Result<(), ProvisionError> {
        let options =
            RunOptions { patience: Patience::TryNow, stop: self.stop.clone(), ..RunOptions::default() };
        let cycle = Cycle::begin(self.provisioner, Mode::Sync, self.run, &options, self.tally).await?;
        for key in lost {
            self.go_on()?;
            let forgotten = self.provisioner.state.link(&self.scope, &key).await?;
            let former = forgotten.as_ref().map(|link| link.resource_id.clone());
            links::forget_as(
                &self.provisioner.state,
                &self.scope,
                &key,
                self.run,
                "somebody deleted it there",
            )
            .await?;
            let outcome = match self.provisioner.record(&key).await {
                Ok(_) if forgotten.is_some_and(|link| link.standing == Standing::Disabled) => {
                    Err("it was disabled, and somebody deleted it there".to_owned())
                }
                Ok(record) => Ok(record),
                Err(error @ ProvisionError::NoSuchRecord { .. }) => {
                    Err(format!("somebody deleted it there, and it is not made anew: {error}"))
                }
                Err(error @ ProvisionError::UnusableRecord { .. }) => Err(error.to_string()),
                Err(error) => return Err(error),
            };
            match outcome {
                Ok(record) => {
                    cycle.treat_one(record).await?;
                    let made = self.provisioner.state.link(&self.scope, &key).await?;
                    if let (Some(former), Some(made)) = (former, made) {
                        anew.note(former, made.resource_id);
                    }
                }
                Err(reason) => self.settled(RecordEvent {
                    key,
                    action: Action::Skip,
                    resource_id: None,
                    changes: Vec::new(),
                    reason: Some(reason),
                    requests: Vec::new(),
                }),
            }
        }
        cycle.fill_in_references(&Peers::none()).await
    }

    /// Takes what a resource is now for what was last seen of it, so that whatever differs is put right.
    pub(crate) async fn see_again(&self, key: &RecordKey) -> Result<(), ProvisionError> {
        let state = &self.provisioner.state;
        let Some(link) = state.link(&self.scope, key).await? else { return Ok(()) };
        match self.read_resource(&link.resource_id).await? {
            Some(found) => {
                let paths = drifted(&link, &found, self.provisioner.kind.schemas());
                let again = Link { fingerprint: None, ..seen_as(&link, found, &paths) };
                state.put_link(&self.scope, &again).await?;
            }
            None => {
                let message = format!(
                    "resource {} is not at the provider any more; somebody deleted it there. It is looked for again",
                    link.resource_id
                );
                links::forget_as(state, &self.scope, key, self.run, "somebody deleted it there").await?;
                self.note(key, message);
            }
        }
        Ok(())
    }
}
