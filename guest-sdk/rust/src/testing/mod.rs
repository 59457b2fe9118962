//! For `cargo test`: contexts, log lines, look-ups and golden cases, without a Wasm runtime.
//!
//! - [`context`]: a context to map in, with `with_setting`, `with_now` and so on to change it
//! - [`logs`]: what the mapping logged
//! - [`provide_lookup`]: what a look-up finds
//! - [`run_mapping_cases`], [`run_default_cases`]: a folder of [golden cases](cases)
//!
//! Log lines and look-ups belong to the thread, and so to one test.

pub mod cases;
mod tape;

pub use cases::{CaseError, CaseFailure, CaseReport, run_default_cases, run_mapping_cases};
pub(crate) use tape::NoAnswer;

use crate::context::{Context, Operation};
use crate::json::UnreadableJson;
use crate::log::Level;
use crate::manifest::Describe;
use crate::record::Record;
use serde_json::Value;
use std::cell::{OnceCell, RefCell};
use std::fmt;
use tape::{Answer, Tape};

thread_local! {
    static LOGS: RefCell<Vec<LogLine>> = const { RefCell::new(Vec::new()) };
    static LOOKUPS: RefCell<Vec<Record>> = const { RefCell::new(Vec::new()) };
    static TAPE: RefCell<Option<Tape>> = const { RefCell::new(None) };
}

/// A line that a mapping wrote to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The message.
    pub message: String,
    /// The details, by name.
    pub details: Vec<(String, String)>,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.level, self.message)?;
        for (at, (name, value)) in self.details.iter().enumerate() {
            write!(f, "{}{name}={value}", if at == 0 { " (" } else { ", " })?;
        }
        if self.details.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// Takes the lines that this thread has logged since it was last asked.
#[must_use]
pub fn logs() -> Vec<LogLine> {
    LOGS.take()
}

pub(crate) fn keep_log(line: LogLine) {
    LOGS.with_borrow_mut(|lines| lines.push(line));
}

/// Lets this thread's look-ups find a record. Its source counts as granted from now on.
pub fn provide_lookup(record: Record) {
    LOOKUPS.with_borrow_mut(|records| records.push(record));
}

/// What a look-up finds: on the tape of the running case where it has one, else among the records that were
/// provided. A source of which no record was provided counts as not granted.
pub(crate) fn answer_lookup(source: &str, key: &str, fields: &[&str]) -> Answer {
    let taped = TAPE.with_borrow_mut(|tape| tape.as_mut().map(|tape| tape.answer(source, key, fields)));
    let mut found = taped.unwrap_or_else(|| provided(source, key))?;
    if let Some(record) = &mut found {
        record.fields.retain(|(name, _)| fields.contains(&name.as_str()));
    }
    Ok(found)
}

fn provided(source: &str, key: &str) -> Answer {
    LOOKUPS.with_borrow(|records| {
        let mut granted = records.iter().filter(|record| record.source == source).peekable();
        granted.peek().ok_or(NoAnswer::NotGranted)?;
        Ok(granted.find(|record| record.key == key).cloned())
    })
}

/// Runs something whose look-ups this tape answers; none leaves them to [`provide_lookup`].
pub(crate) fn with_tape<T>(tape: Option<Tape>, run: impl FnOnce() -> T) -> T {
    TAPE.set(tape);
    let result = run();
    TAPE.set(None);
    result
}

/// A context in which the module `M` is asked for a preview of a User at the provider `acme`, at the
/// beginning of 2026, with no settings but its own defaults.
#[must_use]
pub fn context<M: Describe>() -> Context {
    Context {
        tenant: "default".to_owned(),
        provider: "acme".to_owned(),
        resource_type: "User".to_owned(),
        operation: Operation::Preview,
        now: "2026-01-01T00:00:00Z".to_owned(),
        settings: Vec::new(),
        describe: M::describe,
        manifest: OnceCell::new(),
    }
}

/// Changes to a context. Only tests can make them: a module takes the context as it is.
impl Context {
    /// The same with this setting.
    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.into()));
        self
    }

    /// The same at this moment, as RFC 3339 text in UTC.
    #[must_use]
    pub fn with_now(mut self, now: impl Into<String>) -> Self {
        self.now = now.into();
        self
    }

    /// The same for this operation.
    #[must_use]
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }

    /// The same for this resource type.
    #[must_use]
    pub fn with_resource_type(mut self, resource_type: impl Into<String>) -> Self {
        self.resource_type = resource_type.into();
        self
    }

    /// The same with what the `context` of a golden case says.
    pub(crate) fn amended(mut self, changes: &Value) -> Result<Self, UnreadableJson> {
        let wrong = |place: &str, problem: &str| UnreadableJson {
            place: format!("context.{place}"),
            problem: problem.to_owned(),
        };
        let Some(changes) = changes.as_object() else { return Err(wrong("", "is not an object")) };
        for (name, value) in changes {
            let text = || value.as_str().map(ToOwned::to_owned).ok_or_else(|| wrong(name, "is not a text"));
            match name.as_str() {
                "tenant" => self.tenant = text()?,
                "provider" => self.provider = text()?,
                "resource_type" => self.resource_type = text()?,
                "now" => self.now = text()?,
                "operation" => {
                    self.operation = match text()?.as_str() {
                        "create" => Operation::Create,
                        "update" => Operation::Update,
                        "preview" => Operation::Preview,
                        _ => return Err(wrong(name, "is not `create`, `update` or `preview`")),
                    }
                }
                "settings" => {
                    for (name, value) in value.as_object().into_iter().flatten() {
                        let Some(value) = value.as_str() else {
                            return Err(wrong(&format!("settings.{name}"), "is not a text"));
                        };
                        self = self.with_setting(name, value);
                    }
                }
                _ => return Err(wrong(name, "is nothing that a context has")),
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;
    use serde_json::json;

    struct Module;

    impl Describe for Module {
        fn describe() -> Manifest {
            Manifest::new("module", "1")
        }
    }

    #[test]
    fn a_context_of_a_case_that_has_what_no_context_has_is_an_error() {
        let changes = json!({ "setings": {} });
        let error = context::<Module>().amended(&changes).unwrap_err();
        assert_eq!(error.to_string(), "context.setings: is nothing that a context has");
    }
}
