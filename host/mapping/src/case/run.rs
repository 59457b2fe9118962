//! A case against a module.
//!
//! The module runs under its own limits, with the settings of the case and look-ups answered from the case, so
//! that the same case and the same module give the same outcome everywhere.

use super::Case;
use super::outcome::matches;
use super::tape::TapePlayer;
use crate::error::MapError;
use crate::evidence::Evidence;
use crate::module::MappingModule;
use serde_json::{Value, json};
use std::sync::Arc;

/// What came out of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseReport {
    /// The resource, `{"skip": …}` or `{"error": …}`.
    pub outcome: Value,
    /// Whether that is what the case expects; true where it expects nothing.
    pub matches: bool,
    /// What the call left behind.
    pub evidence: Evidence,
    /// What the error in the outcome was; who can mend it and where in the guest's code it happened.
    pub error: Option<MapError>,
}

/// Runs cases that have the same settings against a module.
#[derive(Debug)]
pub struct CaseRunner {
    player: Arc<TapePlayer>,
    module: Result<MappingModule, Vec<String>>,
}

impl CaseRunner {
    /// Prepares a module for cases with these settings. Settings that the module does not accept become the
    /// outcome of every case.
    #[must_use]
    pub fn new(module: &MappingModule, settings: &[(String, String)]) -> Self {
        let player = Arc::new(TapePlayer::default());
        let module = module
            .with_settings(settings.to_vec())
            .map(|module| module.with_reader(Arc::clone(&player) as Arc<_>).quiet());
        Self { player, module }
    }

    /// Prepares a module as it is, for what was not written down: with its own settings, and its own look-ups.
    #[must_use]
    pub fn live(module: &MappingModule) -> Self {
        Self { player: Arc::default(), module: Ok(module.clone()) }
    }

    /// Runs a case; its own settings are taken to be those of the runner.
    #[must_use]
    pub fn run(&self, case: &Case) -> CaseReport {
        let module = match &self.module {
            Ok(module) => module,
            Err(problems) => {
                let outcome = json!({ "error": { "kind": "settings", "message": problems.join("; ") } });
                return CaseReport::new(case, outcome, Evidence::default(), None);
            }
        };
        self.player.insert(&case.lookups);
        // A case asks about one call. How those before it ended is no part of the question.
        module.release();
        let done = match asked(module, case) {
            Asked::Mapping => {
                module.map(&case.context, &case.record).map(|done| (done.outcome.to_json(), done.evidence))
            }
            Asked::Defaults => {
                let mapped = case.mapped.clone().unwrap_or_default();
                let done = module.defaults(&case.context, &case.record, &mapped);
                done.map(|done| (done.to_json(), done.evidence))
            }
        };
        match done {
            Ok((outcome, evidence)) => CaseReport::new(case, outcome, evidence, None),
            Err(error) => CaseReport::new(case, error.to_json(), (*error.evidence).clone(), Some(error)),
        }
    }
}

impl CaseReport {
    fn new(case: &Case, outcome: Value, evidence: Evidence, error: Option<MapError>) -> Self {
        let matches = case.expected.as_ref().is_none_or(|expected| matches(expected, &outcome));
        Self { outcome, matches, evidence, error }
    }
}

/// What a case asks of a module.
enum Asked {
    Mapping,
    Defaults,
}

/// Default values where something was mapped already, or where the module does nothing else.
fn asked(module: &MappingModule, case: &Case) -> Asked {
    if case.mapped.is_some() && module.exports_defaults() || !module.exports_mapping() {
        Asked::Defaults
    } else {
        Asked::Mapping
    }
}

impl Case {
    /// Runs the case against a module, in a fresh instance and under the module's limits. Whoever has many cases
    /// of the same settings is better served by a [`CaseRunner`].
    #[must_use]
    pub fn run(&self, module: &MappingModule) -> CaseReport {
        CaseRunner::new(module, &self.settings).run(self)
    }
}
