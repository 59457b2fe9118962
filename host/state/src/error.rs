//! What can go wrong with the state file, sorted by who can help.
//!
//! Every sentence names the file, the cause and what to do about it. SQLite's own result
//! codes are read once, here; nobody else looks at them.

use crate::run::RunId;
use crate::tenant::LinkScope;
use scimwright_record::RecordKey;
use std::path::{Path, PathBuf};

/// Why the state could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file, its folder or its lock could not be opened or created.
    #[error(
        "cannot open the state file {}: {cause}. Check that its folder exists and may be written to",
        .path.display()
    )]
    Open {
        /// The state file, or the lock file beside it.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The file is something else.
    #[error(
        "{} is not a scimwright state file: {found}. Name another file under `[state]`; if it was overwritten, move it \
         away and run `scimwright links rebuild --as created`, which finds existing resources and links them again",
        .path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is instead, as far as can be told.
        found: String,
    },
    /// The file was written by a newer scimwright.
    #[error(
        "the state file {} has format {found}, and this scimwright knows formats up to {known}. Use the newer \
         scimwright that wrote it; an older one must not touch it",
        .path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest format version that this build knows.
        known: u32,
    },
    /// Another process works on the same state.
    #[error("the state file {} is in use by {}", .path.display(), in_use(.holder, *.is_service))]
    Held {
        /// The file.
        path: PathBuf,
        /// Which process, as it described itself: `process 4711 (scimwright), since 2026-03-01T08:00:00Z`.
        holder: String,
        /// Whether that is a service that goes on for ever, and takes [wishes](crate::wish).
        is_service: bool,
    },
    /// The file, or the lock beside it, was moved or deleted under this process.
    #[error(
        "cannot {doing}: the state file {} or the lock beside it was moved or deleted while this process worked on it. \
         Stop all that use it and put the file back, or find the links again with `scimwright links rebuild --as created`",
        .path.display()
    )]
    TakenAway {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// The disk, or the quota, is full.
    #[error(
        "cannot {doing}: no room is left on the disk of the state file {} or of the temporary files. Free some \
         space and run again; nothing written so far is lost",
        .path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// Somebody else keeps the file locked, although no scimwright does.
    #[error(
        "cannot {doing}: the state file {} stayed locked by another program. Close what has it open (a \
         database browser, a backup) and run again",
        .path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// The file may be read only.
    #[error(
        "cannot {doing}: the state file {} may only be read. Check the permissions of the file and of its folder, and \
         whether its disk is mounted for reading only",
        .path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// The file is damaged.
    #[error(
        "the state file {} is damaged ({detail}). Restore it from a backup, or run `scimwright links rebuild --as \
         created --set-aside`: it keeps the damaged file beside a new one, finds existing resources by the configured \
         `match` attributes and links them again",
        .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was noticed.
        detail: String,
    },
    /// A damaged file cannot be moved out of the way.
    #[error(
        "cannot move the state file {} aside: {cause}. Check that it exists and that its folder may be written to",
        .path.display()
    )]
    SetAside {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// A resource is to be linked to a second record.
    #[error(
        "cannot link `{key}` to resource {resource_id} ({scope}): the record `{held_by}` is linked to it already. \
             Two records of the source mean one resource; correct one of them, or forget the older link"
    )]
    ResourceTaken {
        /// The record that was to be linked.
        key: RecordKey,
        /// The record that is.
        held_by: RecordKey,
        /// The provider's id of the resource.
        resource_id: String,
        /// Provider and resource type: `acme/User`.
        scope: LinkScope,
    },
    /// A run that is not under way is to be ended.
    #[error("cannot end run {run}: the state file {} has no such run under way", .path.display())]
    NoSuchRun {
        /// The file.
        path: PathBuf,
        /// The run.
        run: RunId,
    },
    /// Anything else SQLite reports.
    #[error("cannot {doing} in the state file {}: {cause}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        cause: sqlx::Error,
    },
}

impl StateError {
    /// Classes what SQLite reported. Primary result codes: <https://www.sqlite.org/rescode.html>.
    pub(crate) fn from_sql(path: &Path, doing: &'static str, cause: sqlx::Error) -> Self {
        match Self::classed(path, doing, &cause) {
            Some(error) => error,
            None => Self::Database { path: path.to_owned(), doing, cause },
        }
    }

    fn classed(path: &Path, doing: &'static str, cause: &sqlx::Error) -> Option<Self> {
        let path = path.to_owned();
        let (code, detail) = result_code(cause)?;
        Some(match code {
            5 | 6 => Self::Busy { path, doing },
            8 => Self::ReadOnly { path, doing },
            // 26 is "not a database", of a file that begins as one: nobody gets here with another.
            11 | 26 => Self::Corrupt { path, detail },
            14 => Self::Open { path, cause: std::io::Error::other(detail) },
            13 => Self::Full { path, doing },
            // Nobody asks for what the format does not have, but for the tables of a pass, which lie beside the file.
            1 if detail.starts_with("no such ") && !detail.contains("pass_") => {
                Self::Corrupt { path, detail }
            }
            _ => return None,
        })
    }

    /// The same for a cause that several have to be told.
    pub(crate) fn from_shared_sql(path: &Path, doing: &'static str, cause: &sqlx::Error) -> Self {
        match Self::classed(path, doing, cause) {
            Some(error) => error,
            None => Self::Database {
                path: path.to_owned(),
                doing,
                cause: sqlx::Error::Protocol(cause.to_string()),
            },
        }
    }

    /// A stored value that cannot be read back.
    pub(crate) fn unreadable(path: &Path, what: &str, detail: impl std::fmt::Display) -> Self {
        Self::Corrupt { path: path.to_owned(), detail: format!("{what}: {detail}") }
    }
}

fn in_use(holder: &str, is_service: bool) -> String {
    match is_service {
        false => format!("{holder}. Wait until it has ended; two at once would provision twice"),
        true => format!(
            "a running service, {holder}, and this cannot be handed over to it as `sync` and `provision` can. Stop the \
             service, run this, and start the service again"
        ),
    }
}

/// The primary result code (the low byte of the extended one) and SQLite's own words.
fn result_code(error: &sqlx::Error) -> Option<(u32, String)> {
    let database = error.as_database_error()?;
    let extended: u32 = database.code()?.parse().ok()?;
    Some((extended & 0xff, database.message().to_owned()))
}
