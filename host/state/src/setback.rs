//! A setback: a record that did not become what it should, and when it is tried again.
//!
//! It outlives the run, so that a record that failed waits for its own time instead of failing in every
//! run, and so that "why is this person not there?" has an answer. A record has one setback at most, in
//! each scope. What succeeds clears it: see [`TenantState::settle`].

use crate::error::StateError;
use crate::page::{PAGE, in_pages};
use crate::run::RunId;
use crate::store::Shared;
use crate::tenant::{LinkScope, Reading, TenantState, to_millis};
use crate::words::words;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use scimwright_record::{ProviderName, RecordKey, ResourceTypeName};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

words! {
    /// What can be hoped of trying again.
    pub enum SetbackKind {
        /// It may work by itself next time.
        Temporary = "temporary",
        /// Somebody has to correct something first: the record, the mapping or the provider.
        Permanent = "permanent",
        /// The record is not to be provisioned, as the mapping or the configuration says.
        Skipped = "skipped",
        /// The resource is there, but for a reference to a record that has no resource yet.
        OpenReference = "open-reference",
    }
}

impl SetbackKind {
    /// Whether something went wrong.
    #[must_use]
    pub fn is_failure(self) -> bool {
        match self {
            Self::Temporary | Self::Permanent => true,
            Self::Skipped | Self::OpenReference => false,
        }
    }
}

/// A record that did not become what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setback {
    /// The record.
    pub key: RecordKey,
    /// What can be hoped of trying again.
    pub kind: SetbackKind,
    /// What stood in the way, for a person. Never a secret.
    pub reason: String,
    /// How many times it was tried, one after the other.
    pub attempts: u32,
    /// When it failed first.
    pub since: Timestamp,
    /// When it failed last.
    pub last: Timestamp,
    /// When it is tried again by itself; `None` where it is not.
    pub next_try: Option<Timestamp>,
    /// What the record was when it failed, so that a changed one is tried at once.
    pub fingerprint: Option<String>,
    /// The run in which it failed last.
    pub run: RunId,
}

/// Setbacks, read in pages. The connection is free between pages, so they may be changed meanwhile.
pub type SetbackStream = BoxStream<'static, Result<Setback, StateError>>;

impl TenantState {
    /// Stores a setback in place of the one the record had, if any.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn put_setback(&self, scope: &LinkScope, setback: &Setback) -> Result<(), StateError> {
        const DOING: &str = "store a setback";
        let context = (self.clone(), scope.clone(), setback.clone());
        let write = self.shared.write(DOING, context, |(state, scope, setback), connection| {
            Box::pin(state.put_setback_on(connection, scope, setback))
        });
        write.await
    }

    async fn put_setback_on(
        &self,
        connection: &mut SqliteConnection,
        scope: &LinkScope,
        setback: &Setback,
    ) -> Result<(), StateError> {
        const SQL: &str = "INSERT OR REPLACE INTO setbacks (tenant, provider, resource_type, key, kind, reason, \
                           attempts, since, last, next_try, fingerprint, run) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(setback.key.as_str())
            .bind(setback.kind.as_str())
            .bind(&setback.reason)
            .bind(i64::from(setback.attempts))
            .bind(to_millis(setback.since))
            .bind(to_millis(setback.last))
            .bind(setback.next_try.map(to_millis))
            .bind(&setback.fingerprint)
            .bind(setback.run.to_string())
            .execute(connection)
            .await
            .map_err(self.shared.sql("store a setback"))?;
        Ok(())
    }

    /// The setback of a record.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn setback(&self, scope: &LinkScope, key: &RecordKey) -> Result<Option<Setback>, StateError> {
        const SQL: &str = "SELECT key, kind, reason, attempts, since, last, next_try, fingerprint, run \
                           FROM setbacks WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 AND key = ?4";
        let row = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(key.as_str())
            .fetch_optional(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read a setback"))?;
        row.map(|row| read_setback(&self.shared, &row)).transpose()
    }

    /// A provider's setbacks whose fingerprint begins so: their resource types, keys and fingerprints.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn setbacks_marked(
        &self,
        provider: &ProviderName,
        beginning: &str,
    ) -> Result<Vec<(ResourceTypeName, RecordKey, String)>, StateError> {
        const SQL: &str = "SELECT resource_type, key, fingerprint FROM setbacks WHERE tenant = ?1 AND provider = ?2 \
                           AND substr(fingerprint, 1, length(?3)) = ?3";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(provider.as_str())
            .bind(beginning)
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read what failed"))?;
        rows.iter()
            .map(|row| {
                let reading = Reading { shared: &self.shared, what: "a setback", row };
                let resource_type = reading.parse("resource_type", ResourceTypeName::parse)?;
                Ok((resource_type, reading.parse("key", RecordKey::parse)?, reading.get("fingerprint")?))
            })
            .collect()
    }

    /// Has the setbacks of a scope with this very fingerprint have none.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn unmark_setbacks(&self, scope: &LinkScope, mark: &str) -> Result<(), StateError> {
        const DOING: &str = "note what failed";
        const SQL: &str = "UPDATE setbacks SET fingerprint = NULL WHERE tenant = ?1 AND provider = ?2 \
                           AND resource_type = ?3 AND fingerprint = ?4";
        let mut connection = self.shared.writer(DOING).await?;
        sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(mark)
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql(DOING))?;
        Ok(())
    }

    /// Forgets the setback of a record. Whether there was one.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn clear_setback(&self, scope: &LinkScope, key: &RecordKey) -> Result<bool, StateError> {
        let context = (self.clone(), scope.clone(), key.clone());
        let write = self.shared.write("clear a setback", context, |(state, scope, key), connection| {
            Box::pin(state.clear_setback_on(connection, scope, key))
        });
        write.await
    }

    async fn clear_setback_on(
        &self,
        connection: &mut SqliteConnection,
        scope: &LinkScope,
        key: &RecordKey,
    ) -> Result<bool, StateError> {
        const SQL: &str = "DELETE FROM setbacks WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 \
                           AND key = ?4";
        let done = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(key.as_str())
            .execute(connection)
            .await
            .map_err(self.shared.sql("clear a setback"))?;
        Ok(done.rows_affected() > 0)
    }

    /// The setbacks of a scope, all or those of one kind, in the order of their keys.
    #[must_use]
    pub fn setbacks(&self, scope: &LinkScope, kind: Option<SetbackKind>) -> SetbackStream {
        const SQL: &str = "SELECT key, kind, reason, attempts, since, last, next_try, fingerprint, run \
                           FROM setbacks WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 \
                           AND key > ?4 AND (?5 IS NULL OR kind = ?5) ORDER BY key LIMIT ?6";
        let (state, scope) = (self.clone(), scope.clone());
        in_pages(
            String::new(),
            |setback: &Setback| setback.key.as_str().to_owned(),
            move |after| {
                let (state, scope) = (state.clone(), scope.clone());
                async move {
                    let query = sqlx::query(SQL)
                        .bind(state.tenant())
                        .bind(scope.provider.as_str())
                        .bind(scope.resource_type.as_str())
                        .bind(after)
                        .bind(kind.map(SetbackKind::as_str))
                        .bind(PAGE);
                    let rows = query
                        .fetch_all(&mut *state.shared.reader().await)
                        .await
                        .map_err(state.shared.sql("read the setbacks"))?;
                    rows.iter().map(|row| read_setback(&state.shared, row)).collect()
                }
            },
        )
    }

    /// The setbacks of a scope whose next try is due at `now`, the longest due first; among them records that were
    /// skipped until then. One that is put again meanwhile with a later try does not come back.
    #[must_use]
    pub fn setbacks_due(&self, scope: &LinkScope, now: Timestamp) -> SetbackStream {
        const SQL: &str = "SELECT key, kind, reason, attempts, since, last, next_try, fingerprint, run \
                           FROM setbacks WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 \
                           AND next_try <= ?4 AND (next_try, key) > (?5, ?6) \
                           ORDER BY next_try, key LIMIT ?7";
        let place = |setback: &Setback| {
            (setback.next_try.map_or(i64::MIN, to_millis), setback.key.as_str().to_owned())
        };
        self.due((SQL, "read which setbacks are due"), scope, now, place, read_setback)
    }

    /// How many setbacks of each kind a scope has, and when the earliest of them is tried again. Kinds that it has
    /// none of are left out.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn count_setbacks(
        &self,
        scope: &LinkScope,
    ) -> Result<Vec<(SetbackKind, u64, Option<Timestamp>)>, StateError> {
        const SQL: &str = "SELECT kind, count(*) AS count, min(next_try) AS next_try FROM setbacks \
                           WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 GROUP BY kind";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("count the setbacks"))?;
        let counts = rows.iter().map(|row| {
            let reading = Reading { shared: &self.shared, what: "a setback", row };
            let count = reading.get::<i64>("count")?.unsigned_abs();
            Ok((reading.word("kind", SetbackKind::from_word)?, count, reading.moment_or_none("next_try")?))
        });
        let mut counts = counts.collect::<Result<Vec<_>, _>>()?;
        counts.sort_by_key(|(kind, ..)| *kind);
        Ok(counts)
    }

    /// Every scope of which anything is remembered: a link, a setback, an intent, or how far it was read.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn scopes(&self) -> Result<Vec<LinkScope>, StateError> {
        const SQL: &str = "SELECT provider, resource_type FROM links WHERE tenant = ?1 \
                           UNION SELECT provider, resource_type FROM setbacks WHERE tenant = ?1 \
                           UNION SELECT provider, resource_type FROM intents WHERE tenant = ?1 \
                           UNION SELECT provider, resource_type FROM scope_marks WHERE tenant = ?1 \
                           ORDER BY provider, resource_type";
        self.some_scopes(SQL, None).await
    }

    /// Every scope in which a record has a link, a setback or an intent.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn scopes_of(&self, key: &RecordKey) -> Result<Vec<LinkScope>, StateError> {
        const SQL: &str = "SELECT provider, resource_type FROM links WHERE tenant = ?1 AND key = ?2 \
                           UNION SELECT provider, resource_type FROM setbacks WHERE tenant = ?1 AND key = ?2 \
                           UNION SELECT provider, resource_type FROM intents WHERE tenant = ?1 AND key = ?2 \
                           ORDER BY provider, resource_type";
        self.some_scopes(SQL, Some(key)).await
    }

    async fn some_scopes(
        &self,
        sql: &'static str,
        key: Option<&RecordKey>,
    ) -> Result<Vec<LinkScope>, StateError> {
        let query = sqlx::query(sql).bind(self.tenant());
        let query = match key {
            Some(key) => query.bind(key.as_str()),
            None => query,
        };
        let mut connection = self.shared.reader().await;
        let rows = query.fetch(&mut *connection).map_err(self.shared.sql("read which scopes there are"));
        rows.boxed()
            .and_then(async |row| {
                let reading = Reading { shared: &self.shared, what: "a scope", row: &row };
                Ok(LinkScope {
                    provider: reading.parse("provider", ProviderName::parse)?,
                    resource_type: reading.parse("resource_type", ResourceTypeName::parse)?,
                })
            })
            .try_collect()
            .await
    }
}

fn read_setback(shared: &Shared, row: &SqliteRow) -> Result<Setback, StateError> {
    let reading = Reading { shared, what: "a setback", row };
    Ok(Setback {
        key: reading.parse("key", RecordKey::parse)?,
        kind: reading.word("kind", SetbackKind::from_word)?,
        reason: reading.get("reason")?,
        attempts: reading.get("attempts")?,
        since: reading.moment("since")?,
        last: reading.moment("last")?,
        next_try: reading.moment_or_none("next_try")?,
        fingerprint: reading.get("fingerprint")?,
        run: reading.parse("run", RunId::parse)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scratch, intent, key, link, log_entry, moment, scope, scope_of, setback};
    use crate::{Action, LogEntry, LogStatus, Settlement};

    async fn keys(stream: SetbackStream) -> Vec<String> {
        stream.map_ok(|setback| setback.key.as_str().to_owned()).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn a_setback_is_kept_exactly_and_only_the_last_one_of_a_record() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let first = setback("jdoe", SetbackKind::Temporary, Some(60));
        state.put_setback(&scope(), &first).await.unwrap();
        let again = Setback { attempts: 4, fingerprint: None, next_try: None, ..first };
        state.put_setback(&scope(), &again).await.unwrap();
        assert_eq!(state.setback(&scope(), &key("jdoe")).await.unwrap(), Some(again));
        assert_eq!(state.setback(&scope_of("acme", "Group"), &key("jdoe")).await.unwrap(), None);
        assert!(state.clear_setback(&scope(), &key("jdoe")).await.unwrap());
        assert!(!state.clear_setback(&scope(), &key("jdoe")).await.unwrap());
    }

    #[tokio::test]
    async fn setbacks_come_in_order_over_several_pages_while_they_are_cleared() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let total = usize::try_from(PAGE).unwrap() + 2;
        for number in 0..total {
            let next = i64::try_from(total - number).unwrap() / 2;
            let setback = setback(&format!("k{number:04}"), SetbackKind::Temporary, Some(next));
            state.put_setback(&scope(), &setback).await.unwrap();
        }
        let expected: Vec<_> = (0..total).map(|number| format!("k{number:04}")).collect();
        assert_eq!(keys(state.setbacks(&scope(), None)).await, expected);

        let mut due = state.setbacks_due(&scope(), moment(9_999));
        let mut last = i64::MIN;
        let mut count = 0;
        while let Some(setback) = due.try_next().await.unwrap() {
            let at = to_millis(setback.next_try.unwrap());
            assert!(at >= last, "the longest due first");
            (last, count) = (at, count + 1);
            let later = Setback { next_try: Some(moment(60_000)), ..setback };
            state.put_setback(&scope(), &later).await.unwrap();
        }
        assert_eq!(count, total);
        assert_eq!(keys(state.setbacks_due(&scope(), moment(9_999))).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn only_what_is_due_and_not_skipped_is_tried_again() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        for setback in [
            setback("due", SetbackKind::Temporary, Some(10)),
            setback("exactly", SetbackKind::Permanent, Some(20)),
            setback("later", SetbackKind::Temporary, Some(21)),
            setback("never", SetbackKind::Permanent, None),
            setback("skipped", SetbackKind::Skipped, Some(1)),
        ] {
            state.put_setback(&scope(), &setback).await.unwrap();
        }
        assert_eq!(keys(state.setbacks_due(&scope(), moment(20))).await, ["skipped", "due", "exactly"]);
        assert_eq!(keys(state.setbacks(&scope(), Some(SetbackKind::Permanent))).await, ["exactly", "never"]);
        let counts = state.count_setbacks(&scope()).await.unwrap();
        assert_eq!(
            counts,
            [
                (SetbackKind::Temporary, 2, Some(moment(10))),
                (SetbackKind::Permanent, 2, Some(moment(20))),
                (SetbackKind::Skipped, 1, Some(moment(1))),
            ]
        );
    }

    #[tokio::test]
    async fn success_clears_the_setback_and_failure_does_not() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let settled = async |record: &str, action, status| {
            let log = LogEntry { action, status, ..log_entry(record, 3) };
            state.settle(&scope(), &key(record), &Settlement { link: None, log }).await.unwrap();
            state.setback(&scope(), &key(record)).await.unwrap().is_none()
        };
        for record in ["a", "b"] {
            state.put_setback(&scope(), &setback(record, SetbackKind::Permanent, None)).await.unwrap();
        }
        state.put_setback(&scope(), &setback("s", SetbackKind::Skipped, None)).await.unwrap();
        assert!(!settled("a", Action::Update, LogStatus::Failure).await);
        assert!(settled("a", Action::Update, LogStatus::Success).await);
        assert!(settled("b", Action::Delete, LogStatus::Success).await);
        assert!(!settled("s", Action::Disable, LogStatus::Success).await, "that is why it was disabled");
        assert!(settled("s", Action::Enable, LogStatus::Success).await);
    }

    #[tokio::test]
    async fn the_scopes_of_a_record_are_those_where_anything_is_known_of_it() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let [group, globex, marked] =
            [scope_of("acme", "Group"), scope_of("globex", "User"), scope_of("initech", "User")];
        state.put_link(&scope(), &link("jdoe", "1")).await.unwrap();
        state.put_link(&scope(), &link("asmith", "2")).await.unwrap();
        state.put_setback(&globex, &setback("jdoe", SetbackKind::Temporary, None)).await.unwrap();
        state.write_intent(&group, &intent("jdoe")).await.unwrap();
        state.set_watermark(&marked, Some("17")).await.unwrap();
        let of = async |record: &str| state.scopes_of(&key(record)).await.unwrap();
        assert_eq!(of("jdoe").await, [group.clone(), scope(), globex.clone()]);
        assert_eq!(of("asmith").await, [scope()]);
        assert_eq!(of("nobody").await, []);
        assert_eq!(state.scopes().await.unwrap(), [group, scope(), globex, marked]);
    }
}
