//! What a command and a running service say to each other: a wish, and its answer.
//!
//! A command that cannot do its work because a service holds the state asks the service to do it. What it is told goes
//! through the same printing as if it had done the work itself.

use crate::args::{DeleteArgs, ProvisionArgs, SyncArgs};
use crate::report::CallResult;
use scimwright_provision::{Event, Summary};
use scimwright_state::LinkScope;
use serde::{Deserialize, Serialize};

/// What a service is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Wish {
    /// `sync`.
    Sync {
        /// Its options.
        options: SyncArgs,
        /// Whether to hear of every record, also of those that need no attention.
        every_record: bool,
    },
    /// `provision`.
    Provision {
        /// Its options.
        options: ProvisionArgs,
    },
    /// `provision-new`.
    ProvisionNew {
        /// Its options.
        options: ProvisionArgs,
    },
    /// `delete`.
    Delete {
        /// Its options.
        options: DeleteArgs,
    },
}

impl Wish {
    /// The wish as it was typed.
    pub(crate) fn words(&self) -> String {
        let provisioned = |word: &str, options: &ProvisionArgs| {
            let ProvisionArgs { resource, key, trace, fresh } = options;
            let mut words = format!("{word} {} {} {key}", resource.provider, resource.resource_type);
            words.extend(trace.then_some(" --trace"));
            words.extend(fresh.then_some(" --fresh"));
            words
        };
        match self {
            Self::Sync {
                options: SyncArgs { run, allow_deprovisions, allow_removals, changed, retry },
                ..
            } => {
                let mut words = "sync".to_owned();
                words.extend(run.provider.iter().map(|provider| format!(" --provider {provider}")));
                words.extend(run.resource.iter().map(|resource| format!(" --resource {resource}")));
                words.extend(allow_deprovisions.map(|count| format!(" --allow-deprovisions {count}")));
                words.extend(allow_removals.map(|count| format!(" --allow-removals {count}")));
                words.extend(changed.then_some(" --changed"));
                words.extend(retry.then_some(" --retry"));
                words
            }
            Self::Provision { options } => provisioned("provision", options),
            Self::ProvisionNew { options } => provisioned("provision-new", options),
            Self::Delete { options: DeleteArgs { resource, id } } => {
                format!("delete {} {} {id}", resource.provider, resource.resource_type)
            }
        }
    }
}

/// What the one who asked is told: a line each.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// A run says something.
    Event {
        /// What it is about.
        about: LinkScope,
        /// What it says.
        event: Box<Event>,
    },
    /// Something worth knowing that is about no single run.
    Note {
        /// In a sentence.
        text: String,
    },
    /// A failure that ended something.
    Error {
        /// In a sentence.
        text: String,
    },
    /// What all runs came to.
    Total {
        /// The figures.
        total: Box<Summary>,
        /// Of how many runs.
        runs: usize,
        /// The exit code.
        exit: u8,
    },
    /// The result of a call.
    Result {
        /// The result.
        result: Box<CallResult>,
    },
    /// It could not be done. The last line.
    Failed {
        /// Why.
        text: String,
        /// The exit code.
        exit: u8,
    },
    /// It was done. The last line.
    Done {
        /// The exit code.
        exit: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_understood_as_it_was_meant_and_nothing_else_is() {
        let wish = r#"{"ask":"sync","options":{"run":{"provider":"acme","resource":null},"allow_deprovisions":7,"allow_removals":null,"changed":false,"retry":true},"every_record":false}"#;
        let read: Wish = serde_json::from_str(wish).unwrap();
        assert_eq!(read.words(), "sync --provider acme --allow-deprovisions 7 --retry");
        assert_eq!(serde_json::to_string(&read).unwrap(), wish);
        for junk in [
            "",
            "sync",
            "{}",
            r#"{"ask":"apply"}"#,
            &wish.replace("\"retry\"", "\"later\""),
            &wish.replace("\"every_record\"", "\"every\""),
            &wish.replace("7", "-7"),
        ] {
            assert!(serde_json::from_str::<Wish>(junk).is_err(), "{junk}");
        }
    }
}
