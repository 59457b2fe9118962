//! The golden cases of a folder against a module.

use crate::hidden;
use crate::order::keeping;
use crate::runners::Runners;
use scimwright_mapping::case::{CaseFile, CaseFileError, NOT_ON_TAPE, lasting};
use scimwright_mapping::{Case, CaseReport, Concern, Limits, MappingModule};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The golden cases of a folder.
#[derive(Debug)]
pub struct Suite {
    folder: PathBuf,
    files: Vec<CaseFile>,
}

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It came out as expected.
    Passed,
    /// It did not.
    Failed,
    /// Nothing is expected yet.
    New,
}

/// A case that was run.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What was expected.
    pub expected: Option<Value>,
    /// What came out of a fresh instance.
    pub report: CaseReport,
    /// What came out otherwise of an instance that had mapped other records before.
    pub hidden: Option<Hidden>,
}

/// A sign that a module keeps something from one record to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Hidden {
    /// The case that ran just before; `None` where none did.
    pub after: Option<String>,
    /// What came out then.
    pub outcome: Value,
}

/// What became of a suite. Prints itself as [`screen`](crate::screen) has it.
#[derive(Debug, Clone)]
pub struct SuiteReport {
    /// The module: `corp-user 1.2.0`.
    pub module: String,
    /// The folder of the cases.
    pub folder: PathBuf,
    /// The limits that held.
    pub limits: Limits,
    /// The cases, by name.
    pub tested: Vec<Tested>,
    /// Whether reused instances were compared with fresh ones.
    pub compared: bool,
    /// Whether an error of the kind `other` is an exception that nobody caught: in JavaScript and Python it is.
    pub throws: bool,
}

/// What an update wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Updated {
    /// The files that were written.
    pub written: Vec<PathBuf>,
    /// The cases that were left, because the module crashed or was stopped: that is expected only where somebody
    /// writes so by hand.
    pub left: Vec<String>,
}

impl Suite {
    /// Reads the cases of a folder.
    ///
    /// # Errors
    /// [`CaseFileError`] when the folder has none, or one cannot be read.
    pub fn read(folder: &Path) -> Result<Self, CaseFileError> {
        Ok(Self { folder: folder.to_owned(), files: CaseFile::all(folder)? })
    }

    /// How many cases there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none, which [`read`](Self::read) does not allow.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The cases, by name.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.files.iter().map(|file| &file.case)
    }

    /// Runs all cases, each in a fresh instance and in instances that ran others before.
    #[must_use]
    pub fn run(&self, module: &MappingModule) -> SuiteReport {
        let mut runners = Runners::new(module.clone());
        let mut tested: Vec<_> = self
            .files
            .iter()
            .map(|file| {
                let report = runners.run(&file.case);
                let verdict = match (&file.case.expected, report.matches) {
                    (None, _) => Verdict::New,
                    (Some(_), true) => Verdict::Passed,
                    (Some(_), false) => Verdict::Failed,
                };
                let expected = file.case.expected.clone();
                Tested { name: file.name.clone(), verdict, expected, report, hidden: None }
            })
            .collect();
        let cases: Vec<_> = self.cases().cloned().collect();
        let compared = hidden::find(module, &cases, &mut tested);
        let manifest = module.manifest();
        SuiteReport {
            module: format!("{} {}", manifest.name, manifest.version),
            folder: self.folder.clone(),
            limits: *module.limits(),
            tested,
            compared,
            throws: module.inspection().languages().any(|language| language != "Rust"),
        }
    }

    /// Writes what came out of cases that failed or are new, as what is expected from now on.
    ///
    /// # Errors
    /// [`CaseFileError`] when a file cannot be read or written.
    pub fn update(&self, report: &SuiteReport) -> Result<Updated, CaseFileError> {
        let mut updated = Updated::default();
        for (file, tested) in self.files.iter().zip(&report.tested) {
            if tested.verdict == Verdict::Passed {
                continue;
            }
            if !may_be_expected(&tested.report, report.throws) {
                updated.left.push(tested.name.clone());
                continue;
            }
            let expected = lasting(&tested.report.outcome);
            let expected = tested.expected.as_ref().map_or(expected.clone(), |old| keeping(old, &expected));
            write(file, expected)?;
            updated.written.push(file.expected_path.clone());
        }
        Ok(updated)
    }
}

/// Whether an outcome is the module's own decision. What the host put an end to is no decision, nor is an exception
/// that nobody caught, nor a look-up that the case forgot.
fn may_be_expected(report: &CaseReport, throws: bool) -> bool {
    let error = &report.outcome["error"];
    let forgotten = error["message"].as_str().is_some_and(|message| message.contains(NOT_ON_TAPE));
    match &report.error {
        Some(failed) => match failed.fault.kind() {
            "other" => !throws,
            "lookup-failed" => !forgotten,
            kind => failed.concern() == Concern::Record || ["invalid-record", "rejected"].contains(&kind),
        },
        None => error["kind"] != "settings",
    }
}

fn write(file: &CaseFile, expected: Value) -> Result<(), CaseFileError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |cause| CaseFileError::Io { path, cause }
    };
    let json = if file.says_it_itself() {
        let text = fs::read_to_string(&file.path).map_err(io(&file.path))?;
        let mut case: Value = serde_json::from_str(&text).map_err(|error| CaseFileError::Content {
            path: file.path.clone(),
            line: None,
            problem: error.to_string(),
        })?;
        case["expected"] = expected;
        case
    } else {
        expected
    };
    fs::write(&file.expected_path, format!("{json:#}\n")).map_err(io(&file.expected_path))
}

impl SuiteReport {
    /// How many cases ended so.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.tested.iter().filter(|tested| tested.verdict == verdict).count()
    }

    /// The cases that show hidden state.
    pub fn hidden(&self) -> impl Iterator<Item = (&Tested, &Hidden)> {
        self.tested.iter().filter_map(|tested| Some((tested, tested.hidden.as_ref()?)))
    }

    /// Whether every case came out as expected, and the same in reused instances.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.count(Verdict::Passed) == self.tested.len() && self.hidden().next().is_none()
    }
}
