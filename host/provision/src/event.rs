//! What a run says while it goes on.
//!
//! One stream of events feeds the terminal, the JSON lines and whatever comes later; none of them knows
//! more than another. An event is complete in itself: it names who, what and why.

use scimwright_record::{ProviderName, RecordKey, ResourceTypeName, SourceName, TenantName};
use scimwright_state::LinkScope;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;

/// Receives the events of a run, in order.
pub trait Observer: Send + Sync {
    /// Called once for each event, with the resource type and provider that it is about. It must not block for long:
    /// the run waits.
    fn observe(&self, about: &LinkScope, event: &Event);
}

impl<F: Fn(&LinkScope, &Event) + Send + Sync> Observer for F {
    fn observe(&self, about: &LinkScope, event: &Event) {
        self(about, event);
    }
}

/// Whether a run changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Decide and show; nothing is sent and nothing is remembered.
    Plan,
    /// Decide and carry out.
    Sync,
    /// Carry out what a plan decided.
    Apply,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run over one resource type at one provider begins.
    Started {
        /// Whether anything will change.
        mode: Mode,
        /// The run's id; absent for a plan, which leaves no trace.
        run: Option<String>,
        /// The tenant.
        tenant: TenantName,
        /// The provider.
        provider: ProviderName,
        /// The resource type.
        resource_type: ResourceTypeName,
        /// The source.
        source: SourceName,
    },
    /// A row of the source that could not become a record.
    Malformed {
        /// Where it stands: `line 17`.
        position: String,
        /// Its key, where that much was readable.
        key: Option<RecordKey>,
        /// What is wrong.
        reason: String,
    },
    /// A record, and what was done for it.
    Record(RecordEvent),
    /// A reference that had to wait for another record's resource was filled in. The record itself was
    /// reported before.
    Reference(RecordEvent),
    /// Something worth knowing that is nobody's failure.
    Notice {
        /// The record it concerns, where it is one.
        key: Option<RecordKey>,
        /// What is worth knowing.
        message: String,
    },
    /// Deprovisioning did not take place.
    Held {
        /// How many resources it would have concerned.
        candidates: u64,
        /// Why, and how to proceed.
        reason: String,
    },
    /// One step of a record that somebody asked to follow.
    Trace {
        /// The record.
        key: RecordKey,
        /// Which step: `record`, `scope`, `module`, `wanted`, `known`, `decision`, `request`, `remembered`.
        step: Cow<'static, str>,
        /// What came of it.
        detail: serde_json::Value,
    },
    /// The run is over.
    Finished(Summary),
}

/// What was done, or would be done, for one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordEvent {
    /// The record.
    pub key: RecordKey,
    /// What was done.
    pub action: Action,
    /// The resource at the provider, where there is one.
    pub resource_id: Option<String>,
    /// The attributes that change, in the spelling of PATCH paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Why: the reason of a skip or a failure, or of a deprovisioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The requests that would be sent, in their order; in a plan only. They are not read back.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<PlannedRequest>,
}

/// A request of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedRequest {
    /// The HTTP method.
    pub method: &'static str,
    /// The path below the provider's base URL.
    pub path: String,
    /// The body, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
}

/// What was done, or would be done, for one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A resource was created.
    Create,
    /// A resource that was there already was linked, and changed where it differed.
    Adopt,
    /// A resource was changed.
    Update,
    /// Nothing had to be done.
    Unchanged,
    /// A resource was disabled.
    Disable,
    /// A resource was deleted.
    Delete,
    /// The mapping put the record out of scope, or a rule protects the resource.
    Skip,
    /// It did not work.
    Fail,
    /// It did not work before, and is tried again later.
    Wait,
}

impl Action {
    /// The word people read: `created`, and for a plan `create`.
    #[must_use]
    pub fn word(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (Self::Create, Mode::Sync | Mode::Apply) => "created",
            (Self::Create, Mode::Plan) => "create",
            (Self::Adopt, Mode::Sync | Mode::Apply) => "adopted",
            (Self::Adopt, Mode::Plan) => "adopt",
            (Self::Update, Mode::Sync | Mode::Apply) => "updated",
            (Self::Update, Mode::Plan) => "update",
            (Self::Unchanged, _) => "unchanged",
            (Self::Disable, Mode::Sync | Mode::Apply) => "disabled",
            (Self::Disable, Mode::Plan) => "disable",
            (Self::Delete, Mode::Sync | Mode::Apply) => "deleted",
            (Self::Delete, Mode::Plan) => "delete",
            (Self::Skip, Mode::Sync | Mode::Apply) => "skipped",
            (Self::Skip, Mode::Plan) => "skip",
            (Self::Fail, Mode::Sync | Mode::Apply) => "failed",
            (Self::Fail, Mode::Plan) => "would fail",
            (Self::Wait, Mode::Sync | Mode::Apply) => "waiting",
            (Self::Wait, Mode::Plan) => "wait",
        }
    }
}

/// The figures of a run. A plan counts what would be done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Resources created.
    pub created: u64,
    /// Resources found and linked.
    pub adopted: u64,
    /// Resources changed.
    pub updated: u64,
    /// Records that needed nothing.
    pub unchanged: u64,
    /// Resources disabled.
    pub disabled: u64,
    /// Resources deleted.
    pub deleted: u64,
    /// Records out of scope, and resources that a rule protects.
    pub skipped: u64,
    /// Records and rows that did not work.
    pub failed: u64,
    /// Records that did not work before, and are tried again later.
    pub waiting: u64,
    /// Resources that deprovisioning would have concerned, had it not been held.
    pub held: u64,
    /// References filled in after the resource they point at was there.
    pub references: u64,
    /// Resources with a reference left out, because the one that it points at is not there yet.
    pub open_references: u64,
    /// Requests sent to the provider, of any kind, retries included.
    pub requests: u64,
    /// Whether the source was read to its end.
    pub complete: bool,
    /// How long the run took, in seconds.
    #[serde(rename = "duration_seconds", serialize_with = "as_seconds", deserialize_with = "of_seconds")]
    pub duration: Duration,
    /// How much of it went into mapping, in seconds.
    #[serde(rename = "mapping_seconds", serialize_with = "as_seconds", deserialize_with = "of_seconds")]
    pub mapping: Duration,
}

impl Summary {
    /// Counts one outcome.
    pub(crate) fn count(&mut self, action: Action) {
        let figure = match action {
            Action::Create => &mut self.created,
            Action::Adopt => &mut self.adopted,
            Action::Update => &mut self.updated,
            Action::Unchanged => &mut self.unchanged,
            Action::Disable => &mut self.disabled,
            Action::Delete => &mut self.deleted,
            Action::Skip => &mut self.skipped,
            Action::Fail => &mut self.failed,
            Action::Wait => &mut self.waiting,
        };
        *figure += 1;
    }

    /// Adds the figures of another run, for a total over several. How long all of them took is for whoever totals to
    /// say: the types of a provider go side by side.
    pub fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.adopted += other.adopted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.disabled += other.disabled;
        self.deleted += other.deleted;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.waiting += other.waiting;
        self.held += other.held;
        self.references += other.references;
        self.open_references += other.open_references;
        self.requests += other.requests;
        self.complete &= other.complete;
        self.mapping += other.mapping;
    }
}

fn as_seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Milliseconds are as fine as anybody needs, and keep the line readable.
    serializer.serialize_f64((duration.as_secs_f64() * 1000.0).round() / 1000.0)
}

fn of_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_run_says_can_be_read_back() {
        let record = RecordEvent {
            key: RecordKey::parse("E1").unwrap(),
            action: Action::Fail,
            resource_id: None,
            changes: Vec::new(),
            reason: Some("409".into()),
            requests: Vec::new(),
        };
        let summary = Summary {
            created: 3,
            complete: true,
            duration: Duration::from_millis(1_250),
            ..Summary::default()
        };
        let key = record.key.clone();
        let mut events = vec![
            Event::Started {
                mode: Mode::Sync,
                run: Some("1".into()),
                tenant: TenantName::default(),
                provider: ProviderName::parse("acme").unwrap(),
                resource_type: ResourceTypeName::parse("User").unwrap(),
                source: SourceName::parse("hr").unwrap(),
            },
            Event::Malformed { position: "line 3".into(), key: None, reason: "no key".into() },
            Event::Record(record.clone()),
            Event::Reference(RecordEvent { changes: vec!["manager".into()], reason: None, ..record }),
            Event::Notice { key: None, message: "told".into() },
            Event::Held { candidates: 4, reason: "too many".into() },
            Event::Finished(summary),
        ];
        events.push(Event::Trace { key, step: "scope".into(), detail: json!({ "a": 1 }) });
        for event in events {
            let line = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event, "{line}");
        }
    }
}
