//! Cases against a module, one after the other.

use scimwright_mapping::{Case, CaseReport, CaseRunner, MappingModule};

/// Runs cases against a module. What cases of the same settings can share is kept from one to the next.
#[derive(Debug)]
pub struct Runners {
    module: MappingModule,
    last: Option<(Vec<(String, String)>, CaseRunner)>,
}

impl Runners {
    /// For cases against this module.
    #[must_use]
    pub fn new(module: MappingModule) -> Self {
        Self { module, last: None }
    }

    /// Runs a case.
    pub fn run(&mut self, case: &Case) -> CaseReport {
        let same = self.last.take().filter(|(settings, _)| *settings == case.settings);
        let fresh = || (case.settings.clone(), CaseRunner::new(&self.module, &case.settings));
        let (_, runner) = self.last.insert(same.unwrap_or_else(fresh));
        runner.run(case)
    }
}
