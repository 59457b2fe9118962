//! The result of one client call: `{status, message}` and the details.

use crate::args::{Common, Output, ResourceArgs};
use crate::terminal::{err, out};
use scimwright_client::CallReport;
use scimwright_provision::{Action, Mode};
use scimwright_record::RecordKey;
use scimwright_scim::Resource;
use scimwright_state::{Action as LogAction, LogEntry};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How a call went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CallResult {
    /// The provider's words, or ours where it failed.
    outcome: Result<Value, String>,
    details: Map<String, Value>,
    on_stderr: bool,
}

impl CallResult {
    pub(crate) fn success(action: LogAction, call: &CallReport, id: Option<&str>, value: Value) -> Self {
        Self { outcome: Ok(value), details: details(action, call, id), on_stderr: false }
    }

    pub(crate) fn failure(action: LogAction, call: &CallReport, id: Option<&str>, message: &str) -> Self {
        Self { outcome: Err(message.to_owned()), details: details(action, call, id), on_stderr: false }
    }

    /// The result of a call that could not even be tried.
    pub(crate) fn unmade(args: &ResourceArgs, message: &str) -> Self {
        Self { outcome: Err(message.to_owned()), details: about(args), on_stderr: false }
    }

    /// The result for a record: what was done, why, and the resource as it is now; and the last call that was
    /// made for it, if one was.
    pub(crate) fn of_record(
        args: &ResourceArgs,
        key: &RecordKey,
        outcome: Result<(Action, Option<String>, Option<Resource>), String>,
        call: Option<&LogEntry>,
    ) -> Self {
        let mut details = about(args);
        details.insert("key".into(), json!(key));
        let outcome = outcome.map(|(action, reason, resource)| {
            details.insert("action".into(), action.word(Mode::Sync).into());
            if let Some(reason) = &reason {
                details.insert("reason".into(), reason.as_str().into());
            }
            match (action, resource) {
                (Action::Skip, _) | (_, None) => {
                    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                    Value::from(format!("{key} was {}{because}", action.word(Mode::Sync)))
                }
                (_, Some(resource)) => resource.into_value(),
            }
        });
        if let Some(call) = call {
            details.insert("http_status".into(), json!(call.http_status));
            details.insert("request_id".into(), call.request_id.as_str().into());
            details.insert("duration_ms".into(), milliseconds(call.duration).into());
        }
        Self { outcome, details, on_stderr: false }
    }

    pub(crate) fn with_id(mut self, id: Option<String>) -> Self {
        self.details.insert("resource_id".into(), json!(id));
        self
    }

    /// The same on standard error, where standard output holds a list.
    pub(crate) fn on_stderr(self) -> Self {
        Self { on_stderr: true, ..self }
    }

    /// `status` and `message` first, then the details. `message` is the SCIM body as text, `body` the same as
    /// JSON.
    fn to_json(&self) -> Value {
        let mut line = Map::new();
        line.insert("event".into(), "result".into());
        let (status, message) = match &self.outcome {
            Ok(Value::String(text)) => ("SUCCESS", text.clone()),
            Ok(Value::Null) => ("SUCCESS", String::new()),
            Ok(body) => ("SUCCESS", body.to_string()),
            Err(message) => ("FAILURE", message.clone()),
        };
        line.insert("status".into(), status.into());
        line.insert("message".into(), message.into());
        line.extend(self.details.clone());
        if let Ok(body @ Value::Object(_)) = &self.outcome {
            line.insert("body".into(), body.clone());
        }
        Value::Object(line)
    }
}

fn about(args: &ResourceArgs) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert("provider".into(), json!(args.provider));
    details.insert("resource_type".into(), json!(args.resource_type));
    details
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn details(action: LogAction, call: &CallReport, id: Option<&str>) -> Map<String, Value> {
    let details = json!({
        "provider": &*call.provider, "resource_type": call.subject.resource_type, "resource_id": id,
        "action": action.as_str(), "http_status": call.status, "request_id": call.request_id.to_string(),
        "attempts": call.attempts,
        "duration_ms": milliseconds(call.duration),
    });
    match details {
        Value::Object(details) => details,
        _ => Map::new(),
    }
}

/// Prints a result: the body for people, everything on one line for programs.
pub(crate) fn print_result(common: &Common, result: &CallResult) {
    let print = if result.on_stderr { err } else { out };
    match (common.output, &result.outcome) {
        (Output::Json, _) => print(&result.to_json().to_string()),
        (Output::Human, Ok(Value::String(text))) => print(text),
        (Output::Human, Ok(body)) => {
            if let Some(action) = result.details.get("action").and_then(Value::as_str)
                && result.details.contains_key("key")
            {
                err(&human_action(action, &result.details));
            }
            if !body.is_null() {
                print(&format!("{body:#}"));
            }
        }
        (Output::Human, Err(message)) => err(&common.remedies().complete(&format!("error: {message}"))),
    }
}

/// `created: E1 is resource 2819c at acme`
fn human_action(action: &str, details: &Map<String, Value>) -> String {
    let text = |name: &str| details.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let reason = details.get("reason").and_then(Value::as_str).map(|reason| format!(": {reason}"));
    format!(
        "{action}: {} is {} {} at {}{}",
        text("key"),
        text("resource_type"),
        text("resource_id"),
        text("provider"),
        reason.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_record(outcome: Result<(Action, Option<String>, Option<Resource>), String>) -> Value {
        let args = ResourceArgs { provider: "acme".parse().unwrap(), resource_type: "User".parse().unwrap() };
        CallResult::of_record(&args, &RecordKey::parse("E1").unwrap(), outcome, None).to_json()
    }

    #[test]
    fn a_record_that_the_mapping_skips_is_a_success_that_says_why() {
        let skipped = of_record(Ok((Action::Skip, Some("an external".to_owned()), None)));
        assert_eq!(
            (&skipped["status"], &skipped["message"], &skipped["action"]),
            (&"SUCCESS".into(), &"E1 was skipped: an external".into(), &"skipped".into())
        );
        let failed = of_record(Err("the row `title` cannot be filled".to_owned()));
        assert_eq!((&failed["status"], &failed["provider"]), (&"FAILURE".into(), &"acme".into()));
        assert_eq!(failed["message"], "the row `title` cannot be filled");
    }
}
