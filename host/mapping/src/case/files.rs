//! Cases in folders and files.
//!
//! A folder has `NAME.record.json` for each case, with what is expected inside it or in `NAME.expected.json` beside
//! it. Recordings are JSON Lines: a case on each line, of files that may be larger than memory.

use super::{Case, CaseError};
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The ending of a case's file.
pub const RECORD: &str = ".record.json";
/// The ending of the file with what is expected.
pub const EXPECTED: &str = ".expected.json";
/// The longest line of a recording, and the largest file of a case, in bytes.
const MAX_CASE_BYTES: u64 = 8 << 20;

/// A case in a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseFile {
    /// Its name: the file's, without the ending.
    pub name: String,
    /// The file with the record.
    pub path: PathBuf,
    /// The file for what is expected: beside the record's, unless that says it itself.
    pub expected_path: PathBuf,
    /// The case.
    pub case: Case,
}

/// Cases that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CaseFileError {
    /// A file or folder could not be read.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}{}: {problem}", .path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Content {
        /// Which.
        path: PathBuf,
        /// The line, where a file has a case on each.
        line: Option<u64>,
        /// What is wrong with it.
        problem: String,
    },
}

impl CaseFileError {
    pub(crate) fn io(path: &Path, cause: io::Error) -> Self {
        Self::Io { path: path.to_owned(), cause }
    }

    pub(crate) fn content(path: &Path, line: Option<u64>, problem: impl ToString) -> Self {
        Self::Content { path: path.to_owned(), line, problem: problem.to_string() }
    }
}

impl CaseFile {
    /// The cases of a folder, by name.
    ///
    /// # Errors
    /// [`CaseFileError`] when the folder cannot be read, has none, or one of them cannot be read.
    pub fn all(folder: &Path) -> Result<Vec<Self>, CaseFileError> {
        let io = |error| CaseFileError::io(folder, error);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            names.extend(name.to_str().and_then(|name| name.strip_suffix(RECORD)).map(str::to_owned));
        }
        names.sort();
        if names.is_empty() {
            let problem = "there is no case here; a case is a NAME.record.json with a NAME.expected.json";
            return Err(CaseFileError::content(folder, None, problem));
        }
        names.into_iter().map(|name| Self::read(folder, name)).collect()
    }

    fn read(folder: &Path, name: String) -> Result<Self, CaseFileError> {
        let path = folder.join(format!("{name}{RECORD}"));
        let beside = folder.join(format!("{name}{EXPECTED}"));
        let json = read_json(&path)?;
        let mut case = Case::from_json(&json).map_err(|error| CaseFileError::content(&path, None, error))?;
        let inside = case.expected.is_some();
        match (inside, beside.is_file()) {
            (true, true) => {
                let problem = format!("says what is expected, and so does {}; remove one", beside.display());
                return Err(CaseFileError::content(&path, None, problem));
            }
            (false, true) => {
                let expected = read_json(&beside)?;
                if !expected.is_object() {
                    return Err(CaseFileError::content(&beside, None, "what is expected is not an object"));
                }
                case.expected = Some(expected);
            }
            (_, false) => {}
        }
        case.name.get_or_insert_with(|| name.clone());
        let expected_path = if inside { path.clone() } else { beside };
        Ok(Self { name, path, expected_path, case })
    }

    /// Whether what is expected stands in the record's own file.
    #[must_use]
    pub fn says_it_itself(&self) -> bool {
        self.path == self.expected_path
    }
}

fn read_json(path: &Path) -> Result<Value, CaseFileError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_CASE_BYTES).read_to_end(&mut bytes))
        .map_err(|error| CaseFileError::io(path, error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| CaseFileError::content(path, None, format!("this is no JSON: {error}")))
}

/// The cases of a recording, one at a time.
///
/// # Errors
/// [`CaseFileError`] when the file cannot be opened; each item may be one as well.
pub fn recording(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Case, CaseFileError>> + use<>, CaseFileError> {
    let file = File::open(path).map_err(|error| CaseFileError::io(path, error))?;
    Ok(from_lines(path, file))
}

/// The cases of JSON Lines. Blank lines are passed over.
pub(super) fn from_lines<R: Read>(
    path: &Path,
    lines: R,
) -> impl Iterator<Item = Result<Case, CaseFileError>> + use<R> {
    let mut lines = BufReader::new(lines);
    let path = path.to_owned();
    let mut number = 0_u64;
    std::iter::from_fn(move || {
        loop {
            number += 1;
            let mut line = Vec::new();
            match (&mut lines).take(MAX_CASE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => return Some(case_of(&path, number, &line)),
                Err(error) => return Some(Err(CaseFileError::io(&path, error))),
            }
        }
    })
}

fn case_of(path: &Path, number: u64, line: &[u8]) -> Result<Case, CaseFileError> {
    let wrong = |problem: String| CaseFileError::content(path, Some(number), problem);
    if line.len() as u64 == MAX_CASE_BYTES {
        return Err(wrong("the line is longer than a case may be".to_owned()));
    }
    let json = serde_json::from_slice(line).map_err(|error| wrong(format!("this is no JSON: {error}")))?;
    Case::from_json(&json).map_err(|error: CaseError| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = r#"{"source":"hr","key":"1","fields":{}}"#;

    #[test]
    fn what_is_expected_stands_inside_or_beside_but_not_both() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a.record.json", r#"{"source":"hr","key":"1","fields":{},"expected":{"title":"x"}}"#);
        write("b.record.json", CASE);
        write("b.expected.json", r#"{"title":"y"}"#);
        write("c.record.json", CASE);
        write("README.md", "not a case");
        let cases = CaseFile::all(folder.path()).unwrap();
        let facts: Vec<_> = cases
            .iter()
            .map(|file| (file.name.as_str(), file.says_it_itself(), file.case.expected.is_some()))
            .collect();
        assert_eq!(facts, [("a", true, true), ("b", false, true), ("c", false, false)]);
        write("a.expected.json", "{}");
        let error = CaseFile::all(folder.path()).unwrap_err().to_string();
        assert!(error.contains("remove one"), "{error}");
    }

    #[test]
    fn a_folder_without_cases_is_an_error_and_not_a_success() {
        let folder = tempfile::tempdir().unwrap();
        let error = CaseFile::all(folder.path()).unwrap_err().to_string();
        assert!(error.contains("there is no case here"), "{error}");
    }

    #[test]
    fn a_broken_line_does_not_hide_the_others() {
        let lines = format!("{CASE}\n\nnonsense\n{CASE}");
        let read: Vec<_> = from_lines(Path::new("x.cases.jsonl"), lines.as_bytes()).collect();
        assert_eq!(read.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert!(
            read[1].as_ref().unwrap_err().to_string().starts_with("x.cases.jsonl, line 3: this is no JSON")
        );
    }
}
