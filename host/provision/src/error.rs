//! What ends a run. A record that does not work ends nothing; it is an event.

use crate::plan::{PlanFileError, ProgressError};
use jiff::Timestamp;
use scimwright_client::ClientError;
use scimwright_mapping::Unavailable;
use scimwright_record::{ProviderName, RecordKey, SourceError, SourceName};
use scimwright_state::StateError;

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The provider does not have the resource type.
    #[error(
        "provider `{provider}` has no resource type `{wanted}`; it has: {}",
        if .known.is_empty() { "none".to_owned() } else { .known.join(", ") }
    )]
    UnknownResourceType {
        /// The provider.
        provider: String,
        /// The type of the configuration.
        wanted: String,
        /// The types it has.
        known: Vec<String>,
    },
    /// `deprovision = "disable"` for a type without an `active` attribute.
    #[error(
        "a {resource_type} at provider `{provider}` has no attribute `active`, so it cannot be disabled; \
         set deprovision to \"delete\" or \"nothing\""
    )]
    CannotDisable {
        /// The provider.
        provider: String,
        /// The resource type.
        resource_type: String,
    },
    /// The provider cannot be worked with at all: it does not answer, or refuses our credentials.
    #[error(transparent)]
    Provider(Box<ClientError>),
    /// It failed again and again, and is left alone for a while.
    #[error(
        "provider `{provider}` is in quarantine until {until} after {failures} failed rounds in a row: {reason}. \
         `scimwright sync --retry --provider {provider}` tries it now"
    )]
    Quarantined {
        /// The provider.
        provider: ProviderName,
        /// How many rounds failed in a row.
        failures: u32,
        /// Until when nothing is asked of it.
        until: Timestamp,
        /// Why the last one failed.
        reason: String,
    },
    /// The links were made at another address.
    #[error(
        "what we know of provider `{provider}` was learned at {known}, and base_url is {wanted} now. If that is the same \
         service at a new address, run `scimwright links move {provider}`; if it is another one, give it another name"
    )]
    Moved {
        /// The provider.
        provider: ProviderName,
        /// Where its resources were linked.
        known: String,
        /// Where it is said to be.
        wanted: String,
    },
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The source cannot be read as far as the record that was asked for.
    #[error(transparent)]
    Source(SourceError),
    /// The source was read to its end, and the record that was asked for did not come.
    #[error("source `{source_name}` has no record `{key}`; keys are compared to the letter")]
    NoSuchRecord {
        /// The source.
        source_name: SourceName,
        /// The key.
        key: RecordKey,
    },
    /// The record that was asked for cannot be used.
    #[error("record `{key}` cannot be used ({place}): {reason}")]
    UnusableRecord {
        /// Its key.
        key: RecordKey,
        /// Where it is in the source.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A module that every record needs cannot be used: it is missing, refused or in quarantine.
    #[error("{0}. No more records were taken and nobody was deprovisioned; the next run goes on from there")]
    ModuleUnavailable(Unavailable),
    /// It was told to stop.
    #[error(
        "stopped before its end, as it was told to: what was under way is settled and nobody was deprovisioned; the \
         next run goes on from there"
    )]
    Stopped,
    /// A plan cannot be read or written.
    #[error(transparent)]
    PlanFile(#[from] PlanFileError),
    /// How far a plan was carried out cannot be noted.
    #[error(transparent)]
    Progress(#[from] ProgressError),
    /// The source was not read to its end, or not every row has a key that can be read.
    #[error("nothing was changed: {0}")]
    Inconclusive(String),
    /// The file for what is too much for memory cannot be used.
    #[error("a file in the folder for temporary files cannot be used: {0}")]
    Scratch(String),
    /// A worker of ours ended without an answer.
    #[error("a worker of scimwright ended unexpectedly: {0}; this is a defect, please report it")]
    Worker(String),
}

impl From<ClientError> for ProvisionError {
    fn from(error: ClientError) -> Self {
        Self::Provider(Box::new(error))
    }
}
