//! What scimwright remembers between runs: links, runs and the client log.
//!
//! One SQLite file per configuration folder, and in it everything is keyed by tenant. A
//! [`StateStore`] is the open file; a [`TenantState`] is the part of it that one tenant may
//! see, and the only way to a row.
//!
//! - [`store`]: opening, the process lock, and the one connection that writes
//! - [`tenant`]: [`TenantState`], and [`LinkScope`], the provider and resource type meant
//! - [`link`]: [`Link`], the remembered pair of record and resource
//! - [`digest`]: [`LinksDigest`], whether any link of a scope changed
//! - [`intent`]: [`Intent`], written before a request that creates, and its [`Settlement`]
//! - [`setback`]: [`Setback`], a record that did not become what it should
//! - [`client_log`]: [`LogEntry`], one line for each call to a provider
//! - [`module`]: modules in quarantine, and what a running service says of its module files
//! - [`provider`]: the address of a provider, and whether it is left alone
//! - [`mark`]: how far a scope was read
//! - [`ids`]: many links at a time, and what a record was
//! - [`run`]: runs, finished and interrupted
//! - [`pass`]: [`Pass`], which keys one reading of a source has seen, on disk
//! - [`member`]: [`Member`], who is in which group, as one reading has it
//! - [`damage`]: whether the file is sound, and setting it aside where it is not
//! - [`wish`]: [`Wish`], what a running service is asked by hand
//! - [`mod@error`]: why the state could not be read or written
//!
//! Inside: `format` (the versions of the file's layout), `lock` (one process at a time),
//! `page` (streams read a page at a time), `words` (enumerations as they stand in the file),
//! `write` (writes of several tasks in one transaction).
//!
//! Moments are kept as whole milliseconds since 1970 in UTC; anything finer is cut off.
//!
//! ```
//! use scimwright_record::{ProviderName, ResourceTypeName, TenantName};
//! use scimwright_state::{LinkScope, RunKind, StateStore};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! let store = StateStore::open(&folder.path().join("state.db")).await?;
//! let tenant = store.tenant(&TenantName::default());
//! let scope = LinkScope {
//!     provider: ProviderName::parse("acme")?,
//!     resource_type: ResourceTypeName::parse("User")?,
//! };
//! let run = tenant.begin_run(RunKind::Sync, &scope).await?;
//! assert_eq!(tenant.count_links(&scope, None).await?, 0);
//! # let _ = run;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod client_log;
pub mod damage;
pub mod digest;
pub mod error;
mod format;
pub mod ids;
pub mod intent;
pub mod link;
mod lock;
pub mod mark;
pub mod member;
pub mod module;
mod page;
pub mod pass;
pub mod provider;
mod rows;
pub mod run;
pub mod setback;
pub mod store;
pub mod tenant;
pub mod wish;
mod words;
mod write;

pub use client_log::{Action, LastChange, LogEntry, LogFilter, LogStatus};
pub use digest::LinksDigest;
pub use error::StateError;
pub use intent::{Intent, LinkChange, Settlement};
pub use link::{Link, LinkStream, Ownership, Standing};
pub use member::Member;
pub use module::{ModuleFile, Quarantine};
pub use pass::{Deferred, Leaver, Noted, Pass};
pub use provider::{ProviderMetadata, ProviderQuarantine};
pub use run::{InvalidRunId, Run, RunEnd, RunId, RunKind, RunOutcome, RunProgress, RunReport};
pub use setback::{Setback, SetbackKind, SetbackStream};
pub use store::StateStore;
pub use tenant::{LinkScope, TenantState};
pub use wish::{AskedWish, Wish, WishAnswer, WishId, WishStanding, Wishes};

#[cfg(test)]
mod fixture;
