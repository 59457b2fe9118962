//! A damaged state file: finding out, and moving it out of the way.
//!
//! What it remembered is not lost with it. The resources are still at the providers, and `scimwright links rebuild`
//! finds them again by what they are matched by. So a damaged file is never repaired in place, and never deleted:
//! it is set aside, whole, for whoever wants to look at it.

use crate::error::StateError;
use crate::format::{Layout, STEPS};
use crate::store::{StateStore, connect, looks_like_sqlite};
use futures::TryStreamExt;
use jiff::Timestamp;
use scimwright_record::TenantName;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a file while it is open, and after a crash.
const COMPANIONS: [&str; 2] = ["-shm", "-wal"];

impl StateStore {
    /// Reads every page of the state file, and says what is wrong with it: a line for each finding, up to a hundred.
    /// None means that it is sound, as a file is that does not exist yet. Nothing is changed, and another process may
    /// be working on it.
    ///
    /// # Errors
    /// [`StateError::NotOurs`], [`StateError::NewerFormat`] and [`StateError::Open`], as for
    /// [`open`](Self::open); [`StateError::Busy`] where it cannot be read.
    pub async fn verify(path: &Path) -> Result<Vec<String>, StateError> {
        match looks_like_sqlite(path) {
            Ok(true) => {}
            Ok(false) => return Ok(Vec::new()),
            Err(StateError::Corrupt { detail, .. }) => return Ok(vec![detail]),
            Err(error) => return Err(error),
        }
        let checked = match check(path).await {
            Ok(findings) if findings.is_empty() => read_all(path).await.map(|()| findings),
            checked => checked,
        };
        match checked {
            // What a damaged file says first depends on where it is damaged.
            Err(StateError::Corrupt { detail, .. }) => Ok(vec![detail]),
            checked => checked,
        }
    }

    /// Moves the state file, with what SQLite keeps beside it, to a name that says when:
    /// `state.db.damaged-20260301T080000Z`. Where it went.
    ///
    /// # Errors
    /// [`StateError::Held`] while another process works on it; [`StateError::SetAside`] when there is no such file,
    /// or it cannot be moved.
    pub async fn set_aside(path: &Path) -> Result<PathBuf, StateError> {
        let cannot = |cause| StateError::SetAside { path: path.to_owned(), cause };
        // Before the lock: nothing is put into a folder that has no state.
        std::fs::metadata(path).map_err(cannot)?;
        let _lock = Self::lock(path).await?;
        let to = free_name(path, Timestamp::now()).map_err(cannot)?;
        // The file itself comes last: until it is moved, this can be done again.
        for companion in COMPANIONS {
            match std::fs::rename(with_ending(path, companion), with_ending(&to, companion)) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(cannot(cause)),
                _ => {}
            }
        }
        std::fs::rename(path, &to).map_err(cannot)?;
        Ok(to)
    }
}

async fn check(path: &Path) -> Result<Vec<String>, StateError> {
    let mut connection: SqliteConnection =
        connect(SqliteConnectOptions::new().filename(path).read_only(true), path).await?;
    let layout = Layout::read(&mut connection, path, STEPS).await?;
    let findings: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(100)")
        .fetch_all(&mut connection)
        .await
        .map_err(|cause| StateError::from_sql(path, "check the state", cause))?;
    let mut findings: Vec<String> = findings.into_iter().filter(|finding| finding != "ok").collect();
    // SQLite does not know which tables there should be.
    let there: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(&mut connection)
        .await
        .map_err(|cause| StateError::from_sql(path, "check the state", cause))?;
    let missing = layout.tables(STEPS).filter(|table| !there.iter().any(|name| name == table));
    findings.extend(missing.map(|table| format!("there is no table {table}")));
    Ok(findings)
}

/// Reads everything that runs rest on: SQLite does not know what is to stand in a column.
async fn read_all(path: &Path) -> Result<(), StateError> {
    let store = StateStore::open_read_only(path).await?;
    let tenants: Vec<String> = sqlx::query_scalar("SELECT DISTINCT tenant FROM links")
        .fetch_all(&mut *store.shared.reader().await)
        .await
        .map_err(|cause| StateError::from_sql(path, "check the state", cause))?;
    for tenant in tenants {
        let tenant = TenantName::parse(&tenant)
            .map_err(|cause| StateError::unreadable(path, "the tenant of a link", cause))?;
        let state = store.tenant(&tenant);
        state.runs(u32::MAX).await?;
        for scope in state.scopes().await? {
            state.links(&scope).try_for_each(|_| std::future::ready(Ok(()))).await?;
            state.setbacks(&scope, None).try_for_each(|_| std::future::ready(Ok(()))).await?;
            state.intents(&scope).await?;
        }
    }
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn free_name(path: &Path, now: Timestamp) -> std::io::Result<PathBuf> {
    let name = with_ending(path, &format!(".damaged-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    let mut free = name.clone();
    let mut count = 1;
    // Renaming would replace what is there.
    while free.try_exists()? {
        count += 1;
        free = with_ending(&name, &format!("-{count}"));
    }
    Ok(free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scratch, intent, key, link, log_entry, scope};
    use crate::format::migrate;
    use crate::{LinkChange, LogFilter, Settlement, TenantState};
    use sqlx::ConnectOptions;
    use std::time::Duration;

    async fn settle(state: &TenantState, record: &str) -> Result<(), StateError> {
        let link = link(record, record);
        let settlement = Settlement { link: Some(LinkChange::Put(&link)), log: log_entry(record, 1) };
        state.settle(&scope(), &key(record), &settlement).await
    }

    async fn pragma(state: &TenantState, pragma: &'static str) {
        sqlx::raw_sql(pragma).execute(&mut *state.shared.reader().await).await.unwrap();
    }

    /// A closed state with enough links that its pages are many.
    async fn closed() -> (tempfile::TempDir, PathBuf) {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let state = store.tenant(&TenantName::default());
        for number in 0..300 {
            let record = format!("k{number:03}");
            state.write_intent(&scope(), &intent(&record)).await.unwrap();
            state.append_log(&log_entry(&record, number)).await.unwrap();
            state.put_link(&scope(), &link(&record, &record)).await.unwrap();
        }
        store.close().await;
        drop((store, state));
        assert!(!std::fs::exists(with_ending(&path, "-wal")).unwrap(), "the journal was written back");
        (_folder, path)
    }

    /// The error of every way to read and write, where it is one.
    async fn errors(path: &Path) -> Vec<StateError> {
        let store = match StateStore::open(path).await {
            Ok(store) => store,
            Err(error) => return vec![error],
        };
        let state = store.tenant(&TenantName::default());
        let log = LogFilter { limit: 10_000, ..LogFilter::default() };
        let mut errors: Vec<StateError> = Vec::new();
        errors.extend(state.links(&scope()).try_collect::<Vec<_>>().await.err());
        errors.extend(state.links_digest(&scope()).await.err());
        errors.extend(state.intents(&scope()).await.err());
        errors.extend(state.log(&log).await.err());
        for number in 0..300 {
            let record = format!("k{number:03}");
            errors.extend(state.link(&scope(), &key(&record)).await.err());
            errors.extend(settle(&state, &record).await.err());
        }
        errors.extend(settle(&state, "new").await.err());
        errors.extend(state.prune_log(Timestamp::now()).await.err());
        errors
    }

    #[tokio::test]
    async fn damage_anywhere_in_the_file_is_called_damage_with_the_remedy() {
        let (_folder, path) = closed().await;
        let sound = std::fs::read(&path).unwrap();
        assert!(sound.len() > 40 * 4096, "{}", sound.len());
        assert_eq!(StateStore::verify(&path).await.unwrap(), Vec::<String>::new());
        let mut found = 0;
        for page in (1..sound.len() / 4096).step_by(5) {
            let mut bytes = sound.clone();
            bytes[page * 4096..(page + 1) * 4096].fill(0xaa);
            std::fs::write(&path, bytes).unwrap();
            let said = StateStore::verify(&path).await.unwrap();
            assert!(!said.is_empty(), "page {page}");
            for error in errors(&path).await {
                assert!(matches!(error, StateError::Corrupt { .. }), "page {page}: {error:?}");
                let sentence = error.to_string();
                assert!(sentence.contains(&path.display().to_string()), "{sentence}");
                assert!(sentence.contains("--set-aside"), "{sentence}");
                found += 1;
            }
            for companion in COMPANIONS {
                while std::fs::exists(with_ending(&path, companion)).unwrap() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
        assert!(found > 10, "{found}");

        // Cut off in the middle.
        std::fs::write(&path, &sound[..sound.len() / 2]).unwrap();
        assert!(!StateStore::verify(&path).await.unwrap().is_empty());
        let errors = errors(&path).await;
        assert!(!errors.is_empty());
        assert!(errors.iter().all(|error| matches!(error, StateError::Corrupt { .. })), "{errors:?}");
    }

    #[tokio::test]
    async fn a_value_that_nobody_can_read_is_damage_as_well_for_whoever_sets_the_file_aside() {
        let (_folder, path) = closed().await;
        let mut connection = connect(SqliteConnectOptions::new().filename(&path), &path).await.unwrap();
        sqlx::query("UPDATE links SET run = 'x' WHERE key = 'k007'").execute(&mut connection).await.unwrap();
        drop(connection);
        let said = StateStore::verify(&path).await.unwrap();
        assert!(said[0].contains("run of a link"), "{said:?}");
        assert!(errors(&path).await[0].to_string().contains("--set-aside"));
    }

    #[tokio::test]
    async fn a_schema_that_lost_a_table_is_damage_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let mut connection =
            connect(SqliteConnectOptions::new().filename(&path).create_if_missing(true), &path)
                .await
                .unwrap();
        migrate(&mut connection, &path, Layout::Empty, STEPS).await.unwrap();
        assert_eq!(check(&path).await.unwrap(), Vec::<String>::new());
        sqlx::query("DROP TABLE intents").execute(&mut connection).await.unwrap();
        assert_eq!(check(&path).await.unwrap(), ["there is no table intents"]);
        let missing = sqlx::query("SELECT * FROM intents").fetch_all(&mut connection).await.unwrap_err();
        let error = StateError::from_sql(&path, "read intents", missing);
        assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("--set-aside"), "{error}");
    }

    #[tokio::test]
    async fn damage_in_the_header_is_damage_too() {
        let (_folder, path) = closed().await;
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[16..100].fill(0xaa);
        std::fs::write(&path, bytes).unwrap();
        let error = StateStore::open(&path).await.unwrap_err();
        assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
        assert_eq!(StateStore::verify(&path).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_damaged_file_is_set_aside_whole_and_a_new_one_takes_its_place() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let state = store.tenant(&TenantName::default());
        state.put_link(&scope(), &link("jdoe", "2819c")).await.unwrap();
        let held = StateStore::set_aside(&path).await.unwrap_err();
        assert!(matches!(held, StateError::Held { .. }), "{held}");
        store.close().await;
        drop((store, state));
        // What a crash leaves behind goes with it.
        std::fs::write(with_ending(&path, "-wal"), b"").unwrap();
        let before = std::fs::read(&path).unwrap();
        let first = StateStore::set_aside(&path).await.unwrap();
        assert_eq!(std::fs::read(&first).unwrap(), before);
        assert!(with_ending(&first, "-wal").exists());
        assert!(!path.exists() && !with_ending(&path, "-wal").exists());
        let name = first.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("state.db.damaged-2") && name.ends_with('Z'), "{name}");

        let store = StateStore::open(&path).await.unwrap();
        assert_eq!(store.tenant(&TenantName::default()).count_links(&scope(), None).await.unwrap(), 0);
        drop(store);
        let second = StateStore::set_aside(&path).await.unwrap();
        assert_ne!(second, first, "within the same second");
        assert_eq!(std::fs::read(&first).unwrap(), before);
        let absent = StateStore::set_aside(&path).await.unwrap_err();
        assert!(matches!(absent, StateError::SetAside { .. }), "{absent}");
    }

    #[tokio::test]
    async fn a_full_disk_fails_what_has_no_room_and_nothing_else_and_goes_on_once_there_is_some() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        state.write_intent(&scope(), &intent("last")).await.unwrap();
        pragma(&state, "PRAGMA max_page_count = 60").await;
        let mut stored = 0_u64;
        let error = loop {
            let records: Vec<_> = (0..8).map(|number| format!("k{stored}-{number}")).collect();
            let writes = records.iter().map(|record| settle(&state, record));
            let results = futures::future::join_all(writes).await;
            stored += results.iter().filter(|result| result.is_ok()).count() as u64;
            if let Some(error) = results.into_iter().find_map(Result::err) {
                break error;
            }
            assert!(stored < 10_000, "the disk is never full");
        };
        assert!(matches!(error, StateError::Full { .. }), "{error}");
        assert!(error.to_string().contains("Free some space and run again"), "{error}");
        // One link for one line, and the intent still stands.
        let all = LogFilter { limit: 10_000, ..LogFilter::default() };
        assert_eq!(state.count_links(&scope(), None).await.unwrap(), stored);
        assert_eq!(state.log(&all).await.unwrap().len() as u64, stored);
        assert_eq!(state.intents(&scope()).await.unwrap().len(), 1);

        pragma(&state, "PRAGMA max_page_count = 100000").await;
        for number in 0..50 {
            let record = format!("later{number}");
            settle(&state, &record).await.unwrap();
        }
        assert_eq!(state.count_links(&scope(), None).await.unwrap(), stored + 50);
    }

    #[tokio::test]
    async fn a_full_disk_under_the_temporary_files_is_named_as_such() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let pass = state.begin_pass(&scope()).await.unwrap();
        pragma(&state, "PRAGMA temp.max_page_count = 20").await;
        let error = 'full: {
            for number in 0..100_000 {
                if let Err(error) = pass.note(&key(&format!("{number:0100}")), "line 2").await {
                    break 'full error;
                }
            }
            panic!("the disk is never full");
        };
        assert!(matches!(error, StateError::Full { .. }), "{error}");
        assert!(error.to_string().contains("or of the temporary files"), "{error}");
        state.put_link(&scope(), &link("jdoe", "1")).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_another_program_keeps_locked_is_called_busy_until_it_lets_go() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        pragma(&state, "PRAGMA busy_timeout = 20").await;
        let mut other = SqliteConnectOptions::new().filename(&scratch.path).connect().await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let (scope, link) = (scope(), link("jdoe", "1"));
        let intent = intent("asmith");
        let writes = async || {
            let (put, intended, settled, run) = futures::join!(
                state.put_link(&scope, &link),
                state.write_intent(&scope, &intent),
                settle(&state, "bwayne"),
                state.begin_run(crate::RunKind::Sync, &scope),
            );
            [put, intended, settled, run.map(drop)]
        };
        for result in writes().await {
            let error = result.unwrap_err();
            assert!(matches!(error, StateError::Busy { .. }), "{error}");
            assert!(error.to_string().contains("locked by another program"), "{error}");
        }
        assert_eq!(state.count_links(&scope, None).await.unwrap(), 0, "reading goes on");
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        for result in writes().await {
            result.unwrap();
        }
    }

    #[tokio::test]
    async fn a_folder_that_nothing_can_be_written_to_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().join("state.db");
        let mut readable = std::fs::metadata(folder.path()).unwrap().permissions();
        readable.set_readonly(true);
        std::fs::set_permissions(folder.path(), readable).unwrap();
        if std::fs::write(&path, b"").is_ok() {
            // Nothing is forbidden to the superuser, except where the system keeps no files at all.
            path = "/proc/self/state.db".into();
        }
        let error = StateStore::open(&path).await.unwrap_err();
        assert!(matches!(error, StateError::Open { .. }), "{error}");
        assert!(error.to_string().contains("state.db"), "{error}");
        assert!(error.to_string().contains("Check that its folder exists and may be written to"), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_may_only_be_read_fails_every_write_and_says_what_to_check() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        pragma(&state, "PRAGMA query_only = ON").await;
        let error = state.put_link(&scope(), &link("jdoe", "1")).await.unwrap_err();
        assert!(matches!(error, StateError::ReadOnly { .. }), "{error}");
        assert!(error.to_string().contains("permissions"), "{error}");
        assert_eq!(state.count_links(&scope(), None).await.unwrap(), 0);
    }
}
