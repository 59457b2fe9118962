//! JSON lines on standard output: one event a line, the summary last.

use crate::exit::Exit;
use crate::terminal::out;
use scimwright_provision::{Event, Mode, Summary};
use serde_json::json;

/// Prints an event as it is. The summaries of single runs are events too; the last line of all is the total.
pub(crate) fn event(event: &Event) {
    if let Ok(line) = serde_json::to_string(event) {
        out(&line);
    }
}

/// Prints a failure that ended something.
pub(crate) fn error(message: &str) {
    out(&json!({ "event": "error", "message": message }).to_string());
}

/// Prints the last line: the figures of all runs together.
pub(crate) fn summary(mode: Mode, total: &Summary, exit: Exit) {
    let mut line = json!({ "event": "summary", "mode": mode, "exit_code": exit as u8 });
    if let (Some(line), Ok(serde_json::Value::Object(figures))) =
        (line.as_object_mut(), serde_json::to_value(total))
    {
        line.extend(figures);
    }
    out(&line.to_string());
}
