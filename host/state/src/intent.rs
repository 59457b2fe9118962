//! An intent: written before a request that creates, consumed when its outcome is known.
//!
//! After a lost response, or a killed process, nobody knows whether the provider created
//! the resource. The intent is what is left: the next run finds it, looks the resource up,
//! and does not create it blindly a second time. [`TenantState::settle`] stores what came
//! of it, all in one transaction, so there is never a link without its log line or a
//! settled intent that still stands.

use crate::client_log::{Action, LogEntry, LogStatus};
use crate::error::StateError;
use crate::link::Link;
use crate::rows::{Cell, Rows, Statement};
use crate::run::RunId;
use crate::tenant::{LinkScope, Reading, TenantState, to_millis};
use jiff::Timestamp;
use scimwright_record::RecordKey;

/// Something that is about to be asked of a provider, and may have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The record on whose behalf.
    pub key: RecordKey,
    /// What is asked.
    pub operation: Action,
    /// The run that asks.
    pub run: RunId,
    /// When it was written.
    pub written_at: Timestamp,
}

/// What becomes of a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LinkChange<'a> {
    /// It is stored.
    Put(&'a Link),
    /// The link of the record that is settled is forgotten.
    Forget,
}

/// The outcome of an operation: what it means for the link, and its line in the client log.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement<'a> {
    /// What becomes of the link; `None` leaves it.
    pub link: Option<LinkChange<'a>>,
    /// The line in the client log.
    pub log: LogEntry,
}

impl TenantState {
    /// Writes an intent down, in place of an older one for the same record.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written; the request must not be sent then.
    pub async fn write_intent(&self, scope: &LinkScope, intent: &Intent) -> Result<(), StateError> {
        let cells = vec![
            self.tenant().into(),
            scope.provider.as_str().into(),
            scope.resource_type.as_str().into(),
            intent.key.as_str().into(),
            intent.operation.as_str().into(),
            intent.run.to_string().into(),
            to_millis(intent.written_at).into(),
        ];
        self.shared.store(Rows::of(Statement::WriteIntents, cells)).await
    }

    /// The intents of a scope that nothing has settled, in the order of their keys: what a run that was
    /// killed left open.
    ///
    /// There are at most as many as records were under way at once, so they are not paged.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn intents(&self, scope: &LinkScope) -> Result<Vec<Intent>, StateError> {
        const SQL: &str = "SELECT key, operation, run, written_at FROM intents \
                           WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 ORDER BY key";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read the open intents"))?;
        rows.iter()
            .map(|row| {
                let reading = Reading { shared: &self.shared, what: "an intent", row };
                Ok(Intent {
                    key: reading.parse("key", RecordKey::parse)?,
                    operation: reading.word("operation", Action::from_word)?,
                    run: reading.parse("run", RunId::parse)?,
                    written_at: reading.moment("written_at")?,
                })
            })
            .collect()
    }

    /// Stores the outcome for a record, all or nothing: the link's change, the line in the client log,
    /// and the end of the record's intent, where it had one.
    ///
    /// Success clears the record's setback as well. Only a resource that was disabled or deleted leaves a
    /// [`Skipped`](crate::SetbackKind::Skipped) one, since that says why.
    ///
    /// # Errors
    /// [`StateError::ResourceTaken`] as for [`put_link`](Self::put_link); otherwise [`StateError`] when
    /// the file cannot be written. Nothing has changed then, and the intent still stands.
    pub async fn settle(
        &self,
        scope: &LinkScope,
        key: &RecordKey,
        settlement: &Settlement<'_>,
    ) -> Result<(), StateError> {
        let rows = self.rows_of(scope, key, settlement)?;
        match settlement.link {
            Some(LinkChange::Forget) => self.settle_and_forget(scope, key, rows).await,
            Some(LinkChange::Put(_)) | None => self.shared.store(rows).await,
        }
    }

    /// What a settlement stores, but for a link that is forgotten.
    fn rows_of(
        &self,
        scope: &LinkScope,
        key: &RecordKey,
        settlement: &Settlement<'_>,
    ) -> Result<Rows, StateError> {
        let Settlement { link, log } = settlement;
        let record: Vec<Cell> = vec![
            self.tenant().into(),
            scope.provider.as_str().into(),
            scope.resource_type.as_str().into(),
            key.as_str().into(),
        ];
        let mut rows = Rows::of(Statement::AppendLog, self.log_cells(log)?);
        if let Some(LinkChange::Put(link)) = link {
            rows.add(Statement::PutLinks, self.link_cells(scope, link)?);
        }
        match (log.status, log.action) {
            (LogStatus::Failure, _) => {}
            (LogStatus::Success, Action::Disable | Action::Delete) => {
                rows.add(Statement::EndFailures, record.clone());
            }
            (LogStatus::Success, _) => rows.add(Statement::EndSetbacks, record.clone()),
        }
        rows.add(Statement::EndIntents, record);
        Ok(rows)
    }

    async fn settle_and_forget(
        &self,
        scope: &LinkScope,
        key: &RecordKey,
        rows: Rows,
    ) -> Result<(), StateError> {
        let context = (self.clone(), scope.clone(), key.clone(), rows);
        let write =
            self.shared.write("settle an operation", context, |(state, scope, key, rows), connection| {
                Box::pin(async {
                    state.forget_link_on(connection, scope, key).await?;
                    rows.put(&state.shared, connection).await
                })
            });
        write.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogFilter;
    use crate::fixture::{Scratch, intent, key, link, log_entry, scope};

    fn created(link: &Link) -> Settlement<'_> {
        Settlement { link: Some(LinkChange::Put(link)), log: log_entry(link.key.as_str(), 7) }
    }

    #[tokio::test]
    async fn an_intent_stands_until_it_is_settled_and_leaves_link_and_log_line() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let written = intent("jdoe");
        state.write_intent(&scope(), &written).await.unwrap();
        state.write_intent(&scope(), &written).await.unwrap();
        assert_eq!(state.intents(&scope()).await.unwrap(), [written]);

        let made = link("jdoe", "2819c");
        let settlement = created(&made);
        state.settle(&scope(), &key("jdoe"), &settlement).await.unwrap();
        assert_eq!(state.intents(&scope()).await.unwrap(), []);
        assert_eq!(state.link(&scope(), &key("jdoe")).await.unwrap().unwrap().resource_id, "2819c");
        assert_eq!(state.log(&LogFilter::default()).await.unwrap(), [settlement.log]);
    }

    #[tokio::test]
    async fn settling_a_deletion_forgets_the_link() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        state.put_link(&scope(), &link("jdoe", "2819c")).await.unwrap();
        let gone = Settlement { link: Some(LinkChange::Forget), log: log_entry("jdoe", 8) };
        state.settle(&scope(), &key("jdoe"), &gone).await.unwrap();
        assert_eq!(state.link(&scope(), &key("jdoe")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_settlement_that_cannot_be_stored_changes_nothing() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        state.put_link(&scope(), &link("asmith", "2819c")).await.unwrap();
        state.write_intent(&scope(), &intent("jdoe")).await.unwrap();
        let error = state.settle(&scope(), &key("jdoe"), &created(&link("jdoe", "2819c"))).await.unwrap_err();
        assert!(matches!(error, StateError::ResourceTaken { .. }), "{error}");
        assert_eq!(state.intents(&scope()).await.unwrap().len(), 1);
        assert_eq!(state.log(&LogFilter::default()).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_settlement_cut_short_before_its_commit_leaves_the_intent_and_nothing_else() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        state.write_intent(&scope(), &intent("jdoe")).await.unwrap();
        {
            // Not committed by anybody, and undone for the next one who comes.
            let mut connection = state.shared.writer("be cut short").await.unwrap();
            state.shared.in_transaction.store(true, std::sync::atomic::Ordering::Relaxed);
            sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await.unwrap();
            let rows = state.rows_of(&scope(), &key("jdoe"), &created(&link("jdoe", "2819c"))).unwrap();
            rows.put(&state.shared, &mut connection).await.unwrap();
        }
        assert_eq!(state.intents(&scope()).await.unwrap().len(), 1);
        assert_eq!(state.link(&scope(), &key("jdoe")).await.unwrap(), None);
        assert_eq!(state.log(&LogFilter::default()).await.unwrap(), []);

        // What a process that was killed here would find when it comes back.
        let path = scratch.path.clone();
        let later = crate::StateStore::open_read_only(&path).await.unwrap().tenant(state.name());
        assert_eq!(later.intents(&scope()).await.unwrap().len(), 1);
        assert_eq!(later.link(&scope(), &key("jdoe")).await.unwrap(), None);
    }
}
