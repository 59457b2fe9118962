//! Cases that a module carries inside, in the custom section `scimwright:cases`: JSON Lines.
//!
//! They run whenever the module is loaded for use, before the first real record. A module that is not what
//! its author tested, or meets a host that it does not work on, is refused instead of mapping people wrongly.

use super::difference::differences;
use super::files::{CaseFileError, from_lines};
use super::run::CaseRunner;
use super::{Case, CaseReport};
use crate::artifact;
use crate::module::MappingModule;
use crate::text;
use serde_json::Value;
use std::fmt;
use std::path::Path;

/// The name of the custom section.
pub const SECTION: &str = "scimwright:cases";

/// The most cases that a module may carry.
pub const MAX_BUNDLED_CASES: usize = 1000;

/// The most bytes that its cases may have together.
const MAX_BUNDLED_BYTES: usize = 4 << 20;

/// The bytes before a binary's first section: the magic number and the version.
const HEADER_BYTES: usize = 8;

/// The cases that a module carries. A file that is damaged carries none; loading it tells what is wrong.
///
/// # Errors
/// [`CaseFileError`] when there are too many, or one cannot be read.
pub fn bundled_cases(bytes: &[u8]) -> Result<Vec<Case>, CaseFileError> {
    let Ok(wasm) = artifact::binary(bytes) else { return Ok(Vec::new()) };
    let sections: Vec<&[u8]> = sections(&wasm).collect();
    let whole = |problem: String| CaseFileError::content(Path::new(SECTION), None, problem);
    if sections.iter().map(|section| section.len()).sum::<usize>() > MAX_BUNDLED_BYTES {
        let limit = text::bytes(MAX_BUNDLED_BYTES as u64);
        return Err(whole(format!("the module's own cases are larger than {limit}")));
    }
    let mut cases = Vec::new();
    for section in sections {
        for case in from_lines(Path::new(SECTION), section) {
            cases.push(case?);
            if cases.len() > MAX_BUNDLED_CASES {
                return Err(whole(format!("the module carries more than {MAX_BUNDLED_CASES} cases")));
            }
        }
    }
    Ok(cases)
}

/// The contents of the outermost custom sections of our name.
fn sections(wasm: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wasm.get(HEADER_BYTES..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (id, mut after) = rest.split_first()?;
        let size = leb128(&mut after)?;
        let (content, next) = after.split_at_checked(size)?;
        rest = next;
        Some((*id, content))
    })
    .filter(|(id, _)| *id == 0)
    .filter_map(|(_, mut content)| {
        let length = leb128(&mut content)?;
        let (name, data) = content.split_at_checked(length)?;
        (name == SECTION.as_bytes()).then_some(data)
    })
}

/// Takes an unsigned number of at most 32 bits.
fn leb128(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(number).ok();
        }
    }
    None
}

/// Runs a module's own cases.
///
/// # Errors
/// [`CasesFailed`] names those that did not come out as expected. A case that expects nothing is one: it would
/// prove nothing.
pub fn verify_bundled(module: &MappingModule, cases: &[Case]) -> Result<(), CasesFailed> {
    let mut failed = Vec::new();
    let mut runner: Option<(&[(String, String)], CaseRunner)> = None;
    for case in cases {
        let same = runner.take().filter(|(settings, _)| *settings == case.settings.as_slice());
        let (_, runner) =
            runner.insert(same.unwrap_or_else(|| (&case.settings, CaseRunner::new(module, &case.settings))));
        let report = runner.run(case);
        if case.expected.is_none() || !report.matches {
            failed.push(FailedCase::new(case, &report));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(CasesFailed { total: cases.len(), failed }) }
}

/// Cases that a module carries, and does not pass.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct CasesFailed {
    /// How many cases it carries.
    pub total: usize,
    /// Those that failed; at least one.
    pub failed: Vec<FailedCase>,
}

/// A case that did not come out as expected.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedCase {
    /// What people call it.
    pub title: String,
    /// What came out, and how that differs.
    pub problem: String,
}

impl FailedCase {
    fn new(case: &Case, report: &CaseReport) -> Self {
        const MOST: usize = 300;
        let problem = match &case.expected {
            None => "says nothing about what has to come out".to_owned(),
            Some(expected) if is_plain(expected) && is_plain(&report.outcome) => {
                let all = differences(expected, &report.outcome);
                let shown: Vec<_> = all.iter().take(3).map(ToString::to_string).collect();
                let more = if all.len() > 3 { format!(" and {} more", all.len() - 3) } else { String::new() };
                format!("differs in {}{more}", text::tame(&shown.join(", "), MOST))
            }
            Some(expected) => format!(
                "gives {}, and {} is expected",
                text::tame(&report.outcome.to_string(), MOST),
                text::tame(&expected.to_string(), MOST)
            ),
        };
        Self { title: case.title(), problem }
    }
}

/// Whether an outcome is a resource, and neither a skip nor an error.
fn is_plain(outcome: &Value) -> bool {
    outcome.get("error").is_none() && outcome.get("skip").is_none()
}

impl fmt::Display for CasesFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        let shown = self.failed.iter().take(SHOWN).map(|case| format!("`{}` {}", case.title, case.problem));
        write!(f, "its own case {}", shown.collect::<Vec<_>>().join("; its own case "))?;
        if self.failed.len() > SHOWN {
            write!(f, "; and {} more", self.failed.len() - SHOWN)?;
        }
        write!(
            f,
            " ({} of {} fail); its author should build it again from a state in which `scimwright mapping test` passes",
            self.failed.len(),
            self.total
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(sections: &[&str]) -> Vec<u8> {
        let mut text = "(component".to_owned();
        for lines in sections {
            text.push_str(&format!("(@custom \"{SECTION}\" {lines:?})(@custom \"other\" \"x\")"));
        }
        wat::parse_str(text + ")").unwrap()
    }

    const CASE: &str = r#"{"source":"hr","key":"1","fields":{}}"#;

    #[test]
    fn cases_are_found_in_all_sections_of_the_name() {
        let wasm = module(&[&format!("{CASE}\n\n{CASE}\n"), CASE]);
        assert_eq!(bundled_cases(&wasm).unwrap().len(), 3);
        assert_eq!(bundled_cases(&module(&[])).unwrap(), []);
    }

    #[test]
    fn a_case_that_cannot_be_read_is_named_by_its_line() {
        let wasm = module(&[&format!("{CASE}\n{{\"source\":1}}")]);
        let error = bundled_cases(&wasm).unwrap_err().to_string();
        assert_eq!(error, "scimwright:cases, line 2: `source` is not a text");
    }

    #[test]
    fn more_cases_than_allowed_are_refused() {
        let wasm = module(&[&format!("{CASE}\n").repeat(MAX_BUNDLED_CASES + 1)]);
        assert!(bundled_cases(&wasm).unwrap_err().to_string().contains("more than 1000 cases"));
    }

    #[test]
    fn damaged_sections_are_nobodys_cases() {
        let wasm = module(&[CASE]);
        for end in 0..wasm.len() {
            let _ = bundled_cases(&wasm[..end]);
        }
        assert_eq!(bundled_cases(b"\0asm\x0d\0\x01\0\0\xff\xff\xff\xff\xff").unwrap(), []);
    }
}
