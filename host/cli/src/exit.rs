//! Exit codes, their names and their order of precedence.

use std::process::ExitCode;

/// How a command ended. The numbers are part of the interface; README.md has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything asked for was done.
    Success = 0,
    /// Something broke that no other code names: a full disk, a locked state.
    Failure = 1,
    /// The command line could not be understood.
    Usage = 2,
    /// The configuration or a module is wrong. Nothing was changed at the provider that this concerns.
    Configuration = 3,
    /// The run finished, and some records or rows failed.
    RecordsFailed = 4,
    /// The run finished, and deprovisioning was held.
    Held = 5,
    /// A provider, a source or a module could not be used, or a source not be read to its end.
    Unavailable = 6,
    /// A signal stopped it before its end.
    Stopped = 7,
    /// What was compared differs: two modules, or a provider and what was left there.
    Different = 8,
    /// A plan is out of date, not whole, or was carried out before. Nothing was changed.
    NotApplied = 9,
}

impl Exit {
    /// The exit code with this number, as another process of ours found it.
    pub(crate) fn numbered(number: u8) -> Self {
        const ALL: [Exit; 10] = [
            Exit::Success,
            Exit::Failure,
            Exit::Usage,
            Exit::Configuration,
            Exit::RecordsFailed,
            Exit::Held,
            Exit::Unavailable,
            Exit::Stopped,
            Exit::Different,
            Exit::NotApplied,
        ];
        ALL.into_iter().find(|exit| *exit as u8 == number).unwrap_or(Self::Failure)
    }

    /// The graver of two outcomes: what has the higher number.
    pub(crate) fn or_graver(self, other: Self) -> Self {
        self.max(other)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
