//! The versions of the file's layout, and the way from each to the next.
//!
//! `PRAGMA application_id` says that a file is ours, `PRAGMA user_version` which layout it
//! has. A layout that was ever released is never edited: a change is a new step at the end
//! of [`STEPS`]. All steps a file needs are taken in one transaction, so it has the old
//! layout or the new one and nothing between.

use crate::error::StateError;
use sqlx::{Connection, Row, SqliteConnection};
use std::path::Path;

/// "SCWR" in ASCII.
pub(crate) const APPLICATION_ID: u32 = 0x5343_5752;

/// Step `n` leads from format `n` to format `n + 1`; format 0 is an empty file.
pub(crate) const STEPS: &[&str] = &[
    LINKS_AND_INTENTS,
    RUNS_AND_LOG,
    MODULES,
    SETBACKS_AND_MARKS,
    PROVIDERS_AS_THEY_ARE,
    TABLES_AND_REASONS,
    WISHES,
];

/// Format 1: what is at the providers, and what may be.
const LINKS_AND_INTENTS: &str = "
CREATE TABLE links (
    tenant        TEXT NOT NULL,
    provider      TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    key           TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    ownership     TEXT NOT NULL,
    standing      TEXT NOT NULL,
    sent          TEXT NOT NULL,
    seen          TEXT NOT NULL,
    version       TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    run           TEXT NOT NULL,
    PRIMARY KEY (tenant, provider, resource_type, key),
    UNIQUE (tenant, provider, resource_type, resource_id)
) STRICT;
CREATE TABLE intents (
    tenant        TEXT NOT NULL,
    provider      TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    key           TEXT NOT NULL,
    operation     TEXT NOT NULL,
    run           TEXT NOT NULL,
    written_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant, provider, resource_type, key)
) STRICT, WITHOUT ROWID;
";

/// Format 2: what was done, and when.
const RUNS_AND_LOG: &str = "
CREATE TABLE runs (
    sequence      INTEGER PRIMARY KEY,
    tenant        TEXT NOT NULL,
    id            TEXT NOT NULL,
    kind          TEXT NOT NULL,
    provider      TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    outcome       TEXT,
    summary       TEXT,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX runs_unfinished ON runs (sequence) WHERE outcome IS NULL;
CREATE TABLE client_log (
    sequence      INTEGER PRIMARY KEY,
    tenant        TEXT NOT NULL,
    run           TEXT,
    request_id    TEXT NOT NULL,
    provider      TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id   TEXT,
    key           TEXT,
    action        TEXT NOT NULL,
    status        TEXT NOT NULL,
    http_status   INTEGER,
    message       TEXT NOT NULL,
    duration_us   INTEGER NOT NULL,
    at            INTEGER NOT NULL
) STRICT;
CREATE INDEX client_log_tenant ON client_log (tenant, sequence);
CREATE INDEX client_log_failures ON client_log (tenant, sequence) WHERE status = 'failure';
CREATE INDEX client_log_key ON client_log (tenant, key, sequence);
CREATE INDEX client_log_age ON client_log (at);
";

/// Format 3: modules in quarantine, and what a running service says of its module files.
const MODULES: &str = "
CREATE TABLE quarantines (
    tenant        TEXT NOT NULL,
    module        TEXT NOT NULL,
    digest        TEXT NOT NULL,
    failures      INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    since         INTEGER NOT NULL,
    until         INTEGER NOT NULL,
    PRIMARY KEY (tenant, module)
) STRICT, WITHOUT ROWID;
CREATE TABLE module_files (
    tenant        TEXT NOT NULL,
    file          TEXT NOT NULL,
    module        TEXT NOT NULL,
    state         TEXT NOT NULL,
    digest        TEXT,
    version       TEXT,
    reason        TEXT,
    serving       TEXT,
    used          INTEGER NOT NULL,
    since         INTEGER NOT NULL,
    PRIMARY KEY (tenant, module, file)
) STRICT, WITHOUT ROWID;
";

/// Format 4: records that wait for another try, how far each scope was read, and what a provider did.
const SETBACKS_AND_MARKS: &str = "
ALTER TABLE links ADD COLUMN fingerprint TEXT;
ALTER TABLE links ADD COLUMN due_at INTEGER;
CREATE INDEX links_due ON links (tenant, provider, resource_type, due_at, key) WHERE due_at IS NOT NULL;
ALTER TABLE client_log ADD COLUMN changes TEXT NOT NULL DEFAULT '[]';
CREATE TABLE setbacks (
    tenant        TEXT NOT NULL,
    provider      TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    key           TEXT NOT NULL,
    kind          TEXT NOT NULL,
    reason        TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    since         INTEGER NOT NULL,
    last          INTEGER NOT NULL,
    next_try      INTEGER,
    fingerprint   TEXT,
    run           TEXT NOT NULL,
    PRIMARY KEY (tenant, provider, resource_type, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX setbacks_due ON setbacks (tenant, provider, resource_type, next_try, key)
    WHERE next_try IS NOT NULL;
CREATE TABLE scope_marks (
    tenant        TEXT NOT NULL,
    provider      TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    watermark     TEXT,
    full_cycle_at INTEGER,
    PRIMARY KEY (tenant, provider, resource_type)
) STRICT, WITHOUT ROWID;
CREATE TABLE providers (
    tenant        TEXT NOT NULL,
    provider      TEXT NOT NULL,
    address       TEXT NOT NULL,
    PRIMARY KEY (tenant, provider)
) STRICT, WITHOUT ROWID;
CREATE TABLE provider_quarantines (
    tenant        TEXT NOT NULL,
    provider      TEXT NOT NULL,
    failures      INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    since         INTEGER NOT NULL,
    until         INTEGER NOT NULL,
    PRIMARY KEY (tenant, provider)
) STRICT, WITHOUT ROWID;
";

/// Format 5: what a provider says about itself, which way to it a quarantine was made for, and references that stay open
/// told from failures.
const PROVIDERS_AS_THEY_ARE: &str = "
CREATE TABLE provider_metadata (
    tenant        TEXT NOT NULL,
    provider      TEXT NOT NULL,
    address       TEXT NOT NULL,
    documents     TEXT NOT NULL,
    read_at       INTEGER NOT NULL,
    PRIMARY KEY (tenant, provider)
) STRICT;
ALTER TABLE provider_quarantines ADD COLUMN access TEXT NOT NULL DEFAULT '';
UPDATE setbacks SET kind = 'open-reference', attempts = 0
    WHERE kind = 'temporary' AND reason LIKE 'points at %; left out for now';
";

/// Format 6: how many memberships a table had, so that one that lost half of them is noticed. Why a run could not
/// begin or go on, and why it deprovisioned nobody.
const TABLES_AND_REASONS: &str = "
ALTER TABLE scope_marks ADD COLUMN memberships INTEGER;
ALTER TABLE runs ADD COLUMN reason TEXT;
ALTER TABLE runs ADD COLUMN held TEXT;
CREATE INDEX runs_scope ON runs (tenant, provider, resource_type, sequence);
CREATE INDEX runs_age ON runs (tenant, started_at);
";

/// Format 7: what a running service is asked by hand.
const WISHES: &str = "
CREATE TABLE services (
    tenant        TEXT NOT NULL PRIMARY KEY,
    since         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE wishes (
    sequence      INTEGER PRIMARY KEY,
    tenant        TEXT NOT NULL,
    id            TEXT NOT NULL,
    wish          TEXT NOT NULL,
    asked_at      INTEGER NOT NULL,
    until         INTEGER NOT NULL,
    seen_at       INTEGER,
    taken_at      INTEGER,
    UNIQUE (tenant, id)
) STRICT;
";

/// What stands in a file that was just opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Nothing yet.
    Empty,
    /// A state of this format version.
    Version(u32),
}

impl Layout {
    /// Reads which layout the open file has.
    ///
    /// # Errors
    /// [`StateError::NotOurs`], [`StateError::NewerFormat`], and what reading may report.
    pub(crate) async fn read(
        connection: &mut SqliteConnection,
        path: &Path,
        steps: &[&'static str],
    ) -> Result<Self, StateError> {
        let sql = |cause| StateError::from_sql(path, "read the format version", cause);
        let application: i64 =
            sqlx::query("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(sql)?.get(0);
        let version: i64 =
            sqlx::query("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(sql)?.get(0);
        let tables: i64 = sqlx::query("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut *connection)
            .await
            .map_err(sql)?
            .get(0);
        if application == 0 && version == 0 && tables == 0 {
            return Ok(Self::Empty);
        }
        if application != i64::from(APPLICATION_ID) {
            let found = "it is a SQLite database of another program".to_owned();
            return Err(StateError::NotOurs { path: path.to_owned(), found });
        }
        let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
        match u32::try_from(version) {
            Ok(found) if found > known => {
                Err(StateError::NewerFormat { path: path.to_owned(), found, known })
            }
            Ok(found) if found > 0 => Ok(Self::Version(found)),
            _ => Err(StateError::unreadable(path, "its format version", format_args!("{version} is none"))),
        }
    }

    /// Whether the file already has the newest layout.
    pub(crate) fn is_newest(self, steps: &[&'static str]) -> bool {
        self.taken() == steps.len()
    }

    /// The tables that a file of this layout has.
    pub(crate) fn tables(self, steps: &[&'static str]) -> impl Iterator<Item = &'static str> {
        let taken = steps.iter().take(self.taken()).copied();
        let made = taken.flat_map(|step| step.split("CREATE TABLE ").skip(1));
        made.filter_map(|rest| rest.split_whitespace().next())
    }

    /// How many steps lie behind.
    fn taken(self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Version(version) => version as usize,
        }
    }
}

/// Takes the steps that `layout` still lacks, all or none.
pub(crate) async fn migrate(
    connection: &mut SqliteConnection,
    path: &Path,
    layout: Layout,
    steps: &[&'static str],
) -> Result<(), StateError> {
    if layout.is_newest(steps) {
        return Ok(());
    }
    let sql = |cause| StateError::from_sql(path, "bring the state to the newest format", cause);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(sql)?;
    for step in steps.iter().skip(layout.taken()) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(sql)?;
    }
    // Both pragmas write into the file's header and are part of the transaction.
    let marks = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}", steps.len());
    sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *transaction).await.map_err(sql)?;
    transaction.commit().await.map_err(sql)
}
