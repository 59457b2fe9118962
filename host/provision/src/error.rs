//! What ends a run. A record that does not work ends nothing; it is an event.

use scimwright_client::ClientError;
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
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// A worker of ours ended without an answer.
    #[error("a worker of scimwright ended unexpectedly: {0}; this is a defect, please report it")]
    Worker(String),
}

impl From<ClientError> for ProvisionError {
    fn from(error: ClientError) -> Self {
        Self::Provider(Box::new(error))
    }
}
