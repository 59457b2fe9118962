//! Loads mapping modules and runs them, one record at a time, inside limits.
//!
//! A mapping module is a WebAssembly component that speaks the contract in `wit/`. This crate is the
//! only one that knows wasmtime: what leaves it are values of our own, and errors that name the module,
//! the record, the cause and the remedy. A module gets a fresh instance for every record, sees the
//! fields it declared and nothing else, and is stopped when it uses more than its [`Limits`].
//!
//! - [`host`]: [`MappingHost`], what all modules of a process share
//! - [`load`]: the steps from a file to a [`MappingModule`], and what a refusal says
//! - [`module`]: [`MappingModule`], a module that may be called
//! - [`slot`]: [`ModuleSlot`], where the version of a module that serves now is to be had
//! - [`registry`]: [`Registry`], a folder of modules that may change while records flow
//! - [`manifest`]: what a module says of itself, checked
//! - [`grants`]: what the configuration allows a module
//! - [`limits`]: [`Limits`], and the [`Usage`] that stands beside them
//! - [`attributes`]: [`AttributeMap`], what a mapping returns
//! - [`evidence`]: what a call leaves behind, however it ended
//! - [`error`]: [`MapError`], why a record could not be mapped
//! - [`backtrace`]: where in the guest's code it happened
//! - [`case`]: a call as a value: fixture, recording and replay
//! - [`breaker`]: quarantine of modules that keep failing
//! - [`inspection`]: everything that is known about a loaded module
//!
//! ```no_run
//! use scimwright_mapping::{CallContext, Grants, Limits, MappingHost, ModuleId, Operation, Outcome};
//! use scimwright_record::{FieldValue, ModuleName, Record, RecordKey, SourceName, TenantName};
//!
//! let host = MappingHost::new(Default::default())?;
//! let id = ModuleId { tenant: TenantName::default(), name: ModuleName::parse("corp-user")? };
//! let path = "modules/corp-user.wasm".as_ref();
//! let module = host.load(id, path, Limits::default(), Vec::new(), Grants::default())?;
//!
//! let record = Record::new(SourceName::parse("hr")?, RecordKey::parse("E1001")?)
//!     .with("given_name", FieldValue::Text("Zoë".into()));
//! let context = CallContext {
//!     tenant: TenantName::default(),
//!     provider: "acme".parse()?,
//!     resource_type: "User".parse()?,
//!     operation: Operation::Preview,
//!     now: "2026-03-01T08:00:00Z".into(),
//! };
//! match module.map(&context, &record)?.outcome {
//!     Outcome::Provision(attributes) => assert!(attributes.iter().count() > 0),
//!     Outcome::Skip(reason) => assert!(!reason.is_empty()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod attributes;
pub mod backtrace;
pub mod breaker;
pub mod case;
pub mod error;
pub mod evidence;
pub mod grants;
pub mod host;
pub mod inspection;
pub mod limits;
pub mod load;
pub mod manifest;
pub mod module;
pub mod registry;
pub mod slot;

mod artifact;
mod cache;
mod call;
mod contract;
mod convert;
mod core_module;
mod exception;
mod instances;
mod integers;
mod live;
mod text;
mod ticker;
mod wasi;

pub use attributes::{
    AttributeMap, AttributeValue, RecordLink, Scalar, SubAttribute, SubValue, UnresolvedLink,
};
pub use backtrace::{GuestBacktrace, GuestFrame};
pub use breaker::{Health, Quarantine};
pub use call::{LogLevel, LogLine};
pub use case::{Case, CaseError, CaseReport, CaseRunner};
pub use contract::{CONTRACT_VERSION, CONTRACT_VERSIONS};
pub use error::{Concern, Fault, Function, MapError, Place, TrapReport};
pub use evidence::{Evidence, TapeAnswer, TapeEntry};
pub use grants::Grants;
pub use host::{HostError, HostOptions, MappingHost};
pub use inspection::{Inspection, Producer};
pub use limits::{Limits, Usage};
pub use load::{LoadError, LoadFailure};
pub use manifest::{Manifest, Reads, Setting};
pub use module::{CallContext, Mapped, MappedDefaults, MappingModule, ModuleId, Operation, Outcome};
pub use registry::{
    FileState, ModuleSettings, ModuleStatus, ModuleTerms, Registry, RegistryError, RegistryOptions,
    ScriptBuilder, Serving,
};
pub use slot::{ModuleSlot, Unavailable};
