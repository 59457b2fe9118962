//! Whoever listens to the calls of modules for one record: what each was given, what it answered, what it used.

use crate::origin::ModuleVersion;
use crate::recorder::{CallOutcome, CallRecorder, ModuleCall};
use scimwright_mapping::{AttributeMap, LogLine, Outcome, TapeAnswer, Usage};
use scimwright_record::FieldValue;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// One call of a module, as it went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Witnessed {
    /// The module.
    pub module: String,
    /// Its version, as it says itself.
    pub version: String,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
    /// What was asked of it: `map`, or `defaults`.
    pub call: &'static str,
    /// The fields that it was given.
    pub fields: Map<String, Value>,
    /// What it answered: the attributes, or a reason.
    pub answer: Value,
    /// What it looked up, and what it was told.
    pub lookups: Vec<Value>,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// What it used.
    pub usage: Usage,
}

/// Keeps the calls of one record, and passes them on to whoever listened before.
#[derive(Default)]
pub(crate) struct Witness {
    calls: Mutex<Vec<Witnessed>>,
    next: Option<Arc<dyn CallRecorder>>,
}

impl Witness {
    pub(crate) fn before(next: Option<Arc<dyn CallRecorder>>) -> Self {
        Self { calls: Mutex::default(), next }
    }

    /// The calls since the last time.
    pub(crate) fn take(&self) -> Vec<Witnessed> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CallRecorder for Witness {
    fn called(&self, call: &ModuleCall<'_>) {
        let module = ModuleVersion::of(call.module);
        let fields = call.record.fields().iter();
        let witnessed = Witnessed {
            module: module.name.to_string(),
            version: module.version,
            digest: module.digest,
            call: if call.mapped.is_some() { "defaults" } else { "map" },
            fields: fields.map(|field| (field.name.clone(), plain(&field.value))).collect(),
            answer: match &call.result {
                Ok(CallOutcome::Mapped(Outcome::Provision(attributes))) => {
                    json!({ "attributes": plain_map(attributes) })
                }
                Ok(CallOutcome::Defaults(attributes)) => json!({ "attributes": plain_map(attributes) }),
                Ok(CallOutcome::Mapped(Outcome::Skip(reason))) => json!({ "skip": reason }),
                Err(error) => json!({ "failed": error.to_string() }),
            },
            lookups: call.evidence.tape.iter().map(lookup).collect(),
            logs: call.evidence.logs.clone(),
            usage: call.evidence.usage,
        };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(witnessed);
        if let Some(next) = &self.next {
            next.called(call);
        }
    }
}

fn lookup(entry: &scimwright_mapping::TapeEntry) -> Value {
    let answer = match &entry.answer {
        TapeAnswer::Found(record) => {
            let fields = record.fields().iter();
            Value::Object(fields.map(|field| (field.name.clone(), plain(&field.value))).collect())
        }
        TapeAnswer::Absent => Value::Null,
        TapeAnswer::NotGranted => "not granted".into(),
        TapeAnswer::Unavailable(reason) => json!({ "unavailable": reason }),
    };
    json!({ "source": entry.source, "key": entry.key, "fields": entry.fields, "answer": answer })
}

/// What a mapping made, as JSON; a link stands there as the record it names.
fn plain_map(attributes: &AttributeMap) -> Value {
    let (desired, _) = attributes.resolve(&mut |link| Some(format!("{} {}", link.resource_type, link.key)));
    serde_json::to_value(desired).unwrap_or_default()
}

/// A field's value as JSON.
pub(crate) fn plain(value: &FieldValue) -> Value {
    match value {
        FieldValue::Null => Value::Null,
        FieldValue::Text(text) | FieldValue::DateTime(text) => text.as_str().into(),
        FieldValue::Boolean(truth) => (*truth).into(),
        FieldValue::Integer(number) => (*number).into(),
        FieldValue::Decimal(number) => (*number).into(),
        FieldValue::Binary(bytes) => format!("({} bytes)", bytes.len()).into(),
        FieldValue::Many(items) => items.clone().into(),
        FieldValue::Json(value) => value.clone(),
    }
}
