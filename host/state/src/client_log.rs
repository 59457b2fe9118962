//! The client log: one line for each call to a provider, and what came of it.
//!
//! It answers "what happened to this person" long after the run: request id, provider,
//! resource, action, status and message, all or failures only. Bodies are not kept here.

use crate::error::StateError;
use crate::rows::{Cell, Rows, Statement};
use crate::run::RunId;
use crate::tenant::{LinkScope, Reading, TenantState, to_millis};
use crate::words::words;
use futures::TryStreamExt;
use jiff::Timestamp;
use scimwright_record::{ProviderName, RecordKey, ResourceTypeName};
use sqlx::{QueryBuilder, Sqlite};
use std::collections::BTreeMap;
use std::time::Duration;

words! {
    /// What was asked of a provider.
    pub enum Action {
        /// POST of a new resource (RFC 7644 section 3.3).
        Create = "create",
        /// GET of one resource (RFC 7644 section 3.4.1).
        Retrieve = "retrieve",
        /// A query (RFC 7644 section 3.4.2).
        Query = "query",
        /// PATCH of what differs (RFC 7644 section 3.5.2).
        Update = "update",
        /// PUT of the whole (RFC 7644 section 3.5.1).
        Replace = "replace",
        /// Linking to a resource that was there already; the look-up that found it is no call of its own.
        Adopt = "adopt",
        /// Setting `active` to false.
        Disable = "disable",
        /// Setting `active` to true again.
        Enable = "enable",
        /// DELETE (RFC 7644 section 3.6).
        Delete = "delete",
        /// Reading one of the discovery endpoints (RFC 7644 section 4).
        Discover = "discover",
        /// Forgetting which resource is a record's. It stays at the provider as it is.
        Forget = "forget",
    }
}

words! {
    /// Whether a call did what was asked.
    pub enum LogStatus {
        /// It did.
        Success = "success",
        /// It did not; the message says why.
        Failure = "failure",
    }
}

/// One call to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The run that made the call; none for a call made by hand.
    pub run: Option<RunId>,
    /// What the call is known by, here and in the provider's `X-Request-Id`.
    pub request_id: String,
    /// The service provider.
    pub provider: ProviderName,
    /// The SCIM resource type.
    pub resource_type: ResourceTypeName,
    /// The provider's id of the resource, where it is known.
    pub resource_id: Option<String>,
    /// The record on whose behalf, where there is one.
    pub key: Option<RecordKey>,
    /// What was asked.
    pub action: Action,
    /// Whether it was done.
    pub status: LogStatus,
    /// The HTTP status of the response; none where there was no response.
    pub http_status: Option<u16>,
    /// What happened, for a person. Never a secret.
    pub message: String,
    /// From the first byte sent to the last received, all attempts together. Kept to the microsecond.
    pub duration: Duration,
    /// When the call ended.
    pub at: Timestamp,
    /// The paths of the attributes that it changed; empty where it created, removed or only asked.
    pub changes: Vec<String>,
}

/// When an attribute of a resource was last written, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastChange {
    /// The attribute's path; empty for the resource as a whole, which was created or adopted.
    pub path: String,
    /// The run that did it.
    pub run: Option<RunId>,
    /// When.
    pub at: Timestamp,
    /// What was asked of the provider.
    pub action: Action,
    /// How it answered, where it did.
    pub http_status: Option<u16>,
}

/// Which lines of the client log are wanted. The default is the newest hundred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter {
    /// Only calls that failed.
    pub failures_only: bool,
    /// Only calls for this record.
    pub key: Option<RecordKey>,
    /// Only calls to this provider.
    pub provider: Option<ProviderName>,
    /// Only calls for this resource type.
    pub resource_type: Option<ResourceTypeName>,
    /// Only calls of this run.
    pub run: Option<RunId>,
    /// Only calls that ended at this moment or later.
    pub since: Option<Timestamp>,
    /// At most so many lines.
    pub limit: u32,
}

impl Default for LogFilter {
    fn default() -> Self {
        Self {
            failures_only: false,
            key: None,
            provider: None,
            resource_type: None,
            run: None,
            since: None,
            limit: 100,
        }
    }
}

impl TenantState {
    /// Adds a line to the client log.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn append_log(&self, entry: &LogEntry) -> Result<(), StateError> {
        self.shared.store(Rows::of(Statement::AppendLog, self.log_cells(entry)?)).await
    }

    /// Whether the log says that we created this resource for this record. What was pruned is forgotten.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn has_created(
        &self,
        scope: &LinkScope,
        key: &RecordKey,
        resource_id: &str,
    ) -> Result<bool, StateError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM client_log WHERE tenant = ?1 AND key = ?2 AND provider = ?3 \
                           AND resource_type = ?4 AND resource_id = ?5 AND action = 'create' AND status = 'success')";
        sqlx::query_scalar(SQL)
            .bind(self.tenant())
            .bind(key.as_str())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(resource_id)
            .fetch_one(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read the client log"))
    }

    /// The lines that the filter lets through, newest first.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn log(&self, filter: &LogFilter) -> Result<Vec<LogEntry>, StateError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT run, request_id, provider, resource_type, resource_id, key, action, status, http_status, \
             message, duration_us, at, changes FROM client_log WHERE tenant = ",
        );
        query.push_bind(self.tenant().to_owned());
        if filter.failures_only {
            query.push(" AND status = 'failure'");
        }
        if let Some(key) = &filter.key {
            query.push(" AND key = ").push_bind(key.as_str().to_owned());
        }
        if let Some(provider) = &filter.provider {
            query.push(" AND provider = ").push_bind(provider.as_str().to_owned());
        }
        if let Some(resource_type) = &filter.resource_type {
            query.push(" AND resource_type = ").push_bind(resource_type.as_str().to_owned());
        }
        if let Some(run) = &filter.run {
            query.push(" AND run = ").push_bind(run.to_string());
        }
        if let Some(since) = filter.since {
            query.push(" AND at >= ").push_bind(to_millis(since));
        }
        query.push(" ORDER BY sequence DESC LIMIT ").push_bind(i64::from(filter.limit));
        let rows = query
            .build()
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read the client log"))?;
        rows.iter()
            .map(|row| read_entry(&Reading { shared: &self.shared, what: "a line of the client log", row }))
            .collect()
    }

    /// For every attribute that changed since the resource of a record was created or adopted, the newest successful
    /// call that changed it, in the order of the paths; and before them, with an empty path, the creation or the
    /// adoption. What was pruned from the log, or written before changes were kept in it, is missing here too.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn last_changes(
        &self,
        scope: &LinkScope,
        key: &RecordKey,
    ) -> Result<Vec<LastChange>, StateError> {
        const SQL: &str = "SELECT run, at, action, changes, http_status FROM client_log \
                           WHERE tenant = ?1 AND key = ?2 AND provider = ?3 AND resource_type = ?4 \
                           AND status = 'success' ORDER BY sequence DESC";
        let mut found = BTreeMap::new();
        let mut connection = self.shared.reader().await;
        let mut rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(key.as_str())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .fetch(&mut *connection);
        while let Some(row) = rows.try_next().await.map_err(self.shared.sql("read the client log"))? {
            let reading = Reading { shared: &self.shared, what: "a line of the client log", row: &row };
            let action = reading.word("action", Action::from_word)?;
            let (run, at) = (read_run(&reading)?, reading.moment("at")?);
            let http_status = reading.get::<Option<u16>>("http_status")?;
            let mut remember = |path: String| {
                found.entry(path.clone()).or_insert(LastChange { path, run, at, action, http_status });
            };
            match action {
                // What lies before concerns an earlier resource.
                Action::Delete | Action::Forget => break,
                Action::Create | Action::Adopt => {
                    remember(String::new());
                    break;
                }
                _ => reading.json::<Vec<String>>("changes")?.into_iter().for_each(remember),
            }
        }
        Ok(found.into_values().collect())
    }

    /// How many calls of a run did what was asked, by what was asked.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn calls_of(&self, run: RunId) -> Result<Vec<(Action, u64)>, StateError> {
        const SQL: &str = "SELECT action, count(*) AS calls FROM client_log WHERE tenant = ?1 AND run = ?2 \
                           AND status = 'success' GROUP BY action ORDER BY min(sequence)";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(run.to_string())
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read the client log"))?;
        rows.iter()
            .map(|row| {
                let reading = Reading { shared: &self.shared, what: "a line of the client log", row };
                let calls = reading.get::<i64>("calls")?;
                Ok((reading.word("action", Action::from_word)?, u64::try_from(calls).unwrap_or_default()))
            })
            .collect()
    }

    /// Removes lines that are older than `before`. How many there were.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn prune_log(&self, before: Timestamp) -> Result<u64, StateError> {
        let mut connection = self.shared.writer("prune the client log").await?;
        let done = sqlx::query("DELETE FROM client_log WHERE tenant = ?1 AND at < ?2")
            .bind(self.tenant())
            .bind(to_millis(before))
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql("prune the client log"))?;
        Ok(done.rows_affected())
    }

    /// A line as its row.
    pub(crate) fn log_cells(&self, entry: &LogEntry) -> Result<Vec<Cell>, StateError> {
        let unprintable =
            |cause| StateError::unreadable(self.shared.path(), "a line for the client log", cause);
        Ok(vec![
            self.tenant().into(),
            entry.run.map(|run| run.to_string()).into(),
            entry.request_id.as_str().into(),
            entry.provider.as_str().into(),
            entry.resource_type.as_str().into(),
            entry.resource_id.as_deref().into(),
            entry.key.as_ref().map(RecordKey::as_str).into(),
            entry.action.as_str().into(),
            entry.status.as_str().into(),
            entry.http_status.map(i64::from).into(),
            entry.message.as_str().into(),
            i64::try_from(entry.duration.as_micros()).unwrap_or(i64::MAX).into(),
            to_millis(entry.at).into(),
            serde_json::to_string(&entry.changes).map_err(unprintable)?.into(),
        ])
    }
}

fn read_entry(reading: &Reading<'_>) -> Result<LogEntry, StateError> {
    let key = reading.get::<Option<&str>>("key")?.map(RecordKey::parse).transpose();
    let http_status = reading.get::<Option<i64>>("http_status")?.map(u16::try_from).transpose();
    Ok(LogEntry {
        run: read_run(reading)?,
        request_id: reading.get("request_id")?,
        provider: reading.parse("provider", ProviderName::parse)?,
        resource_type: reading.parse("resource_type", ResourceTypeName::parse)?,
        resource_id: reading.get("resource_id")?,
        key: key.map_err(|cause| reading.damaged("key", cause))?,
        action: reading.word("action", Action::from_word)?,
        status: reading.word("status", LogStatus::from_word)?,
        http_status: http_status.map_err(|cause| reading.damaged("http_status", cause))?,
        message: reading.get("message")?,
        duration: Duration::from_micros(reading.get::<i64>("duration_us")?.unsigned_abs()),
        at: reading.moment("at")?,
        changes: reading.json("changes")?,
    })
}

fn read_run(reading: &Reading<'_>) -> Result<Option<RunId>, StateError> {
    let run = reading.get::<Option<&str>>("run")?.map(RunId::parse).transpose();
    run.map_err(|cause| reading.damaged("run", cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scratch, key, log_entry, moment, scope};

    async fn request_ids(state: &TenantState, filter: LogFilter) -> Vec<String> {
        state.log(&filter).await.unwrap().into_iter().map(|entry| entry.request_id).collect()
    }

    #[tokio::test]
    async fn the_log_is_read_newest_first_through_every_filter() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let first = log_entry("jdoe", 1);
        let failed = LogEntry {
            status: LogStatus::Failure,
            http_status: None,
            resource_id: None,
            ..log_entry("asmith", 2)
        };
        let elsewhere = LogEntry {
            provider: ProviderName::parse("globex").unwrap(),
            resource_type: ResourceTypeName::parse("Group").unwrap(),
            key: None,
            changes: vec!["name.givenName".to_owned(), "emails[type eq \"work\"].value".to_owned()],
            ..log_entry("jdoe", 3)
        };
        for entry in [&first, &failed, &elsewhere] {
            state.append_log(entry).await.unwrap();
        }
        let all = state.log(&LogFilter::default()).await.unwrap();
        assert_eq!(all, [elsewhere.clone(), failed.clone(), first.clone()]);

        let newest = LogFilter { limit: 1, ..LogFilter::default() };
        assert_eq!(request_ids(&state, newest).await, ["request-jdoe-3"]);
        let failures = LogFilter { failures_only: true, ..LogFilter::default() };
        assert_eq!(request_ids(&state, failures).await, ["request-asmith-2"]);
        let of_record = LogFilter { key: Some(key("jdoe")), ..LogFilter::default() };
        assert_eq!(request_ids(&state, of_record).await, ["request-jdoe-1"]);
        let of_type = LogFilter { resource_type: Some(elsewhere.resource_type), ..LogFilter::default() };
        assert_eq!(request_ids(&state, of_type).await, ["request-jdoe-3"]);
        let of_provider = LogFilter { provider: Some(elsewhere.provider), ..LogFilter::default() };
        assert_eq!(request_ids(&state, of_provider).await, ["request-jdoe-3"]);
        let of_run = LogFilter { run: first.run, ..LogFilter::default() };
        assert_eq!(request_ids(&state, of_run).await, ["request-jdoe-1"]);
        let late = LogFilter { since: Some(moment(2)), ..LogFilter::default() };
        assert_eq!(request_ids(&state, late).await, ["request-jdoe-3", "request-asmith-2"]);
    }

    #[tokio::test]
    async fn for_every_attribute_the_newest_change_since_the_creation_is_told() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let mut at = 0;
        let mut write = async |action, changes: &[&str], other: fn(&mut LogEntry)| {
            at += 1;
            let changes = changes.iter().map(|path| (*path).to_owned()).collect();
            let mut entry = LogEntry { action, changes, ..log_entry("jdoe", at) };
            other(&mut entry);
            state.append_log(&entry).await.unwrap();
            entry
        };
        write(Action::Create, &[], |_| ()).await;
        write(Action::Update, &["nickName"], |_| ()).await;
        write(Action::Delete, &[], |_| ()).await;
        let created = write(Action::Create, &[], |_| ()).await;
        let first = write(Action::Update, &["title", "name.familyName"], |_| ()).await;
        let second = write(Action::Replace, &["title"], |_| ()).await;
        write(Action::Update, &["title"], |entry| entry.status = LogStatus::Failure).await;
        write(Action::Update, &["title"], |entry| entry.key = Some(key("asmith"))).await;
        write(Action::Update, &["title"], |entry| {
            entry.resource_type = ResourceTypeName::parse("Group").unwrap();
        })
        .await;
        let disabled = write(Action::Disable, &["active"], |_| ()).await;

        let changes = state.last_changes(&scope(), &key("jdoe")).await.unwrap();
        let expected = [("", created), ("active", disabled), ("name.familyName", first), ("title", second)];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(path, LogEntry { run, at, action, http_status, .. })| LastChange {
                path: path.into(),
                run,
                at,
                action,
                http_status,
            })
            .collect();
        assert_eq!(changes, expected);
        write(Action::Delete, &[], |_| ()).await;
        assert_eq!(state.last_changes(&scope(), &key("jdoe")).await.unwrap(), []);
    }

    #[tokio::test]
    async fn pruning_removes_what_is_older_and_says_how_much() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        for at in 1..=4 {
            state.append_log(&log_entry("jdoe", at)).await.unwrap();
        }
        assert_eq!(state.prune_log(moment(3)).await.unwrap(), 2);
        assert_eq!(request_ids(&state, LogFilter::default()).await, ["request-jdoe-4", "request-jdoe-3"]);
    }
}
