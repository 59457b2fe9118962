//! Playing a provider that departs from the RFCs, and holding clients to its ways.
//!
//! A client is told about such a provider by the quirks of its profile; the sandbox is told by the same
//! values, and then behaves as they say. Where the RFCs allow more than the played provider does, more is
//! refused, so that a client which overlooks a quirk cannot succeed by luck; [`Rule`] counts which one it
//! overlooked. What quirks leave open, such as how a refusal looks, is a matter of [`Manners`].
//!
//! - [`manners`]: what a profile does not say and a provider still does in its own way
//! - [`rule`]: what can be overlooked
//! - `door`: where and with what a request may come
//! - `budgets`: how many may come
//! - `querying`: which queries are understood
//! - `patching`: which modifications are understood
//! - `members`: how a group's members are changed
//! - `resources`: what a resource has to be, and when it ends

pub mod manners;
pub mod rule;

mod budgets;
mod door;
mod members;
mod patching;
mod querying;
mod resources;

pub use manners::{Manners, Normalises, OddRemoval, Refusal, RetryAfter};
pub use rule::Rule;

use crate::kind::Kind;
use budgets::Budgets;
use scimwright_profile::{Profile, ProviderQuirks, ResourceQuirks};
use scimwright_scim::ScimError;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A provider that the sandbox behaves like.
///
/// The default follows the RFCs, save for the bounds on members: those of [`ResourceQuirks`] hold as they
/// stand, because a client keeps to them where its profile says nothing else.
///
/// ```
/// use scimwright_profile::Profile;
/// use scimwright_sandbox::{Plays, SandboxOptions};
///
/// let plays = Profile::builtin("aws-iam-identity-center").map(Plays::of);
/// let options = SandboxOptions { plays, ..SandboxOptions::default() };
/// assert!(options.plays.is_some_and(|plays| !plays.group.members_readable));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plays {
    /// How it departs from the RFCs as a whole.
    pub provider: ProviderQuirks,
    /// How it treats users.
    pub user: ResourceQuirks,
    /// How it treats groups.
    pub group: ResourceQuirks,
    /// What it does in its own way beyond that.
    pub manners: Manners,
}

impl Plays {
    /// The provider of a profile, on its best manners.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        Self {
            provider: profile.provider_quirks(),
            user: profile.resource_quirks(Kind::User.name()),
            group: profile.resource_quirks(Kind::Group.name()),
            manners: Manners::default(),
        }
    }
}

/// A provider being played: the role, and what it remembers of its clients.
#[derive(Debug)]
pub(crate) struct Play {
    role: Plays,
    budgets: Budgets,
    broken: Mutex<BTreeMap<Rule, u64>>,
}

impl Play {
    /// Begins to play.
    pub(crate) fn new(role: Plays) -> Self {
        let budgets = Budgets::new(role.provider.reads, role.provider.writes);
        Self { role, budgets, broken: Mutex::default() }
    }

    /// How often each rule was broken.
    pub(crate) fn broken_rules(&self) -> BTreeMap<Rule, u64> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, kind: Kind) -> &ResourceQuirks {
        match kind {
            Kind::User => &self.role.user,
            Kind::Group => &self.role.group,
        }
    }

    /// Counts a rule as broken.
    fn note(&self, rule: Rule) {
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner).entry(rule).or_default() += 1;
    }

    /// The error of a request that broke a rule.
    fn broke(&self, rule: Rule, error: ScimError) -> ScimError {
        self.note(rule);
        error
    }
}
