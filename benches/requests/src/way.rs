//! The ways that are measured, by the task that they do.

use crate::bare::Bare;
use crate::measure::Runner;
use crate::ours::Ours;
use crate::sandbox::SandboxProcess;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// What is done, in one way or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Create,
    FindAndCreate,
    GetById,
    Nothing,
}

/// One way of doing one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    BareCreate,
    ClientCreate,
    ProviderCreate,
    BareFindAndCreate,
    ProviderProvisionNew,
    BareGet,
    ClientRetrieve,
    ProviderGetById,
    ProviderProvisionKnown,
}

impl Task {
    pub(crate) const ALL: [Self; 4] = [Self::Create, Self::FindAndCreate, Self::GetById, Self::Nothing];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::FindAndCreate => "look up, then create",
            Self::GetById => "get by id",
            Self::Nothing => "nothing has changed",
        }
    }

    /// In the order of the table. The others are compared with the first.
    pub(crate) fn ways(self) -> &'static [Way] {
        match self {
            Self::Create => &[Way::BareCreate, Way::ClientCreate, Way::ProviderCreate],
            Self::FindAndCreate => &[Way::BareFindAndCreate, Way::ProviderProvisionNew],
            Self::GetById => &[Way::BareGet, Way::ClientRetrieve, Way::ProviderGetById],
            Self::Nothing => &[Way::ProviderProvisionKnown],
        }
    }
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BareCreate => "bare reqwest, POST",
            Self::ClientCreate => "Client::create",
            Self::ProviderCreate => "Provider::create",
            Self::BareFindAndCreate => "bare reqwest, GET and POST",
            Self::ProviderProvisionNew => "Provider::provision, new",
            Self::BareGet => "bare reqwest, GET",
            Self::ClientRetrieve => "Client::retrieve",
            Self::ProviderGetById => "Provider::get_by_id",
            Self::ProviderProvisionKnown => "Provider::provision, known",
        }
    }

    /// What does it, at a sandbox that nobody else uses and that has the people the task needs.
    pub(crate) async fn prepare(
        self,
        sandbox: &SandboxProcess,
        concurrency: NonZeroUsize,
    ) -> anyhow::Result<Runner> {
        let bare = Arc::new(Bare::new(&sandbox.base_url)?);
        let ours = Arc::new(Ours::new(&sandbox.base_url, concurrency).await?);
        Ok(match self {
            Self::BareCreate => Runner::new(concurrency, move |n| Arc::clone(&bare).create(n)),
            Self::ClientCreate => Runner::new(concurrency, move |n| Arc::clone(&ours).client_create(n)),
            Self::ProviderCreate => Runner::new(concurrency, move |n| Arc::clone(&ours).provider_create(n)),
            Self::BareFindAndCreate => {
                Runner::new(concurrency, move |n| Arc::clone(&bare).find_and_create(n))
            }
            Self::ProviderProvisionNew => {
                Runner::new(concurrency, move |n| Arc::clone(&ours).provision_new(n))
            }
            Self::BareGet => {
                let ids = bare.fill().await?;
                Runner::new(concurrency, move |n| Arc::clone(&bare).get(Arc::clone(&ids), n))
            }
            Self::ClientRetrieve => {
                let ids = bare.fill().await?;
                Runner::new(concurrency, move |n| Arc::clone(&ours).client_retrieve(Arc::clone(&ids), n))
            }
            Self::ProviderGetById => {
                let ids = bare.fill().await?;
                Runner::new(concurrency, move |n| Arc::clone(&ours).provider_get(Arc::clone(&ids), n))
            }
            Self::ProviderProvisionKnown => {
                let known = ours.fill().await?;
                Runner::new(concurrency, move |n| Arc::clone(&ours).provision_known(Arc::clone(&known), n))
            }
        })
    }
}
