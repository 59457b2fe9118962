//! A pass: what one reading of a source has seen, kept on disk and gone when the store closes.
//!
//! Finding out who left needs every key that was read, and a source may have more of them
//! than fit in memory. They live in SQLite's temporary tables, which are files of this
//! connection that nobody else sees and that survive no crash. A store that is open for
//! reading has them too, so a plan keeps its pass without changing anything.
//!
//! Several passes may be under way at once; each row carries the number of its pass.

use crate::error::StateError;
use crate::link::{Link, link_columns, read_link};
use crate::page::{PAGE, in_pages};
use crate::tenant::{LinkScope, Reading, TenantState};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use scimwright_record::RecordKey;
use sqlx::Row;

/// The temporary tables, made when a store is opened.
pub(crate) const TABLES: &str = "
CREATE TEMP TABLE pass_seen (
    pass     INTEGER NOT NULL,
    key      TEXT NOT NULL,
    position TEXT NOT NULL,
    content  TEXT NOT NULL DEFAULT '',
    released TEXT,
    PRIMARY KEY (pass, key)
) STRICT, WITHOUT ROWID;
CREATE TEMP TABLE pass_deferred (
    pass     INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    key      TEXT NOT NULL,
    work     TEXT NOT NULL,
    PRIMARY KEY (pass, sequence)
) STRICT, WITHOUT ROWID;
CREATE TEMP TABLE pass_members (
    pass        INTEGER NOT NULL,
    group_key   TEXT NOT NULL,
    member_type TEXT NOT NULL,
    member_key  TEXT NOT NULL,
    until       INTEGER NOT NULL,
    PRIMARY KEY (pass, group_key, member_type, member_key)
) STRICT, WITHOUT ROWID;
";

/// Whether a key is new to a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// It is.
    First,
    /// The source has it twice.
    Duplicate {
        /// Where it stood first, as it was noted then.
        of: String,
        /// Whether both rows say the same.
        same: bool,
    },
}

/// Work put off until the rest of the pass is done, for example a reference to a record that has no
/// resource yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Deferred {
    /// The record.
    pub key: RecordKey,
    /// What was put off, in the form that the caller gave it.
    pub work: serde_json::Value,
}

/// A link whose record left.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaver {
    /// The link.
    pub link: Link,
    /// Why the record is out of scope, as it was said when it was released; `None` where it is not in the source at
    /// all.
    pub reason: Option<String>,
}

/// One reading of a source, for one scope. What it noted is discarded when it is dropped.
pub struct Pass {
    pub(crate) state: TenantState,
    pub(crate) scope: LinkScope,
    pub(crate) number: i64,
}

impl TenantState {
    /// Begins a pass for a scope. Nothing that is kept is changed, so a store opened for reading will do.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be written, for example because the disk with the
    /// temporary files is full.
    pub async fn begin_pass(&self, scope: &LinkScope) -> Result<Pass, StateError> {
        self.discard_ended_passes().await?;
        let number = self.shared.next_pass.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Pass { state: self.clone(), scope: scope.clone(), number })
    }

    /// Passes end by being dropped, where nothing can be awaited; the next one tidies up.
    async fn discard_ended_passes(&self) -> Result<(), StateError> {
        let ended = match self.shared.ended_passes.lock() {
            Ok(mut ended) => std::mem::take(&mut *ended),
            Err(poisoned) => std::mem::take(&mut *poisoned.into_inner()),
        };
        for pass in ended {
            let mut connection = self.shared.reader().await;
            let sql = self.shared.sql("discard an earlier reading of a source");
            for statement in [
                "DELETE FROM pass_seen WHERE pass = ?1",
                "DELETE FROM pass_deferred WHERE pass = ?1",
                "DELETE FROM pass_members WHERE pass = ?1",
            ] {
                sqlx::query(statement).bind(pass).execute(&mut *connection).await.map_err(&sql)?;
            }
        }
        Ok(())
    }
}

impl Pass {
    /// Notes that the source has this key, and where. A key that is there already keeps its first place.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be written.
    pub async fn note(&self, key: &RecordKey, position: &str) -> Result<Noted, StateError> {
        self.note_as(key, position, "").await
    }

    /// The same, with a digest of what the row says, so that a row that stands twice is told from another one with
    /// the same key.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be written.
    pub async fn note_as(&self, key: &RecordKey, position: &str, content: &str) -> Result<Noted, StateError> {
        const SQL: &str =
            "INSERT OR IGNORE INTO pass_seen (pass, key, position, content) VALUES (?1, ?2, ?3, ?4)";
        let sql = self.state.shared.sql("note a record of the source");
        let mut connection = self.state.shared.reader().await;
        let noted = sqlx::query(SQL)
            .bind(self.number)
            .bind(key.as_str())
            .bind(position)
            .bind(content)
            .execute(&mut *connection)
            .await
            .map_err(&sql)?;
        if noted.rows_affected() > 0 {
            return Ok(Noted::First);
        }
        let first = sqlx::query("SELECT position, content FROM pass_seen WHERE pass = ?1 AND key = ?2")
            .bind(self.number)
            .bind(key.as_str())
            .fetch_one(&mut *connection)
            .await
            .map_err(&sql)?;
        let same = first.get::<&str, _>("content") == content;
        Ok(Noted::Duplicate { of: first.get("position"), same })
    }

    /// Whether the key was noted, and not released.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be read.
    pub async fn contains(&self, key: &RecordKey) -> Result<bool, StateError> {
        const SQL: &str =
            "SELECT EXISTS (SELECT 1 FROM pass_seen WHERE pass = ?1 AND key = ?2 AND released IS NULL)";
        sqlx::query_scalar(SQL)
            .bind(self.number)
            .bind(key.as_str())
            .fetch_one(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("look up a record of the source"))
    }

    /// Takes a key back: the source has it, but it is out of scope for this reason. Its link is a leaver's from then
    /// on. The key still counts as noted, and does if it was not before.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be written.
    pub async fn release(&self, key: &RecordKey, reason: &str) -> Result<(), StateError> {
        const SQL: &str = "INSERT INTO pass_seen (pass, key, position, released) VALUES (?1, ?2, '', ?3) \
                           ON CONFLICT DO UPDATE SET released = excluded.released";
        sqlx::query(SQL)
            .bind(self.number)
            .bind(key.as_str())
            .bind(reason)
            .execute(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("take a record of the source back"))?;
        Ok(())
    }

    /// How many different keys were noted, released ones among them.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be read.
    pub async fn count_noted(&self) -> Result<u64, StateError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM pass_seen WHERE pass = ?1")
            .bind(self.number)
            .fetch_one(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("count the records of the source"))?;
        Ok(count.unsigned_abs())
    }

    /// How many of them were released.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be read.
    pub async fn count_released(&self) -> Result<u64, StateError> {
        const SQL: &str = "SELECT count(*) FROM pass_seen WHERE pass = ?1 AND released IS NOT NULL";
        let count: i64 = sqlx::query_scalar(SQL)
            .bind(self.number)
            .fetch_one(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("count the records out of scope"))?;
        Ok(count.unsigned_abs())
    }

    /// The links of the scope whose record left, in the order of their keys: those that were released, and where
    /// `everyone_was_read`, those that were not noted. They may be changed while the stream is being consumed.
    #[must_use]
    pub fn leavers(&self, everyone_was_read: bool) -> BoxStream<'static, Result<Leaver, StateError>> {
        const NOT_THERE: &str = concat!(
            "SELECT s.released, ",
            link_columns!(),
            " FROM links l LEFT JOIN pass_seen s ON s.pass = ?6 AND s.key = l.key",
            " WHERE l.tenant = ?1 AND l.provider = ?2 AND l.resource_type = ?3 AND l.key > ?4",
            " AND (s.key IS NULL OR s.released IS NOT NULL) ORDER BY l.key LIMIT ?5"
        );
        const RELEASED: &str = concat!(
            "SELECT s.released, ",
            link_columns!(),
            " FROM pass_seen s CROSS JOIN links l",
            " ON l.tenant = ?1 AND l.provider = ?2 AND l.resource_type = ?3 AND l.key = s.key",
            " WHERE s.pass = ?6 AND s.released IS NOT NULL AND s.key > ?4 ORDER BY s.key LIMIT ?5"
        );
        let sql = if everyone_was_read { NOT_THERE } else { RELEASED };
        let (state, scope, number) = (self.state.clone(), self.scope.clone(), self.number);
        in_pages(
            String::new(),
            |leaver: &Leaver| leaver.link.key.as_str().to_owned(),
            move |after| {
                let (state, scope) = (state.clone(), scope.clone());
                async move {
                    let query = sqlx::query(sql)
                        .bind(state.tenant())
                        .bind(scope.provider.as_str())
                        .bind(scope.resource_type.as_str())
                        .bind(after)
                        .bind(PAGE)
                        .bind(number);
                    let rows = query
                        .fetch_all(&mut *state.shared.reader().await)
                        .await
                        .map_err(state.shared.sql("read whose record left"))?;
                    let leavers = rows.iter().map(|row| {
                        let reading = Reading { shared: &state.shared, what: "a leaver", row };
                        let reason = reading.get("released")?;
                        Ok(Leaver { link: read_link(&state.shared, row)?, reason })
                    });
                    leavers.collect()
                }
            },
        )
    }

    /// Puts a piece of work for a record off until later in the pass.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be written.
    pub async fn defer(&self, key: &RecordKey, work: &serde_json::Value) -> Result<(), StateError> {
        const SQL: &str = "INSERT INTO pass_deferred (pass, sequence, key, work) VALUES (?1, \
                           (SELECT coalesce(max(sequence), 0) + 1 FROM pass_deferred WHERE pass = ?1), ?2, ?3)";
        sqlx::query(SQL)
            .bind(self.number)
            .bind(key.as_str())
            .bind(work.to_string())
            .execute(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("put work off"))?;
        Ok(())
    }

    /// What was put off, in the order in which it was, read in pages. Work put off while the stream is
    /// being consumed comes at its end.
    #[must_use]
    pub fn deferred(&self) -> BoxStream<'static, Result<Deferred, StateError>> {
        let (state, number) = (self.state.clone(), self.number);
        let pages = in_pages(
            0_i64,
            |(sequence, _): &(i64, Deferred)| *sequence,
            move |after| {
                let state = state.clone();
                async move { deferred_page(&state, number, after).await }
            },
        );
        pages.map_ok(|(_, deferred)| deferred).boxed()
    }
}

async fn deferred_page(
    state: &TenantState,
    pass: i64,
    after: i64,
) -> Result<Vec<(i64, Deferred)>, StateError> {
    const SQL: &str = "SELECT sequence, key, work FROM pass_deferred WHERE pass = ?1 AND sequence > ?2 \
                       ORDER BY sequence LIMIT ?3";
    let rows = sqlx::query(SQL)
        .bind(pass)
        .bind(after)
        .bind(PAGE)
        .fetch_all(&mut *state.shared.reader().await)
        .await
        .map_err(state.shared.sql("read what was put off"))?;
    rows.iter()
        .map(|row| {
            let reading = Reading { shared: &state.shared, what: "work that was put off", row };
            let work = Deferred { key: reading.parse("key", RecordKey::parse)?, work: reading.json("work")? };
            Ok((row.get("sequence"), work))
        })
        .collect()
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Ok(mut ended) = self.state.shared.ended_passes.lock() {
            ended.push(self.number);
        }
    }
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass").field("scope", &self.scope).field("number", &self.number).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scratch, key, link, scope, scope_of};
    use crate::{Standing, StateStore};
    use serde_json::json;

    /// Who left, as far as it is known: `jdoe`, or `jdoe: why`.
    async fn left(pass: &Pass, everyone_was_read: bool) -> Vec<String> {
        let text = |leaver: Leaver| match leaver.reason {
            Some(reason) => format!("{}: {reason}", leaver.link.key),
            None => leaver.link.key.to_string(),
        };
        pass.leavers(everyone_was_read).map_ok(text).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn a_key_is_new_once_and_then_says_where_it_stood_first() {
        let scratch = Scratch::open().await;
        let pass = scratch.tenant().begin_pass(&scope()).await.unwrap();
        assert_eq!(pass.note(&key("jdoe"), "line 2").await.unwrap(), Noted::First);
        let again = pass.note(&key("jdoe"), "line 9").await.unwrap();
        assert_eq!(again, Noted::Duplicate { of: "line 2".to_owned(), same: true });
        assert!(pass.contains(&key("jdoe")).await.unwrap());
        assert!(!pass.contains(&key("JDOE")).await.unwrap());
        assert_eq!(pass.count_noted().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn links_without_a_record_are_found_within_the_scope_only() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let mut disabled = link("c", "3");
        disabled.standing = Standing::Disabled;
        for link in [link("a", "1"), link("b", "2"), disabled, link("d", "4")] {
            state.put_link(&scope(), &link).await.unwrap();
        }
        state.put_link(&scope_of("globex", "User"), &link("z", "9")).await.unwrap();
        let pass = state.begin_pass(&scope()).await.unwrap();
        pass.note(&key("a"), "line 2").await.unwrap();
        assert_eq!(left(&pass, true).await, ["b", "c", "d"]);
        assert_eq!(left(&pass, false).await, Vec::<String>::new(), "who was not read may still be there");
    }

    #[tokio::test]
    async fn a_released_record_left_for_its_reason_even_where_not_everyone_was_read() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        for link in [link("a", "1"), link("b", "2"), link("c", "3"), link("d", "4")] {
            state.put_link(&scope(), &link).await.unwrap();
        }
        let pass = state.begin_pass(&scope()).await.unwrap();
        for record in ["a", "b", "nobody"] {
            pass.note(&key(record), "line 2").await.unwrap();
        }
        for record in ["b", "nobody", "d"] {
            pass.release(&key(record), "not an employee").await.unwrap();
        }
        assert!(pass.contains(&key("a")).await.unwrap());
        assert!(!pass.contains(&key("b")).await.unwrap());
        assert_eq!((pass.count_noted().await.unwrap(), pass.count_released().await.unwrap()), (4, 3));
        assert_eq!(left(&pass, true).await, ["b: not an employee", "c", "d: not an employee"]);
        assert_eq!(left(&pass, false).await, ["b: not an employee", "d: not an employee"]);
        // The source has it twice, whatever became of the first.
        let again = pass.note(&key("b"), "line 9").await.unwrap();
        assert_eq!(again, Noted::Duplicate { of: "line 2".to_owned(), same: true });
    }

    #[tokio::test]
    async fn leavers_come_in_order_over_several_pages_while_their_links_go() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let total = PAGE + 2;
        let keys: Vec<_> = (0..total).map(|number| format!("k{number:04}")).collect();
        for everyone_was_read in [true, false] {
            let pass = state.begin_pass(&scope()).await.unwrap();
            for record in &keys {
                state.put_link(&scope(), &link(record, record)).await.unwrap();
                if !everyone_was_read {
                    pass.release(&key(record), "gone").await.unwrap();
                }
            }
            let mut leavers = pass.leavers(everyone_was_read);
            let mut seen = Vec::new();
            while let Some(leaver) = leavers.try_next().await.unwrap() {
                state.forget_link(&scope(), &leaver.link.key).await.unwrap();
                seen.push(leaver.link.key.to_string());
            }
            assert_eq!(seen, keys);
        }
    }

    #[tokio::test]
    async fn passes_do_not_see_each_other_and_are_discarded_when_dropped() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let first = state.begin_pass(&scope()).await.unwrap();
        let second = state.begin_pass(&scope()).await.unwrap();
        first.note(&key("jdoe"), "line 2").await.unwrap();
        first.defer(&key("jdoe"), &json!(1)).await.unwrap();
        assert_eq!(second.note(&key("jdoe"), "line 5").await.unwrap(), Noted::First);
        drop(first);
        let _third = state.begin_pass(&scope()).await.unwrap();
        let rows: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM pass_seen) + (SELECT count(*) FROM pass_deferred)",
        )
        .fetch_one(&mut *state.shared.reader().await)
        .await
        .unwrap();
        assert_eq!(rows, 1, "the second pass keeps its own row");
    }

    #[tokio::test]
    async fn deferred_work_comes_back_in_order_over_several_pages() {
        let scratch = Scratch::open().await;
        let pass = scratch.tenant().begin_pass(&scope()).await.unwrap();
        let total = PAGE + 3;
        for number in 0..total {
            pass.defer(&key("jdoe"), &json!({ "number": number })).await.unwrap();
        }
        let back: Vec<_> = pass.deferred().map_ok(|deferred| deferred.work).try_collect().await.unwrap();
        let expected: Vec<_> = (0..total).map(|number| json!({ "number": number })).collect();
        assert_eq!(back, expected);
    }

    #[tokio::test]
    async fn a_pass_over_a_state_opened_for_reading_works_and_leaves_the_file_as_it_was() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let state = store.tenant(&scimwright_record::TenantName::default());
        state.put_link(&scope(), &link("gone", "1")).await.unwrap();
        let name = state.name().clone();
        let before: i64 = data_version(&state).await;

        let reader = StateStore::open_read_only(&path).await.unwrap().tenant(&name);
        let pass = reader.begin_pass(&scope()).await.unwrap();
        pass.note(&key("new"), "line 2").await.unwrap();
        pass.defer(&key("new"), &json!(null)).await.unwrap();
        assert_eq!(left(&pass, true).await, ["gone"]);
        assert_eq!(data_version(&state).await, before, "nobody wrote to the file");
        let refused = reader.put_link(&scope(), &link("new", "2")).await.unwrap_err();
        assert!(matches!(refused, StateError::ReadOnly { .. }), "{refused}");
    }

    /// SQLite's counter of changes made to the file by other connections.
    async fn data_version(state: &TenantState) -> i64 {
        sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut *state.shared.reader().await).await.unwrap()
    }
}
