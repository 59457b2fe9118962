//! Wishes: what is asked of a running service by somebody who cannot do it, because the service holds the state.
//!
//! It is the way on which a quarantine is lifted by hand: a row, written beside the service, which looks again and again.
//! So whoever may write to the state file may ask, and nobody else. The answer is a file beside the state, a line for
//! each thing that is said; the owner alone can read it.
//!
//! A wish must not outlive those whom it is between. It is taken before anything is done, and only once. Whoever opens
//! the state for writing forgets all wishes: the service that they were meant for is gone, and what it had begun is not
//! begun again. And a wish counts only as long as somebody waits for it, who says so every few seconds.

use crate::error::StateError;
use crate::lock::ProcessLock;
use crate::store::StateStore;
use crate::tenant::{TenantState, to_millis};
use jiff::Timestamp;
use scimwright_record::TenantName;
use sqlx::{Connection, Row, SqliteConnection};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How long a wish counts after whoever waits for it was last heard of.
const LEASE: Duration = Duration::from_secs(60);

/// How often it is said that somebody waits.
const RENEWAL: Duration = Duration::from_secs(5);

/// The longest wish that is read.
const MAX_BYTES: usize = 64 * 1024;

/// The most wishes that are looked at together.
const MOST: i64 = 100;

/// What a wish is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WishId(Uuid);

impl fmt::Display for WishId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What somebody asks of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What it is known by.
    pub id: WishId,
    /// The wish itself, in words that the one who asks and the service agree on.
    pub text: String,
}

/// What waits for the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wishes {
    /// The wishes, in the order in which they were asked.
    pub waiting: Vec<Wish>,
    /// What stood among them and is none: why not. It is gone.
    pub junk: Vec<String>,
}

/// How far the service is with a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WishStanding {
    /// The service has not noticed it yet.
    Unseen,
    /// The service has noticed it, and will begin when it can.
    Waiting,
    /// The service has begun.
    Taken,
    /// There is no such wish, or no service that it could be asked of.
    Gone,
}

impl TenantState {
    /// Says that this process takes wishes, for as long as it has the state.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn attend_wishes(&self) -> Result<(), StateError> {
        const DOING: &str = "say that wishes are taken";
        sqlx::query("INSERT OR REPLACE INTO services (tenant, since) VALUES (?1, ?2)")
            .bind(self.tenant())
            .bind(to_millis(Timestamp::now()))
            .execute(&mut *self.shared.writer(DOING).await?)
            .await
            .map(drop)
            .map_err(self.shared.sql(DOING))
    }

    /// The wishes that were not taken yet. From now on they count as noticed. What nobody waits for any more is
    /// forgotten.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read or written.
    pub async fn wishes(&self) -> Result<Wishes, StateError> {
        const DOING: &str = "look for wishes";
        // As bytes: what anybody wrote there must not break the reading.
        const SQL: &str = "SELECT sequence, CAST(id AS BLOB) AS id, length(CAST(wish AS BLOB)) AS bytes, \
                           CAST(substr(wish, 1, ?2) AS BLOB) AS wish, until, taken_at, seen_at \
                           FROM wishes WHERE tenant = ?1 ORDER BY sequence LIMIT ?3";
        let mut connection = self.shared.writer(DOING).await?;
        let sql = self.shared.sql(DOING);
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(i64::try_from(MAX_BYTES).unwrap_or(i64::MAX))
            .bind(MOST)
            .fetch_all(&mut *connection)
            .await
            .map_err(&sql)?;
        let mut found = Wishes::default();
        for row in rows {
            let sequence: i64 = row.get("sequence");
            let id = String::from_utf8_lossy(row.get("id")).into_owned();
            let id = Uuid::try_parse(&id).map(WishId).map_err(|_| {
                format!("its id is {:?}, which is none", id.chars().take(64).collect::<String>())
            });
            let size: i64 = row.get("bytes");
            let text = match usize::try_from(size) {
                Ok(size) if size <= MAX_BYTES => {
                    String::from_utf8(row.get("wish")).map_err(|_| "it is not text in UTF-8".to_owned())
                }
                _ => Err(format!("it has {size} bytes")),
            };
            let is_awaited = row.get::<i64, _>("until") > to_millis(Timestamp::now());
            let is_taken = row.get::<Option<i64>, _>("taken_at").is_some();
            let after = match (id, text) {
                (Ok(id), Ok(_)) if !is_awaited => {
                    if !is_taken {
                        found.junk.push("nobody waits for it any more".to_owned());
                    }
                    remove_answer(&answer_path(self.shared.path(), id));
                    "DELETE FROM wishes WHERE sequence = ?1"
                }
                (Ok(_), Ok(_)) if is_taken => continue,
                (Ok(id), Ok(text)) => {
                    found.waiting.push(Wish { id, text });
                    if row.get::<Option<i64>, _>("seen_at").is_some() {
                        continue;
                    }
                    "UPDATE wishes SET seen_at = ?2 WHERE sequence = ?1"
                }
                (Err(reason), _) | (_, Err(reason)) => {
                    found.junk.push(reason);
                    "DELETE FROM wishes WHERE sequence = ?1"
                }
            };
            let change = sqlx::query(after).bind(sequence).bind(to_millis(Timestamp::now()));
            change.execute(&mut *connection).await.map_err(&sql)?;
        }
        Ok(found)
    }

    /// Takes a wish, to carry it out now. False where it was taken before, or withdrawn, or nobody waits for it.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn take_wish(&self, id: WishId) -> Result<bool, StateError> {
        const DOING: &str = "take a wish";
        const SQL: &str = "UPDATE wishes SET taken_at = ?3 \
                           WHERE tenant = ?1 AND id = ?2 AND taken_at IS NULL AND until > ?3";
        let done = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(id.to_string())
            .bind(to_millis(Timestamp::now()))
            .execute(&mut *self.shared.writer(DOING).await?)
            .await
            .map_err(self.shared.sql(DOING))?;
        Ok(done.rows_affected() > 0)
    }

    /// Begins the answer to a wish.
    ///
    /// # Errors
    /// [`StateError::Open`] when its file cannot be made.
    pub fn answer_wish(&self, id: WishId) -> Result<WishAnswer, StateError> {
        let path = answer_path(self.shared.path(), id);
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => Ok(WishAnswer { file, path }),
            Err(cause) => Err(StateError::Open { path, cause }),
        }
    }

    /// Notes that nothing more is said about a wish. Where nobody waits for the answer, or it is not whole, it is
    /// forgotten.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn wish_answered(&self, id: WishId, is_whole: bool) -> Result<(), StateError> {
        const DOING: &str = "forget a wish";
        const SQL: &str = "DELETE FROM wishes WHERE tenant = ?1 AND id = ?2 AND (until <= ?3 OR NOT ?4)";
        const LEFT: &str = "SELECT count(*) FROM wishes WHERE tenant = ?1 AND id = ?2";
        let mut connection = self.shared.writer(DOING).await?;
        sqlx::query(SQL)
            .bind(self.tenant())
            .bind(id.to_string())
            .bind(to_millis(Timestamp::now()))
            .bind(is_whole)
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql(DOING))?;
        let left: i64 = sqlx::query_scalar(LEFT)
            .bind(self.tenant())
            .bind(id.to_string())
            .fetch_one(&mut *connection)
            .await
            .map_err(self.shared.sql(DOING))?;
        if left == 0 && is_whole {
            remove_answer(&answer_path(self.shared.path(), id));
        }
        Ok(())
    }
}

/// The answer to a wish, while it is given.
#[derive(Debug)]
pub struct WishAnswer {
    file: File,
    path: PathBuf,
}

impl WishAnswer {
    /// Says one thing, in a line without a line break in it.
    ///
    /// # Errors
    /// [`StateError::Open`] when it cannot be written.
    pub fn say(&mut self, line: &str) -> Result<(), StateError> {
        let whole = format!("{line}\n");
        let written = self.file.write_all(whole.as_bytes());
        written.map_err(|cause| StateError::Open { path: self.path.clone(), cause })
    }
}

/// A wish, on the side of whoever asked.
pub struct AskedWish {
    id: WishId,
    tenant: TenantName,
    path: PathBuf,
    connection: SqliteConnection,
    renewed: Instant,
    /// How far the answer was read.
    read: u64,
}

impl AskedWish {
    /// Asks the service that holds a state. `None` where none does that takes wishes.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read or written.
    pub async fn ask(path: &Path, tenant: &TenantName, text: &str) -> Result<Option<Self>, StateError> {
        const SQL: &str =
            "INSERT INTO wishes (tenant, id, wish, asked_at, until) VALUES (?1, ?2, ?3, ?4, ?5)";
        if !StateStore::is_served(path, Some(tenant)).await {
            return Ok(None);
        }
        let Some(mut connection) = StateStore::connect_beside(path).await? else { return Ok(None) };
        let id = WishId(Uuid::now_v7());
        let now = Timestamp::now();
        sqlx::query(SQL)
            .bind(tenant.as_str())
            .bind(id.to_string())
            .bind(text)
            .bind(to_millis(now))
            .bind(to_millis(now) + lease())
            .execute(&mut connection)
            .await
            .map_err(|cause| StateError::from_sql(path, "ask the service", cause))?;
        let (path, tenant) = (path.to_owned(), tenant.clone());
        Ok(Some(Self { id, tenant, path, connection, renewed: Instant::now(), read: 0 }))
    }

    /// How far the service is. To be asked again and again: that is how it knows that somebody waits.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn standing(&mut self) -> Result<WishStanding, StateError> {
        if self.renewed.elapsed() > RENEWAL {
            self.renewed = Instant::now();
            let renewal = sqlx::query("UPDATE wishes SET until = ?3 WHERE tenant = ?1 AND id = ?2")
                .bind(self.tenant.as_str())
                .bind(self.id.to_string())
                .bind(to_millis(Timestamp::now()) + lease());
            match renewal.execute(&mut self.connection).await.map_err(|cause| self.sql(cause)) {
                // It is not the last time.
                Ok(_) | Err(StateError::Busy { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let row = sqlx::query("SELECT seen_at, taken_at FROM wishes WHERE tenant = ?1 AND id = ?2")
            .bind(self.tenant.as_str())
            .bind(self.id.to_string())
            .fetch_optional(&mut self.connection)
            .await
            .map_err(|cause| self.sql(cause))?;
        Ok(match row {
            Some(row) if ProcessLock::is_held(&self.path) => {
                let is = |column| row.get::<Option<i64>, _>(column).is_some();
                match (is("taken_at"), is("seen_at")) {
                    (true, _) => WishStanding::Taken,
                    (false, true) => WishStanding::Waiting,
                    (false, false) => WishStanding::Unseen,
                }
            }
            _ => WishStanding::Gone,
        })
    }

    /// What the service said since the last time, line by line.
    ///
    /// # Errors
    /// [`StateError::Open`] when it cannot be read.
    pub fn answer(&mut self) -> Result<Vec<String>, StateError> {
        let path = answer_path(&self.path, self.id);
        let read = |from: u64| -> std::io::Result<Vec<u8>> {
            let mut file = match File::open(&path) {
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
                opened => opened?,
            };
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            // A part at a time: of a long run much may have gathered.
            file.take(4 << 20).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read(self.read).map_err(|cause| StateError::Open { path: path.clone(), cause })?;
        // What is not a whole line yet is read again.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.read += whole as u64;
        let text = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default()).into_owned();
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Takes the wish back. False where it is too late for that.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn withdraw(&mut self) -> Result<bool, StateError> {
        self.delete("AND taken_at IS NULL").await
    }

    /// Nobody waits for the answer any more. What was begun goes on.
    pub async fn leave(mut self) {
        // A service that is there forgets by itself what nobody waits for, and the next one everything.
        drop(self.delete("").await);
        remove_answer(&answer_path(&self.path, self.id));
        drop(self.connection.close().await);
    }

    async fn delete(&mut self, only: &'static str) -> Result<bool, StateError> {
        let sql = match only {
            "" => "DELETE FROM wishes WHERE tenant = ?1 AND id = ?2",
            _ => "DELETE FROM wishes WHERE tenant = ?1 AND id = ?2 AND taken_at IS NULL",
        };
        let query = sqlx::query(sql).bind(self.tenant.as_str()).bind(self.id.to_string());
        let done = query.execute(&mut self.connection).await.map_err(|cause| self.sql(cause))?;
        Ok(done.rows_affected() > 0)
    }

    fn sql(&self, cause: sqlx::Error) -> StateError {
        StateError::from_sql(&self.path, "ask the service", cause)
    }
}

impl fmt::Debug for AskedWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskedWish").field("id", &self.id).field("path", &self.path).finish_non_exhaustive()
    }
}

impl StateStore {
    /// Whether a service that takes wishes works on the state: for this tenant, or for any.
    pub(crate) async fn is_served(path: &Path, tenant: Option<&TenantName>) -> bool {
        const SQL: &str = "SELECT count(*) FROM services WHERE ?1 IS NULL OR tenant = ?1";
        let Ok(Some(mut connection)) = Self::connect_beside(path).await else { return false };
        let count: Result<i64, _> =
            sqlx::query_scalar(SQL).bind(tenant.map(TenantName::as_str)).fetch_one(&mut connection).await;
        drop(connection.close().await);
        // Asked after the row was read: a service that ended meanwhile has let go of the lock.
        count.is_ok_and(|count| count > 0) && ProcessLock::is_held(path)
    }
}

fn lease() -> i64 {
    i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX)
}

/// What the name of an answer has after that of the state.
const ANSWER: &str = ".answer-";

fn answer_path(state: &Path, id: WishId) -> PathBuf {
    let mut path = state.as_os_str().to_owned();
    path.push(ANSWER);
    path.push(id.to_string());
    path.into()
}

fn remove_answer(path: &Path) {
    // It is not there, or whoever opens the state next tries again.
    drop(std::fs::remove_file(path));
}

/// Forgets what an earlier process was asked, who that was, and what it answered; of all tenants. Only for the holder of
/// the lock.
pub(crate) async fn forget_wishes(connection: &mut SqliteConnection, path: &Path) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("DELETE FROM services; DELETE FROM wishes;").execute(connection).await?;
    let Some(prefix) = path.file_name().map(|name| format!("{}{ANSWER}", name.to_string_lossy())) else {
        return Ok(());
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Only what has the name of an answer, to the end.
        if name.strip_prefix(&prefix).is_some_and(|id| Uuid::try_parse(id).is_ok()) {
            remove_answer(&entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Scratch;

    async fn asked(path: &Path, text: &str) -> AskedWish {
        AskedWish::ask(path, &TenantName::default(), text).await.unwrap().unwrap()
    }

    fn files(path: &Path) -> usize {
        std::fs::read_dir(path.parent().unwrap())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(ANSWER))
            .count()
    }

    #[tokio::test]
    async fn a_wish_is_asked_noticed_taken_once_and_answered() {
        let scratch = Scratch::open().await;
        let (state, path) = (scratch.tenant(), scratch.path.clone());
        let nobody = AskedWish::ask(&path, &TenantName::default(), "sync").await.unwrap();
        assert!(nobody.is_none(), "who holds the state takes no wishes");
        state.attend_wishes().await.unwrap();

        let mut first = asked(&path, "sync acme").await;
        let mut second = asked(&path, "sync globex").await;
        assert_eq!(first.standing().await.unwrap(), WishStanding::Unseen);
        let waiting = state.wishes().await.unwrap().waiting;
        assert_eq!(waiting.iter().map(|wish| &*wish.text).collect::<Vec<_>>(), ["sync acme", "sync globex"]);
        assert_eq!(first.standing().await.unwrap(), WishStanding::Waiting);

        assert!(state.take_wish(waiting[0].id).await.unwrap());
        assert!(!state.take_wish(waiting[0].id).await.unwrap(), "only once");
        assert_eq!(first.standing().await.unwrap(), WishStanding::Taken);
        assert!(!first.withdraw().await.unwrap(), "it is too late");
        assert!(second.withdraw().await.unwrap());
        assert!(!state.take_wish(waiting[1].id).await.unwrap(), "it was withdrawn");
        assert_eq!(second.standing().await.unwrap(), WishStanding::Gone);
        assert_eq!(state.wishes().await.unwrap(), Wishes::default());

        let mut answer = state.answer_wish(waiting[0].id).unwrap();
        answer.say("one").unwrap();
        answer.file.write_all(b"tw").unwrap();
        assert_eq!(first.answer().unwrap(), ["one"]);
        answer.file.write_all(b"o\nthree\n").unwrap();
        assert_eq!(first.answer().unwrap(), ["two", "three"]);
        assert_eq!(first.answer().unwrap(), [""; 0]);
        state.wish_answered(waiting[0].id, true).await.unwrap();
        assert_eq!(files(&path), 1, "somebody waits for it");
        assert_eq!(first.standing().await.unwrap(), WishStanding::Taken);
        state.wish_answered(waiting[0].id, false).await.unwrap();
        assert_eq!(first.standing().await.unwrap(), WishStanding::Gone, "the end of the answer is lost");
        first.leave().await;
        assert_eq!(files(&path), 0);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn an_answer_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::open().await;
        let id = WishId(Uuid::now_v7());
        drop(scratch.tenant().answer_wish(id).unwrap());
        let mode = std::fs::metadata(answer_path(&scratch.path, id)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(scratch.tenant().answer_wish(id).is_err(), "nobody has put a file there before");
    }

    #[tokio::test]
    async fn whoever_opens_the_state_next_knows_of_no_wish_and_nobody_hears_an_answer_for_ever() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let state = store.tenant(&TenantName::default());
        state.attend_wishes().await.unwrap();
        let mut waits = asked(&path, "sync --allow-deprovisions 500").await;
        let mut begun = asked(&path, "sync --allow-deprovisions 900").await;
        let id = state.wishes().await.unwrap().waiting[1].id;
        assert!(state.take_wish(id).await.unwrap());
        state.answer_wish(id).unwrap().say("half of it").unwrap();
        drop((store, state));
        for wish in [&mut waits, &mut begun] {
            assert_eq!(wish.standing().await.unwrap(), WishStanding::Gone);
        }
        assert!(AskedWish::ask(&path, &TenantName::default(), "sync").await.unwrap().is_none());

        let later = StateStore::open(&path).await.unwrap().tenant(&TenantName::default());
        assert_eq!(files(&path), 0);
        assert!(AskedWish::ask(&path, &TenantName::default(), "sync").await.unwrap().is_none());
        later.attend_wishes().await.unwrap();
        assert_eq!(later.wishes().await.unwrap(), Wishes::default());
        assert!(!later.take_wish(id).await.unwrap());
        assert_eq!(waits.standing().await.unwrap(), WishStanding::Gone);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_begun_and_what_is_no_wish_is_named_and_gone() {
        let scratch = Scratch::open().await;
        let (state, path) = (scratch.tenant(), scratch.path.clone());
        state.attend_wishes().await.unwrap();
        let mut left = asked(&path, "sync").await;
        sqlx::query("UPDATE wishes SET until = 1").execute(&mut left.connection).await.unwrap();
        let id = WishId(Uuid::try_parse(&left.id.to_string()).unwrap());
        assert!(!state.take_wish(id).await.unwrap());
        assert_eq!(state.wishes().await.unwrap().junk, ["nobody waits for it any more"]);

        const JUNK: &str = "INSERT INTO wishes (tenant, id, wish, asked_at, until) \
                            VALUES ('default', ?1, CAST(?2 AS TEXT), 0, 9e15)";
        let long = vec![b'x'; MAX_BYTES + 1];
        let fit = Uuid::now_v7().to_string();
        for (id, wish) in [("../../etc/passwd", &b"sync"[..]), (&fit, &long), (&fit[1..], &[0xff, 0xfe])] {
            let query = sqlx::query(JUNK.replace("9e15", "9000000000000000").leak() as &'static str);
            query.bind(id.to_owned()).bind(wish.to_owned()).execute(&mut left.connection).await.unwrap();
        }
        let found = state.wishes().await.unwrap();
        assert_eq!((found.waiting.len(), found.junk.len()), (0, 3), "{found:?}");
        assert_eq!(state.wishes().await.unwrap(), Wishes::default());
    }
}
