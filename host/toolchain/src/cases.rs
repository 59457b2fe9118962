//! The golden cases of a project, as they travel in its component: JSON Lines, the expected resource in each.
//!
//! A case is `cases/NAME.record.json`, with what is expected under `expected` in it or in
//! `cases/NAME.expected.json` beside it. A host that loads the component runs them first.

use crate::error::ToolchainError;
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

const RECORD: &str = ".record.json";

/// The cases of a project.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cases {
    /// One JSON object a line, in the order of the cases' names.
    pub(crate) lines: String,
    /// How many there are.
    pub(crate) count: usize,
    /// The names of those that expect nothing yet, and stay behind: they would prove nothing.
    pub(crate) open: Vec<String>,
}

/// Gathers the cases of a folder. A folder that is not there has none.
///
/// # Errors
/// When a file is no JSON object, or says twice what is expected.
pub(crate) fn gather(folder: &Path) -> Result<Cases, ToolchainError> {
    let mut cases = Cases::default();
    if !folder.is_dir() {
        return Ok(cases);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(ToolchainError::io(folder))? {
        let name = entry.map_err(ToolchainError::io(folder))?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(RECORD)).map(str::to_owned));
    }
    names.sort();
    for name in names {
        let Some(mut case) = read(folder, &name)? else {
            cases.open.push(name);
            continue;
        };
        // Whoever refuses the module for this case can say which it is.
        case.entry("name").or_insert_with(|| name.into());
        cases.lines.push_str(&Value::Object(case).to_string());
        cases.lines.push('\n');
        cases.count += 1;
    }
    Ok(cases)
}

/// A case with what it expects, or none where nothing says that yet.
fn read(folder: &Path, name: &str) -> Result<Option<Map<String, Value>>, ToolchainError> {
    let path = folder.join(format!("{name}{RECORD}"));
    let beside = folder.join(format!("{name}.expected.json"));
    let Value::Object(mut case) = json(&path)? else {
        return Err(ToolchainError::project(
            &path,
            "a case is a JSON object with `source`, `key` and `fields`",
        ));
    };
    match (case.contains_key("expected"), beside.is_file()) {
        (true, true) => Err(ToolchainError::project(
            &path,
            format!("it has `expected`, and {} says so too; one of them has to go", beside.display()),
        )),
        (false, false) => Ok(None),
        (true, false) => Ok(Some(case)),
        (false, true) => {
            case.insert("expected".into(), json(&beside)?);
            Ok(Some(case))
        }
    }
}

fn json(path: &Path) -> Result<Value, ToolchainError> {
    let text = fs::read_to_string(path).map_err(ToolchainError::io(path))?;
    serde_json::from_str(&text).map_err(|error| ToolchainError::project(path, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_case_is_a_line_with_what_is_expected_in_it() {
        let folder = folder(&[
            ("b.record.json", "{\n  \"key\": \"2\",\n  \"expected\": {\"skip\": \"left\"}\n}"),
            ("a.record.json", "{ \"key\": \"1\" }"),
            ("a.expected.json", "{ \"userName\": \"Zoë\" }"),
            ("notes.txt", "no case"),
        ]);
        let cases = gather(folder.path()).unwrap();
        assert_eq!(
            cases.lines,
            "{\"key\":\"1\",\"expected\":{\"userName\":\"Zoë\"},\"name\":\"a\"}\n\
             {\"key\":\"2\",\"expected\":{\"skip\":\"left\"},\"name\":\"b\"}\n"
        );
        assert_eq!(cases.count, 2);
    }

    #[test]
    fn a_case_that_expects_nothing_stays_behind_and_one_that_expects_twice_is_refused() {
        let nothing = folder(&[("a.record.json", "{}")]);
        let cases = gather(nothing.path()).unwrap();
        assert_eq!((cases.count, cases.open), (0, vec!["a".to_owned()]));
        let twice = folder(&[("a.record.json", "{\"expected\":{}}"), ("a.expected.json", "{}")]);
        let problem = gather(twice.path()).unwrap_err().to_string();
        assert!(problem.contains("one of them has to go"), "{problem}");
    }

    #[test]
    fn a_project_without_cases_builds() {
        assert_eq!(gather(Path::new("nowhere")).unwrap(), Cases::default());
    }
}
