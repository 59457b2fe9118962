//! The client and the provider, as a program uses them.

use crate::people::{self, PEOPLE, People};
use crate::sandbox::TOKEN;
use anyhow::{Context, ensure};
use scimwright_client::{
    Authentication, Creation, Kind, Known, MatchKey, Pace, Provider, ProviderSettings, Provisioned,
    ProvisioningDone,
};
use scimwright_profile::Profile;
use scimwright_scim::AttributePath;
use std::num::NonZeroUsize;
use std::sync::Arc;
use url::Url;

/// A provider, and what is known of it before the first measured call.
#[derive(Debug)]
pub(crate) struct Ours {
    provider: Provider,
    users: Kind,
    people: People,
    match_by: [MatchKey; 1],
}

impl Ours {
    /// Settings as they are by default, but for how many requests may be under way at a time.
    pub(crate) async fn new(base_url: &Url, concurrency: NonZeroUsize) -> anyhow::Result<Self> {
        let auth = Authentication::bearer(TOKEN);
        let mut settings = ProviderSettings::new("sandbox", base_url.clone(), auth);
        settings.pace = Pace { concurrency, ..Pace::default() };
        let provider = Provider::new(settings, Profile::default())?;
        let users = provider.kind("User").await?.context("the sandbox has Users")?;
        let match_by = [AttributePath::parse(people::MATCH_BY)?.into()];
        Ok(Self { provider, users, people: People::new()?, match_by })
    }

    /// `Client::create`.
    pub(crate) async fn client_create(self: Arc<Self>, number: u64) -> anyhow::Result<()> {
        let resource = people::resource(number)?;
        let created = self.provider.client().create(self.users.resource_type(), &resource).await?;
        ensure!(!created.value.adopted, "person {number} was there already");
        Ok(())
    }

    /// `Provider::create`, with what has to come before it: the wanted state is cut to what the schema takes.
    pub(crate) async fn provider_create(self: Arc<Self>, number: u64) -> anyhow::Result<()> {
        let (wanted, left_out) = self.users.prepare(self.people.wanted(number));
        ensure!(left_out.is_empty(), "left out: {left_out:?}");
        let creation = self.provider.create(&self.users, &wanted, &self.match_by).await?;
        ensure!(matches!(creation, Creation::Made { .. }), "person {number} was there already");
        Ok(())
    }

    /// `Provider::provision` of somebody of whom nothing is known: a look-up and a create.
    pub(crate) async fn provision_new(self: Arc<Self>, number: u64) -> anyhow::Result<()> {
        let provisioned = self.provision(number, None).await?;
        ensure!(provisioned.done == ProvisioningDone::Created, "person {number} was there already");
        Ok(())
    }

    /// `Provider::provision` of somebody who is as wanted: nothing is sent.
    pub(crate) async fn provision_known(
        self: Arc<Self>,
        known: Arc<[Known]>,
        number: u64,
    ) -> anyhow::Result<()> {
        let known = people::one_of(&known, number);
        let number = number % PEOPLE;
        let provisioned = self.provision(number, Some(known)).await?;
        ensure!(!provisioned.wrote(), "person {number} was changed");
        Ok(())
    }

    /// `Client::retrieve` of one of these people.
    pub(crate) async fn client_retrieve(
        self: Arc<Self>,
        ids: Arc<[String]>,
        number: u64,
    ) -> anyhow::Result<()> {
        let id = people::one_of(&ids, number);
        let person = self.provider.client().retrieve(self.users.resource_type(), id).await?.value;
        ensure!(person.id() == Some(id), "another person was returned");
        Ok(())
    }

    /// `Provider::get_by_id` of one of these people.
    pub(crate) async fn provider_get(self: Arc<Self>, ids: Arc<[String]>, number: u64) -> anyhow::Result<()> {
        let id = people::one_of(&ids, number);
        let person = self.provider.get_by_id(&self.users, id).await?.value;
        ensure!(person.id() == Some(id), "another person was returned");
        Ok(())
    }

    /// Provisions people 0 to `PEOPLE`, one after the other, and returns what is to be remembered of them.
    pub(crate) async fn fill(&self) -> anyhow::Result<Arc<[Known]>> {
        let mut known = Vec::new();
        for number in 0..PEOPLE {
            known.push(self.provision(number, None).await?.known);
        }
        Ok(known.into())
    }

    async fn provision(&self, number: u64, known: Option<&Known>) -> anyhow::Result<Provisioned> {
        let wanted = self.people.wanted(number);
        Ok(self.provider.provision(&self.users, wanted, &self.match_by, known).await?)
    }
}
