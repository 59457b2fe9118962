//! Values and stores that the tests of this crate share.

use crate::{
    Action, Intent, Link, LinkScope, LogEntry, LogStatus, Ownership, RunId, Setback, SetbackKind, Standing,
    StateStore, TenantState,
};
use jiff::Timestamp;
use scimwright_record::{ProviderName, RecordKey, ResourceTypeName, TenantName};
use scimwright_scim::{AttributePath, Desired, DesiredValue, Resource};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// A state in a folder of its own, which goes when this does.
pub(crate) struct Scratch {
    pub(crate) store: StateStore,
    pub(crate) path: PathBuf,
    pub(crate) _folder: tempfile::TempDir,
}

impl Scratch {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        Self { store: StateStore::open(&path).await.unwrap(), path, _folder: folder }
    }

    pub(crate) fn tenant(&self) -> TenantState {
        self.store.tenant(&TenantName::default())
    }
}

pub(crate) fn scope() -> LinkScope {
    scope_of("acme", "User")
}

pub(crate) fn scope_of(provider: &str, resource_type: &str) -> LinkScope {
    LinkScope {
        provider: ProviderName::parse(provider).unwrap(),
        resource_type: ResourceTypeName::parse(resource_type).unwrap(),
    }
}

pub(crate) fn key(text: &str) -> RecordKey {
    RecordKey::parse(text).unwrap()
}

/// A moment that survives being stored: whole milliseconds.
pub(crate) fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_772_000_000_000 + millis).unwrap()
}

pub(crate) fn link(record: &str, resource_id: &str) -> Link {
    let mut sent = Desired::new();
    sent.set(&AttributePath::parse("userName").unwrap(), DesiredValue::Set(json!(record)));
    sent.set(&AttributePath::parse("displayName").unwrap(), DesiredValue::Set(json!("Zoë \"Q\" 山田")));
    let seen = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": resource_id,
        "userName": record,
        "displayName": "Zoë \"Q\" 山田",
    });
    Link {
        key: key(record),
        resource_id: resource_id.to_owned(),
        ownership: Ownership::Created,
        standing: Standing::Active,
        sent,
        seen: Resource::from_value(seen).unwrap(),
        version: Some("W/\"1\"".to_owned()),
        created_at: moment(0),
        updated_at: moment(5),
        run: RunId::generate(),
        fingerprint: Some("5eed".to_owned()),
        due_at: None,
    }
}

pub(crate) fn intent(record: &str) -> Intent {
    Intent { key: key(record), operation: Action::Create, run: RunId::generate(), written_at: moment(1) }
}

pub(crate) fn log_entry(record: &str, at: i64) -> LogEntry {
    LogEntry {
        run: Some(RunId::generate()),
        request_id: format!("request-{record}-{at}"),
        provider: scope().provider,
        resource_type: scope().resource_type,
        resource_id: Some("2819c".to_owned()),
        key: Some(key(record)),
        action: Action::Create,
        status: LogStatus::Success,
        http_status: Some(201),
        message: "created".to_owned(),
        duration: Duration::from_micros(12_345),
        at: moment(at),
        changes: Vec::new(),
    }
}

/// A setback that is tried again at that moment, if any.
pub(crate) fn setback(record: &str, kind: SetbackKind, next_try: Option<i64>) -> Setback {
    Setback {
        key: key(record),
        kind,
        reason: "userName is taken".to_owned(),
        attempts: 2,
        since: moment(1),
        last: moment(4),
        next_try: next_try.map(moment),
        fingerprint: Some("f00d".to_owned()),
        run: RunId::generate(),
    }
}
