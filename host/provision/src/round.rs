//! A round: all resource types of one provider, phase by phase.
//!
//! Records come first, type by type, those that others point at before those that point at them. Then the references
//! that had to wait are filled in, of all types. Whoever left goes last, in the opposite order: a group is let go
//! before the people in it. What happens to one type stops none of the others.

use crate::cycle::{Common, Cycle};
use crate::error::ProvisionError;
use crate::event::{Event, Mode, Observer, Summary};
use crate::intake::Reading;
use crate::provisioner::{Provisioner, RunOptions, Unfinished};
use crate::rows::RowValue;
use crate::tally::Tally;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use scimwright_client::ClientError;
use scimwright_record::{RecordKey, ResourceTypeName};
use scimwright_state::{RunId, RunKind, RunOutcome};
use std::collections::BTreeSet;

/// What became of one resource type in a round.
#[derive(Debug)]
pub struct Finish {
    /// The type.
    pub resource_type: ResourceTypeName,
    /// Its figures, or how far it came and why not further.
    pub outcome: Result<Summary, Box<Unfinished>>,
    /// Of the keys that a plan was asked for, those that neither the source nor a link has. None where that is not
    /// known, because the source was not read to its end.
    pub strangers: BTreeSet<RecordKey>,
}

/// One resource type on its way through the phases.
struct Lane<'a> {
    provisioner: &'a Provisioner,
    run: Option<RunId>,
    cycle: Option<Cycle<'a>>,
    reading: Reading,
    failure: Option<ProvisionError>,
}

impl Provisioner {
    /// Runs this resource type alone. The last event is always [`Event::Finished`].
    ///
    /// # Errors
    /// [`Unfinished`] when the provider, the state or a module cannot be worked with, and when the run was told to
    /// stop. What was done until then is remembered, and the next run goes on from there.
    pub async fn run(
        &self,
        mode: Mode,
        options: RunOptions,
        observer: &dyn Observer,
    ) -> Result<Summary, Box<Unfinished>> {
        let mut finished = run_round(std::slice::from_ref(self), mode, &options, observer).await;
        match finished.pop() {
            Some(finish) => finish.outcome,
            None => Ok(Summary::default()),
        }
    }
}

/// Runs the resource types of one provider, in the order that their references ask for. For each of them the first
/// event is [`Event::Started`] and the last one [`Event::Finished`].
///
/// Each type has a result of its own; one that could not go on has deprovisioned nobody. What the configuration asks of
/// one type and the provider cannot do ends the round for all of them, before the first record.
///
/// The future is boxed, so that it is compiled here and once, and not with each program that has rounds.
pub fn run_round<'a>(
    provisioners: &'a [Provisioner],
    mode: Mode,
    options: &'a RunOptions,
    observer: &'a dyn Observer,
) -> BoxFuture<'a, Vec<Finish>> {
    Box::pin(round(provisioners, mode, options, observer))
}

async fn round(
    provisioners: &[Provisioner],
    mode: Mode,
    options: &RunOptions,
    observer: &dyn Observer,
) -> Vec<Finish> {
    let order = in_order(provisioners);
    let tallies: Vec<Tally<'_>> =
        order.iter().map(|provisioner| Tally::new(observer, provisioner.scope())).collect();
    let mut lanes = Vec::with_capacity(order.len());
    let common = Common::default();
    // Whoever is told that the configuration is wrong is told that nothing was changed.
    let misruled = order.iter().copied().find(|provisioner| provisioner.check_rules().is_err());
    for (provisioner, tally) in order.iter().zip(&tallies) {
        let rules = misruled.map_or(Ok(()), Provisioner::check_rules);
        lanes.push(Lane::begin(provisioner, mode, options, tally, &common, rules).await);
    }
    if mode == Mode::Sync
        && let Some(lane) = lanes.iter_mut().find(|lane| lane.under_way().is_some())
    {
        let outcome = lane.provisioner.remember_metadata().await;
        lane.note(outcome);
    }
    let mut unreachable: Option<ClientError> = None;
    for lane in &mut lanes {
        // Whoever comes next would knock at the same closed door.
        if let Some(error) = &unreachable {
            lane.note(Err(ProvisionError::Provider(Box::new(error.clone()))));
        }
        lane.read().await;
        if let Some(ProvisionError::Provider(error)) = &lane.failure {
            unreachable.get_or_insert_with(|| error.as_ref().clone());
        }
    }
    for index in 0..lanes.len() {
        let outcome = match lanes.get(index).and_then(Lane::under_way) {
            Some(cycle) => cycle.fill_in_references(&Peers(&lanes)).await,
            None => Ok(()),
        };
        if let Some(lane) = lanes.get_mut(index) {
            lane.note(outcome);
        }
    }
    for lane in lanes.iter_mut().rev() {
        lane.deprovision(options).await;
        lane.remember().await;
    }
    let mut finished = Vec::with_capacity(lanes.len());
    for (lane, tally) in lanes.into_iter().zip(&tallies) {
        finished.push(lane.finish(tally).await);
    }
    finished
}

/// The cycles of a round, for the one that asks whether another type has a record.
pub(crate) struct Peers<'a>(&'a [Lane<'a>]);

impl Peers<'_> {
    /// Nobody.
    pub(crate) fn none() -> Self {
        Self(&[])
    }

    /// Whether a record of this type is in the source, so that it will have a resource.
    pub(crate) async fn will_have(
        &self,
        link: &scimwright_mapping::RecordLink,
    ) -> Result<bool, ProvisionError> {
        let lane = self.0.iter().find(|lane| lane.provisioner.rules.resource_type == link.resource_type);
        match lane.and_then(Lane::under_way) {
            // What is left out of a plan will not be made.
            Some(cycle) if !cycle.filter.makes(&link.key) => Ok(false),
            Some(cycle) => Ok(cycle.pass.contains(&link.key).await?),
            None => Ok(false),
        }
    }
}

impl<'a> Lane<'a> {
    async fn begin(
        provisioner: &'a Provisioner,
        mode: Mode,
        options: &RunOptions,
        tally: &'a Tally<'a>,
        common: &Common,
        rules: Result<(), ProvisionError>,
    ) -> Self {
        let mut lane =
            Self { provisioner, run: None, cycle: None, reading: Reading::default(), failure: None };
        let outcome = lane.start(mode, options, tally, common, rules).await;
        lane.note(outcome);
        lane
    }

    async fn start(
        &mut self,
        mode: Mode,
        options: &RunOptions,
        tally: &'a Tally<'a>,
        common: &Common,
        rules: Result<(), ProvisionError>,
    ) -> Result<(), ProvisionError> {
        let provisioner = self.provisioner;
        if mode == Mode::Sync {
            // Before whatever may keep it from beginning: that is to be known afterwards.
            self.run = Some(provisioner.state.begin_run(RunKind::Sync, &provisioner.scope()).await?);
            let kept = SignedDuration::try_from(provisioner.log_kept).unwrap_or(SignedDuration::MAX);
            if let Ok(before) = Timestamp::now().checked_sub(kept) {
                provisioner.state.prune_log(before).await?;
                provisioner.state.prune_runs(before).await?;
            }
        }
        rules?;
        provisioner.check_address(mode).await?;
        // Before anything else: a source without records would never notice.
        provisioner.layers.available().map_err(ProvisionError::ModuleUnavailable)?;
        tally.emit(Event::Started {
            mode,
            run: self.run.map(|run| run.to_string()),
            tenant: provisioner.tenant.clone(),
            provider: provisioner.provider.clone(),
            resource_type: provisioner.rules.resource_type.clone(),
            source: provisioner.source.name().clone(),
        });
        if let Some(former) = provisioner.former_name().await? {
            let message = format!(
                "resources at this address are linked under the name `{former}`. If `{name}` is a new name for it, run \
                 `scimwright links move {former} --to {name}` before the next sync: without its links everybody counts \
                 as found and not as made, and is not deprovisioned",
                name = provisioner.provider
            );
            tally.emit(Event::Notice { key: None, message });
        }
        let cycle = Cycle::begin(provisioner, mode, self.run, options, tally).await?;
        self.cycle = Some(cycle.sharing(common));
        Ok(())
    }

    /// The cycle, as long as nothing went wrong.
    fn under_way(&self) -> Option<&Cycle<'a>> {
        self.cycle.as_ref().filter(|_| self.failure.is_none())
    }

    fn note(&mut self, outcome: Result<(), ProvisionError>) {
        if let Err(error) = outcome {
            self.failure.get_or_insert(error);
        }
    }

    async fn read(&mut self) {
        let Some(cycle) = self.under_way() else { return };
        match cycle.read_source().await {
            Ok(reading) => {
                if reading.broken_off.is_none() {
                    cycle.all_were_treated();
                }
                self.reading = reading;
            }
            Err(error) => self.note(Err(error)),
        }
    }

    async fn deprovision(&mut self, options: &RunOptions) {
        let Some(cycle) = self.under_way() else { return };
        let outcome = cycle.deprovision(&self.reading, options.allow_deprovisions).await;
        self.note(outcome);
    }

    /// Notes what the next cycle goes on from. Only a reading that came to its end and a cycle in which nothing went
    /// wrong count.
    async fn remember(&mut self) {
        let Some(cycle) = self.under_way().filter(|_| self.run.is_some()) else { return };
        if self.reading.broken_off.is_some() {
            return;
        }
        let outcome = cycle.remember_reach(&self.reading).await;
        self.note(outcome);
    }

    /// Of the keys that somebody asked for, those that nobody has here.
    async fn strangers(&self) -> Result<BTreeSet<RecordKey>, ProvisionError> {
        let mut strangers = BTreeSet::new();
        let Some(cycle) = self.under_way().filter(|_| self.reading.broken_off.is_none()) else {
            return Ok(strangers);
        };
        for key in &cycle.filter.keys {
            let is_known = cycle.pass.contains(key).await?
                || self.provisioner.state.link(&cycle.scope, key).await?.is_some();
            if !is_known {
                strangers.insert(key.clone());
            }
        }
        Ok(strangers)
    }

    async fn finish(mut self, tally: &Tally<'_>) -> Finish {
        let strangers = match self.strangers().await {
            Ok(strangers) => strangers,
            Err(error) => {
                self.note(Err(error));
                BTreeSet::new()
            }
        };
        let Self { provisioner, run, failure, cycle, .. } = self;
        Finish { strangers, ..conclude(provisioner, run, cycle.is_some(), failure, tally).await }
    }
}

/// Ends a run, and says what it came to. `began` says whether it came as far as its first record.
pub(crate) async fn conclude(
    provisioner: &Provisioner,
    run: Option<RunId>,
    began: bool,
    failure: Option<ProvisionError>,
    tally: &Tally<'_>,
) -> Finish {
    if failure.is_some() {
        tally.incomplete();
    }
    let summary = tally.summary();
    let outcome = match &failure {
        None if tally.found().broken_off.is_some() => RunOutcome::Failed,
        None => RunOutcome::Completed,
        Some(ProvisionError::Stopped) => RunOutcome::Stopped,
        Some(_) if !began => RunOutcome::NotBegun,
        Some(_) => RunOutcome::Failed,
    };
    let closed = match run {
        Some(run) => provisioner.close(run, outcome, failure.as_ref(), tally).await,
        None => Ok(()),
    };
    tally.emit(Event::Finished(summary.clone()));
    // The cause matters more than a state that cannot be written on top of it.
    let outcome = match failure.or(closed.err()) {
        None => Ok(summary),
        Some(cause) => Err(Box::new(Unfinished { summary, cause })),
    };
    Finish { resource_type: provisioner.rules.resource_type.clone(), outcome, strangers: BTreeSet::new() }
}

/// The resource types, those that others point at first; otherwise as they stand in the configuration. Types that
/// point at each other stay as they are.
pub(crate) fn in_order(provisioners: &[Provisioner]) -> Vec<&Provisioner> {
    let mut left: Vec<&Provisioner> = provisioners.iter().collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |candidate: &Provisioner| {
            left.iter().any(|other| {
                !std::ptr::eq(*other, candidate) && points_at(candidate, &other.rules.resource_type)
            })
        };
        let next = left.iter().position(|candidate| !waits(candidate)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

/// Whether resources of this type refer to those of another. What a mapping module will return is not known before;
/// a group has people in it, whoever says so.
fn points_at(provisioner: &Provisioner, other: &ResourceTypeName) -> bool {
    let rules = &provisioner.rules;
    let by_row = rules.rows.iter().any(|row| match &row.value {
        RowValue::Link { resource_type, .. } => resource_type == other,
        _ => false,
    });
    let is_group = rules.resource_type.as_str().eq_ignore_ascii_case("Group");
    by_row || (is_group && !other.as_str().eq_ignore_ascii_case("Group"))
}
