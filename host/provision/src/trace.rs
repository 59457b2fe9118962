//! One record followed step by step, for whoever asks why it became what it is.
//!
//! Without somebody who asks, none of it is even put together.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::Event;
use crate::record::Decided;
use crate::witness::Witness;
use scimwright_record::RecordKey;
use scimwright_state::Link;
use serde_json::{Value, json};
use std::sync::Arc;

/// What is followed.
#[derive(Clone)]
pub(crate) struct Trace {
    /// The record.
    pub(crate) key: RecordKey,
    /// Hears the calls of its modules.
    pub(crate) witness: Arc<Witness>,
}

impl Cycle<'_> {
    /// Says what came of a step.
    pub(crate) fn trace(&self, step: &'static str, detail: impl FnOnce() -> Value) {
        if let Some(trace) = &self.trace {
            self.tally.emit(Event::Trace { key: trace.key.clone(), step: step.into(), detail: detail() });
        }
    }

    /// Says what modules were given and answered since the last time.
    pub(crate) fn trace_modules(&self) {
        let Some(trace) = &self.trace else { return };
        for call in trace.witness.take() {
            self.trace("module", || serde_json::to_value(call).unwrap_or_default());
        }
    }

    /// Says which requests were sent since the last time.
    pub(crate) fn trace_calls(&self) {
        if self.trace.is_some() {
            self.tally.take_calls().into_iter().for_each(|call| self.trace("request", || call));
        }
    }

    /// Says what is known of the resource.
    pub(crate) fn trace_known(&self, link: Option<&Link>) {
        self.trace("known", || match link {
            None => json!({ "link": null }),
            Some(link) => json!({
                "link": link.resource_id, "ownership": link.ownership.as_str(), "standing": link.standing.as_str(),
                "sent": link.sent, "seen": link.seen,
            }),
        });
    }

    /// Says what was decided.
    pub(crate) fn trace_decision(&self, decided: &Decided) {
        self.trace_calls();
        self.trace("decision", || match decided {
            Decided::Do(operation, _) => json!({
                "action": self.as_it_ends(operation.action()), "changes": operation.changes, "requests": self.requests_of(operation),
                "deactivate_later": operation.wish.deactivate.then_some(true),
            }),
            Decided::OutOfScope(_, reason, _) => json!({ "action": "skip", "reason": reason }),
            Decided::Waits(_, setback) => json!({ "action": "wait", "reason": setback.reason }),
            Decided::Cannot(_, trouble, _) => json!({ "action": "fail", "reason": trouble.reason }),
        });
    }

    /// Says what is remembered in the end.
    pub(crate) async fn trace_remembered(&self) -> Result<(), ProvisionError> {
        let Some(trace) = &self.trace else { return Ok(()) };
        self.trace_calls();
        let state = &self.provisioner.state;
        let link = state.link(&self.scope, &trace.key).await?;
        let setback = state.setback(&self.scope, &trace.key).await?;
        self.trace("remembered", || {
            json!({
                "link": link.as_ref().map(|link| &link.resource_id),
                "sent": link.as_ref().map(|link| &link.sent),
                "seen": link.as_ref().map(|link| &link.seen),
                "due_at": link.as_ref().and_then(|link| link.due_at).map(|due| due.to_string()),
                "setback": setback.map(|setback| json!({
                    "kind": setback.kind.as_str(), "reason": setback.reason, "attempts": setback.attempts,
                    "next_try": setback.next_try.map(|next| next.to_string()),
                })),
            })
        });
        Ok(())
    }
}
