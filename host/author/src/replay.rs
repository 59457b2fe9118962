//! Recorded cases against a module.

use crate::runners::Runners;
use crate::screen::{count, larger};
use scimwright_mapping::case::{CaseFileError, Difference, differences};
use scimwright_mapping::{Case, CaseReport, Limits, MappingModule, Usage};
use serde_json::Value;
use std::fmt;

/// What a replay found. Memory does not grow with the number of cases.
#[derive(Debug)]
pub struct Replay {
    runners: Runners,
    limits: Limits,
    /// How many cases came out as they were recorded.
    pub same: u64,
    /// How many did not.
    pub different: u64,
    /// How many say nothing about what is expected.
    pub open: u64,
    /// How many could not be read.
    pub unreadable: u64,
    /// The largest of each figure.
    pub most: Usage,
}

/// A case that was replayed.
#[derive(Debug, Clone)]
pub struct ReplayedCase {
    /// What people call it.
    pub title: String,
    /// What was recorded.
    pub expected: Value,
    /// What came out now.
    pub report: CaseReport,
}

impl Replay {
    /// Replays against this module.
    #[must_use]
    pub fn new(module: MappingModule) -> Self {
        let limits = *module.limits();
        let runners = Runners::new(module);
        Self { runners, limits, same: 0, different: 0, open: 0, unreadable: 0, most: Usage::default() }
    }

    /// Runs the next case, and returns it when it comes out otherwise than it was recorded.
    ///
    /// # Errors
    /// The case that could not be read, handed back after it was counted.
    pub fn take(&mut self, case: Result<Case, CaseFileError>) -> Result<Option<ReplayedCase>, CaseFileError> {
        let case = case.inspect_err(|_| self.unreadable += 1)?;
        let report = self.runners.run(&case);
        self.most = larger(self.most, report.evidence.usage);
        let title = case.title();
        match case.expected {
            None => self.open += 1,
            Some(_) if report.matches => self.same += 1,
            Some(expected) => {
                self.different += 1;
                return Ok(Some(ReplayedCase { title, expected, report }));
            }
        }
        Ok(None)
    }

    /// Whether everything came out as recorded.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.different == 0 && self.unreadable == 0
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let same = usize::try_from(self.same).unwrap_or(usize::MAX);
        write!(f, "{} came out as recorded, {} did not", count(same, "case"), self.different)?;
        if self.open > 0 {
            write!(f, ", {} expect nothing", self.open)?;
        }
        if self.unreadable > 0 {
            write!(f, ", {} could not be read", self.unreadable)?;
        }
        write!(f, "\nmost used: {}", self.most.against(&self.limits))
    }
}

impl ReplayedCase {
    /// Where what came out differs from what was recorded.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        differences(&self.expected, &self.report.outcome)
    }
}

impl fmt::Display for ReplayedCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        self.differences().iter().try_for_each(|difference| writeln!(f, "    {difference}"))
    }
}
