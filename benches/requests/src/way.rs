//! The ways that are measured. Those of one task do the same, and are compared.

use crate::bare::Bare;
use crate::measure::{Measured, measure};
use crate::ours::Ours;
use crate::sandbox::SandboxProcess;
use std::num::NonZeroUsize;
use std::sync::Arc;

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

impl Way {
    /// In the order of the table. The first way of a task is what the others are compared with.
    pub(crate) const ALL: [Self; 9] = [
        Self::BareCreate,
        Self::ClientCreate,
        Self::ProviderCreate,
        Self::BareFindAndCreate,
        Self::ProviderProvisionNew,
        Self::BareGet,
        Self::ClientRetrieve,
        Self::ProviderGetById,
        Self::ProviderProvisionKnown,
    ];

    /// What is done.
    pub(crate) fn task(self) -> &'static str {
        match self {
            Self::BareCreate | Self::ClientCreate | Self::ProviderCreate => "create",
            Self::BareFindAndCreate | Self::ProviderProvisionNew => "look up, then create",
            Self::BareGet | Self::ClientRetrieve | Self::ProviderGetById => "get by id",
            Self::ProviderProvisionKnown => "nothing has changed",
        }
    }

    /// By what.
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

    /// Measures it at a sandbox of its own.
    pub(crate) async fn measured(self, concurrency: NonZeroUsize) -> anyhow::Result<Measured> {
        let sandbox = SandboxProcess::start()?;
        let bare = Arc::new(Bare::new(&sandbox.base_url)?);
        let ours = Arc::new(Ours::new(&sandbox.base_url, concurrency).await?);
        match self {
            Self::BareCreate => measure(concurrency, move |n| Arc::clone(&bare).create(n)).await,
            Self::ClientCreate => measure(concurrency, move |n| Arc::clone(&ours).client_create(n)).await,
            Self::ProviderCreate => measure(concurrency, move |n| Arc::clone(&ours).provider_create(n)).await,
            Self::BareFindAndCreate => {
                measure(concurrency, move |n| Arc::clone(&bare).find_and_create(n)).await
            }
            Self::ProviderProvisionNew => {
                measure(concurrency, move |n| Arc::clone(&ours).provision_new(n)).await
            }
            Self::BareGet => {
                let ids = bare.fill().await?;
                measure(concurrency, move |n| Arc::clone(&bare).get(Arc::clone(&ids), n)).await
            }
            Self::ClientRetrieve => {
                let ids = bare.fill().await?;
                measure(concurrency, move |n| Arc::clone(&ours).client_retrieve(Arc::clone(&ids), n)).await
            }
            Self::ProviderGetById => {
                let ids = bare.fill().await?;
                measure(concurrency, move |n| Arc::clone(&ours).provider_get(Arc::clone(&ids), n)).await
            }
            Self::ProviderProvisionKnown => {
                let known = ours.fill().await?;
                measure(concurrency, move |n| Arc::clone(&ours).provision_known(Arc::clone(&known), n)).await
            }
        }
    }
}
