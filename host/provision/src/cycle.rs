//! One resource type in a round: what its phases share.
//!
//! Records stream through with a bounded number under way, so memory does not depend on how many there are. What a
//! cycle has to know about all of them (which keys it has seen, who is in which group, which references wait) lies on
//! disk, in the state's [`Pass`].

use crate::absent::Absent;
use crate::error::ProvisionError;
use crate::event::{Action, Event, Mode, RecordEvent};
use crate::matching::Claims;
use crate::members::Membership;
use crate::one::Existing;
use crate::plan::{Plan, PlanFilter, PlanWriter};
use crate::provisioner::{Patience, Provisioner, Reach, RunOptions};
use crate::setback::Setbacks;
use crate::stop::StopSignal;
use crate::tally::{Tally, lock};
use crate::trace::Trace;
use crate::whose::Claimants;
use jiff::Timestamp;
use scimwright_client::{Provider, Query};
use scimwright_record::{HeldSources, ProviderName, RecordKey};
use scimwright_state::{LinkScope, Pass, RunId};
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What the types of a round share: whether links of the provider were forgotten in it, and which records claim whose
/// resources.
#[derive(Debug, Clone, Default)]
pub(crate) struct Common {
    lost_links: Arc<AtomicBool>,
    claimants: Claimants,
}

impl Common {
    /// What was found out when a plan was made.
    pub(crate) fn knowing(plan: &Plan, provider: &ProviderName) -> Self {
        let common = Self::default();
        for found in plan.found.iter().filter(|found| found.scope.provider == *provider) {
            common.claimants.recall(found);
        }
        common
    }
}

/// One resource type under way.
pub(crate) struct Cycle<'a> {
    pub(crate) provisioner: &'a Provisioner,
    pub(crate) mode: Mode,
    reach: Reach,
    lost_links: Arc<AtomicBool>,
    pub(crate) claimants: Claimants,
    /// Records that failed before anybody could tell whose resource is theirs: each may be anybody.
    pub(crate) unclear: AtomicU64,
    pub(crate) patience: Patience,
    /// How many memberships may be taken out, whatever the rules say.
    pub(crate) allow_removals: Option<u64>,
    /// The provider is asked nothing.
    pub(crate) offline: bool,
    pub(crate) scope: LinkScope,
    pub(crate) pass: Pass,
    /// The provider, through a client whose calls are counted.
    pub(crate) target: Provider,
    /// The run's id; a plan has none.
    pub(crate) run: Option<RunId>,
    /// Records whose creation an earlier run began and never saw the end of.
    pub(crate) unsettled: HashSet<RecordKey>,
    /// Which records have a setback.
    pub(crate) setbacks: Setbacks,
    /// How many calls in a row failed through the provider's fault.
    pub(crate) failures: AtomicU32,
    /// The provider had not one resource of this type when the run began, and we had not one link: there is
    /// nothing to match with.
    pub(crate) began_empty: bool,
    pub(crate) tally: &'a Tally<'a>,
    pub(crate) claims: Claims,
    /// What the resources that a plan makes are going to be found by. Its keys are digests of values.
    pub(crate) claimed: Option<Pass>,
    /// How many links this plan is going to make.
    pub(crate) drafted: AtomicU64,
    /// What of a plan somebody wants to see.
    pub(crate) filter: PlanFilter,
    /// Where a plan is written to.
    pub(crate) plan: Option<Arc<PlanWriter>>,
    /// What is done where a record has a resource already.
    pub(crate) existing: Existing,
    /// Fields that scope and dates rest on, and that no record had so far.
    pub(crate) absent: Absent,
    /// Who is in which group, where a source says so.
    pub(crate) membership: Membership,
    /// When the run began.
    pub(crate) began: Timestamp,
    /// Told by whoever started the run.
    pub(crate) stop: StopSignal,
    /// Told by a record that could not be mapped because no record can be.
    pub(crate) halt: StopSignal,
    pub(crate) now: String,
    /// Whoever follows the record step by step.
    pub(crate) trace: Option<Trace>,
    noted: Mutex<BTreeSet<String>>,
    /// The sources that records are looked up in, as they were when the run began.
    _held: HeldSources,
}

impl<'a> Cycle<'a> {
    pub(crate) async fn begin(
        provisioner: &'a Provisioner,
        mode: Mode,
        run: Option<RunId>,
        options: &RunOptions,
        tally: &'a Tally<'a>,
    ) -> Result<Self, ProvisionError> {
        let state = &provisioner.state;
        let scope = provisioner.scope();
        // Before the first record: reading a source may take longer than a module may.
        let held = match mode {
            // Nothing is mapped any more.
            Mode::Apply => HeldSources::default(),
            Mode::Plan | Mode::Sync => provisioner.layers.hold(provisioner.source.name()).await,
        };
        for (_, reason) in &held.unavailable {
            let message = format!("{reason}. Records that need it fail");
            tally.emit(Event::Notice { key: None, message });
        }
        let pass = state.begin_pass(&scope).await?;
        let claimed = match mode {
            Mode::Plan => Some(state.begin_pass(&scope).await?),
            Mode::Sync | Mode::Apply => None,
        };
        let unsettled: HashSet<_> =
            state.intents(&scope).await?.into_iter().map(|intent| intent.key).collect();
        let untouched = unsettled.is_empty() && state.count_links(&scope, None).await? == 0;
        let setbacks = Setbacks::read(state, &scope).await?;
        let reach = provisioner.reach(options).await?;
        let began = Timestamp::now();
        let mut cycle = Self {
            provisioner,
            mode,
            reach,
            lost_links: Arc::default(),
            claimants: Claimants::read(state, &provisioner.provider).await?,
            unclear: AtomicU64::new(0),
            patience: options.patience,
            allow_removals: options.allow_removals,
            offline: options.offline,
            scope,
            pass,
            target: tally.counted(&provisioner.target),
            run,
            unsettled,
            setbacks,
            failures: AtomicU32::new(0),
            began_empty: false,
            tally,
            claims: Claims::default(),
            claimed,
            drafted: AtomicU64::new(0),
            filter: options.filter.clone(),
            plan: options.plan.clone(),
            existing: Existing::Change,
            absent: match provisioner.rules.scope.columns {
                // One that lacks a column fails.
                true => Absent::default(),
                false => Absent::of(provisioner.rules.scope.fields()),
            },
            membership: Membership::None,
            began,
            stop: options.stop.clone(),
            halt: StopSignal::new(),
            now: began.round(jiff::Unit::Second).unwrap_or(began).to_string(),
            trace: None,
            noted: Mutex::default(),
            _held: held,
        };
        if mode != Mode::Apply {
            cycle.membership = cycle.read_membership().await?;
        }
        cycle.began_empty = untouched && !cycle.offline && cycle.provider_is_empty().await?;
        Ok(cycle)
    }

    /// Shares with the other types of a round what concerns them all.
    pub(crate) fn sharing(self, common: &Common) -> Self {
        common.claimants.learn(&self.claimants);
        let Common { lost_links, claimants } = common.clone();
        Self { lost_links, claimants, ..self }
    }

    /// Asks for a single resource. An answer that says there is none spares a search for every record of a
    /// first run; any other answer, errors of the provider included, spares nothing.
    async fn provider_is_empty(&self) -> Result<bool, ProvisionError> {
        let query = Query { count: Some(1), ..Query::default() };
        match self.target.client().query(self.provisioner.kind.resource_type(), &query).await {
            Ok(page) => Ok(page.value.total_results == Some(0) && page.value.resources.is_empty()),
            Err(error) => self.provider_failed(error).map(|_| false),
        }
    }

    /// Which records the cycle looks at. All of them where links were lost: whoever points at a resource that got another
    /// id has to learn of it, and did not change.
    pub(crate) fn reach(&self) -> Reach {
        if self.has_lost_links() { Reach::Full } else { self.reach }
    }

    /// Whether a link of this provider was forgotten in this round.
    pub(crate) fn has_lost_links(&self) -> bool {
        self.lost_links.load(Ordering::Relaxed)
    }

    /// Notes that a link was forgotten.
    pub(crate) fn lost_a_link(&self) {
        self.lost_links.store(true, Ordering::Relaxed);
    }

    /// Ends the run where it was told to stop.
    pub(crate) fn go_on(&self) -> Result<(), ProvisionError> {
        if self.stop.is_requested() { Err(ProvisionError::Stopped) } else { Ok(()) }
    }

    pub(crate) fn note_once(&self, message: String) {
        if lock(&self.noted).insert(message.clone()) {
            self.tally.emit(Event::Notice { key: None, message });
        }
    }

    pub(crate) fn note(&self, key: &RecordKey, message: String) {
        if !self.filter.concerns(key) {
            return;
        }
        self.tally.emit(Event::Notice { key: Some(key.clone()), message });
    }

    /// Says what was learned about the provider.
    pub(crate) fn pass_on_notices(&self) {
        for notice in self.target.take_notices() {
            self.note_once(format!("`{}`: {notice}", self.provisioner.provider));
        }
    }

    /// Reports what was done for a record. Of a plan, what somebody wants to see of it.
    pub(crate) fn settled(&self, event: RecordEvent) {
        let event = RecordEvent { action: self.as_it_ends(event.action), ..event };
        if self.run.is_none() {
            if !self.filter.admits(&event.key, event.action) {
                return;
            }
            if let Some(plan) = &self.plan {
                plan.information(&self.scope, &event);
            }
        }
        self.tally.count(event.action);
        self.tally.emit(Event::Record(event));
    }

    /// What an action comes to: some providers delete what is made inactive.
    pub(crate) fn as_it_ends(&self, action: Action) -> Action {
        match action {
            Action::Disable if self.provisioner.rules.deprovision.disabling_deletes => Action::Delete,
            action => action,
        }
    }
}
