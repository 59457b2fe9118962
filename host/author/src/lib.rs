//! The author's tools for mapping modules, as values and texts. Nothing is printed here.
//!
//! - [`suite`]: the golden cases of a folder against a module
//! - [`screen`]: what a suite's report looks like
//! - [`mod@junit`]: the same for a build server
//! - [`impact`]: who would change if one module took another's place, and how
//! - [`redaction`]: what of a record may be written down
//! - [`recording`]: calls, written down as cases
//! - [`replay`]: recorded cases against a module
//! - [`bench`](mod@bench): what a record costs
//!
//! ```no_run
//! use scimwright_author::Suite;
//! use scimwright_mapping::{HostOptions, Limits, MappingHost, ModuleId};
//! use scimwright_record::{ModuleName, TenantName};
//!
//! let host = MappingHost::new(HostOptions::default())?;
//! let id = ModuleId { tenant: TenantName::default(), name: ModuleName::parse("corp-user")? };
//! let module = host.load_for_cases(id, "target/corp-user.wasm".as_ref(), Limits::default())?;
//! let report = Suite::read("cases".as_ref())?.run(&module);
//! assert!(report.is_good(), "{report}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bench;
pub mod impact;
pub mod junit;
pub mod recording;
pub mod redaction;
pub mod replay;
pub mod screen;
pub mod suite;

mod hidden;
mod order;
mod runners;

pub use bench::{BenchError, BenchOptions, BenchReport, bench};
pub use impact::{Change, Impact, PersonChange};
pub use junit::junit;
pub use recording::{Recorded, RecordedCall, Recorder, RecordingError};
pub use redaction::Redaction;
pub use replay::{Replay, ReplayedCase};
pub use runners::Runners;
pub use suite::{Hidden, Suite, SuiteReport, Tested, Updated, Verdict};

use scimwright_mapping::Concern;

/// Who has to act on an error, in the words that stand beside it.
#[must_use]
pub fn addressee(concern: Concern) -> &'static str {
    match concern {
        Concern::Record => "for whoever keeps the record in its source",
        Concern::Author => "for the module's author",
        Concern::Limit => "for the module's author, or for the operator who sets the limits",
        Concern::Operator => "for the operator",
    }
}
