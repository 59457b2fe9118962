//! Golden cases: a record in a file, and what is to become of it in another.
//!
//! A golden case is two files in one folder. `NAME.record.json` is the record, with what else the mapping
//! is to know where that matters:
//!
//! ```json
//! {
//!   "source": "hr",
//!   "key": "E1001",
//!   "fields": { "given_name": "Zoë" },
//!   "context": { "settings": { "domain": "example.com" } },
//!   "mapped": { "userName": "zoe@example.com" },
//!   "lookups": [{ "source": "departments", "key": "D1", "fields": ["name"], "found": { "name": "Research" } }]
//! }
//! ```
//!
//! `types` names kinds of fields that JSON does not have, as in `{"hired": "date-time"}`. `context` may have
//! `tenant`, `provider`, `resource_type`, `operation`, `now` and `settings`; `mapped` is for default-values
//! modules. `lookups` are the answers to look-ups: `"found": null` where there is no such record, `"unavailable":
//! "why"` in place of `found` where the source cannot be read.
//!
//! `NAME.expected.json`, or `expected` in the record's own file, is the outcome: the resource as
//! [`AttributeMap::to_json`] prints it, `{"skip": "reason"}`, or
//! `{"error": {"kind": "invalid-record", "field": "email", "message": "…"}}`.

use super::tape::Tape;
use super::{context, with_tape};
use crate::attributes::AttributeMap;
use crate::context::Context;
use crate::json::UnreadableJson;
use crate::manifest::{Describe, Manifest};
use crate::outcome::{MapAttributes, MappingError, Outcome, SupplyDefaults};
use crate::record::Record;
use serde_json::Value;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Runs the golden cases of a folder through a mapping, as the host would: the mapping gets only the fields
/// that its manifest reads, and setting an attribute that it does not write is a failure.
///
/// ```no_run
/// # use scimwright_guest::prelude::*;
/// # struct People;
/// # impl Describe for People { fn describe() -> Manifest { Manifest::new("people", "1") } }
/// # impl MapAttributes for People {
/// #     fn map(_: &Context, _: &Record) -> Result<Outcome, MappingError> { Ok(Outcome::skip("")) }
/// # }
/// let report = testing::run_mapping_cases::<People>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))?;
/// assert!(report.failed.is_empty(), "{report}");
/// # Ok::<(), testing::CaseError>(())
/// ```
///
/// # Errors
/// [`CaseError`] when a case cannot be read, or the folder has none.
pub fn run_mapping_cases<M: MapAttributes>(folder: impl AsRef<Path>) -> Result<CaseReport, CaseError> {
    run_cases::<M>(folder.as_ref(), |ctx, record, _| M::map(ctx, record))
}

/// Runs the golden cases of a folder through a default-values module. The outcome is what the module returns,
/// before the host drops what is not open.
///
/// # Errors
/// As for [`run_mapping_cases`].
pub fn run_default_cases<M: SupplyDefaults>(folder: impl AsRef<Path>) -> Result<CaseReport, CaseError> {
    run_cases::<M>(folder.as_ref(), |ctx, record, mapped| M::defaults(ctx, record, mapped).map(Outcome::from))
}

fn run_cases<M: Describe>(
    folder: &Path,
    run: impl Fn(&Context, &Record, &AttributeMap) -> Result<Outcome, MappingError>,
) -> Result<CaseReport, CaseError> {
    let manifest = M::describe();
    let mut report = CaseReport::default();
    for case in Case::all(folder)? {
        let mut record = case.record()?;
        record.fields.retain(|(name, _)| manifest.reads.iter().any(|read| read == "*" || read == name));
        let (ctx, mapped) = (case.ctx::<M>()?, case.mapped()?);
        let outcome = with_tape(case.tape()?, || run(&ctx, &record, &mapped));

        let undeclared = outcome.as_ref().ok().and_then(|outcome| first_undeclared(&manifest, outcome));
        let actual = match &outcome {
            Ok(outcome) => outcome.to_json(),
            Err(error) => error.to_json(),
        };
        let difference = match undeclared {
            Some(name) => Some(format!("`{name}` is set, but the manifest does not write it")),
            None => first_difference("", &case.expected, &actual),
        };
        match difference {
            None => report.passed.push(case.name),
            Some(difference) => report.failed.push(CaseFailure { name: case.name, difference, actual }),
        }
    }
    Ok(report)
}

/// The first attribute that the outcome has and the manifest does not.
fn first_undeclared<'a>(manifest: &Manifest, outcome: &'a Outcome) -> Option<&'a str> {
    let Outcome::Provision(map) = outcome else { return None };
    let declared = |name: &str| manifest.writes.iter().any(|write| write.eq_ignore_ascii_case(name));
    map.iter().map(|(name, _)| name).find(|name| !declared(name))
}

/// A golden case that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A file or the folder could not be read.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not JSON, or not of the form above.
    #[error("{}: {problem}", .path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder has no `NAME.record.json`.
    #[error("{}: there is no case; a case is a NAME.record.json with a NAME.expected.json", .0.display())]
    None(PathBuf),
}

/// What became of the cases of a folder. Prints itself with each failure's first difference.
#[derive(Debug, Clone, Default)]
pub struct CaseReport {
    /// The names of the cases that came out as expected.
    pub passed: Vec<String>,
    /// The others.
    pub failed: Vec<CaseFailure>,
}

/// A case that did not come out as expected.
#[derive(Debug, Clone)]
pub struct CaseFailure {
    /// The case's name.
    pub name: String,
    /// The first place where it differs.
    pub difference: String,
    /// What came out.
    pub actual: Value,
}

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cases passed, {} failed", self.passed.len(), self.failed.len())?;
        for failure in &self.failed {
            writeln!(f, "\n{}: {}\nwhat came out: {:#}", failure.name, failure.difference, failure.actual)?;
        }
        Ok(())
    }
}

/// A golden case as it stands in its files.
struct Case {
    name: String,
    path: PathBuf,
    input: Value,
    expected: Value,
}

impl Case {
    /// The cases of a folder, by name.
    fn all(folder: &Path) -> Result<Vec<Self>, CaseError> {
        let file_error = |error| CaseError::File { path: folder.to_owned(), error };
        let mut cases = Vec::new();
        for entry in fs::read_dir(folder).map_err(file_error)? {
            let path = entry.map_err(file_error)?.path();
            let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".record.json"));
            if let Some(name) = name {
                let input = read_json(&path)?;
                let expected = match input.get("expected") {
                    Some(expected) => expected.clone(),
                    None => read_json(&folder.join(format!("{name}.expected.json")))?,
                };
                cases.push(Self { name: name.to_owned(), expected, input, path });
            }
        }
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        if cases.is_empty() { Err(CaseError::None(folder.to_owned())) } else { Ok(cases) }
    }

    fn record(&self) -> Result<Record, CaseError> {
        Record::from_json(&self.input).map_err(|error| self.content_error(&error))
    }

    fn ctx<M: Describe>(&self) -> Result<Context, CaseError> {
        match self.input.get("context") {
            Some(changes) => context::<M>().amended(changes).map_err(|error| self.content_error(&error)),
            None => Ok(context::<M>()),
        }
    }

    fn mapped(&self) -> Result<AttributeMap, CaseError> {
        match self.input.get("mapped") {
            Some(mapped) => AttributeMap::from_json(mapped).map_err(|error| self.content_error(&error)),
            None => Ok(AttributeMap::new()),
        }
    }

    fn tape(&self) -> Result<Option<Tape>, CaseError> {
        let lookups = self.input.get("lookups");
        lookups.map(|lookups| Tape::read(lookups).map_err(|error| self.content_error(&error))).transpose()
    }

    fn content_error(&self, problem: &UnreadableJson) -> CaseError {
        CaseError::Content { path: self.path.clone(), problem: problem.to_string() }
    }
}

fn read_json(path: &Path) -> Result<Value, CaseError> {
    let text = fs::read_to_string(path).map_err(|error| CaseError::File { path: path.to_owned(), error })?;
    serde_json::from_str(&text)
        .map_err(|error| CaseError::Content { path: path.to_owned(), problem: error.to_string() })
}

/// The first place where two values differ, in words. Objects are compared without regard to order.
fn first_difference(place: &str, expected: &Value, actual: &Value) -> Option<String> {
    let inside = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match (expected, actual) {
        (Value::Object(wanted), Value::Object(found)) => {
            let missing = wanted.keys().find(|name| !found.contains_key(*name));
            let surplus = found.keys().find(|name| !wanted.contains_key(*name));
            match (missing, surplus) {
                (Some(name), _) => Some(format!("`{}` is missing", inside(name))),
                (None, Some(name)) => Some(format!("`{}` is not expected", inside(name))),
                (None, None) => wanted.iter().find_map(|(name, value)| {
                    first_difference(&inside(name), value, found.get(name).unwrap_or(&Value::Null))
                }),
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => wanted
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(at, (wanted, found))| first_difference(&inside(&at.to_string()), wanted, found)),
        _ if expected == actual => None,
        _ => Some(format!("`{place}` is {actual}, expected {expected}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Greedy;

    impl Describe for Greedy {
        fn describe() -> Manifest {
            Manifest::new("greedy", "1").reads(["name"]).writes(["userName"])
        }
    }

    impl MapAttributes for Greedy {
        fn map(_: &Context, record: &Record) -> Result<Outcome, MappingError> {
            let mut map = AttributeMap::new();
            map.set("userName", record.text("name")?);
            map.set_opt("title", record.optional_text("title")?);
            map.set_opt("nickName", record.optional_text("name")?.filter(|name| name == "Bob"));
            Ok(map.into())
        }
    }

    /// A folder with one case.
    fn folder(name: &str, record: &Value, expected: &Value) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("scimwright-guest-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("one.record.json"), record.to_string()).unwrap();
        fs::write(folder.join("one.expected.json"), expected.to_string()).unwrap();
        folder
    }

    #[test]
    fn a_case_gives_the_mapping_only_the_fields_that_it_declared() {
        let record = json!({ "source": "hr", "key": "1", "fields": { "name": "Ada", "title": "Countess" } });
        let folder = folder("reads", &record, &json!({ "userName": "Ada" }));
        let report = run_mapping_cases::<Greedy>(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(report.unwrap().passed, ["one"]);
    }

    #[test]
    fn a_case_answers_look_ups_itself() {
        struct Departments;
        impl Describe for Departments {
            fn describe() -> Manifest {
                Manifest::new("departments", "1").writes(["title"]).lookups(["departments"])
            }
        }
        impl MapAttributes for Departments {
            fn map(_: &Context, record: &Record) -> Result<Outcome, MappingError> {
                let found = crate::lookup::lookup("departments", record.key(), &["name"])?;
                let mut map = AttributeMap::new();
                map.set_or_clear("title", found.as_ref().map(|found| found.text("name")).transpose()?);
                Ok(map.into())
            }
        }
        let record = json!({
            "source": "hr", "key": "D1", "fields": {},
            "lookups": [{ "source": "departments", "key": "D1", "fields": ["name"], "found": { "name": "Research" } }],
        });
        let folder = folder("lookups", &record, &json!({ "title": "Research" }));
        let report = run_mapping_cases::<Departments>(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(report.unwrap().passed, ["one"]);
    }

    #[test]
    fn a_case_fails_when_the_mapping_sets_what_it_did_not_declare() {
        let record = json!({ "source": "hr", "key": "1", "fields": { "name": "Bob" } });
        let folder = folder("writes", &record, &json!({ "userName": "Bob", "nickName": "Bob" }));
        let report = run_mapping_cases::<Greedy>(&folder);
        fs::remove_dir_all(&folder).unwrap();
        let failed = report.unwrap().failed;
        assert_eq!(failed[0].difference, "`nickName` is set, but the manifest does not write it");
    }

    #[test]
    fn a_folder_without_cases_is_an_error_and_not_a_success() {
        let error = run_mapping_cases::<Greedy>(env!("CARGO_MANIFEST_DIR")).unwrap_err();
        assert!(error.to_string().contains("there is no case"), "{error}");
    }

    #[test]
    fn a_difference_is_named_by_its_place() {
        let expected = json!({ "a": { "b": [1, 2] }, "c": null });
        assert_eq!(first_difference("", &expected, &json!({ "c": null, "a": { "b": [1, 2] } })), None);
        assert_eq!(
            first_difference("", &expected, &json!({ "a": { "b": [1, 3] }, "c": null })).as_deref(),
            Some("`a.b.1` is 3, expected 2")
        );
        assert_eq!(
            first_difference("", &expected, &json!({ "a": { "b": [1, 2] } })).as_deref(),
            Some("`c` is missing")
        );
        assert_eq!(
            first_difference("", &json!({}), &json!({ "c": null })).as_deref(),
            Some("`c` is not expected")
        );
    }
}
