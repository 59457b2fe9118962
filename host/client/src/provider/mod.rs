//! A service provider as somebody wants to use it: what is wanted goes in, and the provider's habits stay here.
//!
//! [`Client`] makes one call and says how it went. [`Provider`] knows what to make of that: it reads what the
//! provider can do and keeps it for a while, writes bodies as the schema and the provider's profile want them,
//! chooses between PATCH and PUT, takes a capability back that turned out to be none, looks a resource up
//! where a create leaves doubt, and reads again what it does not believe.
//!
//! - here: [`Provider`], [`Kind`], what is known and for how long
//! - [`known`]: [`Known`], a resource as it was last sent and seen
//! - [`match_key`]: [`MatchKey`](match_key::MatchKey), what a resource is found by
//! - [`notice`]: [`Notice`], what was learned and is said once
//! - [`find`](mod@find): the resource of somebody who has no id yet
//! - [`create`](mod@create) and [`update`](mod@update): writes
//! - [`calls`]: the five calls: get, get by id, delete, provision, provision new
//! - `rounds`: a change as a loop, until nothing differs
//! - `writing`: one difference as requests
//! - `roster`: an index of everybody, for providers that cannot filter
//! - `progress`: a resource while a change of several requests is under way
//! - `sorting_out`: which member of a refused change it is about
//! - `members`: whether members are shown, and who is wanted without the refused
//! - `verify`: what of a write did not arrive
//! - `writers`: one writer for each resource

pub mod calls;
pub mod create;
pub mod find;
pub mod known;
pub mod match_key;
pub mod notice;
pub mod update;

#[cfg(test)]
mod large;
mod members;
mod progress;
mod roster;
mod rounds;
mod sorting_out;
mod verify;
mod writers;
mod writing;

use crate::capability::Capability;
use crate::client::Client;
use crate::dialect;
use crate::discovery::{Discovery, ResourceTypeBinding};
use crate::failure::{ClientError, Failure};
use crate::query::Query;
use crate::settings::{ProviderSettings, SettingsError};
use known::Known;
use notice::Notice;
use roster::Rosters;
use scimwright_profile::{Deletion, MemberRemoval, Paging, Profile, ResourceQuirks};
use scimwright_scim::check::{Finding, Occasion, Severity, check};
use scimwright_scim::{
    AttributeName, AttributePath, Conflict, Desired, DesiredValue, PatchPath, Resource, ResourceType,
    SchemaSet, diff, diff_and_conflicts, prepare,
};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use writers::Writers;

/// How long a discovery is relied on, unless said otherwise: an hour.
pub const DEFAULT_DISCOVERY_LIFETIME: Duration = Duration::from_secs(3600);

/// One service provider, its capabilities, and its habits. Cloning is cheap, and clones share what is known.
///
/// ```no_run
/// use scimwright_client::{Authentication, Provider, ProviderSettings};
/// use scimwright_profile::Profile;
/// use scimwright_scim::{AttributePath, Desired};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = Authentication::bearer(std::env::var("ACME_TOKEN")?);
/// let settings = ProviderSettings::new("acme", "https://acme.example/scim/v2".parse()?, auth);
/// let acme = Provider::new(settings, Profile::default())?;
///
/// let users = acme.kind("User").await?.ok_or("acme has no Users")?;
/// let mut wanted = Desired::new();
/// wanted.set(&AttributePath::parse("userName")?, serde_json::json!("jdoe"));
/// let match_by = [AttributePath::parse("userName")?.into()];
///
/// // Creates jdoe, or changes what differs; a second time nothing is sent at all.
/// let provisioned = acme.provision(&users, wanted.clone(), &match_by, None).await?;
/// let again = acme.provision(&users, wanted, &match_by, Some(&provisioned.known)).await?;
/// assert!(!again.wrote());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Provider {
    client: Client,
    shared: Arc<Shared>,
}

struct Shared {
    profile: Profile,
    lifetime: Duration,
    /// Held while the provider is asked about itself, so that it is asked once.
    asking: tokio::sync::Mutex<()>,
    knowledge: Mutex<Knowledge>,
    rosters: Rosters,
    writers: Writers,
    writes: AtomicU32,
}

/// What is known of the provider. All of it but what was said goes with a fresh discovery.
#[derive(Default)]
struct Knowledge {
    discovery: Option<(Instant, Arc<Discovery>)>,
    /// Resource types of which a PUT was refused.
    put_refused: HashSet<String>,
    /// Resource types of which a filter with `and` was refused.
    joining_refused: HashSet<String>,
    /// How resources of a type have to be written, where that turned out to be otherwise than the profile says.
    manners: HashMap<String, Manner>,
    said: HashSet<Notice>,
    notices: Vec<Notice>,
}

/// What was learned about how resources of a type have to be written.
#[derive(Debug, Clone, Default)]
struct Manner {
    /// How members are removed.
    removal: Option<MemberRemoval>,
    /// Values of a list cannot be changed one by one.
    whole_lists: bool,
    /// A PATCH worked.
    patched: bool,
    /// A group was shown with members.
    members_shown: bool,
    /// Answers to writes leave members out, although they are shown otherwise.
    answers_without_members: bool,
    /// Members are not shown at all.
    members_hidden: bool,
}

/// One kind of resource at a provider: its schemas, and how the provider treats it.
#[derive(Debug, Clone)]
pub struct Kind {
    /// The resource type and its schemas.
    pub binding: ResourceTypeBinding,
    /// How the provider departs from the RFCs here.
    pub quirks: ResourceQuirks,
}

impl Kind {
    /// The resource type.
    #[must_use]
    pub fn resource_type(&self) -> &ResourceType {
        &self.binding.resource_type
    }

    /// Its core schema and extensions.
    #[must_use]
    pub fn schemas(&self) -> &SchemaSet {
        &self.binding.schemas
    }

    /// Cuts a wanted state to what the schema and the profile let a client write, and says what was cut.
    ///
    /// What is sent and what is remembered both have to be prepared, or the second would never equal the
    /// first.
    #[must_use]
    pub fn prepare(&self, desired: Desired) -> (Desired, Vec<String>) {
        let (desired, cut) = prepare(desired, self.schemas());
        let (desired, shaped) = dialect::shape(desired, &self.quirks, self.schemas());
        let notes =
            cut.iter().map(ToString::to_string).chain(shaped.iter().map(ToString::to_string)).collect();
        (desired, notes)
    }
}

/// Something wanted of a resource that it cannot have.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Unwritable {
    /// It is immutable (RFC 7643 section 7).
    Immutable(Conflict),
    /// The provider takes it when a resource is created, and not afterwards.
    Unpatchable(AttributePath),
    /// The provider answered with success, and does not keep it.
    Ignored(AttributePath),
    /// The provider refuses a member of a group; the others were written.
    MemberRefused {
        /// Who, as the member's `value`.
        id: String,
        /// Whether it was to come; otherwise it was to go.
        adding: bool,
        /// What the provider said.
        because: String,
    },
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immutable(conflict) => conflict.fmt(f),
            Self::Unpatchable(path) => {
                write!(f, "`{path}` stays as it is: the provider cannot change it once the resource is there")
            }
            Self::MemberRefused { id, adding, because } => {
                let what = if *adding { "added" } else { "removed" };
                write!(f, "member `{id}` could not be {what}, and is tried again the next time: {because}")
            }
            Self::Ignored(path) => {
                write!(f, "`{path}` was sent and answered with success, and the provider does not show it")
            }
        }
    }
}

fn keep_as_sent(desired: &mut Desired, sent: Option<&Desired>, path: &AttributePath) {
    match sent.and_then(|sent| sent.get(path)) {
        Some(sent) => desired.set(path, sent.clone()),
        None => {
            desired.remove(path);
        }
    }
}

impl Kind {
    /// Takes out of a wanted state what cannot be had, because it is immutable or because the provider's PATCH
    /// does not take it, and names it. What was last sent stays in its place, so that the wish is named the next
    /// time too.
    #[must_use]
    pub fn reconcile(&self, mut desired: Desired, known: &Known) -> (Desired, Vec<Unwritable>) {
        let sent = known.sent.as_ref();
        let (mut patch, conflicts) = diff_and_conflicts(&desired, sent, &known.seen, self.schemas());
        for conflict in conflicts.iter().filter(|conflict| conflict.path.sub.is_none()) {
            keep_as_sent(&mut desired, sent, &conflict.path);
        }
        if !conflicts.is_empty() {
            patch = diff(&desired, sent, &known.seen, self.schemas());
        }
        let mut unwritable: Vec<_> = conflicts.into_iter().map(Unwritable::Immutable).collect();
        for path in dialect::translate(&patch, &known.seen, self.schemas(), &self.quirks).unpatchable {
            let PatchPath::Attribute { path, .. } = path else { continue };
            let path = path.without_sub();
            if desired.get(&path).is_some() {
                keep_as_sent(&mut desired, sent, &path);
                unwritable.push(Unwritable::Unpatchable(path));
            }
        }
        (desired, unwritable)
    }

    /// Makes sure that somebody can work again whose old resource the provider kept after a DELETE, whether or
    /// not the wanted state says so. Elsewhere an inactive resource is somebody's decision.
    #[must_use]
    pub fn revived(&self, mut desired: Desired, found: &Resource) -> Desired {
        let active = AttributePath::new(AttributeName::ACTIVE);
        let is_tombstone = self.quirks.deletion == Deletion::Tombstone
            && found.get(&active) == Some(&serde_json::Value::Bool(false));
        if is_tombstone && desired.get(&active).is_none() {
            desired.set(&active, DesiredValue::Set(true.into()));
        }
        desired
    }

    /// Why the provider would refuse what is wanted, in words, if it would. Then nothing is sent.
    #[must_use]
    pub fn refusal(&self, desired: &Desired, occasion: Occasion<'_>) -> Option<String> {
        match self.objection(desired, occasion)? {
            Failure::Unsendable { reason } => Some(reason),
            failure => Some(failure.to_string()),
        }
    }

    /// Why the provider would refuse what is wanted, if it would.
    fn objection(&self, desired: &Desired, occasion: Occasion<'_>) -> Option<Failure> {
        refusal_of(&check(desired, occasion, self.schemas(), &self.quirks.required))
    }
}

/// Why the provider would refuse it, where one of the findings says so.
fn refusal_of(findings: &[Finding]) -> Option<Failure> {
    let refused = findings.iter().filter(|finding| finding.severity() == Severity::Refusal);
    let reasons: Vec<String> = refused.map(ToString::to_string).collect();
    (!reasons.is_empty()).then(|| Failure::Unsendable { reason: reasons.join("; ") })
}

impl Provider {
    /// A provider with these settings and this profile, whose provider-wide quirks replace those in the
    /// settings. It connects when the first call is made.
    ///
    /// # Errors
    /// The rule that the settings break, or why https cannot be set up on this machine.
    pub fn new(settings: ProviderSettings, profile: Profile) -> Result<Self, SettingsError> {
        let settings = ProviderSettings { quirks: profile.provider_quirks(), ..settings };
        let lifetime = DEFAULT_DISCOVERY_LIFETIME;
        let shared = Shared {
            profile,
            lifetime,
            asking: tokio::sync::Mutex::default(),
            knowledge: Mutex::default(),
            rosters: Rosters::default(),
            writers: Writers::default(),
            writes: AtomicU32::new(0),
        };
        Ok(Self { client: Client::new(settings)?, shared: Arc::new(shared) })
    }

    /// The client that makes the calls.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same provider through another client, such as one with an observer of its own. What is known and
    /// who is writing stays shared.
    #[must_use]
    pub fn through(&self, client: Client) -> Self {
        Self { client, shared: Arc::clone(&self.shared) }
    }

    /// The provider's name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        self.client.name()
    }

    /// The profile that is followed.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    /// What the provider can do. It is asked the first time, and again when the answer is older than
    /// [`DEFAULT_DISCOVERY_LIFETIME`]; what was observed in between is part of it until then.
    ///
    /// # Errors
    /// As for [`Client::discover`]. Where an older answer exists, that is used until the provider can be asked
    /// again.
    pub async fn discovery(&self) -> Result<Arc<Discovery>, ClientError> {
        if let Some(known) = self.known_discovery(true) {
            return Ok(known);
        }
        let _asking = self.shared.asking.lock().await;
        if let Some(known) = self.known_discovery(true) {
            return Ok(known);
        }
        match self.ask().await {
            Ok(fresh) => Ok(fresh),
            Err(error) => self.known_discovery(false).ok_or(error),
        }
    }

    /// Asks the provider anew. What was observed of it, such as a PATCH that did not work, is forgotten, so
    /// that what was mended there is used again.
    ///
    /// # Errors
    /// As for [`Client::discover`]; what was known then stays.
    pub async fn rediscover(&self) -> Result<Arc<Discovery>, ClientError> {
        let _asking = self.shared.asking.lock().await;
        self.ask().await
    }

    /// Takes what was known at an earlier time for the provider's own words, so that it need not be asked.
    pub fn recall(
        &self,
        documents: serde_json::Map<String, serde_json::Value>,
        read_at: jiff::Timestamp,
    ) -> Arc<Discovery> {
        let discovery = Arc::new(self.client.recall(documents, read_at));
        self.knowledge().discovery = Some((Instant::now(), Arc::clone(&discovery)));
        discovery
    }

    async fn ask(&self) -> Result<Arc<Discovery>, ClientError> {
        let discovery = Arc::new(self.client.discover().await?);
        let mut knowledge = self.knowledge();
        knowledge.discovery = Some((Instant::now(), Arc::clone(&discovery)));
        knowledge.put_refused.clear();
        knowledge.joining_refused.clear();
        knowledge.manners.clear();
        knowledge.said.clear();
        Ok(discovery)
    }

    fn known_discovery(&self, only_fresh: bool) -> Option<Arc<Discovery>> {
        let knowledge = self.knowledge();
        let (read, discovery) = knowledge.discovery.as_ref()?;
        (!only_fresh || read.elapsed() < self.shared.lifetime).then(|| Arc::clone(discovery))
    }

    /// The resource type of this name, compared without case; none where the provider has no such type.
    ///
    /// # Errors
    /// As for [`discovery`](Self::discovery).
    pub async fn kind(&self, name: &str) -> Result<Option<Kind>, ClientError> {
        let discovery = self.discovery().await?;
        Ok(discovery.resource_type(name).map(|binding| self.kind_of(binding)))
    }

    /// The same for a resource type that is known otherwise.
    #[must_use]
    pub fn kind_of(&self, binding: ResourceTypeBinding) -> Kind {
        let mut quirks = self.shared.profile.resource_quirks(&binding.resource_type.name);
        let mut binding = binding;
        if let Some(schemas) = members::as_if_shown(&binding.schemas) {
            binding.schemas = schemas;
            quirks.members_readable = false;
        }
        Kind { binding, quirks }
    }

    /// What was learned since this was last asked; each thing once for each discovery.
    #[must_use]
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.knowledge().notices)
    }

    /// Whether the provider can do this, as far as is known now.
    fn can(&self, capability: Capability) -> bool {
        let knowledge = self.knowledge();
        knowledge.discovery.as_ref().is_none_or(|(_, discovery)| discovery.capabilities.can(capability))
    }

    /// Takes down that a capability is not what it was taken for: a declaration is a hint. False where that is
    /// no news, or where the administrator insists.
    fn observe_lack(&self, capability: Capability, because: String) -> bool {
        let mut knowledge = self.knowledge();
        let is_new = knowledge.lacks(capability);
        if is_new {
            knowledge.say(Notice::Lacks { capability, because });
        }
        is_new
    }

    /// The query, begun with a cursor where the provider pages in no other way.
    fn paged(&self, query: Query) -> Query {
        let by_cursor = match self.client.quirks().paging {
            Paging::Index => false,
            Paging::Cursor => true,
            Paging::Declared => {
                let knowledge = self.knowledge();
                let known = knowledge.discovery.as_ref();
                known.is_some_and(|(_, discovery)| discovery.capabilities.pages_by_cursor_only())
            }
        };
        match by_cursor && query.start_index.is_none() {
            true => Query { cursor: query.cursor.or_else(|| Some(String::new())), ..query },
            false => query,
        }
    }

    fn knowledge(&self) -> MutexGuard<'_, Knowledge> {
        self.shared.knowledge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Knowledge {
    /// Whether something was learned about how such resources have to be written.
    fn knows(&self, kind: &Kind, what: impl FnOnce(&Manner) -> bool) -> bool {
        self.manners.get(&kind.resource_type().name).is_some_and(what)
    }

    fn manner(&mut self, kind: &Kind) -> &mut Manner {
        self.manners.entry(kind.resource_type().name.clone()).or_default()
    }

    /// False where that is known, or where the administrator insists on the contrary.
    fn lacks(&mut self, capability: Capability) -> bool {
        let Some((_, discovery)) = &mut self.discovery else { return false };
        Arc::make_mut(discovery).capabilities.observed(capability, false)
    }

    /// Says something, unless it was said before.
    fn say(&mut self, notice: Notice) {
        if self.said.insert(notice.clone()) {
            tracing::warn!("{notice}");
            self.notices.push(notice);
        }
    }
}

/// Whether a provider says that it has no such method, filter or endpoint.
fn is_lack(failure: &Failure) -> bool {
    matches!(failure, Failure::Unsupported(_))
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("client", &self.client).finish_non_exhaustive()
    }
}
