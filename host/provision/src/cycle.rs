//! One run: from the first record of a source to the last deprovisioning.
//!
//! The order is that of RFC 7644's resources and of common sense: records, then the references that had to
//! wait for other records, then those who left. Records stream through with a bounded number under way, so
//! memory does not depend on how many there are. What a run has to know about all of them (which keys it
//! has seen, which references wait) lies on disk, in the state's [`Pass`].

use crate::error::ProvisionError;
use crate::event::{Action, Event, Mode, Observer, RecordEvent, Summary};
use crate::layers::{LayerError, Layered, Layers};
use crate::matching::Claims;
use crate::one::Existing;
use crate::rules::{DeprovisionAction, ResourceRules};
use crate::stop::StopSignal;
use futures::StreamExt;
use futures::future::select;
use jiff::Timestamp;
use scimwright_client::{CallObserver, CallReport, Failure, Kind, Provider, Query};
use scimwright_mapping::{AttributeMap, CallContext, Operation, Outcome, UnresolvedLink};
use scimwright_record::{
    HeldSources, Malformed, ProviderName, Record, RecordKey, RecordSource, Row, SourceError, TenantName,
};
use scimwright_scim::{AttributeName, AttributePath, Desired};
use scimwright_state::{Link, LinkScope, Noted, Pass, RunId, RunKind, RunOutcome, StateError, TenantState};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Brings one resource type at one provider up to date with one source.
pub struct Provisioner {
    /// The tenant on whose behalf.
    pub tenant: TenantName,
    /// The provider's name in the configuration.
    pub provider: ProviderName,
    /// The provider.
    pub target: Provider,
    /// The resource type as the provider describes it, with its schemas, and how the provider treats it.
    pub kind: Kind,
    /// The tenant's memory.
    pub state: TenantState,
    /// The administrator's decisions.
    pub rules: ResourceRules,
    /// The mapping.
    pub layers: Arc<Layers>,
    /// Where the records come from.
    pub source: Arc<dyn RecordSource>,
}

/// What may be different in a single run.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Allows this many deprovisions, whatever the threshold says.
    pub allow_deprovisions: Option<u64>,
    /// Ends the run early: no more records are taken, those under way are settled, nobody is deprovisioned.
    pub stop: StopSignal,
}

/// A run that could not be finished, and how far it came.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Unfinished {
    /// What was done until then.
    pub summary: Summary,
    /// Why it could not go on.
    #[source]
    pub cause: ProvisionError,
}

impl Provisioner {
    /// Runs once. The last event is always [`Event::Finished`].
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
        let began = Instant::now();
        let tally = Tally::new(observer);
        let outcome = self.run_counted(mode, &options, &tally).await;
        let mut summary = tally.summary();
        summary.duration = began.elapsed();
        let outcome = match outcome {
            Ok(run) => match run {
                Some(run) => self.close(run, RunOutcome::Completed, &summary).await,
                None => Ok(()),
            },
            Err((run, cause)) => {
                summary.complete = false;
                if let Some(run) = run {
                    let stopped = matches!(cause, ProvisionError::Stopped);
                    let outcome = if stopped { RunOutcome::Stopped } else { RunOutcome::Failed };
                    // The cause matters more than a state that cannot be written on top of it.
                    let _ = self.close(run, outcome, &summary).await;
                }
                Err(cause)
            }
        };
        observer.observe(&Event::Finished(summary.clone()));
        match outcome {
            Ok(()) => Ok(summary),
            Err(cause) => Err(Box::new(Unfinished { summary, cause })),
        }
    }

    async fn run_counted(
        &self,
        mode: Mode,
        options: &RunOptions,
        tally: &Tally<'_>,
    ) -> Result<Option<RunId>, (Option<RunId>, ProvisionError)> {
        self.check_rules().map_err(|error| (None, error))?;
        // Before anything else: a source without records would never notice.
        self.layers.available().map_err(|error| (None, ProvisionError::ModuleUnavailable(error)))?;
        let scope = self.scope();
        let run = match mode {
            Mode::Plan => None,
            Mode::Sync => Some(
                self.state.begin_run(RunKind::Sync, &scope).await.map_err(|error| (None, error.into()))?,
            ),
        };
        tally.emit(Event::Started {
            mode,
            run: run.map(|run| run.to_string()),
            tenant: self.tenant.clone(),
            provider: self.provider.clone(),
            resource_type: self.rules.resource_type.clone(),
            source: self.source.name().clone(),
        });
        let result = async {
            let cycle = Cycle::begin(self, mode, run, scope, options.stop.clone(), tally).await?;
            let reading = cycle.read_source().await?;
            cycle.fill_in_references().await?;
            cycle.deprovision(&reading, options.allow_deprovisions).await
        };
        match result.await {
            Ok(()) => Ok(run),
            Err(error) => Err((run, error)),
        }
    }

    pub(crate) async fn close(
        &self,
        run: RunId,
        outcome: RunOutcome,
        summary: &Summary,
    ) -> Result<(), ProvisionError> {
        let summary = serde_json::to_value(summary).unwrap_or_default();
        Ok(self.state.finish_run(run, outcome, &summary).await?)
    }

    fn check_rules(&self) -> Result<(), ProvisionError> {
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

    pub(crate) fn scope(&self) -> LinkScope {
        LinkScope { provider: self.provider.clone(), resource_type: self.rules.resource_type.clone() }
    }
}

/// How the reading of a source ended.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Why the end was not reached, if it was not.
    pub(crate) broken_off: Option<SourceError>,
    /// Rows without a readable key: each may be anybody.
    pub(crate) unidentified: u64,
}

/// One run under way.
pub(crate) struct Cycle<'a> {
    pub(crate) provisioner: &'a Provisioner,
    pub(crate) mode: Mode,
    pub(crate) scope: LinkScope,
    pub(crate) pass: Pass,
    /// The provider, through a client whose calls are counted.
    pub(crate) target: Provider,
    /// The run's id; a plan has none.
    pub(crate) run: Option<RunId>,
    /// Records whose creation an earlier run began and never saw the end of.
    pub(crate) unsettled: HashSet<RecordKey>,
    /// The provider had not one resource of this type when the run began, and we had not one link: there is
    /// nothing to match with.
    pub(crate) began_empty: bool,
    pub(crate) tally: &'a Tally<'a>,
    pub(crate) claims: Claims,
    /// What is done where a record has a resource already.
    pub(crate) existing: Existing,
    /// Records whose resource another record of this run claims. Whether they left or were given a new key,
    /// nobody knows, so their resources are left alone.
    contested: Mutex<HashSet<RecordKey>>,
    /// When the run began.
    pub(crate) began: Timestamp,
    /// Told by whoever started the run.
    stop: StopSignal,
    /// Told by a record that could not be mapped because no record can be.
    halt: StopSignal,
    now: String,
    noted: Mutex<BTreeSet<String>>,
    /// The sources that records are looked up in, as they were when the run began.
    _held: HeldSources,
}

impl<'a> Cycle<'a> {
    pub(crate) async fn begin(
        provisioner: &'a Provisioner,
        mode: Mode,
        run: Option<RunId>,
        scope: LinkScope,
        stop: StopSignal,
        tally: &'a Tally<'a>,
    ) -> Result<Self, ProvisionError> {
        let state = &provisioner.state;
        // Before the first record: reading a source may take longer than a module may.
        let held = provisioner.layers.hold(provisioner.source.name()).await;
        for (_, reason) in &held.unavailable {
            let message = format!("{reason}. Records that need it fail");
            tally.emit(Event::Notice { key: None, message });
        }
        let pass = state.begin_pass(&scope).await?;
        let unsettled: HashSet<_> =
            state.intents(&scope).await?.into_iter().map(|intent| intent.key).collect();
        let untouched = unsettled.is_empty() && state.count_links(&scope, None).await? == 0;
        let mut cycle = Self {
            provisioner,
            mode,
            scope,
            pass,
            target: tally.counted(&provisioner.target),
            run,
            unsettled,
            began_empty: false,
            tally,
            claims: Claims::default(),
            existing: Existing::Change,
            contested: Mutex::default(),
            began: Timestamp::now(),
            stop,
            halt: StopSignal::new(),
            now: Timestamp::now().round(jiff::Unit::Second).unwrap_or_else(|_| Timestamp::now()).to_string(),
            noted: Mutex::default(),
            _held: held,
        };
        cycle.began_empty = untouched && cycle.provider_is_empty().await?;
        Ok(cycle)
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

    /// Sends every record of the source on its way, a bounded number at a time.
    async fn read_source(&self) -> Result<Reading, ProvisionError> {
        let mut reading = Reading::default();
        let rows = match self.provisioner.source.read().await {
            Ok(rows) => rows,
            Err(error) => {
                self.source_broke(&error);
                return Ok(Reading { broken_off: Some(error), ..reading });
            }
        };
        let told = select(Box::pin(self.stop.requested()), Box::pin(self.halt.requested()));
        let treated = rows
            .take_until(told)
            .then(|row| self.admit(row))
            .map(|admitted| async {
                match admitted? {
                    Admitted::Record(record) => self.treat_one(record).await.map(|()| Treated::Done),
                    Admitted::Reported => Ok(Treated::Done),
                    Admitted::Unidentified => Ok(Treated::Unidentified),
                    Admitted::BrokenOff(error) => Ok(Treated::BrokenOff(error)),
                }
            })
            .buffered(self.provisioner.rules.concurrency.max(1));
        let mut treated = pin!(treated);
        let mut unavailable = None;
        while let Some(outcome) = treated.next().await {
            match outcome {
                Ok(Treated::Done) => {}
                Ok(Treated::Unidentified) => reading.unidentified += 1,
                Ok(Treated::BrokenOff(error)) => {
                    self.source_broke(&error);
                    reading.broken_off = Some(error);
                }
                // Records that were mapped before it went are settled first.
                Err(ProvisionError::ModuleUnavailable(error)) => {
                    unavailable.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match unavailable {
            Some(error) => Err(ProvisionError::ModuleUnavailable(error)),
            None => self.go_on().map(|()| reading),
        }
    }

    /// Ends the run where it was told to stop.
    pub(crate) fn go_on(&self) -> Result<(), ProvisionError> {
        if self.stop.is_requested() { Err(ProvisionError::Stopped) } else { Ok(()) }
    }

    fn source_broke(&self, error: &SourceError) {
        self.tally.incomplete();
        self.tally.emit(Event::Notice { key: None, message: error.to_string() });
    }

    /// Notes a row's key before anything else, in the order of the source: of two rows with one key the
    /// first counts.
    async fn admit(&self, row: Result<Row, SourceError>) -> Result<Admitted, ProvisionError> {
        let (position, record) = match row {
            Ok(Row::Record(position, record)) => (position, record),
            Ok(Row::Malformed(malformed)) => return self.admit_malformed(malformed).await,
            Err(error) => return Ok(Admitted::BrokenOff(error)),
        };
        match self.pass.note(record.key(), &position.to_string()).await? {
            Noted::First => Ok(Admitted::Record(record)),
            Noted::Duplicate { of } => {
                let reason =
                    format!("{position} has the key of {of} again; the first counts, this one was left out");
                self.fail(record.key(), None, reason);
                Ok(Admitted::Reported)
            }
        }
    }

    async fn admit_malformed(&self, malformed: Malformed) -> Result<Admitted, ProvisionError> {
        let admitted = match &malformed.key {
            // The person is still there, whatever their row looks like.
            Some(key) => {
                self.pass.note(key, &malformed.position.to_string()).await?;
                Admitted::Reported
            }
            None => Admitted::Unidentified,
        };
        self.tally.count(Action::Fail);
        self.tally.emit(Event::Malformed {
            position: malformed.position.to_string(),
            key: malformed.key,
            reason: malformed.message,
        });
        Ok(admitted)
    }

    /// Takes a record all the way that was asked for by its key.
    pub(crate) async fn treat_only(
        mut self,
        record: Record,
        existing: Existing,
    ) -> Result<(), ProvisionError> {
        self.existing = existing;
        self.pass.note(record.key(), "the record that was asked for").await?;
        self.treat_one(record).await?;
        self.fill_in_references().await
    }

    /// Takes one record all the way. That its resource belongs to another record is this record's failure
    /// and nobody else's.
    async fn treat_one(&self, record: Record) -> Result<(), ProvisionError> {
        let key = record.key().clone();
        let outcome = self.treat(record).await;
        self.pass_on_notices();
        match outcome {
            Err(ProvisionError::State(taken @ StateError::ResourceTaken { .. })) => {
                self.fail(&key, None, taken.to_string());
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn treat(&self, record: Record) -> Result<(), ProvisionError> {
        let key = record.key().clone();
        let link = self.provisioner.state.link(&self.scope, &key).await?;
        let layered = match self.map(record, link.is_some()).await? {
            Ok(layered) => layered,
            Err(error) => {
                // Nothing is wrong with the record, and the next one would fare no better.
                if let Some(unavailable) = error.unavailable() {
                    self.halt.request();
                    return Err(ProvisionError::ModuleUnavailable(unavailable));
                }
                self.fail(&key, link.as_ref(), error.to_string());
                return Ok(());
            }
        };
        match layered.outcome {
            Outcome::Provision(attributes) => {
                self.provision(key, link, attributes, &layered.create_only).await
            }
            Outcome::Skip(reason) => self.out_of_scope(&key, link, reason).await,
        }
    }

    /// A record that the mapping put out of scope counts as one that left: if it has a resource, that is
    /// deprovisioned by the same rules.
    async fn out_of_scope(
        &self,
        key: &RecordKey,
        link: Option<Link>,
        reason: String,
    ) -> Result<(), ProvisionError> {
        if link.is_some() {
            self.pass.release(key, &reason).await?;
        }
        self.settled(RecordEvent {
            key: key.clone(),
            action: Action::Skip,
            resource_id: link.map(|link| link.resource_id),
            changes: Vec::new(),
            reason: Some(reason),
            requests: Vec::new(),
        });
        Ok(())
    }

    /// Runs the layers on a thread where waiting hurts nobody.
    async fn map(
        &self,
        record: Record,
        has_link: bool,
    ) -> Result<Result<Layered, LayerError>, ProvisionError> {
        let context = CallContext {
            tenant: self.provisioner.tenant.clone(),
            provider: self.provisioner.provider.clone(),
            resource_type: self.provisioner.rules.resource_type.clone(),
            operation: match (self.mode, has_link) {
                (Mode::Plan, _) => Operation::Preview,
                (Mode::Sync, false) => Operation::Create,
                (Mode::Sync, true) => Operation::Update,
            },
            now: self.now.clone(),
        };
        let layers = Arc::clone(&self.provisioner.layers);
        if layers.columns {
            for (module, field) in layers.missing_fields(&record) {
                self.note_once(format!(
                    "module `{module}` reads the field `{field}`, which source `{}` does not have; to the module it \
                     is empty",
                    self.provisioner.source.name()
                ));
            }
        }
        let began = Instant::now();
        let mapped = tokio::task::spawn_blocking(move || layers.map(&context, &record)).await;
        self.tally.mapped(began.elapsed());
        mapped.map_err(|error| ProvisionError::Worker(error.to_string()))
    }

    /// The attributes as the provider is to have them, and those that wait for another record's resource.
    pub(crate) async fn resolve(
        &self,
        attributes: &AttributeMap,
    ) -> Result<(Desired, Vec<UnresolvedLink>), ProvisionError> {
        let mut ids = HashMap::new();
        for link in attributes.links() {
            let scope = LinkScope {
                provider: self.provisioner.provider.clone(),
                resource_type: link.resource_type.clone(),
            };
            if let Some(found) = self.provisioner.state.link(&scope, &link.key).await? {
                ids.insert(link.clone(), found.resource_id);
            }
        }
        let (desired, unresolved) = attributes.resolve(&mut |link| ids.get(link).cloned());
        let (mut desired, left_out) = self.provisioner.kind.prepare(desired);
        // Once a run, and not once a record.
        left_out.into_iter().for_each(|note| self.note_once(note));
        // A password would be stored with the link and shown in plans.
        if desired.remove(&AttributePath::new(AttributeName::PASSWORD)).is_some() {
            self.note_once("`password` is left out: passwords are not provisioned".to_owned());
        }
        Ok((desired, unresolved))
    }

    fn note_once(&self, message: String) {
        if lock(&self.noted).insert(message.clone()) {
            self.tally.emit(Event::Notice { key: None, message });
        }
    }

    /// Says what was learned about the provider.
    pub(crate) fn pass_on_notices(&self) {
        for notice in self.target.take_notices() {
            self.note_once(format!("`{}`: {notice}", self.provisioner.provider));
        }
    }

    /// Reports what was done for a record.
    pub(crate) fn settled(&self, event: RecordEvent) {
        self.tally.count(event.action);
        self.tally.emit(Event::Record(event));
    }

    /// Notes that another record claims the resource of this one.
    pub(crate) fn contest(&self, owner: &RecordKey) {
        lock(&self.contested).insert(owner.clone());
    }

    /// Whether another record claims the resource of this one.
    pub(crate) fn is_contested(&self, owner: &RecordKey) -> bool {
        lock(&self.contested).contains(owner)
    }

    /// Reports that a record did not work.
    pub(crate) fn fail(&self, key: &RecordKey, link: Option<&Link>, reason: String) {
        self.settled(RecordEvent {
            key: key.clone(),
            action: Action::Fail,
            resource_id: link.map(|link| link.resource_id.clone()),
            changes: Vec::new(),
            reason: Some(reason),
            requests: Vec::new(),
        });
    }
}

/// A row after its key was noted.
enum Admitted {
    Record(Record),
    Reported,
    Unidentified,
    BrokenOff(SourceError),
}

/// A row after everything was done for it.
enum Treated {
    Done,
    Unidentified,
    BrokenOff(SourceError),
}

/// Counts what happens and passes it on.
pub(crate) struct Tally<'a> {
    observer: &'a dyn Observer,
    summary: Mutex<Summary>,
    requests: Arc<Requests>,
}

/// How many requests were sent.
#[derive(Debug, Default)]
struct Requests(AtomicU64);

impl CallObserver for Requests {
    fn called(&self, call: &CallReport, _failure: Option<&Failure>) {
        self.0.fetch_add(u64::from(call.attempts), Ordering::Relaxed);
    }
}

impl<'a> Tally<'a> {
    pub(crate) fn new(observer: &'a dyn Observer) -> Self {
        let summary = Mutex::new(Summary { complete: true, ..Summary::default() });
        Self { observer, summary, requests: Arc::default() }
    }

    pub(crate) fn emit(&self, event: Event) {
        self.observer.observe(&event);
    }

    pub(crate) fn count(&self, action: Action) {
        lock(&self.summary).count(action);
    }

    /// The same provider, with every request counted from now on.
    fn counted(&self, provider: &Provider) -> Provider {
        provider.through(provider.client().clone().observed_by(self.requests.clone()))
    }

    pub(crate) fn held(&self, candidates: u64) {
        lock(&self.summary).held += candidates;
    }

    pub(crate) fn reference_filled_in(&self) {
        lock(&self.summary).references += 1;
    }

    fn incomplete(&self) {
        lock(&self.summary).complete = false;
    }

    fn mapped(&self, took: Duration) {
        lock(&self.summary).mapping += took;
    }

    /// The figures up to now.
    pub(crate) fn summary(&self) -> Summary {
        let requests = self.requests.0.load(Ordering::Relaxed);
        Summary { requests, ..lock(&self.summary).clone() }
    }
}

/// Nothing panics while it holds one of our locks; if something did, the figures are still the best there are.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
