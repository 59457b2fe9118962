//! Decides what a provider needs and carries it out: plan, sync, deprovision.
//!
//! A run takes the records of one source through the mapping layers and brings one resource type at one
//! provider up to date. Everything up to the decision has no side effect; a plan stops there.
//!
//! - [`rules`]: what an administrator decides about one resource type
//! - [`rows`]: attribute rows, the mapping that needs no module
//! - [`target`]: what a row gives
//! - [`walk`]: fields of other records, `department_id.name`
//! - [`layers`]: rows, modules and defaults, one on the other
//! - [`origin`]: which layer gave an attribute
//! - [`recorder`]: whoever wants to know of every call of a module
//! - [`cycle`]: [`Provisioner`], one run from the first record to the last deprovisioning
//! - [`one`]: one record, now
//! - [`event`]: what a run says while it goes on, and its [`Summary`]
//! - [`stop`]: [`StopSignal`], the wish that a run may end early
//! - [`error`]: what ends a run
//!
//! Inside: `decide` (what a record needs), `matching` (who is looking for which resource just now),
//! `carry_out` (requests and intents), `journal` (links and log rows), `deprovision` (who left, and whether they may go),
//! `references` (links that had to wait).

pub mod cycle;
pub mod error;
pub mod event;
pub mod layers;
pub mod one;
pub mod origin;
pub mod recorder;
pub mod rows;
pub mod rules;
pub mod stop;
pub mod target;
pub mod walk;

mod carry_out;
mod decide;
mod deprovision;
mod journal;
mod matching;
mod references;

pub use cycle::{Provisioner, RunOptions};
pub use error::ProvisionError;
pub use event::{Action, Event, Mode, Observer, PlannedRequest, RecordEvent, Summary};
pub use layers::{Called, LayerError, Layered, Layers};
pub use one::Existing;
pub use origin::{ModuleVersion, Origin, RowOrigin};
pub use recorder::{CallOutcome, CallRecorder, ModuleCall};
pub use rows::{Apply, AttributeRow, Filled, IfEmpty, RowError, RowValue, Scripted};
pub use rules::{DeprovisionAction, DeprovisionRules, ResourceRules, Threshold, UnreadableRows};
pub use stop::StopSignal;
pub use target::{InvalidRowTarget, RowTarget};
pub use walk::{Linked, References, TooFar, Walk, WalkError};
