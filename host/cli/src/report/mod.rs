//! What people and programs see of a run.
//!
//! - [`human`]: lines, a progress bar and a table, for a terminal or a pipe
//! - [`json`]: the events as JSON lines, and a summary as the last one
//! - [`result`]: the result of one client call
//! - [`discovery`]: what a provider says about itself
//! - [`probing`]: what it does
//! - [`serving`]: what the service says
//! - [`columns`]: text in columns

pub(crate) mod columns;
pub(crate) mod discovery;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod probing;
pub(crate) mod result;
pub(crate) mod serving;

pub(crate) use result::{CallResult, print_result};

use crate::args::Output;
use crate::exit::Exit;
use scimwright_provision::{Event, Mode, Summary};
use scimwright_state::LinkScope;

/// Prints the events of one or several runs, and what they came to.
pub(crate) enum Reporter {
    /// For people.
    Human(human::HumanReporter),
    /// For programs.
    Json,
}

impl Reporter {
    pub(crate) fn new(output: Output, verbose: u8, mode: Mode) -> Self {
        match output {
            Output::Human => Self::Human(human::HumanReporter::new(mode, verbose)),
            Output::Json => Self::Json,
        }
    }

    /// Prints one event.
    pub(crate) fn event(&self, about: &LinkScope, event: &Event) {
        match self {
            Self::Human(reporter) => reporter.event(about, event),
            Self::Json => json::event(about, event),
        }
    }

    /// Prints something worth knowing that is about no single run.
    pub(crate) fn note(&self, message: &str) {
        match self {
            Self::Human(reporter) => reporter.note(message),
            Self::Json => json::note(message),
        }
    }

    /// Prints a failure that ended something.
    pub(crate) fn error(&self, message: &str) {
        match self {
            Self::Human(reporter) => reporter.error(message),
            Self::Json => json::error(message),
        }
    }

    /// Prints what everything came to. The last thing that is printed.
    pub(crate) fn total(&self, mode: Mode, total: &Summary, runs: usize, exit: Exit) {
        match self {
            Self::Human(reporter) => reporter.total(total, runs),
            Self::Json => json::summary(mode, total, exit),
        }
    }
}
