//! A run: one time that a scope was provisioned, from its beginning to how it ended.
//!
//! A run that nobody ended was interrupted. Which of the unended runs is merely still under
//! way is known by the process lock: whoever opens the state for writing marks those that
//! an earlier process left behind.

use crate::error::StateError;
use crate::tenant::{LinkScope, Reading, TenantState, to_millis};
use crate::words::words;
use jiff::Timestamp;
use scimwright_record::{ProviderName, ResourceTypeName};
use sqlx::SqliteConnection;
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
    }
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: RunOutcome,
    /// The run's summary, as it reported it.
    pub summary: serde_json::Value,
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

    /// Writes down how a run ended, with its summary.
    ///
    /// # Errors
    /// [`StateError::NoSuchRun`] when the tenant has no such run under way; otherwise [`StateError`]
    /// when the file cannot be written.
    pub async fn finish_run(
        &self,
        run: RunId,
        outcome: RunOutcome,
        summary: &serde_json::Value,
    ) -> Result<(), StateError> {
        const SQL: &str = "UPDATE runs SET ended_at = ?3, outcome = ?4, summary = ?5 \
                           WHERE tenant = ?1 AND id = ?2 AND outcome IS NULL";
        let mut connection = self.shared.writer("end a run").await?;
        let done = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(run.to_string())
            .bind(to_millis(Timestamp::now()))
            .bind(outcome.as_str())
            .bind(summary.to_string())
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql("end a run"))?;
        match done.rows_affected() {
            0 => Err(StateError::NoSuchRun { path: self.shared.path().to_owned(), run }),
            _ => Ok(()),
        }
    }

    /// The latest runs, newest first.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn runs(&self, limit: u32) -> Result<Vec<Run>, StateError> {
        const SQL: &str = "SELECT id, kind, provider, resource_type, started_at, ended_at, outcome, summary \
                           FROM runs WHERE tenant = ?1 ORDER BY sequence DESC LIMIT ?2";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(i64::from(limit))
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read the runs"))?;
        // Asked after the rows were read: a run that ended meanwhile has let go of the lock.
        let somebody_works = self.shared.is_being_written();
        rows.iter()
            .map(|row| read_run(&Reading { shared: &self.shared, what: "a run", row }, somebody_works))
            .collect()
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
            outcome: reading.word("outcome", RunOutcome::from_word)?,
            summary: reading.json("summary")?,
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
        state.finish_run(first, RunOutcome::Completed, &json!({"created": 3})).await.unwrap();
        let second = state.begin_run(RunKind::Sync, &scope()).await.unwrap();

        let runs = state.runs(10).await.unwrap();
        assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [second, first]);
        assert_eq!(runs[0].progress, RunProgress::UnderWay);
        let RunProgress::Ended(end) = &runs[1].progress else { panic!("{runs:?}") };
        assert_eq!((end.outcome, &end.summary), (RunOutcome::Completed, &json!({"created": 3})));
        assert_eq!(state.runs(1).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_run_ends_once() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let run = state.begin_run(RunKind::Sync, &scope()).await.unwrap();
        state.finish_run(run, RunOutcome::Failed, &json!({})).await.unwrap();
        let again = state.finish_run(run, RunOutcome::Completed, &json!({})).await.unwrap_err();
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
