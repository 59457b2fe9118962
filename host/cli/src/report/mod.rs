//! What people and programs see of a run.
//!
//! - [`human`]: lines, a progress bar and a table, for a terminal or a pipe
//! - [`json`]: the events as JSON lines, and a summary as the last one
//! - [`result`]: the result of one client call
//! - [`discovery`]: what a provider says about itself
//! - [`probing`]: what it does
//! - [`serving`]: what the service says
//! - [`columns`]: text in columns
//! - [`remedy`]: commands in messages, as they have to be typed

pub(crate) mod columns;
pub(crate) mod discovery;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod probing;
pub(crate) mod remedy;
pub(crate) mod result;
pub(crate) mod serving;

pub(crate) use result::{CallResult, print_result};

use crate::args::{Common, Output};
use crate::exit::Exit;
use remedy::Remedies;
use scimwright_provision::{Event, Mode, Summary};
use scimwright_state::LinkScope;

/// Prints the events of one or several runs, and what they came to.
pub(crate) struct Reporter {
    audience: Audience,
    remedies: Remedies,
}

enum Audience {
    People(human::HumanReporter),
    Programs,
}

impl Reporter {
    pub(crate) fn new(common: &Common, verbose: u8, mode: Mode) -> Self {
        let audience = match common.output {
            Output::Human => Audience::People(human::HumanReporter::new(mode, verbose)),
            Output::Json => Audience::Programs,
        };
        Self { audience, remedies: common.remedies() }
    }

    /// Prints one event.
    pub(crate) fn event(&self, about: &LinkScope, event: &Event) {
        let event = self.remedies.complete_event(event);
        match &self.audience {
            Audience::People(reporter) => reporter.event(about, &event),
            Audience::Programs => json::event(about, &event),
        }
    }

    /// Prints something worth knowing that is about no single run.
    pub(crate) fn note(&self, message: &str) {
        let message = self.remedies.complete(message);
        match &self.audience {
            Audience::People(reporter) => reporter.note(&message),
            Audience::Programs => json::note(&message),
        }
    }

    /// Prints a failure that ended something.
    pub(crate) fn error(&self, message: &str) {
        let message = self.remedies.complete(message);
        match &self.audience {
            Audience::People(reporter) => reporter.error(&message),
            Audience::Programs => json::error(&message),
        }
    }

    /// Prints what everything came to. The last thing that is printed.
    pub(crate) fn total(&self, mode: Mode, total: &Summary, runs: usize, exit: Exit) {
        match &self.audience {
            Audience::People(reporter) => reporter.total(total, runs),
            Audience::Programs => json::summary(mode, total, exit),
        }
    }
}
