//! What was changed at a provider behind our back, and how it is brought back.
//!
//! Every resource of the type is read once, in pages, and compared with its link. What a list says is not believed when
//! it says that something is wrong: the resource itself is read before it counts as changed or missing. A value that
//! the provider keeps in another form, and kept so when it was last seen, has not changed.
//!
//! An answer without a body (204) shows nothing, so what was seen is then only what we sent. Where such a value is found in
//! a form that differs from it in case, spaces or punctuation, that is the provider's form and no drift.
//!
//! A repair writes what was sent last, and nothing that changed in the source since: that is a sync's affair. It goes
//! the way of every operation, under the threshold of deprovisioning.
//!
//! - here: what is asked for and found, and the look at every resource
//! - `comparison`: what counts as a change
//! - `repair`: how it is brought back

mod comparison;
mod repair;

use crate::anew::MadeAnew;
use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::{Mode, Observer, Summary};
use crate::provisioner::{Patience, Provisioner, RunOptions};
use crate::rebuild::name_of;
use crate::round::in_order;
use crate::stop::StopSignal;
use crate::tally::Tally;
use comparison::{drifted, flipped, same_but_for_form, there};
use futures::TryStreamExt;
use repair::Damage;
use scimwright_client::{ClientError, Failure, Query};
use scimwright_record::RecordKey;
use scimwright_scim::{AttributePath, Resource, compare};
use scimwright_state::{Link, LinkScope, RunKind, RunOutcome, Standing};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is looked for, and what is done about it.
#[derive(Debug, Clone, Default)]
pub struct DriftOptions {
    /// Only the resource of this record, read by itself.
    pub key: Option<RecordKey>,
    /// Brings back what differs.
    pub repair: bool,
    /// Brings it back however much it is.
    pub unlimited: bool,
    /// Ends it early.
    pub stop: StopSignal,
}

/// Something that is not as it was left.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum DriftFinding {
    /// Somebody deleted the resource.
    Missing {
        /// The record.
        key: RecordKey,
        /// The resource that was there.
        resource_id: String,
    },
    /// Somebody changed the resource, in attributes that we look after.
    Changed {
        /// The record.
        key: RecordKey,
        /// The resource.
        resource_id: String,
        /// What differs.
        attributes: Vec<Drifted>,
        /// What it was made, where somebody made it active or inactive.
        #[serde(skip_serializing_if = "Option::is_none")]
        active: Option<bool>,
    },
    /// No link claims the resource.
    Nobodys {
        /// The resource.
        resource_id: String,
        /// What it is called there.
        name: Option<String>,
    },
}

/// An attribute that somebody changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drifted {
    /// Its path.
    pub path: String,
    /// What was sent last; null where it was cleared.
    pub sent: Value,
    /// What is there now; null where there is nothing.
    pub found: Value,
}

/// What came of it for one resource type.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DriftReport {
    /// Resources at the provider.
    pub resources: u64,
    /// Those that are as they were left.
    pub as_left: u64,
    /// Those that somebody changed.
    pub changed: u64,
    /// Those of them that were made active or inactive.
    pub flipped: u64,
    /// Those that somebody deleted.
    pub missing: u64,
    /// Those that no link claims.
    pub nobodys: u64,
    /// What the repair did.
    pub repair: Option<Summary>,
    /// How many a repair would bring back.
    #[serde(skip)]
    damaged: u64,
}

impl DriftReport {
    /// How many resources are not as they were left.
    #[must_use]
    pub fn drifted(&self) -> u64 {
        self.changed + self.missing
    }

    /// Adds the figures of another resource type.
    pub fn add(&mut self, other: &Self) {
        self.resources += other.resources;
        self.as_left += other.as_left;
        self.changed += other.changed;
        self.flipped += other.flipped;
        self.missing += other.missing;
        self.nobodys += other.nobodys;
        if let Some(repair) = &other.repair {
            self.repaired(repair);
        }
    }

    fn repaired(&mut self, summary: &Summary) {
        self.repair.get_or_insert_with(|| Summary { complete: true, ..Summary::default() }).add(summary);
    }
}

/// Is told of every finding, with the resource type and provider that it is about.
pub type DriftFindings<'a> = &'a (dyn Fn(&LinkScope, &DriftFinding) + Send + Sync);

/// Looks for drift in these resource types of one provider. Each has a result of its own.
pub async fn drift(
    provisioners: &[Provisioner],
    options: &DriftOptions,
    findings: DriftFindings<'_>,
    observer: &dyn Observer,
) -> Vec<(LinkScope, Result<DriftReport, ProvisionError>)> {
    let mut results = Vec::new();
    let mut anew = MadeAnew::default();
    let ordered = in_order(provisioners);
    for provisioner in &ordered {
        let outcome = provisioner.look_for_drift(options, findings, observer, &mut anew).await;
        results.push((provisioner.scope(), outcome));
    }
    for (provisioner, (_, outcome)) in ordered.iter().zip(&mut results) {
        if anew.is_empty() || outcome.is_err() {
            continue;
        }
        let pointed = provisioner.point_anew(&anew, options, observer).await;
        match (pointed, &mut *outcome) {
            (Ok(Some(summary)), Ok(report)) => report.repaired(&summary),
            (Ok(_), _) => {}
            (Err(error), outcome) => *outcome = Err(error),
        }
    }
    results
}

impl Provisioner {
    async fn look_for_drift(
        &self,
        options: &DriftOptions,
        findings: DriftFindings<'_>,
        observer: &dyn Observer,
        anew: &mut MadeAnew,
    ) -> Result<DriftReport, ProvisionError> {
        let mode = if options.repair { Mode::Sync } else { Mode::Plan };
        self.check_address(mode).await?;
        if options.repair {
            self.layers.available().map_err(ProvisionError::ModuleUnavailable)?;
        }
        let scope = self.scope();
        let run = match options.repair {
            true => Some(self.state.begin_run(RunKind::Drift, &scope).await?),
            false => None,
        };
        let tally = Tally::new(observer, scope);
        let run_options =
            RunOptions { patience: Patience::TryNow, stop: options.stop.clone(), ..RunOptions::default() };
        let outcome = async {
            let cycle = Cycle::begin(self, mode, run, &run_options, &tally).await?;
            let mut report = DriftReport::default();
            match &options.key {
                Some(key) => cycle.look_at_one(key, &mut report, findings).await?,
                None => cycle.look_at_all(&mut report, findings).await?,
            }
            if options.repair {
                cycle.repair(&report, options, anew).await?;
            }
            Ok(report)
        };
        let outcome: Result<DriftReport, ProvisionError> = outcome.await;
        let summary = tally.summary();
        if let Some(run) = run {
            let ended = match &outcome {
                Ok(_) => RunOutcome::Completed,
                Err(ProvisionError::Stopped) => RunOutcome::Stopped,
                Err(_) => RunOutcome::Failed,
            };
            let closed = self.close(run, ended, outcome.as_ref().err(), &tally).await;
            return outcome
                .and_then(|report| closed.map(|()| DriftReport { repair: Some(summary), ..report }));
        }
        outcome
    }
}

impl Cycle<'_> {
    async fn look_at_all(
        &self,
        report: &mut DriftReport,
        findings: DriftFindings<'_>,
    ) -> Result<(), ProvisionError> {
        let (state, kind) = (&self.provisioner.state, &self.provisioner.kind);
        // A list that breaks off is an error, and nothing follows from it.
        let mut pages = self.target.get_pages(kind, Query::default());
        while let Some(page) = pages.try_next().await? {
            self.go_on()?;
            for resource in page.value {
                report.resources += 1;
                let Some(id) = resource.id_text() else { continue };
                let Some(link) = state.link_by_resource(&self.scope, &id).await? else {
                    report.nobodys += 1;
                    let name = name_of(&resource);
                    findings(&self.scope, &DriftFinding::Nobodys { resource_id: id, name });
                    continue;
                };
                self.pass.note(&link.key, "the provider").await?;
                let untouched = drifted(&link, &resource, kind.schemas()).is_empty();
                match untouched && flipped(&link, &resource).is_none() {
                    true => report.as_left += 1,
                    false => self.look_closely(link, report, findings).await?,
                }
            }
        }
        let mut unseen = self.pass.leavers(true);
        while let Some(leaver) = unseen.try_next().await? {
            self.go_on()?;
            self.look_closely(leaver.link, report, findings).await?;
        }
        Ok(())
    }

    async fn look_at_one(
        &self,
        key: &RecordKey,
        report: &mut DriftReport,
        findings: DriftFindings<'_>,
    ) -> Result<(), ProvisionError> {
        let Some(link) = self.provisioner.state.link(&self.scope, key).await? else { return Ok(()) };
        report.resources += 1;
        self.look_closely(link, report, findings).await
    }

    /// Reads a resource by itself, and puts aside what has to be brought back.
    async fn look_closely(
        &self,
        link: Link,
        report: &mut DriftReport,
        findings: DriftFindings<'_>,
    ) -> Result<(), ProvisionError> {
        let (key, resource_id) = (link.key.clone(), link.resource_id.clone());
        let Some(found) = self.read_resource(&link.resource_id).await? else {
            let by_us =
                link.standing == Standing::Disabled && self.provisioner.rules.deprovision.disabling_deletes;
            if by_us {
                report.as_left += 1;
                return Ok(());
            }
            report.missing += 1;
            report.damaged += 1;
            findings(&self.scope, &DriftFinding::Missing { key, resource_id });
            return self.put_aside(&link.key, &Damage::Missing).await;
        };
        let mut paths = drifted(&link, &found, self.provisioner.kind.schemas());
        let unseen = self.unseen(&link, &paths).await?;
        paths.retain(|path| {
            !(unseen.contains(path)
                && link.sent.value(path).is_some_and(|sent| same_but_for_form(sent, &there(&found, path))))
        });
        let active = flipped(&link, &found);
        if paths.is_empty() && active.is_none() {
            report.as_left += 1;
            return Ok(());
        }
        let attributes: Vec<Drifted> = paths
            .iter()
            .map(|path| Drifted {
                path: path.to_string(),
                sent: link.sent.value(path).cloned().unwrap_or(Value::Null),
                found: there(&found, path),
            })
            .collect();
        report.changed += 1;
        report.flipped += u64::from(active.is_some());
        findings(&self.scope, &DriftFinding::Changed { key, resource_id, attributes, active });
        // Whoever locks an account there has a reason. Unless we say what it is to be, it is not ours to unlock.
        if paths.is_empty() {
            return Ok(());
        }
        report.damaged += 1;
        self.put_aside(&link.key, &Damage::Changed { found, paths }).await
    }

    /// Those of these attributes that no answer ever showed as they were written last: the answer had no body, and what
    /// counts as seen is what we sent.
    async fn unseen(
        &self,
        link: &Link,
        paths: &[AttributePath],
    ) -> Result<Vec<AttributePath>, ProvisionError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let schemas = self.provisioner.kind.schemas();
        let changes = self.provisioner.state.last_changes(&self.scope, &link.key).await?;
        let was_answered_empty = |path: &AttributePath| {
            let written = changes.iter().filter(|change| {
                let plain = change.path.split('[').next().unwrap_or_default();
                plain
                    .parse::<AttributePath>()
                    .is_ok_and(|known| schemas.canonical(&known).same_attribute(path))
            });
            written.max_by_key(|change| change.at).is_some_and(|change| change.http_status == Some(204))
        };
        let is_as_sent = |path: &AttributePath| {
            let sent = link.sent.value(path).cloned().unwrap_or(Value::Null);
            compare::echoes(&there(&link.seen, path), &sent, schemas.find(path))
        };
        let unseen = paths.iter().filter(|path| was_answered_empty(path) && is_as_sent(path));
        Ok(unseen.cloned().collect())
    }

    /// The resource with this id; none where there is none.
    pub(crate) async fn read_resource(&self, id: &str) -> Result<Option<Resource>, ClientError> {
        match self.target.get_by_id(&self.provisioner.kind, id).await {
            Ok(exchange) => Ok(Some(exchange.value)),
            Err(error) if matches!(error.kind, Failure::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
