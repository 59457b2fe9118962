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
use crate::commands::tell;
use crate::exit::Exit;
use crate::wish::Told;
use remedy::Remedies;
use scimwright_provision::{Action, Event, Mode, Summary};
use scimwright_server::Asked;
use scimwright_state::LinkScope;
use std::sync::Arc;

/// Prints the events of one or several runs, and what they came to.
pub(crate) struct Reporter {
    audience: Audience,
    remedies: Remedies,
}

enum Audience {
    People(human::HumanReporter),
    Programs,
    /// Somebody who asked a service; and whoever listens to the service.
    Asker {
        asked: Arc<Asked>,
        every_record: bool,
    },
}

impl Reporter {
    pub(crate) fn new(common: &Common, verbose: u8, mode: Mode) -> Self {
        let audience = match common.output {
            Output::Human => Audience::People(human::HumanReporter::new(mode, verbose)),
            Output::Json => Audience::Programs,
        };
        Self { audience, remedies: common.remedies() }
    }

    /// Tells whoever asked a service, who prints it there.
    pub(crate) fn to_asker(asked: Arc<Asked>, every_record: bool) -> Self {
        // Commands are completed where they are printed.
        Self { audience: Audience::Asker { asked, every_record }, remedies: Remedies::default() }
    }

    /// Prints what a service told.
    pub(crate) fn told(&self, told: Told) {
        match told {
            Told::Event { about, event } => self.event(&about, &event),
            Told::Note { text } => self.note(&text),
            Told::Error { text } => self.error(&text),
            Told::Total { total, runs, exit } => self.total(Mode::Sync, &total, runs, Exit::numbered(exit)),
            // No run says these.
            Told::Result { .. } | Told::Failed { .. } | Told::Done { .. } => {}
        }
    }

    /// Prints one event.
    pub(crate) fn event(&self, about: &LinkScope, event: &Event) {
        let event = self.remedies.complete_event(event);
        match &self.audience {
            Audience::People(reporter) => reporter.event(about, &event),
            Audience::Programs => json::event(about, &event),
            Audience::Asker { asked, every_record } => {
                asked.say_of_run(about, &event);
                if *every_record || needs_attention(&event) {
                    let event = Box::new(event.into_owned());
                    tell(asked, &Told::Event { about: about.clone(), event });
                }
            }
        }
    }

    /// Prints something worth knowing that is about no single run.
    pub(crate) fn note(&self, message: &str) {
        let message = self.remedies.complete(message);
        match &self.audience {
            Audience::People(reporter) => reporter.note(&message),
            Audience::Programs => json::note(&message),
            Audience::Asker { asked, .. } => tell(asked, &Told::Note { text: message.into_owned() }),
        }
    }

    /// Prints a failure that ended something.
    pub(crate) fn error(&self, message: &str) {
        let message = self.remedies.complete(message);
        match &self.audience {
            Audience::People(reporter) => reporter.error(&message),
            Audience::Programs => json::error(&message),
            Audience::Asker { asked, .. } => tell(asked, &Told::Error { text: message.into_owned() }),
        }
    }

    /// Prints what everything came to. The last thing that is printed.
    pub(crate) fn total(&self, mode: Mode, total: &Summary, runs: usize, exit: Exit) {
        match &self.audience {
            Audience::People(reporter) => reporter.total(total, runs),
            Audience::Programs => json::summary(mode, total, exit),
            Audience::Asker { asked, .. } => {
                tell(asked, &Told::Total { total: Box::new(total.clone()), runs, exit: exit as u8 });
            }
        }
    }
}

/// Whether people are shown this without asking for more.
fn needs_attention(event: &Event) -> bool {
    match event {
        Event::Record(record) => matches!(record.action, Action::Fail | Action::Skip | Action::Wait),
        Event::Reference(_) => false,
        _ => true,
    }
}
