//! Which resource is a record's, and what it takes to make that as it is wanted.
//!
//! As in [`record`](crate::record), nothing here changes anything.

use crate::cycle::Cycle;
use crate::decide::{self, Decision};
use crate::error::ProvisionError;
use crate::event::Mode;
use crate::one::Existing;
use crate::operation::{Operation, Step, Wish};
use crate::record::Decided;
use crate::setback::Trouble;
use crate::typed::typed;
use scimwright_client::{Found, Known};
use scimwright_record::RecordKey;
use scimwright_scim::{Desired, Resource};
use scimwright_state::{Link, Ownership};

impl Cycle<'_> {
    /// Decides for a record whose resource is known.
    pub(crate) async fn decide_linked(
        &self,
        mut link: Link,
        mut wish: Wish,
    ) -> Result<Operation, ProvisionError> {
        let mut desired = self.sparing_strangers(&link.key, &wish, &link.seen).await?;
        // Whoever is spared has to be there: one who is not would be put in, and one who came since would be lost.
        if (wish.additive.is_some() || desired != wish.desired) && self.would_change(&link, &desired) {
            link.seen = self.look(&link).await?;
            desired = self.sparing_strangers(&link.key, &wish, &link.seen).await?;
        }
        let desired = self.left_as_seen(desired, &wish.create_only, &link.seen);
        let mut desired = decide::reactivated(&link, desired);
        wish.deactivate = decide::postpone_deactivation(&mut desired, Some(&link.sent), &link.seen);
        let (desired, unwritable) = self.provisioner.kind.reconcile(desired, &known(&link));
        for wish in unwritable {
            self.note(&link.key, wish.to_string());
        }
        let (key, decision) =
            (link.key.clone(), decide::for_link(&link, &desired, self.provisioner.kind.schemas()));
        let link = Box::new(link);
        let (step, changes) = match decision {
            Decision::Nothing => (Step::Nothing(link), Vec::new()),
            Decision::Remember => (Step::Remember(link), Vec::new()),
            Decision::Change(changes) => (Step::Update(link), changes),
        };
        Ok(Operation { key, step, desired, changes, reason: None, wish })
    }

    /// Whether there is anything to write.
    pub(crate) fn would_change(&self, link: &Link, desired: &Desired) -> bool {
        let decision = decide::for_link(link, desired, self.provisioner.kind.schemas());
        matches!(decision, Decision::Change(_))
    }

    /// The resource as it is now. Where it cannot be read, as it was seen: the change will meet the same reason and
    /// say so.
    pub(crate) async fn look(&self, link: &Link) -> Result<Resource, ProvisionError> {
        if self.offline {
            return Ok(link.seen.clone());
        }
        match self.target.look(&self.provisioner.kind, &known(link)).await {
            Ok(seen) => Ok(seen),
            Err(error) => self.provider_failed(error).map(|_| link.seen.clone()),
        }
    }

    /// Decides for a record without a link: somebody may have made its resource before.
    pub(crate) async fn decide_unlinked(
        &self,
        key: RecordKey,
        wish: Wish,
    ) -> Result<Decided, ProvisionError> {
        let rules = &self.provisioner.rules;
        // A plan notes for good what its resources are found by, in the order of the source.
        let claimed = match self.mode {
            Mode::Plan => Ok(None),
            Mode::Sync | Mode::Apply => self.claims.claim(&key, &rules.matching, &wish.desired).map(Some),
        };
        let claim = match claimed {
            Ok(claim) => claim,
            Err(contested) => {
                let reason = format!(
                    "record {} has the same {} and is being provisioned; two records claim one resource",
                    contested.by, contested.match_key
                );
                return Ok(Decided::Cannot(None, Trouble::permanent(reason).its_own(), wish.identity));
            }
        };
        if self.began_empty {
            return Ok(Decided::Do(Box::new(creation(key, wish)), claim));
        }
        if self.offline {
            let reason = format!(
                "`{}` was not asked: a resource there that matches would be adopted in place of this",
                self.provisioner.provider
            );
            return Ok(Decided::Do(
                Box::new(Operation { reason: Some(reason), ..creation(key, wish) }),
                claim,
            ));
        }
        let identity = wish.identity.clone();
        let found = self.target.find(&self.provisioner.kind, &rules.matching, &wish.desired).await;
        let operation = match found {
            Ok(Found::One(resource)) if self.existing == Existing::Refuse => {
                Err(Trouble::permanent(self.exists(&resource)))
            }
            Ok(Found::One(resource)) => self.decide_adoption(key, *resource, wish).await?,
            Ok(Found::None) => Ok(creation(key, wish)),
            Ok(Found::NothingToMatchBy) if !self.unsettled.contains(&key) => Ok(creation(key, wish)),
            Ok(unclear) => Err(self.no_match(&key, &unclear).await?),
            Err(error) => Err(self.provider_failed(error)?.not_looked_for()),
        };
        Ok(match operation {
            Ok(operation) => Decided::Do(Box::new(operation), claim),
            Err(trouble) => Decided::Cannot(None, trouble, identity),
        })
    }

    /// Decides for a resource that was there before.
    pub(crate) async fn decide_adoption(
        &self,
        key: RecordKey,
        resource: Resource,
        mut wish: Wish,
    ) -> Result<Result<Operation, Trouble>, ProvisionError> {
        let Some(id) = resource.id_text() else {
            let reason = "the provider returned a matching resource without an id".to_owned();
            return Ok(Err(Trouble::permanent(reason)));
        };
        if let Some(contested) = self.owner(&key, &id).await? {
            return Ok(Err(contested));
        }
        // What an earlier run of ours began to create is ours, not adopted.
        let ours = self.unsettled.contains(&key);
        let may_be_taken = ours || self.provisioner.rules.adopt || self.made_by_us(&key, &id).await?;
        if !may_be_taken {
            let (provider, resource_type) = (&self.provisioner.provider, &self.scope.resource_type);
            let reason = format!(
                "resource {id} at `{provider}` matches this record, and adopt = false; `scimwright links adopt {provider} \
                 {resource_type} {} {}` takes it over",
                typed(key.as_str()),
                typed(&id)
            );
            return Ok(Err(Trouble::permanent(reason).its_own()));
        }
        let desired = self.sparing_strangers(&key, &wish, &resource).await?;
        let desired = self.left_as_seen(desired, &wish.create_only, &resource);
        let mut desired = self.provisioner.kind.revived(desired, &resource);
        wish.deactivate = decide::postpone_deactivation(&mut desired, None, &resource);
        let change = decide::for_adoption(&resource, &desired, self.provisioner.kind.schemas());
        let step = Step::Adopt { resource: Box::new(resource), ours };
        Ok(Ok(Operation { key, step, desired, changes: change.unwrap_or_default(), reason: None, wish }))
    }

    pub(crate) fn exists(&self, resource: &Resource) -> String {
        format!(
            "resource {} at `{}` matches this record already; `scimwright provision` would take it over",
            resource.id_text().unwrap_or_default(),
            self.provisioner.provider
        )
    }

    /// How somebody takes over a resource that no record has.
    pub(crate) fn unclaimed(&self, key: &RecordKey, resource: &Resource) -> String {
        let (provider, resource_type) = (&self.provisioner.provider, &self.scope.resource_type);
        let id = resource.id_text().unwrap_or_default();
        format!(
            "It belongs to resource {id}, which no record has; if that is the same person, `scimwright links adopt \
             {provider} {resource_type} {} {}` takes it over",
            typed(key.as_str()),
            typed(&id)
        )
    }

    pub(crate) fn cannot_match(&self, found: &Found) -> String {
        match found {
            Found::NothingToMatchBy => {
                "an earlier run may have created this resource and lost the answer, and \
                 the mapping gives none of the attributes in `match` to look for it by; add one"
                    .to_owned()
            }
            found => format!("`{}`: {found}", self.provisioner.provider),
        }
    }

    /// Whether the log says that we made this resource for this record: it was deleted and the provider kept it, or its
    /// link was forgotten.
    pub(crate) async fn made_by_us(&self, key: &RecordKey, id: &str) -> Result<bool, ProvisionError> {
        Ok(self.provisioner.state.has_created(&self.scope, key, id).await?)
    }

    /// Why a resource cannot be this record's, where it is another's.
    pub(crate) async fn owner(&self, key: &RecordKey, id: &str) -> Result<Option<Trouble>, ProvisionError> {
        let Some(owner) = self.provisioner.state.link_by_resource(&self.scope, id).await? else {
            return Ok(None);
        };
        let (provider, resource_type, older) =
            (&self.provisioner.provider, &self.scope.resource_type, &owner.key);
        let (was, new, there) = (typed(older.as_str()), typed(key.as_str()), typed(id));
        // An adopted resource would stay when its record leaves, and a created one is to go as before.
        let created = if owner.ownership == Ownership::Created { " --created" } else { "" };
        let reason = format!(
            "resource {id} at `{provider}` matches this record, but belongs to record {older} already; if that is the \
             same person under an older key, give the record its older key back, or let the new one have the resource: \
             `scimwright links forget {provider} {resource_type} {was}`, then `scimwright links adopt{created} \
             {provider} {resource_type} {new} {there}`"
        );
        Ok(Some(Trouble::contesting(owner.key.clone(), reason)))
    }
}

fn creation(key: RecordKey, wish: Wish) -> Operation {
    let desired = wish.desired.clone();
    Operation { key, step: Step::Create, desired, changes: Vec::new(), reason: None, wish }
}

/// What a link remembers, as the client wants it.
pub(crate) fn known(link: &Link) -> Known {
    Known { id: link.resource_id.clone(), sent: Some(link.sent.clone()), seen: link.seen.clone() }
}
