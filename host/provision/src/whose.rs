//! Whose resource a record may be after that could not be done.
//!
//! A person who was given a new key comes as a new record, and their old one seems to have left. Nobody can tell that
//! from a leaver and a newcomer, so as long as a record claims a resource of another one, the other one's is left alone:
//! it stays active, and in its groups. The same holds where a new record failed before that was known. It may be anybody, so
//! nobody goes.
//!
//! What is found out is noted with the setback, as the record itself waits in later runs.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::intake::Reading;
use crate::plan::FoundOut;
use crate::rules::UnreadableRows;
use crate::setback::Trouble;
use crate::tally::lock;
use scimwright_client::{Found, MatchKey};
use scimwright_mapping::RecordLink;
use scimwright_record::{ProviderName, RecordKey, ResourceTypeName};
use scimwright_scim::{Desired, Resource, Uniqueness};
use scimwright_state::{LinkScope, SetbackKind, TenantState};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// Whose resource a record may be after.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Nobody has said. Of a record without a resource that fails for the first time it is unclear.
    #[default]
    Untold,
    /// Nobody's: it was looked for.
    Nobodys,
    /// That of these records: each may be the same person under an older key.
    Of(Vec<RecordKey>),
    /// It failed before anybody could tell.
    Unclear,
}

/// What stands before the owners' keys in the setback of a record that claims other ones' resource.
const CONTESTS: &str = "contests ";

/// What stands in the setback of a record that failed before anybody could tell.
const UNCLEAR: &str = "unclear";

impl Whose {
    /// What is noted in the setback, where the fingerprint of the record would stand. No record has one like that, so it
    /// is looked at in every run.
    pub(crate) fn mark(&self) -> Option<String> {
        match self {
            Self::Untold | Self::Nobodys => None,
            Self::Of(owners) => {
                let owners: Vec<&str> = owners.iter().map(RecordKey::as_str).collect();
                Some(format!("{CONTESTS}{}", serde_json::json!(owners)))
            }
            Self::Unclear => Some(UNCLEAR.to_owned()),
        }
    }

    /// Whether anybody has to wait for the record to be settled.
    pub(crate) fn is_claim(&self) -> bool {
        matches!(self, Self::Of(_) | Self::Unclear)
    }

    /// What a mark says.
    pub(crate) fn of_mark(mark: &str) -> Self {
        if mark == UNCLEAR {
            return Self::Unclear;
        }
        let owners = mark.strip_prefix(CONTESTS).and_then(|list| serde_json::from_str(list).ok());
        let owners: Vec<String> = owners.unwrap_or_default();
        let owners: Vec<_> = owners.into_iter().filter_map(|owner| RecordKey::parse(&owner).ok()).collect();
        if owners.is_empty() { Self::Untold } else { Self::Of(owners) }
    }
}

/// A record and its type.
type Typed = (ResourceTypeName, RecordKey);

/// What the types of a round know of it together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claimants {
    /// Records whose resource another record claims.
    owners: Arc<Mutex<HashSet<Typed>>>,
    /// Records that may claim anybody's.
    unclear: Arc<Mutex<HashSet<Typed>>>,
    /// Types of which every record was looked at in this round.
    treated: Arc<Mutex<HashSet<ResourceTypeName>>>,
    /// What was found out since the run began.
    now: Arc<Mutex<Vec<(ResourceTypeName, Whose)>>>,
}

impl Claimants {
    /// What was found out when the records of a provider were last looked at.
    pub(crate) async fn read(state: &TenantState, provider: &ProviderName) -> Result<Self, ProvisionError> {
        let known = Self::default();
        for beginning in [CONTESTS, UNCLEAR] {
            for (resource_type, key, mark) in state.setbacks_marked(provider, beginning).await? {
                known.note(&resource_type, &key, &Whose::of_mark(&mark));
            }
        }
        Ok(known)
    }

    /// Takes over what another one knows.
    pub(crate) fn learn(&self, other: &Self) {
        lock(&self.owners).extend(lock(&other.owners).drain());
        lock(&self.unclear).extend(lock(&other.unclear).drain());
    }

    /// Takes over what was found out about a type when a plan was made.
    pub(crate) fn recall(&self, found: &FoundOut) {
        let resource_type = &found.scope.resource_type;
        if found.is_treated {
            lock(&self.treated).insert(resource_type.clone());
        }
        for (key, mark) in &found.claims {
            self.note(resource_type, key, &Whose::of_mark(mark));
        }
    }

    fn note(&self, resource_type: &ResourceTypeName, key: &RecordKey, whose: &Whose) {
        match whose {
            Whose::Untold | Whose::Nobodys => {}
            Whose::Of(contested) => {
                let contested = contested.iter().map(|owner| (resource_type.clone(), owner.clone()));
                lock(&self.owners).extend(contested);
            }
            Whose::Unclear => drop(lock(&self.unclear).insert((resource_type.clone(), key.clone()))),
        }
    }
}

/// The records that claim the resource of this one, as far as the last runs know.
pub(crate) async fn claimants_of(
    state: &TenantState,
    scope: &LinkScope,
    owner: &RecordKey,
) -> Result<Vec<RecordKey>, ProvisionError> {
    let claims = state.setbacks_marked(&scope.provider, CONTESTS).await?;
    let claims_it = |mark: &str| matches!(Whose::of_mark(mark), Whose::Of(owners) if owners.contains(owner));
    let of_type = claims.into_iter().filter(|(resource_type, ..)| *resource_type == scope.resource_type);
    Ok(of_type.filter(|(_, _, mark)| claims_it(mark)).map(|(_, key, _)| key).collect())
}

impl Cycle<'_> {
    /// Notes whose resource a record may be after. Whether the others left or were given a new key, nobody knows.
    pub(crate) fn contest(&self, key: &RecordKey, whose: &Whose) {
        self.claimants.note(&self.scope.resource_type, key, whose);
        if whose.is_claim() {
            lock(&self.claimants.now).push((self.scope.resource_type.clone(), whose.clone()));
        }
        if let (Some(plan), Some(mark)) = (&self.plan, whose.mark()) {
            plan.found_out(&self.scope, |found| drop(found.claims.insert(key.clone(), mark)));
        }
        if *whose == Whose::Unclear {
            self.unclear.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many records of this cycle may be anybody, where nobody goes because of them.
    pub(crate) fn unclear(&self) -> u64 {
        match self.provisioner.rules.deprovision.unreadable_rows {
            UnreadableRows::Hold => self.unclear.load(Ordering::Relaxed),
            UnreadableRows::Ignore => 0,
        }
    }

    /// Whether another record claims the resource of this one.
    pub(crate) fn is_contested(&self, owner: &RecordKey) -> bool {
        self.is_contested_as(&self.scope.resource_type, owner)
    }

    /// The same for a record of another type.
    pub(crate) fn is_contested_as(&self, resource_type: &ResourceTypeName, owner: &RecordKey) -> bool {
        lock(&self.claimants.owners).contains(&(resource_type.clone(), owner.clone()))
    }

    /// Notes that every record of this type was looked at.
    pub(crate) fn all_were_treated(&self) {
        lock(&self.claimants.treated).insert(self.scope.resource_type.clone());
        if let Some(plan) = &self.plan {
            plan.found_out(&self.scope, |found| found.is_treated = true);
        }
    }

    /// Whether a record that a list points at, and that has no resource, may be anybody who is in that list: it failed
    /// before anybody could tell, or nobody has looked at it yet.
    pub(crate) async fn may_be_anybody(
        &self,
        pointing: &RecordKey,
        link: &RecordLink,
    ) -> Result<bool, ProvisionError> {
        let RecordLink { resource_type, key } = link;
        if lock(&self.claimants.unclear).contains(&(resource_type.clone(), key.clone())) {
            return Ok(true);
        }
        if lock(&self.claimants.treated).contains(resource_type) {
            return Ok(false);
        }
        let (state, provider) = (&self.provisioner.state, self.scope.provider.clone());
        let scope = LinkScope { provider, resource_type: resource_type.clone() };
        if state.setback(&scope, key).await?.is_some() {
            return Ok(false);
        }
        // Was it missing here before everybody of its type was last looked at, there is no such record.
        let open = state.setback(&self.scope, pointing).await?;
        let known =
            open.filter(|open| open.kind == SetbackKind::OpenReference && open.reason.contains(key.as_str()));
        let looked = state.full_cycle_at(&scope).await?;
        Ok(known.zip(looked).is_none_or(|(open, looked)| open.last >= looked))
    }

    /// Notes that nobody seems to have left: whoever failed is nobody under a new key, and need not be feared again.
    pub(crate) async fn nobody_left(&self, reading: &Reading) -> Result<(), ProvisionError> {
        if self.run.is_some() && !reading.partial && reading.broken_off.is_none() {
            self.provisioner.state.unmark_setbacks(&self.scope, UNCLEAR).await?;
        }
        Ok(())
    }

    /// What a failure means for others: a record without a resource that never failed before may be somebody under a new
    /// key. Had it failed when everybody was still there, it would be nobody of them.
    pub(crate) async fn unless_known(
        &self,
        key: &RecordKey,
        trouble: Trouble,
    ) -> Result<Trouble, ProvisionError> {
        if trouble.whose != Whose::Untold || !trouble.kind.is_failure() {
            return Ok(trouble);
        }
        let earlier = self.setback_of(key).await?.filter(|earlier| earlier.kind.is_failure());
        let is_known = earlier.is_some_and(|earlier| {
            earlier.fingerprint.is_none_or(|mark| Whose::of_mark(&mark) != Whose::Unclear)
        });
        Ok(if is_known { trouble } else { trouble.not_looked_for() })
    }

    /// Whether one of these resources may be that of somebody whom a record claims since this run began: what was known
    /// before, a plan knew as well.
    pub(crate) async fn is_anybody_claimed_now(&self, ids: &HashSet<String>) -> Result<bool, ProvisionError> {
        let claims: Vec<(ResourceTypeName, Whose)> = lock(&self.claimants.now).clone();
        for (resource_type, whose) in claims {
            let owners = match whose {
                Whose::Untold | Whose::Nobodys => continue,
                Whose::Unclear if ids.is_empty() => continue,
                Whose::Unclear => return Ok(true),
                Whose::Of(owners) => owners,
            };
            let scope = LinkScope { provider: self.scope.provider.clone(), resource_type };
            for owner in owners {
                let link = self.provisioner.state.link(&scope, &owner).await?;
                if link.is_some_and(|link| ids.contains(&link.resource_id)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The record that a resource belongs to, where that is another one than this.
    async fn owner_of(&self, key: &RecordKey, id: &str) -> Result<Option<RecordKey>, ProvisionError> {
        let owner = self.provisioner.state.link_by_resource(&self.scope, id).await?;
        Ok(owner.map(|link| link.key).filter(|owner| owner != key))
    }

    /// Why no resource was found, where it is not clear which is meant.
    pub(crate) async fn no_match(&self, key: &RecordKey, found: &Found) -> Result<Trouble, ProvisionError> {
        let whose = match found {
            Found::Several { ids, .. } => {
                let mut owners = Vec::new();
                for id in ids {
                    owners.extend(self.owner_of(key, id).await?);
                }
                if owners.is_empty() { Whose::Nobodys } else { Whose::Of(owners) }
            }
            Found::Unsearchable { .. } => Whose::Unclear,
            Found::None | Found::One(_) | Found::NothingToMatchBy => Whose::Nobodys,
        };
        Ok(Trouble { whose, ..Trouble::permanent(self.cannot_match(found)) })
    }

    /// Who has what a provider refused to give twice. Somebody with a new key meets their own old resource so, where the
    /// configuration does not match by what they share.
    pub(crate) async fn taken_by(&self, key: &RecordKey, desired: &Desired) -> Result<Taken, ProvisionError> {
        let kind = &self.provisioner.kind;
        let unique = kind.schemas().attributes().filter(|(_, attribute)| {
            matches!(attribute.uniqueness, Uniqueness::Server | Uniqueness::Global)
                && !attribute.is_read_only()
        });
        let unique: Vec<_> = unique.map(|(path, _)| MatchKey::single(path)).collect();
        match self.target.find(kind, &unique, desired).await {
            Ok(Found::One(resource)) => {
                let id = resource.id_text().unwrap_or_default();
                Ok(match self.owner(key, &id).await? {
                    Some(contested) => Taken::ByRecord(contested),
                    None => Taken::ByStranger(resource),
                })
            }
            Ok(_) => Ok(Taken::Nowhere),
            Err(error) => self.provider_failed(error).map(|_| Taken::Unclear),
        }
    }
}

/// Who has what a provider refused to give twice.
pub(crate) enum Taken {
    /// Another record's resource, with what is to be said of it.
    ByRecord(Trouble),
    /// A resource that no record has.
    ByStranger(Box<Resource>),
    /// It is not to be found.
    Nowhere,
    /// The provider could not be asked.
    Unclear,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_was_noted() {
        let keys = ["E2", "contests [\"E3\"]", "a, b"].map(|key| RecordKey::parse(key).unwrap());
        for whose in [Whose::Of(keys.to_vec()), Whose::Of(keys[..1].to_vec()), Whose::Unclear] {
            assert_eq!(Whose::of_mark(&whose.mark().unwrap()), whose);
        }
        assert_eq!((Whose::Nobodys.mark(), Whose::Untold.mark()), (None, None));
        for other in ["3f7a", "two rows", "contests E2", "contests []"] {
            assert_eq!(Whose::of_mark(other), Whose::Untold, "{other}");
        }
    }
}
