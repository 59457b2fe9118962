//! Plans: what a sync would do, in a file that people read and `apply` carries out.
//!
//! A plan decides as a sync does and writes each [operation](mod@file) down instead of carrying it out. With it goes
//! everything that it [rests on](basis): whoever applies it looks at all of that once more, and does nothing where
//! anything is different. What is applied is what stands in the file, and nothing else.
//!
//! - [`filter`]: whom and what somebody wants in a plan
//! - [`basis`]: sources, modules, configuration, providers and links, as they were
//! - [`file`](mod@file): the file's lines, written and read as a stream
//! - [`progress`]: how far a plan was carried out
//! - [`apply`]: carrying it out
//!
//! Inside: `draft` (operations and references on their way into a plan).

pub mod apply;
pub mod basis;
pub mod file;
pub mod filter;
pub mod progress;

pub(crate) mod draft;

pub use apply::apply_plan;
pub use basis::{Basis, SourcePrint, SourcePrints, source_print};
pub(crate) use file::FoundOut;
pub use file::{Header, Plan, PlanFileError, PlanWriter};
pub use filter::PlanFilter;
pub use progress::{Progress, ProgressError};
