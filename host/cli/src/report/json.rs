//! JSON lines on standard output: one event a line, the summary last.

use crate::exit::Exit;
use crate::terminal::out;
use scimwright_provision::{Event, Mode, Summary};
use scimwright_state::LinkScope;
use serde::Serialize;
use serde_json::{Value, json};

/// Prints an event, with the provider and the resource type that it is about. The summaries of single runs are events
/// too; the last line of all is the total.
pub(crate) fn event(about: &LinkScope, event: &Event) {
    if let Ok(serde_json::Value::Object(mut line)) = serde_json::to_value(event) {
        line.insert("provider".to_owned(), about.provider.as_str().into());
        line.insert("resource_type".to_owned(), about.resource_type.as_str().into());
        out(&serde_json::Value::Object(line).to_string());
    }
}

/// Prints something worth knowing that is about no single run.
pub(crate) fn note(message: &str) {
    out(&json!({ "event": "notice", "key": null, "message": message }).to_string());
}

/// Prints a failure that ended something.
pub(crate) fn error(message: &str) {
    out(&json!({ "event": "error", "message": message }).to_string());
}

/// Prints the last line: the figures of all runs together.
pub(crate) fn summary(mode: Mode, total: &Summary, exit: Exit) {
    let line = json!({ "event": "summary", "mode": mode, "exit_code": exit as u8 });
    out(&with(line, total).to_string());
}

/// A line, with the fields of something after its own.
pub(crate) fn with(mut line: Value, more: &impl Serialize) -> Value {
    if let (Some(line), Ok(Value::Object(more))) = (line.as_object_mut(), serde_json::to_value(more)) {
        line.extend(more);
    }
    line
}
