//! The open state file: one connection, one process, everybody's rows.
//!
//! A store that writes holds the process lock for as long as it, or anything made from it,
//! lives. SQLite runs in write-ahead mode with `synchronous = NORMAL`: a process that is
//! killed loses nothing that was committed; a machine that loses power may lose the last
//! moments, never the file's consistency.
//!
//! What several tasks write at the same moment is committed together, and none of them is told of success before
//! that: see the module `write`.
//!
//! One connection behind a mutex is deliberate. SQLite has one writer anyhow, and the
//! temporary tables of a [`Pass`](crate::Pass) are only visible where they were made.

use crate::error::StateError;
use crate::format::{self, Layout, STEPS};
use crate::lock::{ProcessLock, identity, lock_path};
use crate::module;
use crate::pass;
use crate::run;
use crate::tenant::TenantState;
use crate::wish;
use crate::write::Queue;
use scimwright_record::TenantName;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// How SQLite writes. The journal is written back when it has 16 MiB: a page of an index is changed by many transactions,
/// and has to be written back once.
const JOURNAL: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4096;";

/// What SQLite keeps in memory. Ids of resources come in no order, so that each new link changes another page of their
/// index: 8 MiB hold that index for 100,000 links. Passes over large sources belong on disk.
const MEMORY: &str = "PRAGMA cache_size = -8192; PRAGMA temp_store = FILE;";

/// How long a statement waits for another program, such as a backup, to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The open state file. Cheap to clone. [`close`](Self::close) it at the end: with the last clone it is only let go of.
#[derive(Clone)]
pub struct StateStore {
    pub(crate) shared: Arc<Shared>,
}

/// What a store, its tenants and their passes have in common.
pub(crate) struct Shared {
    path: PathBuf,
    // Before the lock, so that the connection closes first.
    connection: Mutex<SqliteConnection>,
    lock: Option<ProcessLock>,
    /// Which file it is.
    identity: Option<(u64, u64)>,
    _scratch: Option<tempfile::TempDir>,
    pub(crate) next_pass: AtomicI64,
    pub(crate) ended_passes: std::sync::Mutex<Vec<i64>>,
    pub(crate) queue: Queue,
    /// Whether somebody is between the begin and the end of a transaction.
    pub(crate) in_transaction: AtomicBool,
}

impl StateStore {
    /// Opens the state for writing: creates the file where there is none, and brings an older format to
    /// the newest.
    ///
    /// # Errors
    /// [`StateError::Held`] when another process has it open for writing; [`StateError::NewerFormat`],
    /// [`StateError::NotOurs`] and [`StateError::Corrupt`] when the file must not be touched;
    /// [`StateError::Open`] when it cannot be opened or created.
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        Self::open_with_steps(path, STEPS).await
    }

    async fn open_with_steps(path: &Path, steps: &[&'static str]) -> Result<Self, StateError> {
        // Before the lock: nothing is put beside a file that is not ours.
        looks_like_sqlite(path)?;
        let mut lock = Self::lock(path).await?;
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = connect(options, path).await?;
        // The journal mode is stored in the file, so a file that is not ours is told apart before.
        let layout = Layout::read(&mut connection, path, steps).await?;
        let sql = |cause| StateError::from_sql(path, "open the state", cause);
        sqlx::raw_sql(JOURNAL).execute(&mut connection).await.map_err(sql)?;
        format::migrate(&mut connection, path, layout, steps).await?;
        if !lock.knows_a_state() {
            // On the disk before it is noted: until then the file may be as empty as SQLite leaves it when it is killed.
            sqlx::raw_sql("PRAGMA wal_checkpoint(FULL)").execute(&mut connection).await.map_err(sql)?;
            lock.note_made()?;
        }
        // The lock is ours, so whoever began these runs is gone.
        run::mark_interrupted(&mut connection).await.map_err(sql)?;
        module::forget_module_files(&mut connection).await.map_err(sql)?;
        wish::forget_wishes(&mut connection, path).await.map_err(sql)?;
        Self::assemble(path, connection, Some(lock), None).await
    }

    /// Takes the lock. Where a service has it, that is said.
    pub(crate) async fn lock(path: &Path) -> Result<ProcessLock, StateError> {
        match ProcessLock::take(path).await {
            Err(StateError::Held { path, holder, .. }) => {
                let is_service = Self::is_served(&path, None).await;
                Err(StateError::Held { path, holder, is_service })
            }
            taken => taken,
        }
    }

    /// Opens the state for reading, also while another process works on it.
    ///
    /// A file that does not exist reads as an empty state and is not created. An older format is read
    /// through a migrated copy in the folder for temporary files; the original stays as it is. SQLite may
    /// leave its two helper files (`-shm`, an empty `-wal`) beside the state, until the next one who writes.
    ///
    /// # Errors
    /// [`StateError::NewerFormat`], [`StateError::NotOurs`], [`StateError::Corrupt`] and
    /// [`StateError::Open`], as for [`open`](Self::open). Writing through a store opened this way is
    /// [`StateError::ReadOnly`].
    pub async fn open_read_only(path: &Path) -> Result<Self, StateError> {
        Self::open_read_only_with_steps(path, STEPS).await
    }

    async fn open_read_only_with_steps(path: &Path, steps: &[&'static str]) -> Result<Self, StateError> {
        if !looks_like_sqlite(path)? {
            return Self::empty(path, steps).await;
        }
        let mut connection =
            connect(SqliteConnectOptions::new().filename(path).read_only(true), path).await?;
        match Layout::read(&mut connection, path, steps).await? {
            Layout::Empty => Self::empty(path, steps).await,
            layout if layout.is_newest(steps) => Self::assemble(path, connection, None, None).await,
            layout => Self::migrated_copy(path, connection, layout, steps).await,
        }
    }

    /// A state without any rows that nothing can be written to.
    async fn empty(path: &Path, steps: &[&'static str]) -> Result<Self, StateError> {
        let mut connection = connect(SqliteConnectOptions::new().in_memory(true), path).await?;
        format::migrate(&mut connection, path, Layout::Empty, steps).await?;
        Self::assemble(path, connection, None, None).await
    }

    async fn migrated_copy(
        path: &Path,
        mut original: SqliteConnection,
        layout: Layout,
        steps: &[&'static str],
    ) -> Result<Self, StateError> {
        let scratch = tempfile::Builder::new()
            .prefix("scimwright-")
            .tempdir()
            .map_err(|cause| StateError::Open { path: std::env::temp_dir(), cause })?;
        let copy = scratch.path().join("state.db");
        sqlx::query("VACUUM INTO ?")
            .bind(copy.to_string_lossy().into_owned())
            .execute(&mut original)
            .await
            .map_err(|cause| StateError::from_sql(path, "copy the state to read its older format", cause))?;
        let mut connection = connect(SqliteConnectOptions::new().filename(&copy), path).await?;
        format::migrate(&mut connection, path, layout, steps).await?;
        Self::assemble(path, connection, None, Some(scratch)).await
    }

    /// A connection that may write, beside the process that holds the lock: for what cannot disturb a run. `None`
    /// where there is no state of the newest format.
    pub(crate) async fn connect_beside(path: &Path) -> Result<Option<SqliteConnection>, StateError> {
        if !looks_like_sqlite(path)? {
            return Ok(None);
        }
        let mut connection = connect(SqliteConnectOptions::new().filename(path), path).await?;
        let layout = Layout::read(&mut connection, path, STEPS).await?;
        Ok(layout.is_newest(STEPS).then_some(connection))
    }

    async fn assemble(
        path: &Path,
        mut connection: SqliteConnection,
        lock: Option<ProcessLock>,
        scratch: Option<tempfile::TempDir>,
    ) -> Result<Self, StateError> {
        sqlx::raw_sql(pass::TABLES)
            .execute(&mut connection)
            .await
            .map_err(|cause| StateError::from_sql(path, "prepare a reading of a source", cause))?;
        let shared = Shared {
            path: path.to_owned(),
            connection: Mutex::new(connection),
            lock,
            identity: std::fs::metadata(path).ok().map(|file| identity(&file)),
            _scratch: scratch,
            next_pass: AtomicI64::new(1),
            ended_passes: std::sync::Mutex::default(),
            queue: Queue::default(),
            in_transaction: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The part of the state that belongs to one tenant.
    #[must_use]
    pub fn tenant(&self, tenant: &TenantName) -> TenantState {
        TenantState::new(Arc::clone(&self.shared), tenant.clone())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Whether a state was in this place and its file is gone, with everything that was known of links: a sentence for
    /// whoever may not know. The lock file outlived it. To be asked before the state is opened, which may make a new one.
    #[must_use]
    pub fn loss(path: &Path) -> Option<String> {
        let is_gone = matches!(
            std::fs::symlink_metadata(path), Err(cause) if cause.kind() == std::io::ErrorKind::NotFound
        );
        let made = if is_gone { ProcessLock::state_made(path)? } else { return None };
        Some(format!(
            "the state file {} was made at {made} and is gone, and all links with it. Without them every resource that \
             is found counts as one that was there before, and is not deprovisioned later on: `scimwright links rebuild \
             --as created` links them again as ours. Where that is as it should be, delete {}",
            path.display(),
            lock_path(path).display()
        ))
    }

    /// Closes the file, for all clones and tenants: what SQLite's journal has is written back, and nothing is left
    /// beside the file but the lock. Whoever only drops the store lets a thread do that, for which a process that ends
    /// does not wait. Nothing can be read or written any more.
    pub async fn close(&self) {
        self.shared.close().await;
    }

    /// The format version that this build writes.
    #[must_use]
    pub fn format_version() -> u32 {
        u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
    }
}

impl fmt::Debug for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateStore")
            .field("path", &self.shared.path)
            .field("writes", &self.shared.lock.is_some())
            .finish()
    }
}

impl Shared {
    /// The connection, for reading and for the temporary tables of a pass.
    pub(crate) async fn reader(&self) -> MutexGuard<'_, SqliteConnection> {
        let mut connection = self.connection.lock().await;
        if self.in_transaction.load(Ordering::Relaxed) {
            // Whoever began it was dropped, with its runtime, before the end.
            self.undo(&mut connection).await;
            self.in_transaction.store(false, Ordering::Relaxed);
        }
        connection
    }

    /// Closes the connection. Those under way with it are waited for.
    pub(crate) async fn close(&self) {
        let mut connection = self.reader().await;
        // A connection is closed by value, so there has to be another one in its place.
        if let Ok(nothing) = SqliteConnectOptions::new().in_memory(true).connect().await {
            // What cannot be written back now stays in the journal, and is by whoever opens the file next.
            drop(std::mem::replace(&mut *connection, nothing).close().await);
        }
    }

    /// Ends a transaction without a trace.
    pub(crate) async fn undo(&self, connection: &mut SqliteConnection) {
        // It fails where SQLite has undone the transaction by itself, or none was begun; both are as wanted.
        drop(sqlx::query("ROLLBACK").execute(connection).await);
    }

    /// The connection, for changing what is kept by a single statement, where nobody does so often.
    /// [`write`](Self::write) is for everything else.
    pub(crate) async fn writer(
        &self,
        doing: &'static str,
    ) -> Result<MutexGuard<'_, SqliteConnection>, StateError> {
        self.may_write(doing)?;
        Ok(self.reader().await)
    }

    /// Whether the state is still the file that was opened, and the lock the one that others would take. Whatever was
    /// written to a file that somebody took away would be lost, and the next process could not know of it.
    pub(crate) fn is_in_place(&self) -> bool {
        let is_there = std::fs::metadata(&self.path).is_ok_and(|file| self.identity == Some(identity(&file)));
        is_there && self.lock.as_ref().is_some_and(ProcessLock::is_in_place)
    }

    /// Whether the store was opened for writing.
    pub(crate) fn opened_for_writing(&self, doing: &'static str) -> Result<(), StateError> {
        match self.lock {
            Some(_) => Ok(()),
            None => Err(StateError::ReadOnly { path: self.path.clone(), doing }),
        }
    }

    /// Whether the store was opened for writing, and what it writes to is still there.
    pub(crate) fn may_write(&self, doing: &'static str) -> Result<(), StateError> {
        self.opened_for_writing(doing)?;
        if self.is_in_place() { Ok(()) } else { Err(self.taken_away(doing)) }
    }

    /// What is said where the file is not in its place any more.
    pub(crate) fn taken_away(&self, doing: &'static str) -> StateError {
        StateError::TakenAway { path: self.path.clone(), doing }
    }

    /// Turns an error of SQLite's into ours, with the file and what was being done.
    pub(crate) fn sql(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> StateError {
        move |cause| StateError::from_sql(&self.path, doing, cause)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a run that has not ended is under way, here or in another process.
    pub(crate) fn is_being_written(&self) -> bool {
        self.lock.is_some() || ProcessLock::is_held(&self.path)
    }
}

pub(crate) async fn connect(
    options: SqliteConnectOptions,
    path: &Path,
) -> Result<SqliteConnection, StateError> {
    let options = options.foreign_keys(true).busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
    let sql = |cause| StateError::from_sql(path, "open the state", cause);
    let mut connection = options.connect().await.map_err(sql)?;
    sqlx::raw_sql(MEMORY).execute(&mut connection).await.map_err(sql)?;
    connection.ping().await.map_err(sql)?;
    Ok(connection)
}

/// Whether there is a file that begins as SQLite's do. An empty one counts as none, as SQLite leaves one when it is
/// killed at its very beginning.
///
/// # Errors
/// [`StateError::NotOurs`] when it begins otherwise, and [`StateError::Corrupt`] when it is empty and was not.
pub(crate) fn looks_like_sqlite(path: &Path) -> Result<bool, StateError> {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    let mut start = Vec::with_capacity(MAGIC.len());
    let opened = match std::fs::File::open(path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        opened => opened,
    };
    opened
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start))
        .map_err(|cause| StateError::Open { path: path.to_owned(), cause })?;
    match start.as_slice() {
        [] => match ProcessLock::state_made(path) {
            None => Ok(false),
            Some(made) => Err(StateError::Corrupt {
                path: path.to_owned(),
                detail: format!(
                    "it is empty, and there was a state in it since {made}; to begin without it, delete it and {}",
                    lock_path(path).display()
                ),
            }),
        },
        start if start == MAGIC => Ok(true),
        _ => Err(StateError::NotOurs { path: path.to_owned(), found: "it is no SQLite database".into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogFilter;
    use crate::fixture::{Scratch, intent, key, link, log_entry, moment, scope, setback};
    use crate::{
        Link, LinkChange, ProviderQuarantine, RunKind, RunOutcome, RunReport, SetbackKind, Settlement,
    };
    use futures::TryStreamExt;

    /// The layout that this build knows, and one step more that rewrites what is there.
    fn steps_of_a_newer_build() -> Vec<&'static str> {
        let renaming = "ALTER TABLE links ADD COLUMN note TEXT NOT NULL DEFAULT 'none';
                        UPDATE links SET note = 'was ' || resource_id;";
        STEPS.iter().copied().chain([renaming]).collect()
    }

    /// A file as the build wrote it that knew so many steps.
    async fn file_of_an_older_build(path: &Path, steps: usize) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = connect(options, path).await.unwrap();
        format::migrate(&mut connection, path, Layout::Empty, &STEPS[..steps]).await.unwrap();
        connection
    }

    async fn scalar(store: &StateStore, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(&mut *store.shared.reader().await).await.unwrap()
    }

    #[tokio::test]
    async fn a_second_process_is_refused_and_told_who_holds_the_state() {
        let scratch = Scratch::open().await;
        let error = StateStore::open(&scratch.path).await.unwrap_err();
        let sentence = error.to_string();
        let expected = format!("is in use by process {} (", std::process::id());
        assert!(sentence.contains(&expected), "{sentence}");

        // A tenant, or a pass, keeps the lock as well as the store does.
        let Scratch { store, path, _folder } = scratch;
        let pass = store.tenant(&TenantName::default()).begin_pass(&scope()).await.unwrap();
        drop(store);
        assert!(matches!(StateStore::open(&path).await, Err(StateError::Held { .. })));
        drop(pass);
        StateStore::open(&path).await.unwrap();
    }

    #[tokio::test]
    async fn a_state_that_is_closed_has_nothing_beside_it_but_its_lock() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let state = store.tenant(&TenantName::default());
        state.put_link(&scope(), &link("a", "1")).await.unwrap();
        assert!(path.with_extension("db-wal").exists());
        store.close().await;
        let left = std::fs::read_dir(_folder.path()).unwrap();
        let mut left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["state.db", "state.db.lock"]);
        assert!(state.link(&scope(), &key("a")).await.is_err(), "it is closed for everybody");
        drop((store, state));
        let again = StateStore::open(&path).await.unwrap().tenant(&TenantName::default());
        assert!(again.link(&scope(), &key("a")).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn an_empty_file_is_a_new_state_only_where_there_never_was_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        // As SQLite leaves it when it is killed at its very beginning.
        std::fs::write(&path, "").unwrap();
        assert_eq!(StateStore::loss(&path), None);
        assert!(StateStore::verify(&path).await.unwrap().is_empty());
        drop(StateStore::open(&path).await.unwrap());
        // The mark outlives the processes that hold the lock one after the other.
        drop(StateStore::open(&path).await.unwrap());

        std::fs::write(&path, "").unwrap();
        for error in
            [StateStore::open(&path).await.unwrap_err(), StateStore::open_read_only(&path).await.unwrap_err()]
        {
            assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
            assert!(
                error.to_string().contains("it is empty, and there was a state in it since 20"),
                "{error}"
            );
        }
        assert_eq!(StateStore::verify(&path).await.unwrap().len(), 1);
        StateStore::set_aside(&path).await.unwrap();
        let loss = StateStore::loss(&path).unwrap();
        assert!(loss.contains("is gone, and all links with it"), "{loss}");
        drop(StateStore::open(&path).await.unwrap());
        assert_eq!(StateStore::loss(&path), None);

        // Whoever says so begins anew.
        for name in ["state.db", "state.db.lock"] {
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
        assert_eq!(StateStore::loss(&path), None);
    }

    #[tokio::test]
    async fn a_file_that_is_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let garbage = folder.path().join("people.csv");
        std::fs::write(&garbage, "id,name\n1,Zoë\n").unwrap();
        for error in [
            StateStore::open(&garbage).await.unwrap_err(),
            StateStore::open_read_only(&garbage).await.unwrap_err(),
        ] {
            assert!(matches!(error, StateError::NotOurs { .. }), "{error}");
        }
        assert_eq!(std::fs::read(&garbage).unwrap(), "id,name\n1,Zoë\n".as_bytes());

        let foreign = folder.path().join("other.db");
        let options = SqliteConnectOptions::new().filename(&foreign).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql("CREATE TABLE songs (title TEXT)").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let before = std::fs::read(&foreign).unwrap();
        let error = StateStore::open(&foreign).await.unwrap_err();
        assert!(error.to_string().contains("a SQLite database of another program"), "{error}");
        assert_eq!(std::fs::read(&foreign).unwrap(), before);
    }

    #[tokio::test]
    async fn a_damaged_file_is_called_damaged() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let state = store.tenant(&TenantName::default());
        for number in 0..200 {
            state.put_link(&scope(), &link(&format!("k{number}"), &format!("r{number}"))).await.unwrap();
        }
        store.close().await;
        drop((store, state));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096..].fill(0xaa);
        std::fs::write(&path, bytes).unwrap();
        let error = match StateStore::open(&path).await {
            Err(error) => error,
            Ok(store) => {
                let state = store.tenant(&TenantName::default());
                state.links(&scope()).try_collect::<Vec<_>>().await.unwrap_err()
            }
        };
        assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_newer_format_is_refused_by_readers_and_writers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        drop(StateStore::open_with_steps(&path, &steps_of_a_newer_build()).await.unwrap());
        let known = StateStore::format_version();
        for error in
            [StateStore::open(&path).await.unwrap_err(), StateStore::open_read_only(&path).await.unwrap_err()]
        {
            let expected =
                format!("has format {}, and this scimwright knows formats up to {known}", known + 1);
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }

    #[tokio::test]
    async fn an_older_format_is_migrated_with_its_data() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let name = TenantName::default();
        let old = link("jdoe", "2819c");
        store.tenant(&name).put_link(&scope(), &old).await.unwrap();
        drop(store);

        let newer = steps_of_a_newer_build();
        let store = StateStore::open_with_steps(&path, &newer).await.unwrap();
        assert_eq!(store.tenant(&name).link(&scope(), &key("jdoe")).await.unwrap(), Some(old));
        assert_eq!(scalar(&store, "SELECT note FROM links").await, "was 2819c");
        let version = sqlx::query_scalar::<_, i64>("PRAGMA user_version");
        let version = version.fetch_one(&mut *store.shared.reader().await).await.unwrap();
        assert_eq!(usize::try_from(version).unwrap(), newer.len());
    }

    #[tokio::test]
    async fn the_first_format_is_brought_to_the_present_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let name = TenantName::default();
        let old = Link { fingerprint: None, ..link("jdoe", "2819c") };
        let mut connection = file_of_an_older_build(&path, 1).await;
        sqlx::query("INSERT INTO links VALUES (?, 'acme', 'User', 'jdoe', '2819c', 'created', 'active', ?, ?, ?, ?, ?, ?)")
            .bind(name.as_str())
            .bind(serde_json::to_string(&old.sent).unwrap())
            .bind(serde_json::to_string(&old.seen).unwrap())
            .bind(&old.version)
            .bind(old.created_at.as_millisecond())
            .bind(old.updated_at.as_millisecond())
            .bind(old.run.to_string())
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        let state = StateStore::open(&path).await.unwrap().tenant(&name);
        assert_eq!(state.link(&scope(), &key("jdoe")).await.unwrap(), Some(old));
        state.append_log(&log_entry("jdoe", 1)).await.unwrap();
        state.begin_run(RunKind::Sync, &scope()).await.unwrap();
        assert_eq!(state.quarantines().await.unwrap(), []);
    }

    #[tokio::test]
    async fn the_second_format_gets_room_for_modules_and_keeps_its_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let name = TenantName::default();
        {
            let connection = file_of_an_older_build(&path, 2).await;
            let lock = ProcessLock::take(&path).await.unwrap();
            let store = StateStore::assemble(&path, connection, Some(lock), None).await.unwrap();
            let state = store.tenant(&name);
            let run = state.begin_run(RunKind::Sync, &scope()).await.unwrap();
            let ended =
                "UPDATE runs SET ended_at = 1772000000000, outcome = 'completed', summary = '{\"created\":1}'
                         WHERE id = ?";
            let mut connection = store.shared.reader().await;
            sqlx::query(ended).bind(run.to_string()).execute(&mut *connection).await.unwrap();
        }
        // A hand that lifts a quarantine brings it to the present format as well.
        let module = scimwright_record::ModuleName::parse("corp-user").unwrap();
        assert!(!StateStore::lift_quarantine(&path, &name, &module).await.unwrap());
        let state = StateStore::open(&path).await.unwrap().tenant(&name);
        let runs = state.runs(5).await.unwrap();
        let report = RunReport::new(RunOutcome::Completed, serde_json::json!({"created": 1}));
        assert_eq!(runs[0].report(), Some(&report), "which knows no reason");
        assert_eq!(runs.len(), 1);
        assert_eq!(state.quarantines().await.unwrap(), []);
        assert_eq!(state.module_files().await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_third_format_gets_room_for_setbacks_and_keeps_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let mut connection = file_of_an_older_build(&path, 3).await;
        let row =
            "INSERT INTO client_log VALUES (1, 'default', NULL, 'r1', 'acme', 'User', NULL, 'jdoe', 'create',
                   'success', 201, 'created', 5, 1772000000000);";
        sqlx::raw_sql(row).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();

        // Through a copy, then in place.
        for store in [StateStore::open_read_only(&path).await, StateStore::open(&path).await] {
            let state = store.unwrap().tenant(&TenantName::default());
            let [entry] = <[_; 1]>::try_from(state.log(&LogFilter::default()).await.unwrap()).unwrap();
            assert_eq!((entry.request_id.as_str(), entry.changes.as_slice()), ("r1", [].as_slice()));
            let changes = state.last_changes(&scope(), &key("jdoe")).await.unwrap();
            assert_eq!(changes.into_iter().map(|change| change.at).collect::<Vec<_>>(), [moment(0)]);
        }
        let state = StateStore::open(&path).await.unwrap().tenant(&TenantName::default());
        state.put_setback(&scope(), &setback("jdoe", SetbackKind::Permanent, None)).await.unwrap();
        state.set_watermark(&scope(), Some("17")).await.unwrap();
        assert_eq!(state.provider_quarantines().await.unwrap(), []);
    }

    #[tokio::test]
    async fn the_fourth_format_gets_quarantines_bound_to_no_address_and_open_references_that_are_no_failures()
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let mut connection = file_of_an_older_build(&path, 4).await;
        let rows = "INSERT INTO provider_quarantines VALUES ('default', 'acme', 3, '503', 0, 9);
                    INSERT INTO setbacks VALUES
                    ('default', 'acme', 'User', 'open', 'temporary', 'points at User E9 (manager), which has no resource; \
                    left out for now', 1, 0, 0, 0, NULL, '0195a1b2-0000-7000-8000-000000000000'),
                    ('default', 'acme', 'User', 'shut', 'temporary', '503', 1, 0, 0, 0, NULL,
                    '0195a1b2-0000-7000-8000-000000000000');";
        sqlx::raw_sql(rows).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let state = StateStore::open(&path).await.unwrap().tenant(&TenantName::default());
        assert_eq!(state.provider_quarantine(&scope().provider).await.unwrap().unwrap().access, "");
        let kind = async |record: &str| state.setback(&scope(), &key(record)).await.unwrap().unwrap().kind;
        assert_eq!(kind("open").await, SetbackKind::OpenReference);
        assert_eq!(kind("shut").await, SetbackKind::Temporary);
    }

    #[tokio::test]
    async fn a_step_that_fails_leaves_the_older_format_as_it_was() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let name = TenantName::default();
        store.tenant(&name).put_link(&scope(), &link("jdoe", "2819c")).await.unwrap();
        drop(store);
        let broken: Vec<_> =
            STEPS.iter().copied().chain(["DELETE FROM links; SELECT * FROM no_such_table;"]).collect();
        StateStore::open_with_steps(&path, &broken).await.unwrap_err();
        let state = StateStore::open(&path).await.unwrap().tenant(&name);
        assert_eq!(state.count_links(&scope(), None).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn an_older_format_is_read_through_a_copy_and_stays_as_it_is() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let name = TenantName::default();
        store.tenant(&name).put_link(&scope(), &link("jdoe", "2819c")).await.unwrap();
        drop(store);
        let newer = steps_of_a_newer_build();
        let reader = StateStore::open_read_only_with_steps(&path, &newer).await.unwrap();
        assert_eq!(scalar(&reader, "SELECT note FROM links").await, "was 2819c");
        let refused = reader.tenant(&name).put_link(&scope(), &link("x", "1")).await.unwrap_err();
        assert!(matches!(refused, StateError::ReadOnly { .. }), "{refused}");
        // This build still opens it, so the format was not raised.
        StateStore::open(&path).await.unwrap();
    }

    #[tokio::test]
    async fn a_state_that_does_not_exist_reads_as_empty_and_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let state = StateStore::open_read_only(&path).await.unwrap().tenant(&TenantName::default());
        assert_eq!(state.count_links(&scope(), None).await.unwrap(), 0);
        assert_eq!(state.runs(5).await.unwrap(), []);
        state.begin_pass(&scope()).await.unwrap().note(&key("a"), "line 2").await.unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_does_not_exist_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent").join("state.db");
        let error = StateStore::open(&path).await.unwrap_err();
        assert!(matches!(error, StateError::Open { .. }), "{error}");
        assert!(error.to_string().contains("absent"), "{error}");
    }

    #[tokio::test]
    async fn one_tenant_never_sees_anything_of_another() {
        let scratch = Scratch::open().await;
        let ours = scratch.store.tenant(&TenantName::parse("ours").unwrap());
        let theirs = scratch.store.tenant(&TenantName::parse("theirs").unwrap());
        let (acme, later) = (scope().provider, moment(9_999));
        let due = Link { due_at: Some(moment(0)), ..link("jdoe", "2819c") };
        theirs.put_link(&scope(), &due).await.unwrap();
        let blocked = setback("blocked", SetbackKind::Skipped, Some(0));
        theirs.put_setback(&scope(), &blocked).await.unwrap();
        theirs.set_watermark(&scope(), Some("17")).await.unwrap();
        theirs.set_full_cycle_at(&scope(), moment(0)).await.unwrap();
        theirs.set_provider_address(&acme, "https://acme.example").await.unwrap();
        let held = ProviderQuarantine {
            access: "5ac4".into(),
            failures: 1,
            reason: "503".into(),
            since: later,
            until: later,
        };
        theirs.put_provider_quarantine(&acme, &held).await.unwrap();
        let said = crate::ProviderMetadata {
            address: "https://acme.example".into(),
            documents: serde_json::json!({}),
            read_at: later,
        };
        theirs.set_provider_metadata(&acme, &said).await.unwrap();
        theirs.write_intent(&scope(), &intent("asmith")).await.unwrap();
        theirs.append_log(&log_entry("jdoe", 1)).await.unwrap();
        let run = theirs.begin_run(RunKind::Sync, &scope()).await.unwrap();
        let their_pass = theirs.begin_pass(&scope()).await.unwrap();
        their_pass.note(&key("noted"), "line 2").await.unwrap();
        their_pass.defer(&key("noted"), &serde_json::json!(1)).await.unwrap();
        their_pass.note_member(&key("noted"), &scope().resource_type, &key("jdoe"), None).await.unwrap();

        // Every way to read.
        assert_eq!(ours.link(&scope(), &key("jdoe")).await.unwrap(), None);
        assert_eq!(ours.link_by_resource(&scope(), "2819c").await.unwrap(), None);
        assert_eq!(ours.links(&scope()).try_collect::<Vec<_>>().await.unwrap(), []);
        assert_eq!(ours.count_links(&scope(), None).await.unwrap(), 0);
        assert_eq!(ours.intents(&scope()).await.unwrap(), []);
        assert_eq!(ours.log(&LogFilter::default()).await.unwrap(), []);
        assert_eq!(ours.runs(10).await.unwrap(), []);
        let pass = ours.begin_pass(&scope()).await.unwrap();
        assert!(!pass.contains(&key("noted")).await.unwrap());
        assert_eq!(pass.count_noted().await.unwrap(), 0);
        assert_eq!(pass.count_released().await.unwrap(), 0);
        assert_eq!(pass.leavers(true).try_collect::<Vec<_>>().await.unwrap(), []);
        assert_eq!(pass.leavers(false).try_collect::<Vec<_>>().await.unwrap(), []);
        assert_eq!(pass.count_members().await.unwrap(), 0);
        assert_eq!(pass.members(&key("noted"), None, 9).await.unwrap(), []);
        assert_eq!(ours.links_due(&scope(), later).try_collect::<Vec<_>>().await.unwrap(), []);
        assert_eq!(ours.links_digest(&scope()).await.unwrap().count, 0);
        assert_eq!(ours.setback(&scope(), &key("blocked")).await.unwrap(), None);
        assert_eq!(ours.setbacks(&scope(), None).try_collect::<Vec<_>>().await.unwrap(), []);
        assert_eq!(ours.setbacks_due(&scope(), later).try_collect::<Vec<_>>().await.unwrap(), []);
        assert_eq!(ours.count_setbacks(&scope()).await.unwrap(), []);
        assert_eq!(ours.scopes().await.unwrap(), []);
        assert_eq!(ours.scopes_of(&key("jdoe")).await.unwrap(), []);
        assert_eq!(ours.last_changes(&scope(), &key("jdoe")).await.unwrap(), []);
        assert_eq!(ours.watermark(&scope()).await.unwrap(), None);
        assert_eq!(ours.full_cycle_at(&scope()).await.unwrap(), None);
        assert_eq!(ours.provider_address(&acme).await.unwrap(), None);
        assert_eq!(ours.provider_quarantine(&acme).await.unwrap(), None);
        assert_eq!(ours.provider_metadata(&acme).await.unwrap(), None);
        assert_eq!(ours.provider_quarantines().await.unwrap(), []);
        assert_eq!(pass.deferred().try_collect::<Vec<_>>().await.unwrap(), []);

        // Every way to change.
        assert!(!ours.forget_link(&scope(), &key("jdoe")).await.unwrap());
        let forgotten = Settlement { link: Some(LinkChange::Forget), log: log_entry("asmith", 2) };
        ours.settle(&scope(), &key("jdoe"), &forgotten).await.unwrap();
        ours.settle(&scope(), &key("asmith"), &forgotten).await.unwrap();
        ours.put_link(&scope(), &link("other", "2819c")).await.unwrap();
        assert!(!ours.clear_setback(&scope(), &key("blocked")).await.unwrap());
        ours.settle(&scope(), &key("blocked"), &Settlement { link: None, log: log_entry("blocked", 3) })
            .await
            .unwrap();
        assert_eq!(pass.forget_setbacks().await.unwrap(), 0);
        ours.set_watermark(&scope(), None).await.unwrap();
        ours.set_full_cycle_at(&scope(), later).await.unwrap();
        ours.set_provider_address(&acme, "https://elsewhere.example").await.unwrap();
        assert!(!ours.lift_provider_quarantine(&acme).await.unwrap());
        ours.prune_log(jiff::Timestamp::now()).await.unwrap();
        let foreign = ours
            .finish_run(run, &RunReport::new(RunOutcome::Completed, serde_json::json!({})))
            .await
            .unwrap_err();
        assert!(matches!(foreign, StateError::NoSuchRun { .. }), "{foreign}");

        assert_eq!(theirs.link_by_resource(&scope(), "2819c").await.unwrap().unwrap().key, key("jdoe"));
        assert_eq!(theirs.intents(&scope()).await.unwrap().len(), 1);
        assert_eq!(theirs.log(&LogFilter::default()).await.unwrap().len(), 1);
        assert_eq!(theirs.setback(&scope(), &key("blocked")).await.unwrap(), Some(blocked));
        assert_eq!(theirs.watermark(&scope()).await.unwrap().as_deref(), Some("17"));
        assert_eq!(theirs.full_cycle_at(&scope()).await.unwrap(), Some(moment(0)));
        let address = theirs.provider_address(&acme).await.unwrap();
        assert_eq!(address.as_deref(), Some("https://acme.example"));
        assert_eq!(theirs.provider_quarantine(&acme).await.unwrap(), Some(held));
        theirs.finish_run(run, &RunReport::new(RunOutcome::Completed, serde_json::json!({}))).await.unwrap();
    }
}
