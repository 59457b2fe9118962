//! The service: keeps the modules folder of every tenant live, and syncs every resource on its interval.
//!
//! It reads no configuration and prints nothing: whoever starts it hands in its tenants as [`TenantSetup`]s, and
//! hears of everything that happens as [`ServiceEvent`]s. One tenant's misfortune stays its own: a configuration
//! that cannot be read, a state that somebody else holds, even a defect of ours ends that tenant's work only, and
//! it is begun again after a while.
//!
//! - [`service`]: [`Service`], all tenants together, from the start to a clean end
//! - [`setup`]: what the service has to be told about a tenant
//! - [`asked`]: what it is asked by hand while it runs
//! - [`quarantine`]: modules in memory and what the state remembers of them, kept alike
//! - [`event`]: what it says while it goes on
//!
//! Inside: `tenant` (one tenant's work), `rounds` (one provider's rounds), `schedule` (which resources are due), `turns`
//! (nobody works at a provider beside another), `watch` (modules and their files).

pub mod asked;
pub mod event;
pub mod quarantine;
pub mod service;
pub mod setup;

mod rounds;
mod schedule;
mod tenant;
mod turns;
mod watch;

pub use asked::{Asked, NotBegun};
pub use event::{Happening, ServiceEvent, ServiceObserver};
pub use quarantine::{Patient, Quarantines};
pub use service::{Service, ServiceEnd, ServiceOptions};
pub use setup::{Attendant, OpenTenant, Provisioners, ScheduledResource, TenantSetup, Trouble, Unmade};
pub use turns::Turn;
pub use watch::module_file;
