//! What is written down about a call: the link as it is now, and its row in the client log, together.

use crate::creating::New;
use crate::cycle::Cycle;
use crate::error::ProvisionError;
use jiff::Timestamp;
use scimwright_client::{CallReport, ClientError};
use scimwright_record::RecordKey;
use scimwright_scim::{Desired, Resource};
use scimwright_state::{
    Action as LogAction, Link, LinkChange, LogEntry, LogStatus, RunId, Settlement, Standing,
};

impl Cycle<'_> {
    pub(crate) fn new_link(&self, run: &RunId, made: New<'_>, sent: Desired, seen: Resource) -> Link {
        let now = Timestamp::now();
        Link {
            key: made.key.clone(),
            resource_id: made.resource_id,
            ownership: made.ownership,
            standing: Standing::Active,
            version: seen.version().map(str::to_owned),
            sent,
            seen,
            created_at: now,
            updated_at: now,
            run: *run,
            fingerprint: made.mark.fingerprint,
            due_at: made.mark.due_at,
        }
    }

    /// Stores a link together with the log row of the call that made it what it is.
    pub(crate) async fn store(
        &self,
        link: &Link,
        action: LogAction,
        message: &str,
        changes: Vec<String>,
        call: &CallReport,
    ) -> Result<(), ProvisionError> {
        let log = LogEntry { changes, ..self.success_entry(&link.run, link, action, message, call) };
        let settlement = Settlement { link: Some(LinkChange::Put(link)), log };
        Ok(self.provisioner.state.settle(&self.scope, &link.key, &settlement).await?)
    }

    pub(crate) fn success_entry(
        &self,
        run: &RunId,
        link: &Link,
        action: LogAction,
        message: &str,
        call: &CallReport,
    ) -> LogEntry {
        LogEntry {
            request_id: call.request_id.to_string(),
            http_status: call.status,
            duration: call.duration,
            ..self.log_entry(run, link, action, message)
        }
    }

    /// A row for something that needed no request.
    pub(crate) fn log_entry(&self, run: &RunId, link: &Link, action: LogAction, message: &str) -> LogEntry {
        LogEntry {
            run: Some(*run),
            request_id: String::new(),
            provider: self.provisioner.provider.clone(),
            resource_type: self.scope.resource_type.clone(),
            resource_id: Some(link.resource_id.clone()),
            key: Some(link.key.clone()),
            action,
            status: LogStatus::Success,
            http_status: None,
            message: message.to_owned(),
            changes: Vec::new(),
            duration: std::time::Duration::ZERO,
            at: Timestamp::now(),
        }
    }

    pub(crate) fn failure_entry(
        &self,
        run: &RunId,
        key: &RecordKey,
        action: LogAction,
        resource_id: Option<&str>,
        call: &CallReport,
        message: &str,
    ) -> LogEntry {
        LogEntry {
            run: Some(*run),
            request_id: call.request_id.to_string(),
            provider: self.provisioner.provider.clone(),
            resource_type: self.scope.resource_type.clone(),
            resource_id: resource_id.map(str::to_owned),
            key: Some(key.clone()),
            action,
            status: LogStatus::Failure,
            http_status: call.status,
            message: message.to_owned(),
            changes: Vec::new(),
            duration: call.duration,
            at: Timestamp::now(),
        }
    }

    pub(crate) async fn log_failure(
        &self,
        run: &RunId,
        key: &RecordKey,
        action: LogAction,
        resource_id: Option<&str>,
        error: &ClientError,
    ) -> Result<(), ProvisionError> {
        let entry = self.failure_entry(run, key, action, resource_id, &error.call, &error.to_string());
        Ok(self.provisioner.state.append_log(&entry).await?)
    }
}
