//! A case: one call of a module as a value, written down with everything the module sees and, where that is
//! known, what it has to answer.
//!
//! One format serves as fixture, recording and replay. It is a JSON object that people write and read:
//!
//! ```json
//! { "source": "hr", "key": "E1001",
//!   "fields": { "given_name": "Zoë", "hired": "2024-03-01T00:00:00Z" },
//!   "types": { "hired": "date-time" },
//!   "context": { "settings": { "domain": "example.com" } },
//!   "lookups": [ { "source": "departments", "key": "D1", "fields": ["name"], "found": { "name": "Research" } } ],
//!   "expected": { "userName": "zoe@example.com" } }
//! ```
//!
//! Only `source`, `key` and `fields` have to be there. `types` names what JSON does not imply. `context` has what
//! else the module is told; a case without `settings` has none. `mapped` asks for default values instead of a
//! mapping. `lookups` is a tape: a look-up that is not on it is answered as unavailable, so a case never reaches
//! out to anything.
//!
//! - [`fields`]: records as JSON
//! - [`resource`]: attribute maps as JSON
//! - [`outcome`]: outcomes and errors as JSON, and when they match
//! - [`difference`]: where two resources differ
//! - [`tape`]: look-ups answered from a case
//! - [`run`]: a case against a module
//! - [`files`]: cases in folders and files
//! - [`bundled`]: cases inside a module

pub mod bundled;
pub mod difference;
pub mod files;
pub mod outcome;
pub mod run;
pub mod tape;

mod fields;
mod resource;

pub use bundled::{CasesFailed, MAX_BUNDLED_CASES, bundled_cases, verify_bundled};
pub use difference::{Difference, differences};
pub use files::{CaseFile, CaseFileError};
pub use outcome::{lasting, matches};
pub use run::{CaseReport, CaseRunner};
pub use tape::{CaseLookup, NOT_ON_TAPE, TapePlayer};

use crate::attributes::AttributeMap;
use crate::module::{CallContext, Operation};
use crate::text;
use scimwright_record::Record;
use serde_json::{Map, Value};
use std::fmt;

/// What a context says where a case does not: the beginning of 2026.
const DEFAULT_NOW: &str = "2026-01-01T00:00:00Z";

/// One call of a module, as a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What people call it; by default its source and key.
    pub name: Option<String>,
    /// The record.
    pub record: Record,
    /// What else the module is told.
    pub context: CallContext,
    /// The module's settings; a case brings its own, so that it comes out the same wherever it runs.
    pub settings: Vec<(String, String)>,
    /// What was mapped already: the case asks for default values.
    pub mapped: Option<AttributeMap>,
    /// The look-ups, and their answers.
    pub lookups: Vec<CaseLookup>,
    /// The module that was called when the case was recorded.
    pub module: Option<CaseModule>,
    /// What has to come out: a resource, `{"skip": …}` or `{"error": …}`.
    pub expected: Option<Value>,
}

/// The module that a case was recorded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseModule {
    /// Its name in the configuration.
    pub name: String,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
}

/// JSON that is no case, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{place}` {problem}")]
pub struct CaseError {
    /// Where: `context.operation`.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

impl CaseError {
    pub(crate) fn new(place: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self { place: place.into(), problem: problem.to_string() }
    }
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// [`CaseError`] names the first place that is not right. A name that is not known is a mistake too:
    /// most often it is a known one, misspelt.
    pub fn from_json(value: &Value) -> Result<Self, CaseError> {
        const KNOWN: &[&str] = &[
            "name",
            "source",
            "key",
            "fields",
            "types",
            "context",
            "mapped",
            "mapped_types",
            "lookups",
            "module",
            "expected",
        ];
        let case = Object::new("case", value)?;
        case.only(KNOWN)?;
        let record = fields::record(&case)?;
        let (context, settings) = context(&case)?;
        let mapped = match case.get("mapped") {
            Some(mapped) => Some(resource::from_typed_json(mapped, case.get("mapped_types"))?),
            None => None,
        };
        let lookups = match case.get("lookups") {
            None => Vec::new(),
            Some(Value::Array(lookups)) => lookups
                .iter()
                .enumerate()
                .map(|(at, value)| tape::lookup(at, value))
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(CaseError::new("lookups", "is not a list")),
        };
        let module = match case.get("module") {
            None => None,
            Some(module) => {
                let module = Object::new("module", module)?;
                module.only(&["name", "digest"])?;
                Some(CaseModule { name: module.text("name")?, digest: module.text("digest")? })
            }
        };
        let expected = case.get("expected").cloned();
        if expected.as_ref().is_some_and(|expected| !expected.is_object()) {
            return Err(CaseError::new("expected", "is not an object"));
        }
        let name = case.optional_text("name")?;
        Ok(Self { name, record, context, settings, mapped, lookups, module, expected })
    }

    /// Reads a case from its text.
    ///
    /// # Errors
    /// [`CaseError`], as for [`from_json`](Self::from_json).
    pub fn parse(text: &str) -> Result<Self, CaseError> {
        let value = serde_json::from_str(text)
            .map_err(|error| CaseError::new("case", format!("is no JSON: {error}")))?;
        Self::from_json(&value)
    }

    /// The case as JSON. Reading it again gives the same case.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut case = Map::new();
        if let Some(name) = &self.name {
            case.insert("name".to_owned(), name.as_str().into());
        }
        fields::write(&self.record, &mut case);
        case.insert("context".to_owned(), self.context_json());
        if let Some(mapped) = &self.mapped {
            let (mapped, types) = resource::to_typed_json(mapped);
            case.insert("mapped".to_owned(), mapped);
            if !types.is_empty() {
                case.insert("mapped_types".to_owned(), Value::Object(types));
            }
        }
        if !self.lookups.is_empty() {
            case.insert("lookups".to_owned(), self.lookups.iter().map(CaseLookup::to_json).collect());
        }
        if let Some(module) = &self.module {
            let mut object = Map::new();
            object.insert("name".to_owned(), module.name.as_str().into());
            object.insert("digest".to_owned(), module.digest.as_str().into());
            case.insert("module".to_owned(), Value::Object(object));
        }
        if let Some(expected) = &self.expected {
            case.insert("expected".to_owned(), expected.clone());
        }
        Value::Object(case)
    }

    /// What people call it: its name, or the source and key of its record.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => text::tame(name, 128),
            None => format!("{}/{}", self.record.source(), self.record.key()),
        }
    }

    fn context_json(&self) -> Value {
        let mut context = Map::new();
        let mut put = |name: &str, value: &str| context.insert(name.to_owned(), value.into());
        put("tenant", self.context.tenant.as_str());
        put("provider", self.context.provider.as_str());
        put("resource_type", self.context.resource_type.as_str());
        put("operation", operation_name(self.context.operation));
        put("now", &self.context.now);
        if !self.settings.is_empty() {
            let settings = self.settings.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
            context.insert("settings".to_owned(), Value::Object(settings.collect()));
        }
        Value::Object(context)
    }
}

/// The word for an operation.
fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Preview => "preview",
    }
}

/// The context of a case, and its settings.
fn context(case: &Object<'_>) -> Result<(CallContext, Vec<(String, String)>), CaseError> {
    let empty = Value::Object(Map::new());
    let context = Object::new("context", case.get("context").unwrap_or(&empty))?;
    context.only(&["tenant", "provider", "resource_type", "operation", "now", "settings"])?;
    let operation = match context.optional_text("operation")?.as_deref() {
        None | Some("preview") => Operation::Preview,
        Some("create") => Operation::Create,
        Some("update") => Operation::Update,
        Some(other) => {
            let problem = format!("is `{}`, and has to be create, update or preview", text::tame(other, 64));
            return Err(CaseError::new("context.operation", problem));
        }
    };
    let now = context.optional_text("now")?.unwrap_or_else(|| DEFAULT_NOW.to_owned());
    if now.parse::<jiff::Timestamp>().is_err() {
        let problem = format!("is `{}`, and has to be a moment like {DEFAULT_NOW}", text::tame(&now, 64));
        return Err(CaseError::new("context.now", problem));
    }
    let settings = match context.get("settings") {
        None => Vec::new(),
        Some(settings) => Object::new("context.settings", settings)?.texts()?,
    };
    let context = CallContext {
        tenant: context.name("tenant", "default")?,
        provider: context.name("provider", "acme")?,
        resource_type: context.name("resource_type", "User")?,
        operation,
        now,
    };
    Ok((context, settings))
}

/// A JSON object that is read name by name, and knows where it stands.
struct Object<'a> {
    place: String,
    entries: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    fn new(place: &str, value: &'a Value) -> Result<Self, CaseError> {
        match value {
            Value::Object(entries) => Ok(Self { place: place.to_owned(), entries }),
            _ => Err(CaseError::new(place, "is not an object")),
        }
    }

    /// The name of something inside, from the case on.
    fn inside(&self, name: &str) -> String {
        if self.place == "case" { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    fn only(&self, known: &[&str]) -> Result<(), CaseError> {
        let Some(unknown) = self.entries.keys().find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        let problem = match text::nearest(unknown, known.iter().copied()) {
            Some(near) => format!("is not known; did you mean `{near}`?"),
            None => format!("is not known; there may be {}", text::list(known)),
        };
        Err(CaseError::new(self.inside(&text::tame(unknown, 64)), problem))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.entries.get(name)
    }

    fn optional_text(&self, name: &str) -> Result<Option<String>, CaseError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(CaseError::new(self.inside(name), "is not a text")),
        }
    }

    fn text(&self, name: &str) -> Result<String, CaseError> {
        self.optional_text(name)?.ok_or_else(|| CaseError::new(self.inside(name), "is missing"))
    }

    fn name<T>(&self, name: &str, default: &str) -> Result<T, CaseError>
    where
        T: std::str::FromStr<Err = scimwright_record::InvalidName>,
    {
        let text = self.optional_text(name)?;
        let parsed = text.as_deref().unwrap_or(default).parse();
        parsed.map_err(|error| CaseError::new(self.inside(name), format!("is not right: {error}")))
    }

    /// All entries as texts. Numbers and truths are taken as they are written.
    fn texts(&self) -> Result<Vec<(String, String)>, CaseError> {
        let text = |(name, value): (&String, &Value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            Value::Bool(_) | Value::Number(_) => Ok((name.clone(), value.to_string())),
            _ => Err(CaseError::new(self.inside(name), "is not a text")),
        };
        self.entries.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problem(case: Value) -> String {
        Case::from_json(&case).unwrap_err().to_string()
    }

    #[test]
    fn a_case_needs_only_a_record() {
        let case = Case::from_json(&json!({ "source": "hr", "key": "E1", "fields": { "a": 1 } })).unwrap();
        assert_eq!(case.title(), "hr/E1");
        assert_eq!(case.context.operation, Operation::Preview);
        assert_eq!(Case::from_json(&case.to_json()).unwrap(), case);
    }

    #[test]
    fn everything_a_case_may_say_survives_being_written_and_read() {
        let json = json!({
            "name": "complete",
            "source": "hr", "key": "E1001",
            "fields": { "given_name": "Zoë", "hired": "2024-03-01T00:00:00Z", "photo": "aGk=", "text": "[]" },
            "types": { "hired": "date-time", "photo": "binary" },
            "context": {
                "tenant": "default", "provider": "acme", "resource_type": "User", "operation": "create",
                "now": "2026-02-03T04:05:06Z", "settings": { "domain": "example.com" },
            },
            "mapped": { "userName": "zoe@example.com", "hired": "2024-03-01T00:00:00Z" },
            "mapped_types": { "hired": "date-time" },
            "lookups": [
                { "source": "departments", "key": "D1", "fields": ["name"], "found": { "name": "Research" } },
                { "source": "departments", "key": "D9", "fields": ["name"], "found": null },
                { "source": "salaries", "key": "1", "fields": ["x"], "unavailable": "the disk is gone" },
                { "source": "secrets", "key": "1", "fields": ["x"], "not_granted": true },
            ],
            "module": { "name": "corp-user", "digest": "00ff" },
            "expected": { "userName": "zoe@example.com", "title": null },
        });
        let case = Case::from_json(&json).unwrap();
        assert_eq!(case.to_json(), json);
        assert_eq!(Case::parse(&case.to_json().to_string()).unwrap(), case);
    }

    #[test]
    fn a_mistake_is_named_with_its_place_and_the_nearest_name() {
        assert_eq!(problem(json!([])), "`case` is not an object");
        assert_eq!(problem(json!({ "source": "hr", "fields": {} })), "`key` is missing");
        assert_eq!(
            problem(json!({ "source": "hr", "key": "1", "fields": {}, "expcted": {} })),
            "`expcted` is not known; did you mean `expected`?"
        );
        let context =
            |context| problem(json!({ "source": "hr", "key": "1", "fields": {}, "context": context }));
        assert!(context(json!({ "operation": "make" })).contains("create, update or preview"));
        assert!(context(json!({ "now": "yesterday" })).starts_with("`context.now` is `yesterday`"));
        assert!(
            context(json!({ "settings": { "a": [] } })).starts_with("`context.settings.a` is not a text")
        );
    }
}
