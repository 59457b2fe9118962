//! What the service has to be told about a tenant.

use crate::asked::Asked;
use futures::future::{BoxFuture, LocalBoxFuture};
use scimwright_mapping::Registry;
use scimwright_provision::Provisioner;
use scimwright_record::{ProviderName, ResourceTypeName, TenantName};
use scimwright_state::TenantState;
use std::sync::Arc;
use std::time::Duration;

/// Why something could not be done, in a sentence for the administrator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

/// Why there are no provisioners.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unmade {
    /// In a sentence for the administrator.
    pub reason: String,
    /// Nobody answers at the provider, or nobody listens to us: what counts towards its quarantine.
    pub provider_is_away: bool,
}

/// Makes a tenant ready for work. Called again after whatever ended its work.
pub trait TenantSetup: Send + Sync {
    /// Whose it is.
    fn tenant(&self) -> &TenantName;

    /// Reads the tenant's configuration, opens its state and sets up its modules.
    fn open(&self) -> BoxFuture<'_, Result<OpenTenant, Trouble>>;

    /// Whether the configuration is another one now than when it was [opened](Self::open).
    fn has_changed(&self) -> bool;
}

/// A tenant that is ready for work.
pub struct OpenTenant {
    /// Its memory, held for as long as it is at work.
    pub state: TenantState,
    /// Its modules folder.
    pub registry: Registry,
    /// What is synced, in the order of the configuration: users before the groups that hold them.
    pub resources: Vec<ScheduledResource>,
    /// What makes the provisioners.
    pub provisioners: Arc<dyn Provisioners>,
    /// Who knows what is asked by hand.
    pub attendant: Arc<dyn Attendant>,
}

/// One resource type at one provider, and how often it is synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledResource {
    /// The provider.
    pub provider: ProviderName,
    /// The resource type.
    pub resource_type: ResourceTypeName,
    /// The time from one sync to the next.
    pub interval: Duration,
}

/// Makes provisioners, anew for every pass: secrets are fetched again, and the provider is asked what it can do.
pub trait Provisioners: Send + Sync {
    /// A digest of the way to a provider: its address and where its credentials come from. A quarantine is bound to it.
    fn access(&self, provider: &ProviderName) -> String;

    /// Those of these resource types at this provider, in the order of the configuration.
    fn make<'a>(
        &'a self,
        provider: &'a ProviderName,
        due: &'a [ResourceTypeName],
    ) -> BoxFuture<'a, Result<Vec<Provisioner>, Unmade>>;
}

/// Carries out what is asked by hand.
pub trait Attendant: Send + Sync {
    /// Carries out a wish and answers it. Before it does anything at a provider it waits for its
    /// [turn](Asked::turn), and where there is none it does nothing.
    fn attend(&self, asked: Arc<Asked>) -> LocalBoxFuture<'_, ()>;
}
