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
//! - [`scope`]: which records count, and when
//! - [`members`]: who belongs to which group, where a source says so
//! - [`provisioner`]: [`Provisioner`], all that is needed for one resource type
//! - [`quarantine`]: providers that are left alone for a while
//! - [`round`]: all resource types of a provider, phase by phase
//! - [`one`]: one record, now
//! - [`plan`]: a plan in a file, what it rests on, and carrying it out
//! - [`links`]: links changed by hand
//! - [`rebuild`](mod@rebuild): links found again from what is at the provider
//! - [`prospect`]: what becomes of a resource whose record left
//! - [`whereabouts`](mod@whereabouts): why a person is not there
//! - [`explain`]: where the attributes of a resource come from
//! - [`witness`]: what modules were given and answered, for one record
//! - [`drift`](mod@drift): what was changed at a provider behind our back
//! - [`event`]: what a run says while it goes on, and its [`Summary`]
//! - [`stop`]: [`StopSignal`], the wish that a run may end early
//! - [`error`]: what ends a run
//!
//! Inside, rows on their way in: `intake` (a handful at a time), `twice` (keys that stand twice, with rows that differ),
//! `absent` (fields that no record has), `cycle` (one resource type in a round).
//!
//! What a record needs: `record` (from the mapping to an operation), `course` (mapping on all cores), `fitting` (its
//! resource, and what that lacks), `pointing` (other records' resources), `matching` (who is looking for which resource
//! just now), `wanted` (what a mapping wants, outside of a sync), `digest` (what decides about a record), `operation`
//! (one step, decided and not yet done).
//!
//! What is done: `carry_out` (operations), `creating` (with an intent before), `changing`, `journal` (links and log
//! rows), `references` (links that had to wait), `deprovision` (who left, and whether they may go), `anew` (who points
//! at what was made anew), `setback` (what failed, and when it is tried again), `tally` (figures), `spill` (what is too
//! much for memory), `trace` (one record, step by step), `typed` (words of a printed command).

pub mod drift;
pub mod error;
pub mod event;
pub mod explain;
pub mod layers;
pub mod links;
pub mod members;
pub mod one;
pub mod origin;
pub mod plan;
pub mod prospect;
pub mod provisioner;
pub mod quarantine;
pub mod rebuild;
pub mod recorder;
pub mod round;
pub mod rows;
pub mod rules;
pub mod scope;
pub mod stop;
pub mod target;
pub mod walk;
pub mod whereabouts;
pub mod witness;

mod absent;
mod anew;
mod carry_out;
mod changing;
mod course;
mod creating;
mod cycle;
mod decide;
mod deprovision;
mod digest;
mod fitting;
mod intake;
mod journal;
mod matching;
mod operation;
mod pointing;
mod record;
mod references;
mod setback;
mod spill;
mod tally;
mod trace;
mod twice;
mod typed;
mod verdict;
mod wanted;
mod whose;

pub use drift::{DriftFinding, DriftFindings, DriftOptions, DriftReport, Drifted, drift};
pub use error::ProvisionError;
pub use event::{Action, Event, Mode, Observer, PlannedRequest, RecordEvent, Summary};
pub use explain::{Change, ExplainedAttribute, Explanation, NextStep, There};
pub use layers::{Called, LayerError, Layered, Layers};
pub use links::{Adoption, LinkDesk, LinkError, Moved};
pub use members::{MemberRules, Nested};
pub use one::{Existing, OneRecord};
pub use origin::{ModuleVersion, Origin, RowOrigin};
pub use plan::{
    Basis, Header, Plan, PlanFileError, PlanFilter, PlanWriter, Progress, ProgressError, SourcePrint,
    SourcePrints, apply_plan, source_print,
};
pub use prospect::Prospect;
pub use provisioner::{Patience, Provisioner, Reach, RunOptions, Unfinished};
pub use rebuild::{Finding, Findings, Rebuilt, rebuild};
pub use recorder::{CallOutcome, CallRecorder, ModuleCall};
pub use round::{Finish, run_round};
pub use rows::{Apply, AttributeRow, Filled, IfEmpty, RowError, RowValue, Scripted};
pub use rules::{DeprovisionAction, DeprovisionRules, ResourceRules, Threshold, UnreadableRows};
pub use scope::{InvalidRecordFilter, RecordFilter, ScopeRules};
pub use stop::StopSignal;
pub use target::{InvalidRowTarget, RowTarget};
pub use typed::typed;
pub use verdict::Standstill;
pub use walk::{Linked, References, TooFar, Walk, WalkError};
pub use whereabouts::{Presence, Whereabouts, whereabouts};
pub use witness::Witnessed;

#[cfg(test)]
mod fixture;
