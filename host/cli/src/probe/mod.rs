//! Trying out what a provider does, on resources that are made for it and deleted again.
//!
//! What a provider declares is one thing, what it does another, and most of what matters nobody declares: how a
//! member leaves a group, what `active` false does, whether a filter is heeded. So each behaviour is tried, and
//! what is left of it afterwards is read. An answer alone is not believed.
//!
//! - here: [`Probe`], the order of things, and what was found
//! - [`scratch`]: the resources that are made, and their end
//! - [`answer`]: single requests, and what came of them
//! - [`user`]: creating, changing, deleting
//! - [`list`]: filters and pages
//! - [`group`]: how members come and go

pub(crate) mod answer;
pub(crate) mod group;
pub(crate) mod list;
pub(crate) mod scratch;
pub(crate) mod user;

use scimwright_client::{Client, Discovery, Kind, ProviderSettings};
use scimwright_profile::{ContentType, Profile, ProviderQuirks, ResourceQuirks, Source};
use scratch::Scratch;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was found out about one behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What it is about: a resource type, or `lists`.
    pub(crate) about: &'static str,
    /// What was tried.
    pub(crate) behaviour: &'static str,
    /// What happened.
    pub(crate) observed: String,
    /// How that is to be taken.
    pub(crate) verdict: Verdict,
}

/// How something that happened is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As the RFCs have it, or as they leave open.
    Plain,
    /// In a way that a client has to know about.
    Odd,
    /// It could not be told.
    Untold,
}

/// Everything that was found, and the quirks that follow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    pub(crate) findings: Vec<Finding>,
    pub(crate) provider: ProviderQuirks,
    pub(crate) user: ResourceQuirks,
    pub(crate) group: ResourceQuirks,
}

impl Observed {
    /// The quirks as a profile.
    pub(crate) fn draft(&self, empty: Profile, source: &Source) -> Profile {
        empty.drafted(&self.provider, [("User", &self.user), ("Group", &self.group)], source)
    }
}

/// One probing of one provider.
pub(crate) struct Probe {
    settings: ProviderSettings,
    client: Mutex<Client>,
    discovery: Discovery,
    /// Users as the RFCs have them, whatever a profile says: that is what is to be found out.
    users: Kind,
    groups: Option<Kind>,
    pub(crate) scratch: Scratch,
    observed: Mutex<Observed>,
}

impl Probe {
    /// Prepares the probing of a provider. Nothing is sent yet.
    ///
    /// # Errors
    /// Where the provider has no Users, or its settings make no client.
    pub(crate) fn new(
        settings: ProviderSettings,
        followed: &Profile,
        discovery: Discovery,
    ) -> anyhow::Result<Self> {
        let known = followed.provider_quirks();
        // Without these nothing could be asked at all, and budgets are a matter of courtesy.
        let quirks = ProviderQuirks {
            content_type: known.content_type,
            service_provider_config: known.service_provider_config,
            reads: known.reads,
            writes: known.writes,
            ..ProviderQuirks::default()
        };
        let plain = |name: &str| {
            let binding = discovery.resource_type(name)?;
            Some(Kind { binding, quirks: ResourceQuirks::default() })
        };
        let users = plain("User").ok_or_else(|| {
            anyhow::anyhow!(
                "`{}` has no resource type User, and without users there is little to try",
                settings.name
            )
        })?;
        let groups = plain("Group");
        let settings = ProviderSettings { quirks, ..settings };
        let client = Client::new(settings.clone())?;
        let observed = Observed {
            provider: ProviderQuirks {
                content_type: settings.quirks.content_type,
                service_provider_config: settings.quirks.service_provider_config.clone(),
                ..ProviderQuirks::default()
            },
            ..Observed::default()
        };
        Ok(Self {
            settings,
            client: Mutex::new(client),
            discovery,
            users,
            groups,
            scratch: Scratch::new(),
            observed: Mutex::new(observed),
        })
    }

    /// Tries everything out. What was made for it is still there afterwards: see [`Scratch`].
    ///
    /// # Errors
    /// When the provider cannot be asked any more. What was found until then stays.
    pub(crate) async fn try_out(&self) -> anyhow::Result<()> {
        let Some(cast) = user::make(self).await? else { return Ok(()) };
        user::identity(self, &cast).await?;
        list::filters(self, &cast).await?;
        list::pages(self).await?;
        user::changes(self, &cast).await?;
        group::members(self, &cast).await?;
        user::ends(self, &cast).await
    }

    /// What was found so far.
    pub(crate) fn observed(&self) -> Observed {
        self.found().clone()
    }

    fn found(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(
        &self,
        about: &'static str,
        behaviour: &'static str,
        verdict: Verdict,
        observed: impl Into<String>,
    ) {
        let finding = Finding { about, behaviour, observed: observed.into(), verdict };
        self.found().findings.push(finding);
    }

    fn client(&self) -> Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client that departs from the one in use in its quirks only.
    fn client_with(&self, change: impl FnOnce(&mut ProviderQuirks)) -> anyhow::Result<Client> {
        let mut settings = self.settings.clone();
        settings.quirks.content_type = self.client().quirks().content_type;
        change(&mut settings.quirks);
        Ok(Client::new(settings)?)
    }

    /// Goes on with plain JSON as the media type of bodies.
    fn speak_plain_json(&self) -> anyhow::Result<()> {
        let client = self.client_with(|quirks| quirks.content_type = ContentType::Json)?;
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
        self.found().provider.content_type = ContentType::Json;
        Ok(())
    }
}
