//! Carrying out a plan: what stands in its file, in the order in which it stands there, and nothing else.
//!
//! The lines come in the phases of a round: records of every type, references, whoever goes. Within one phase of one type
//! several are under way at once, and the next begins when all of them are settled. Whoever looked at the plan
//! [before](crate::plan::Basis) knows that it still holds. What may have happened at the provider meanwhile is looked at
//! here, resource by resource: what the plan did not know is a failure and never another operation.
//!
//! A plan whose process was killed is carried out from its first line on once more. What its own runs had settled is
//! passed over.

use crate::cycle::{Common, Cycle};
use crate::decide::{self, Decision};
use crate::error::ProvisionError;
use crate::event::{Event, Mode, Observer};
use crate::one::Existing;
use crate::operation::{Mark, Operation, Step, Wish};
use crate::plan::file::{Line, Phase, Plan, PlannedOperation, PlannedReference, StepName, link_digest};
use crate::plan::progress::Progress;
use crate::pointing::taken_out;
use crate::provisioner::{Provisioner, RunOptions};
use crate::round::{Finish, conclude};
use crate::setback::Trouble;
use crate::tally::Tally;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use scimwright_client::Found;
use scimwright_record::{ProviderName, RecordKey};
use scimwright_scim::{AttributeName, AttributePath, Resource};
use scimwright_state::{Link, RunId, RunKind};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

/// One resource type under way.
struct Lane<'a> {
    cycle: Cycle<'a>,
    run: RunId,
    /// This run, and those that carried the plan out before it.
    ours: HashSet<RunId>,
    /// What was settled before.
    settled: AtomicU64,
}

/// One line that is to be carried out.
enum Task {
    Operation(Box<PlannedOperation>),
    Reference(Box<PlannedReference>),
}

/// Carries out a plan with these provisioners. What of it belongs to none of them is left alone.
///
/// Each type has a result of its own, as in [`run_round`](crate::run_round).
///
/// # Errors
/// When the plan cannot be read, or how far it came not be noted: nothing more is begun then. What was under way is
/// settled.
pub async fn apply_plan(
    plan: &Plan,
    provisioners: &[Provisioner],
    progress: &Progress,
    options: &RunOptions,
    observer: &dyn Observer,
) -> Result<Vec<Finish>, ProvisionError> {
    let begun_at = progress.begin()?;
    let order: Vec<&Provisioner> = plan
        .scopes()
        .iter()
        .filter_map(|scope| provisioners.iter().find(|provisioner| provisioner.scope() == *scope))
        .collect();
    let tallies: Vec<Tally<'_>> =
        order.iter().map(|provisioner| Tally::new(observer, provisioner.scope())).collect();
    let mut runs: Vec<Option<RunId>> = vec![None; order.len()];
    let mut failures: Vec<Option<ProvisionError>> = Vec::new();
    let mut common: HashMap<ProviderName, Common> = HashMap::new();
    let mut lanes: Vec<Option<Lane<'_>>> = Vec::with_capacity(order.len());
    for ((provisioner, tally), run) in order.iter().zip(&tallies).zip(&mut runs) {
        let begun = Lane::begin(provisioner, options, progress, tally, run).await;
        let common = common
            .entry(provisioner.provider.clone())
            .or_insert_with(|| Common::knowing(plan, &provisioner.provider));
        let (lane, failure) = match begun {
            Ok(mut lane) => {
                // Whether a resource is new is judged from the first beginning.
                lane.cycle.began = begun_at;
                lane.cycle = lane.cycle.sharing(common);
                (Some(lane), None)
            }
            Err(error) => (None, Some(error)),
        };
        lanes.push(lane);
        failures.push(failure);
    }
    let read = carry_out(plan, &lanes, &mut failures, options).await;
    for (lane, tally) in lanes.iter().zip(&tallies) {
        let settled = lane.as_ref().map_or(0, |lane| lane.settled.load(Ordering::Relaxed));
        if settled > 0 {
            let message = format!("{settled} operations of this plan had been carried out before");
            tally.emit(Event::Notice { key: None, message });
        }
    }
    let began: Vec<bool> = lanes.iter().map(Option::is_some).collect();
    drop(lanes);
    let mut finished = Vec::with_capacity(order.len());
    let ends = runs.into_iter().zip(began).zip(failures);
    for ((provisioner, tally), ((run, began), failure)) in order.iter().zip(&tallies).zip(ends) {
        let failure = match failure {
            None => remember_memberships(plan, provisioner).await.err(),
            failed => failed,
        };
        finished.push(conclude(provisioner, run, began, failure, tally).await);
    }
    read?;
    if finished.iter().all(|finish| finish.outcome.is_ok()) {
        progress.finish()?;
    }
    Ok(finished)
}

/// Remembers how large the membership table is that a plan rested on, where it was not in doubt.
async fn remember_memberships(plan: &Plan, provisioner: &Provisioner) -> Result<(), ProvisionError> {
    let scope = provisioner.scope();
    let found = plan.found.iter().find(|found| found.scope == scope);
    if let Some(size) = found.and_then(|found| found.memberships) {
        provisioner.state.set_memberships(&scope, size).await?;
    }
    Ok(())
}

/// Takes the lines one by one.
async fn carry_out(
    plan: &Plan,
    lanes: &[Option<Lane<'_>>],
    failures: &mut [Option<ProvisionError>],
    options: &RunOptions,
) -> Result<(), ProvisionError> {
    let mut under_way = FuturesUnordered::new();
    let mut section: Option<(usize, Phase)> = None;
    for line in plan.lines()? {
        let (scope, phase, task) = match line? {
            Line::Operation(operation) => {
                (operation.scope.clone(), operation.phase(), Task::Operation(operation))
            }
            Line::Reference(reference) => {
                (reference.scope.clone(), Phase::References, Task::Reference(reference))
            }
            _ => continue,
        };
        let place = lanes.iter().position(|lane| lane.as_ref().is_some_and(|lane| lane.cycle.scope == scope));
        let Some((index, lane)) = place.and_then(|index| Some((index, lanes.get(index)?.as_ref()?))) else {
            continue;
        };
        let width = match section == Some((index, phase)) {
            true => lane.cycle.provisioner.rules.concurrency.max(1),
            // What comes next may rest on all that came before.
            false => 1,
        };
        section = Some((index, phase));
        while under_way.len() >= width {
            if let Some(outcome) = under_way.next().await {
                note(outcome, lanes, failures);
            }
        }
        if options.stop.is_requested() {
            fail(index, ProvisionError::Stopped, failures);
        }
        if failures.get(index).is_none_or(Option::is_some) {
            continue;
        }
        under_way.push(async move { (index, lane.take(task).await) });
    }
    while let Some(outcome) = under_way.next().await {
        note(outcome, lanes, failures);
    }
    Ok(())
}

/// Notes what became of a line. A provider that cannot be worked with is asked for nothing more.
fn note(
    (index, outcome): (usize, Result<(), ProvisionError>),
    lanes: &[Option<Lane<'_>>],
    failures: &mut [Option<ProvisionError>],
) {
    let Err(error) = outcome else { return };
    if let ProvisionError::Provider(cause) = &error {
        let provider = |index: usize| {
            let lane = lanes.get(index).and_then(Option::as_ref);
            lane.map(|lane| lane.cycle.scope.provider.clone())
        };
        for other in (0..lanes.len()).filter(|other| provider(*other) == provider(index)) {
            fail(other, ProvisionError::Provider(cause.clone()), failures);
        }
    }
    fail(index, error, failures);
}

fn fail(index: usize, error: ProvisionError, failures: &mut [Option<ProvisionError>]) {
    if let Some(failure) = failures.get_mut(index) {
        failure.get_or_insert(error);
    }
}

impl<'a> Lane<'a> {
    async fn begin(
        provisioner: &'a Provisioner,
        options: &RunOptions,
        progress: &Progress,
        tally: &'a Tally<'a>,
        begun: &mut Option<RunId>,
    ) -> Result<Self, ProvisionError> {
        provisioner.check_address(Mode::Apply).await?;
        let scope = provisioner.scope();
        let mut ours: HashSet<RunId> = progress.runs().into_iter().collect();
        let run = provisioner.state.begin_run(RunKind::Apply, &scope).await?;
        *begun = Some(run);
        progress.add_run(run)?;
        ours.insert(run);
        tally.emit(Event::Started {
            mode: Mode::Apply,
            run: Some(run.to_string()),
            tenant: provisioner.tenant.clone(),
            provider: provisioner.provider.clone(),
            resource_type: provisioner.rules.resource_type.clone(),
            source: provisioner.source.name().clone(),
        });
        let mut cycle = Cycle::begin(provisioner, Mode::Apply, Some(run), options, tally).await?;
        cycle.existing = Existing::AsPlanned;
        Ok(Self { cycle, run, ours, settled: AtomicU64::new(0) })
    }

    async fn take(&self, task: Task) -> Result<(), ProvisionError> {
        let (key, outcome) = match task {
            Task::Operation(planned) => (planned.key.clone(), self.operation(*planned).await),
            Task::Reference(planned) => {
                (planned.key.clone(), self.cycle.fill_in(planned.key, planned.waiting).await)
            }
        };
        self.cycle.pass_on_notices();
        self.cycle.unless_taken(&key, outcome).await
    }

    /// Carries out one operation, where everything is as the plan saw it.
    async fn operation(&self, planned: PlannedOperation) -> Result<(), ProvisionError> {
        let cycle = &self.cycle;
        let key = planned.key.clone();
        let link = cycle.provisioner.state.link(&cycle.scope, &key).await?;
        let step = match planned.step {
            StepName::Create | StepName::Adopt => match link {
                Some(link) if self.ours.contains(&link.run) => return self.was_settled(),
                Some(link) => {
                    let reason = format!(
                        "the record has resource {} already, which the plan did not know; make a new one",
                        link.resource_id
                    );
                    return cycle.fail(&key, Some(&link), Trouble::permanent(reason), None).await;
                }
                None if planned.step == StepName::Adopt => self.adoption(&planned).await?,
                None => self.creation(&planned).await?,
            },
            _ if self.is_in_doubt(&planned, link.as_ref()).await? => {
                let reason = "a record of this run may be the same person under a new key, which the plan did not \
                              know; make a new one";
                return cycle.fail(&key, link.as_ref(), Trouble::temporary(reason.to_owned()), None).await;
            }
            step => match link {
                None if step == StepName::Delete => return self.was_settled(),
                None => Err(Trouble::permanent(
                    "its link is gone, which the plan did not know; make a new one".to_owned(),
                )),
                Some(link) => {
                    let is_as_planned = planned.link.as_ref() == Some(&link_digest(&link));
                    match (step, is_as_planned, self.ours.contains(&link.run)) {
                        (StepName::Deactivate, true, _) | (StepName::Deactivate, _, true) => {
                            // Of what it is by now, everything else stays.
                            return self.deactivate(planned, link).await;
                        }
                        (_, true, _) => Ok(step_on(step, Box::new(link))),
                        (_, false, true) => return self.was_settled(),
                        (_, false, false) => {
                            let reason = "its link was changed by somebody else since the plan was made; make a new one";
                            return cycle
                                .fail(&key, Some(&link), Trouble::temporary(reason.to_owned()), None)
                                .await;
                        }
                    }
                }
            },
        };
        match step {
            Ok(step) => cycle.carry_out(&self.run, self.decoded(planned, step)).await,
            Err(trouble) => cycle.fail(&key, None, trouble, None).await,
        }
    }

    /// Whether somebody would have less than before whose resource a record of the run claims, or may.
    async fn is_in_doubt(
        &self,
        planned: &PlannedOperation,
        link: Option<&Link>,
    ) -> Result<bool, ProvisionError> {
        let Some(link) = link else { return Ok(false) };
        if planned.step.takes_away() {
            return Ok(self.cycle.is_contested(&link.key) || self.cycle.unclear() > 0);
        }
        // One that waits for nobody is not missing anybody.
        if !planned.waits {
            return Ok(false);
        }
        let members = AttributePath::new(AttributeName::MEMBERS);
        self.cycle.is_anybody_claimed_now(&taken_out(&planned.desired, &link.seen, &members)).await
    }

    fn was_settled(&self) -> Result<(), ProvisionError> {
        self.settled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn decoded(&self, planned: PlannedOperation, step: Step) -> Operation {
        let mark = match &step {
            // The time of grace begins when it is carried out.
            Step::Disable(_) => {
                let due_at = self.cycle.deleted_from(jiff::Timestamp::now());
                Mark { fingerprint: None, due_at }
            }
            _ => planned.mark,
        };
        let waiting = planned.waits.then(|| crate::operation::Waiting {
            attributes: scimwright_mapping::AttributeMap::default(),
            create_only: Vec::new(),
            fingerprint: None,
            additive: None,
        });
        let (desired, deactivate) = (planned.desired, planned.deactivates);
        Operation {
            key: planned.key,
            step,
            desired: desired.clone(),
            changes: planned.changes,
            reason: planned.reason,
            wish: Wish { desired, waiting, mark, deactivate, ..Wish::default() },
        }
    }

    /// A creation, where nobody made the resource meanwhile.
    async fn creation(&self, planned: &PlannedOperation) -> Result<Result<Step, Trouble>, ProvisionError> {
        let cycle = &self.cycle;
        if cycle.began_empty {
            return Ok(Ok(Step::Create));
        }
        let begun_before = cycle.unsettled.contains(&planned.key);
        let matching = &cycle.provisioner.rules.matching;
        Ok(match cycle.target.find(&cycle.provisioner.kind, matching, &planned.desired).await {
            Ok(Found::None) => Ok(Step::Create),
            Ok(Found::NothingToMatchBy) if !begun_before => Ok(Step::Create),
            // The answer to our own request was lost with the process.
            Ok(Found::One(resource)) if begun_before => {
                match self.contested(&planned.key, &resource).await? {
                    Some(contested) => Err(contested),
                    None => Ok(Step::Adopt { resource, ours: true }),
                }
            }
            Ok(Found::One(resource)) => Err(Trouble::permanent(format!(
                "resource {} is there already, which the plan did not know; make a new one",
                resource.id_text().unwrap_or_default()
            ))),
            Ok(unclear) => Err(cycle.no_match(&planned.key, &unclear).await?),
            Err(error) => Err(cycle.provider_failed(error)?.not_looked_for()),
        })
    }

    /// An adoption, where the resource is as the plan saw it.
    async fn adoption(&self, planned: &PlannedOperation) -> Result<Result<Step, Trouble>, ProvisionError> {
        let cycle = &self.cycle;
        let seen = planned.found.clone().unwrap_or_default();
        let id = seen.id_text().unwrap_or_default();
        let matching = &cycle.provisioner.rules.matching;
        // By the way on which the plan came to it: some providers show less of a resource in a list.
        let found = match cycle.target.find(&cycle.provisioner.kind, matching, &planned.desired).await {
            Ok(Found::One(found)) if found.id_text().as_deref() == Some(id.as_str()) => *found,
            Ok(Found::One(_) | Found::None | Found::NothingToMatchBy) => {
                let reason = format!(
                    "resource {id} does not match this record any more, which the plan did not know; make a new one"
                );
                return Ok(Err(Trouble::permanent(reason)));
            }
            Ok(unclear) => return Ok(Err(cycle.no_match(&planned.key, &unclear).await?)),
            Err(error) => return Ok(Err(cycle.provider_failed(error)?.not_looked_for())),
        };
        if let Some(contested) = self.contested(&planned.key, &found).await? {
            return Ok(Err(contested));
        }
        if without_meta(&found) != without_meta(&seen) {
            let reason =
                format!("resource {id} is not as the plan saw it: somebody changed it; make a new one");
            return Ok(Err(Trouble::permanent(reason)));
        }
        Ok(Ok(Step::Adopt { resource: Box::new(found), ours: planned.ours }))
    }

    async fn contested(
        &self,
        key: &RecordKey,
        resource: &Resource,
    ) -> Result<Option<Trouble>, ProvisionError> {
        self.cycle.owner(key, &resource.id_text().unwrap_or_default()).await
    }

    /// Makes somebody inactive who was brought up to date by an earlier line.
    async fn deactivate(&self, planned: PlannedOperation, link: Link) -> Result<(), ProvisionError> {
        let desired = decide::disabled(&link);
        match decide::for_link(&link, &desired, self.cycle.provisioner.kind.schemas()) {
            Decision::Change(changes) => {
                let step = Step::Deactivate(Box::new(link));
                let operation = Operation { desired, changes, ..self.decoded(planned, step) };
                self.cycle.carry_out(&self.run, operation).await
            }
            Decision::Nothing | Decision::Remember => self.was_settled(),
        }
    }
}

fn step_on(step: StepName, link: Box<Link>) -> Step {
    match step {
        StepName::Remember => Step::Remember(link),
        StepName::Disable => Step::Disable(link),
        StepName::Deactivate => Step::Deactivate(link),
        StepName::Delete => Step::Delete(link),
        StepName::Update | StepName::Create | StepName::Adopt => Step::Update(link),
    }
}

/// What a resource says, without when and how often that was written.
fn without_meta(resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    resource.remove(&AttributePath::new(AttributeName::META));
    resource
}
