//! Who left, and whether they may go.
//!
//! Nobody is deprovisioned unless the source was read to its end, every row could at least be told apart,
//! and the number stays under the threshold. A run that may not deprovision says so before it touches the
//! first resource, and says how to proceed.

use crate::carry_out::event;
use crate::cycle::Cycle;
use crate::decide::{self, Decision};
use crate::error::ProvisionError;
use crate::event::{Action, RecordEvent};
use crate::intake::Reading;
use crate::operation::{Mark, Operation, Step, Wish, Work};
use crate::prospect::{day, days};
use crate::rules::{DeprovisionAction, DeprovisionRules, UnreadableRows};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use scimwright_state::{Deferred, Leaver, Link, LinkScope, Ownership, Standing};
use std::sync::atomic::Ordering;

/// Whether a resource without a record may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is to be deprovisioned.
    Go,
    /// It already is as it would be.
    Settled,
    /// Another record of this run claims the resource.
    Contested,
    /// The administrator protects the record.
    Protected,
    /// It was there before us, and we were not told to deprovision such resources.
    Adopted,
}

pub(crate) fn verdict(rules: &DeprovisionRules, link: &Link, contested: bool, now: Timestamp) -> Verdict {
    if is_settled(rules.action, link, now) {
        Verdict::Settled
    } else if contested {
        Verdict::Contested
    } else {
        spared(rules, link).unwrap_or(Verdict::Go)
    }
}

/// Which rule keeps a resource from being deprovisioned, if one does.
pub(crate) fn spared(rules: &DeprovisionRules, link: &Link) -> Option<Verdict> {
    if rules.protected.contains(&link.key) {
        Some(Verdict::Protected)
    } else if link.ownership == Ownership::Adopted && !rules.include_adopted {
        Some(Verdict::Adopted)
    } else {
        None
    }
}

/// Whether nothing is left to be done to a resource whose record has left.
fn is_settled(action: DeprovisionAction, link: &Link, now: Timestamp) -> bool {
    let disabled = link.standing == Standing::Disabled;
    match action {
        DeprovisionAction::Nothing => true,
        DeprovisionAction::Delete => false,
        DeprovisionAction::Disable => disabled,
        // A link is touched when its resource is disabled, and not again while the record is away.
        DeprovisionAction::DisableThenDelete { after } => {
            disabled && now.duration_since(link.updated_at).unsigned_abs() < after
        }
    }
}

/// Whether somebody whom the mapping makes inactive may be.
fn verdict_on_inactive(rules: &DeprovisionRules, link: &Link, contested: bool) -> Verdict {
    match verdict(
        &DeprovisionRules { include_adopted: true, ..rules.clone() },
        link,
        contested,
        Timestamp::now(),
    ) {
        // What becomes of leavers plays no part: the mapping has said what is wanted.
        Verdict::Settled | Verdict::Go if rules.protected.contains(&link.key) => Verdict::Protected,
        Verdict::Settled if contested => Verdict::Contested,
        Verdict::Settled => Verdict::Go,
        verdict => verdict,
    }
}

impl Cycle<'_> {
    /// Deprovisions the resources whose record left, and those that the mapping makes inactive.
    pub(crate) async fn deprovision(
        &self,
        reading: &Reading,
        allowed_by_hand: Option<u64>,
    ) -> Result<(), ProvisionError> {
        self.go_on()?;
        let rules = &self.provisioner.rules.deprovision;
        let candidates = self.count_candidates(reading).await?;
        if candidates == 0 {
            self.nobody_left(reading).await?;
        }
        if candidates > 0
            && let Some(reason) = self.reason_to_hold(reading, candidates, allowed_by_hand).await?
        {
            self.tally.held(candidates, reason);
            return Ok(());
        }
        self.deactivate_all().await?;
        let now = Timestamp::now();
        let width = self.provisioner.rules.concurrency.max(1);
        self.leavers(reading)
            .try_for_each_concurrent(width, |Leaver { link, reason }| async move {
                self.go_on()?;
                let why = reason.as_deref().unwrap_or(LEFT);
                let spared = match verdict(rules, &link, self.is_contested(&link.key), now) {
                    Verdict::Settled => return Ok(()),
                    Verdict::Go => return self.deprovision_one(link, rules.action, why).await,
                    Verdict::Contested => "another record claims the resource",
                    Verdict::Protected => "`protect` names it",
                    Verdict::Adopted => {
                        "was at the provider before us; set deprovision_adopted = true to include such resources"
                    }
                };
                let said = format!("{why}, but {spared}");
                match reason.as_deref() {
                    // Whoever is in the source and out of scope was counted when the record was read.
                    Some(why) if why != LEFT => self.note(&link.key, said),
                    _ => self.spare(&link, &said),
                }
                Ok(())
            })
            .await
    }

    /// Makes those inactive whom the mapping makes so.
    pub(crate) async fn deactivate_all(&self) -> Result<(), ProvisionError> {
        let rules = &self.provisioner.rules.deprovision;
        let width = self.provisioner.rules.concurrency.max(1);
        self.deactivations()
            .try_for_each_concurrent(width, |(link, mark)| async move {
                self.go_on()?;
                let spared = match verdict_on_inactive(rules, &link, self.is_contested(&link.key)) {
                    Verdict::Go => return self.deactivate(link, mark).await,
                    Verdict::Protected => "`protect` names it",
                    _ => "another record claims the resource",
                };
                self.spare(&link, &format!("the mapping makes it inactive, but {spared}"));
                Ok(())
            })
            .await
    }

    /// Whose record left, as far as this reading can tell.
    fn leavers(&self, reading: &Reading) -> BoxStream<'static, Result<Leaver, ProvisionError>> {
        match self.provisioner.rules.deprovision.action {
            DeprovisionAction::Nothing => futures::stream::empty().boxed(),
            _ => self.pass.leavers(!reading.partial).map_err(ProvisionError::from).boxed(),
        }
    }

    /// The resources that the mapping makes inactive, and that are not yet.
    fn deactivations(&self) -> BoxStream<'_, Result<(Link, Mark), ProvisionError>> {
        self.pass
            .deferred()
            .map_err(ProvisionError::from)
            .try_filter_map(move |Deferred { key, work }| async move {
                match Work::read(work)? {
                    // Without a link the record failed meanwhile, and was reported.
                    Work::Deactivate(mark, planned) => {
                        let link = self.provisioner.state.link(&self.scope, &key).await?;
                        let link = match planned {
                            Some(planned) => Some(planned.link(key, link)),
                            None => link,
                        };
                        Ok(link.map(|link| (link, mark)))
                    }
                    Work::FillIn(..) => Ok(None),
                }
            })
            .boxed()
    }

    async fn count_candidates(&self, reading: &Reading) -> Result<u64, ProvisionError> {
        let rules = &self.provisioner.rules.deprovision;
        let now = Timestamp::now();
        let mut candidates = 0;
        let mut inactive = self.deactivations();
        while let Some((link, _)) = inactive.try_next().await? {
            let verdict = verdict_on_inactive(rules, &link, self.is_contested(&link.key));
            candidates += u64::from(verdict == Verdict::Go);
        }
        let mut leavers = self.leavers(reading);
        while let Some(Leaver { link, .. }) = leavers.try_next().await? {
            candidates += u64::from(verdict(rules, &link, self.is_contested(&link.key), now) == Verdict::Go);
        }
        Ok(candidates)
    }

    /// Why nobody may be deprovisioned in this run, if so.
    async fn reason_to_hold(
        &self,
        reading: &Reading,
        candidates: u64,
        allowed_by_hand: Option<u64>,
    ) -> Result<Option<String>, ProvisionError> {
        let rules = &self.provisioner.rules.deprovision;
        let source = self.provisioner.source.name();
        if let Some(error) = &reading.broken_off {
            return Ok(Some(format!("not everybody was seen, so nobody is taken for a leaver: {error}")));
        }
        if reading.unidentified > 0 && rules.unreadable_rows == UnreadableRows::Hold {
            let rows = if reading.unidentified == 1 {
                "1 row".to_owned()
            } else {
                format!("{} rows", reading.unidentified)
            };
            return Ok(Some(format!(
                "{rows} of source `{source}` could not be told apart from those who seem to have left; mend \
                 them, or set unreadable_rows = \"ignore\""
            )));
        }
        let unclear = self.unclear();
        if unclear > 0 {
            let records = if unclear == 1 { "1 record".to_owned() } else { format!("{unclear} records") };
            return Ok(Some(format!(
                "{records} of source `{source}` failed before it was known whose resource at `{}` it is, and each may be \
                 somebody who seems to have left, under a new key; mend them, or set unreadable_rows = \"ignore\"",
                self.scope.provider
            )));
        }
        let by_hand = allowed_by_hand.is_some_and(|allowed| candidates <= allowed);
        if by_hand {
            return Ok(None);
        }
        // Whoever writes a plan wants them in it; everybody else wants them gone.
        let command = if self.plan.is_some() { "plan" } else { "sync" };
        let LinkScope { provider, resource_type } = &self.scope;
        let proceed = format!(
            "if this is right, run `scimwright {command} --provider {provider} --resource {resource_type} \
             --allow-deprovisions {candidates}`"
        );
        if !reading.partial && self.pass.count_noted().await? == 0 {
            return Ok(Some(format!("source `{source}` has no records at all; {proceed}")));
        }
        // Those whom a plan is going to link count as they do in a sync, which has linked them by now.
        let population = self.provisioner.state.count_links(&self.scope, Some(Standing::Active)).await?
            + self.drafted.load(Ordering::Relaxed);
        let allowed = rules.threshold.allowed(population);
        Ok((candidates > allowed).then(|| {
            format!(
                "{candidates} would go, and of {population} active ones max_deprovision = {} allows {allowed}; {proceed}",
                rules.threshold
            )
        }))
    }

    async fn deprovision_one(
        &self,
        link: Link,
        action: DeprovisionAction,
        why: &str,
    ) -> Result<(), ProvisionError> {
        match action {
            DeprovisionAction::Nothing => Ok(()),
            DeprovisionAction::Disable => self.disable_leaver(link, why).await,
            DeprovisionAction::Delete => self.delete_leaver(link, why).await,
            DeprovisionAction::DisableThenDelete { after } => match link.standing {
                Standing::Active => self.disable_leaver(link, why).await,
                Standing::Disabled => {
                    let why = format!(
                        "{why} and was disabled on {}; its {} of grace are over",
                        day(link.updated_at),
                        days(after)
                    );
                    self.delete_leaver(link, &why).await
                }
            },
        }
    }

    async fn disable_leaver(&self, link: Link, why: &str) -> Result<(), ProvisionError> {
        let desired = decide::disabled(&link);
        let mark = Mark { fingerprint: None, due_at: self.deleted_from(Timestamp::now()) };
        let later = match self.provisioner.rules.deprovision.action {
            _ if self.provisioner.rules.deprovision.disabling_deletes => DELETES.to_owned(),
            DeprovisionAction::DisableThenDelete { after } => {
                format!("; to be deleted {} later", days(after))
            }
            _ => String::new(),
        };
        let (changes, reason) = match decide::for_link(&link, &desired, self.provisioner.kind.schemas()) {
            Decision::Change(changes) => (changes, format!("{why}{later}")),
            // The mapping had set `active` to false already: what is left to do is to remember.
            Decision::Remember | Decision::Nothing => {
                (Vec::new(), format!("{why}, and was disabled before{later}"))
            }
        };
        let (key, step) = (link.key.clone(), Step::Disable(Box::new(link)));
        let wish = Wish { mark, ..Wish::default() };
        self.act(Operation { key, step, desired, changes, reason: Some(reason), wish }).await
    }

    /// When a resource that is disabled now is to be deleted, if it is.
    pub(crate) fn deleted_from(&self, now: Timestamp) -> Option<Timestamp> {
        match self.provisioner.rules.deprovision.action {
            DeprovisionAction::DisableThenDelete { after } => now.checked_add(after).ok(),
            _ => None,
        }
    }

    async fn delete_leaver(&self, link: Link, why: &str) -> Result<(), ProvisionError> {
        let (key, desired) = (link.key.clone(), link.sent.clone());
        let (step, reason) = (Step::Delete(Box::new(link)), Some(why.to_owned()));
        self.act(Operation { key, step, desired, changes: Vec::new(), reason, wish: Wish::default() }).await
    }

    /// Carries out that the mapping makes somebody inactive. Who they are stays as it was, as does what we know of
    /// the record: it did not leave.
    async fn deactivate(&self, link: Link, mark: Mark) -> Result<(), ProvisionError> {
        let desired = decide::disabled(&link);
        let Decision::Change(changes) = decide::for_link(&link, &desired, self.provisioner.kind.schemas())
        else {
            return Ok(());
        };
        // The record is still in scope: where somebody deleted its resource, a new one is made, and inactive.
        let wish = Wish { desired: desired.clone(), mark, ..Wish::default() };
        let (key, step) = (link.key.clone(), Step::Deactivate(Box::new(link)));
        let end = if self.provisioner.rules.deprovision.disabling_deletes { DELETES } else { "" };
        let reason = Some(format!("the mapping makes it inactive{end}"));
        self.act(Operation { key, step, desired, changes, reason, wish }).await
    }

    fn spare(&self, link: &Link, reason: &str) {
        self.settled(RecordEvent { reason: Some(reason.to_owned()), ..event(link, Action::Skip) });
    }
}

/// What is said of a provider that deletes what is made inactive.
const DELETES: &str = "; disabling deletes it there";

pub(crate) const LEFT: &str = "left the source";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{link, rules};
    use std::time::Duration;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Point 24: per provider: disable, delete, disable then delete after N days, or nothing.
    #[test]
    fn whoever_left_is_disabled_first_and_deleted_when_the_time_is_over() {
        let then: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let verdict = |action, standing, later: Duration| {
            super::verdict(&rules(action), &link(Ownership::Created, standing, then), false, then + later)
        };
        let both = DeprovisionAction::DisableThenDelete { after: 30 * DAY };
        assert_eq!(verdict(both, Standing::Active, DAY), Verdict::Go);
        assert_eq!(verdict(both, Standing::Disabled, 29 * DAY), Verdict::Settled);
        assert_eq!(verdict(both, Standing::Disabled, 30 * DAY), Verdict::Go);
        assert_eq!(verdict(DeprovisionAction::Disable, Standing::Disabled, 99 * DAY), Verdict::Settled);
        assert_eq!(verdict(DeprovisionAction::Delete, Standing::Disabled, DAY), Verdict::Go);
        assert_eq!(verdict(DeprovisionAction::Nothing, Standing::Active, DAY), Verdict::Settled);
    }
}
