//! A run: one time that a scope was provisioned, from its beginning to how it ended.
//!
//! A run that nobody ended was interrupted. Which of the unended runs is merely still under
//! way is known by the process lock: whoever opens the state for writing marks those that
//! an earlier process left behind.
//!
//! Why a run could not begin, broke off or deprovisioned nobody is written down once, with
//! the run. Whoever asks later why somebody is not there reads it from here.

use crate::error::StateError;
use crate::tenant::{LinkScope, Reading, TenantState, to_millis};
use crate::words::words;
use jiff::Timestamp;
use scimwright_record::{ProviderName, ResourceTypeName};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use std::fmt;
use uuid::Uuid;

/// The word in the file for a run that nobody ended.
const INTERRUPTED: &str = "interrupted";

/// What a run is known by: a UUID of version 7, so that ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Uuid);

impl RunId {
    /// A new id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads an id.
    ///
    /// # Errors
    /// [`InvalidRunId`] when the text is no UUID.
    pub fn parse(text: &str) -> Result<Self, InvalidRunId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidRunId { text: text.chars().take(64).collect() })
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl serde::Serialize for RunId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Text that is not the id of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the id of a run; `scimwright status` lists them")]
pub struct InvalidRunId {
    text: String,
}

words! {
    /// What a run does.
    pub enum RunKind {
        /// Decides and carries out in one pass.
        Sync = "sync",
        /// Provisions a single record.
        Provision = "provision",
        /// Carries out what a plan decided.
        Apply = "apply",
        /// Compares what is at the provider with what is remembered.
        Drift = "drift",
        /// Finds the links again from what is at the provider.
        Rebuild = "rebuild",
    }
}

words! {
    /// How a run ended, as the run itself reports it.
    pub enum RunOutcome {
        /// It did what there was to do, even where single records failed.
        Completed = "completed",
        /// It was told to stop before its end.
        Stopped = "stopped",
        /// It could not go on.
        Failed = "failed",
        /// It could not begin: nothing was read, and nothing was changed.
        NotBegun = "not-begun",
    }
}

/// What a run says of itself at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why it could not begin, or not go on, for a person. Never a secret.
    pub reason: Option<String>,
    /// Why it deprovisioned nobody, where somebody was to be.
    pub held: Option<String>,
    /// Its summary.
    pub summary: serde_json::Value,
}

impl RunReport {
    /// A run that ended so, with nothing more to be said of it.
    #[must_use]
    pub fn new(outcome: RunOutcome, summary: serde_json::Value) -> Self {
        Self { outcome, reason: None, held: None, summary }
    }

    /// The same, for this reason.
    #[must_use]
    pub fn because(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }

    /// The same, with the reason why it deprovisioned nobody.
    #[must_use]
    pub fn holding(self, held: Option<String>) -> Self {
        Self { held, ..self }
    }
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    /// When.
    pub at: Timestamp,
    /// How, as the run reported it.
    pub report: RunReport,
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq)]
pub enum RunProgress {
    /// It is at work, in this process or another.
    UnderWay,
    /// Its process ended before it did.
    Interrupted,
    /// It ended.
    Ended(RunEnd),
}

/// One time that a scope was provisioned.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What it is known by.
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
    /// Where.
    pub scope: LinkScope,
    /// When it began.
    pub started_at: Timestamp,
    /// How far it has come.
    pub progress: RunProgress,
}

impl Run {
    /// What it said of itself at its end, where it has ended.
    #[must_use]
    pub fn report(&self) -> Option<&RunReport> {
        match &self.progress {
            RunProgress::Ended(end) => Some(&end.report),
            RunProgress::UnderWay | RunProgress::Interrupted => None,
        }
    }

    /// Whether it never began, so that it cannot have changed anything.
    #[must_use]
    pub fn never_began(&self) -> bool {
        self.report().is_some_and(|report| report.outcome == RunOutcome::NotBegun)
    }
}

impl TenantState {
    /// Writes down that a run begins.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn begin_run(&self, kind: RunKind, scope: &LinkScope) -> Result<RunId, StateError> {
        const SQL: &str = "INSERT INTO runs (tenant, id, kind, provider, resource_type, started_at) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let run = RunId::generate();
        let mut connection = self.shared.writer("begin a run").await?;
        sqlx::query(SQL)
            .bind(self.tenant())
            .bind(run.to_string())
            .bind(kind.as_str())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(to_millis(Timestamp::now()))
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql("begin a run"))?;
        Ok(run)
    }

    /// Writes down how a run ended, and why.
    ///
    /// # Errors
    /// [`StateError::NoSuchRun`] when the tenant has no such run under way; otherwise [`StateError`]
    /// when the file cannot be written.
    pub async fn finish_run(&self, run: RunId, report: &RunReport) -> Result<(), StateError> {
        const SQL: &str = "UPDATE runs SET ended_at = ?3, outcome = ?4, summary = ?5, reason = ?6, held = ?7 \
                           WHERE tenant = ?1 AND id = ?2 AND outcome IS NULL";
        let mut connection = self.shared.writer("end a run").await?;
        let done = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(run.to_string())
            .bind(to_millis(Timestamp::now()))
            .bind(report.outcome.as_str())
            .bind(report.summary.to_string())
            .bind(&report.reason)
            .bind(&report.held)
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql("end a run"))?;
        match done.rows_affected() {
            0 => Err(StateError::NoSuchRun { path: self.shared.path().to_owned(), run }),
            _ => Ok(()),
        }
    }

    /// Writes down a run that could not begin, and why.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn note_unbegun(
        &self,
        kind: RunKind,
        scope: &LinkScope,
        reason: &str,
    ) -> Result<RunId, StateError> {
        let run = self.begin_run(kind, scope).await?;
        let report = RunReport::new(RunOutcome::NotBegun, serde_json::Value::Null);
        self.finish_run(run, &report.because(Some(reason.to_owned()))).await?;
        Ok(run)
    }

    /// The latest runs, newest first.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn runs(&self, limit: u32) -> Result<Vec<Run>, StateError> {
        const SQL: &str = "SELECT id, kind, provider, resource_type, started_at, ended_at, outcome, summary, \
                           reason, held FROM runs WHERE tenant = ?1 ORDER BY sequence DESC LIMIT ?2";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(i64::from(limit))
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read the runs"))?;
        self.read_runs(&rows)
    }

    /// The latest runs over everybody in one place, newest first: those that brought it up to date or were to, and not
    /// those for a single record.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn runs_over(&self, scope: &LinkScope, limit: u32) -> Result<Vec<Run>, StateError> {
        const SQL: &str = "SELECT id, kind, provider, resource_type, started_at, ended_at, outcome, summary, \
                           reason, held FROM runs WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 \
                           AND kind IN (?4, ?5) ORDER BY sequence DESC LIMIT ?6";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(RunKind::Sync.as_str())
            .bind(RunKind::Apply.as_str())
            .bind(i64::from(limit))
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read the runs"))?;
        self.read_runs(&rows)
    }

    fn read_runs(&self, rows: &[SqliteRow]) -> Result<Vec<Run>, StateError> {
        // Asked after the rows were read: a run that ended meanwhile has let go of the lock.
        let somebody_works = self.shared.is_being_written();
        rows.iter()
            .map(|row| read_run(&Reading { shared: &self.shared, what: "a run", row }, somebody_works))
            .collect()
    }

    /// Removes runs that began before `before`, except for the last one of each kind in each place: what it came to is
    /// what is known of that place. How many there were.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn prune_runs(&self, before: Timestamp) -> Result<u64, StateError> {
        const SQL: &str = "DELETE FROM runs WHERE tenant = ?1 AND started_at < ?2 AND outcome IS NOT NULL \
                           AND EXISTS (SELECT 1 FROM runs AS later WHERE later.tenant = runs.tenant \
                           AND later.provider = runs.provider AND later.resource_type = runs.resource_type \
                           AND later.sequence > runs.sequence AND later.kind = runs.kind)";
        let mut connection = self.shared.writer("prune the runs").await?;
        let done = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(to_millis(before))
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql("prune the runs"))?;
        Ok(done.rows_affected())
    }
}

/// Marks the runs that an earlier process left unended, of all tenants. Only for the holder of the lock.
pub(crate) async fn mark_interrupted(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE runs SET outcome = ?1 WHERE outcome IS NULL")
        .bind(INTERRUPTED)
        .execute(connection)
        .await
        .map(drop)
}

fn read_run(reading: &Reading<'_>, somebody_works: bool) -> Result<Run, StateError> {
    let progress = match reading.get::<Option<&str>>("outcome")? {
        None if somebody_works => RunProgress::UnderWay,
        None | Some(INTERRUPTED) => RunProgress::Interrupted,
        Some(_) => RunProgress::Ended(RunEnd {
            at: reading.moment("ended_at")?,
            report: RunReport {
                outcome: reading.word("outcome", RunOutcome::from_word)?,
                reason: reading.get("reason")?,
                held: reading.get("held")?,
                summary: reading.json("summary")?,
            },
        }),
    };
    Ok(Run {
        id: reading.parse("id", RunId::parse)?,
        kind: reading.word("kind", RunKind::from_word)?,
        scope: LinkScope {
            provider: reading.parse("provider", ProviderName::parse)?,
            resource_type: reading.parse("resource_type", ResourceTypeName::parse)?,
        },
        started_at: reading.moment("started_at")?,
        progress,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StateStore;
    use crate::fixture::{Scratch, scope};
    use serde_json::json;

    #[tokio::test]
    async fn runs_are_listed_newest_first_with_their_summaries() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let first = state.begin_run(RunKind::Sync, &scope()).await.unwrap();
        state.finish_run(first, &RunReport::new(RunOutcome::Completed, json!({"created": 3}))).await.unwrap();
        let second = state.begin_run(RunKind::Sync, &scope()).await.unwrap();

        let runs = state.runs(10).await.unwrap();
        assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [second, first]);
        assert_eq!(runs[0].progress, RunProgress::UnderWay);
        let RunProgress::Ended(end) = &runs[1].progress else { panic!("{runs:?}") };
        assert_eq!(end.report, RunReport::new(RunOutcome::Completed, json!({"created": 3})));
        assert_eq!(state.runs(1).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn why_a_run_did_not_begin_and_whom_it_held_is_known_afterwards() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let elsewhere = LinkScope { provider: "globex".parse().unwrap(), ..scope() };
        let held =
            RunReport::new(RunOutcome::Completed, json!({"held": 4})).holding(Some("4 would go".to_owned()));
        let run = state.begin_run(RunKind::Sync, &scope()).await.unwrap();
        state.finish_run(run, &held).await.unwrap();
        state.note_unbegun(RunKind::Sync, &scope(), "nobody answers").await.unwrap();
        state.note_unbegun(RunKind::Sync, &elsewhere, "no route").await.unwrap();
        state.begin_run(RunKind::Provision, &scope()).await.unwrap();

        let runs = state.runs_over(&scope(), 10).await.unwrap();
        let [unbegun, holding] = <[Run; 2]>::try_from(runs).unwrap();
        assert_eq!(unbegun.report().unwrap().reason.as_deref(), Some("nobody answers"));
        assert!(unbegun.never_began() && !holding.never_began());
        assert_eq!(holding.report(), Some(&held));
    }

    #[tokio::test]
    async fn old_runs_go_but_for_the_last_of_each_kind_and_those_under_way() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let mut ids = Vec::new();
        for kind in [RunKind::Sync, RunKind::Sync, RunKind::Drift] {
            let run = state.begin_run(kind, &scope()).await.unwrap();
            state.finish_run(run, &RunReport::new(RunOutcome::Completed, json!({}))).await.unwrap();
            ids.push(run);
        }
        let under_way = state.begin_run(RunKind::Provision, &scope()).await.unwrap();
        assert_eq!(state.prune_runs(Timestamp::UNIX_EPOCH).await.unwrap(), 0);
        let soon = Timestamp::now() + jiff::SignedDuration::from_secs(1);
        assert_eq!(state.prune_runs(soon).await.unwrap(), 1);
        let left: Vec<_> = state.runs(9).await.unwrap().into_iter().map(|run| run.id).collect();
        assert_eq!(left, [under_way, ids[2], ids[1]]);
    }

    #[tokio::test]
    async fn a_run_ends_once() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let run = state.begin_run(RunKind::Sync, &scope()).await.unwrap();
        let ended = |outcome| RunReport::new(outcome, json!({}));
        state.finish_run(run, &ended(RunOutcome::Failed)).await.unwrap();
        let again = state.finish_run(run, &ended(RunOutcome::Completed)).await.unwrap_err();
        assert!(matches!(again, StateError::NoSuchRun { .. }), "{again}");
    }

    #[tokio::test]
    async fn a_run_is_under_way_while_its_process_lives_and_interrupted_after() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let state = store.tenant(&scimwright_record::TenantName::default());
        state.begin_run(RunKind::Sync, &scope()).await.unwrap();
        let progress = async || {
            let reader = StateStore::open_read_only(&path).await.unwrap();
            reader.tenant(state.name()).runs(1).await.unwrap().remove(0).progress
        };
        assert_eq!(progress().await, RunProgress::UnderWay);

        let name = state.name().clone();
        drop((store, state));
        let reader = StateStore::open_read_only(&path).await.unwrap().tenant(&name);
        assert_eq!(reader.runs(1).await.unwrap()[0].progress, RunProgress::Interrupted);

        // A later process does not take the old run for its own.
        let writer = StateStore::open(&path).await.unwrap().tenant(&name);
        assert_eq!(writer.runs(1).await.unwrap()[0].progress, RunProgress::Interrupted);
    }
}
