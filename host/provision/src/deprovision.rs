//! Who left, and whether they may go.
//!
//! Nobody is deprovisioned unless the source was read to its end, every row could at least be told apart,
//! and the number stays under the threshold. A run that may not deprovision says so before it touches the
//! first resource, and says how to proceed.

use crate::carry_out::{Attempt, event, known};
use crate::cycle::{Cycle, Reading};
use crate::decide::{self, Decision};
use crate::error::ProvisionError;
use crate::event::{Action, Event, PlannedRequest, RecordEvent};
use crate::rules::{DeprovisionAction, DeprovisionRules, UnreadableRows};
use futures::TryStreamExt;
use jiff::Timestamp;
use scimwright_state::{Leaver, Link, Ownership, RunId, Standing};

/// Whether a resource without a record may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
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

fn verdict(rules: &DeprovisionRules, link: &Link, contested: bool, now: Timestamp) -> Verdict {
    if is_settled(rules.action, link, now) {
        Verdict::Settled
    } else if contested {
        Verdict::Contested
    } else if rules.protected.contains(&link.key) {
        Verdict::Protected
    } else if link.ownership == Ownership::Adopted && !rules.include_adopted {
        Verdict::Adopted
    } else {
        Verdict::Go
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

impl Cycle<'_> {
    /// Deprovisions the resources whose record was not in the source.
    pub(crate) async fn deprovision(
        &self,
        reading: &Reading,
        allowed_by_hand: Option<u64>,
    ) -> Result<(), ProvisionError> {
        self.go_on()?;
        let rules = &self.provisioner.rules.deprovision;
        if rules.action == DeprovisionAction::Nothing {
            return Ok(());
        }
        let candidates = self.count_candidates(rules).await?;
        if candidates > 0
            && let Some(reason) = self.reason_to_hold(reading, candidates, allowed_by_hand).await?
        {
            self.tally.held(candidates);
            self.tally.emit(Event::Held { candidates, reason });
            return Ok(());
        }
        let now = Timestamp::now();
        let mut leavers = self.pass.leavers(true);
        while let Some(Leaver { link, .. }) = leavers.try_next().await? {
            self.go_on()?;
            match verdict(rules, &link, self.is_contested(&link.key), now) {
                Verdict::Settled => {}
                Verdict::Go => self.deprovision_one(link, rules.action).await?,
                Verdict::Contested => {
                    self.spare(&link, "left the source, but another record claims the resource");
                }
                Verdict::Protected => self.spare(&link, "left the source, but `protect` names it"),
                Verdict::Adopted => self.spare(
                    &link,
                    "left the source, but was at the provider before us; set deprovision_adopted = true to \
                     include such resources",
                ),
            }
        }
        Ok(())
    }

    async fn count_candidates(&self, rules: &DeprovisionRules) -> Result<u64, ProvisionError> {
        let now = Timestamp::now();
        let mut leavers = self.pass.leavers(true);
        let mut candidates = 0;
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
        let by_hand = allowed_by_hand.is_some_and(|allowed| candidates <= allowed);
        if by_hand {
            return Ok(None);
        }
        let proceed = format!("if this is right, run `scimwright sync --allow-deprovisions {candidates}`");
        if self.pass.count_noted().await? == 0 {
            return Ok(Some(format!("source `{source}` has no records at all; {proceed}")));
        }
        let population = self.provisioner.state.count_links(&self.scope, Some(Standing::Active)).await?;
        let allowed = rules.threshold.allowed(population);
        Ok((candidates > allowed).then(|| {
            format!(
                "{candidates} of {population} would go, and max_deprovision = {} allows {allowed}; {proceed}",
                rules.threshold
            )
        }))
    }

    async fn deprovision_one(&self, link: Link, action: DeprovisionAction) -> Result<(), ProvisionError> {
        match action {
            DeprovisionAction::Nothing => Ok(()),
            DeprovisionAction::Disable => self.disable(link).await,
            DeprovisionAction::Delete => self.remove(link).await,
            DeprovisionAction::DisableThenDelete { .. } => match link.standing {
                Standing::Active => self.disable(link).await,
                Standing::Disabled => self.remove(link).await,
            },
        }
    }

    async fn disable(&self, link: Link) -> Result<(), ProvisionError> {
        let desired = decide::disabled(&link);
        let done = RecordEvent { reason: Some(LEFT.to_owned()), ..event(&link, Action::Disable) };
        let changes = match decide::for_link(&link, &desired, self.provisioner.kind.schemas()) {
            Decision::Change(changes) => changes,
            // The mapping had set `active` to false already: what is left to do is to remember.
            Decision::Remember | Decision::Nothing => {
                if let Some(run) = &self.run {
                    let link = Link {
                        sent: desired,
                        standing: Standing::Disabled,
                        updated_at: Timestamp::now(),
                        run: *run,
                        ..link.clone()
                    };
                    self.provisioner.state.put_link(&self.scope, &link).await?;
                }
                let reason = "left the source, and was disabled before".to_owned();
                self.settled(RecordEvent { reason: Some(reason), ..event(&link, Action::Unchanged) });
                return Ok(());
            }
        };
        let Some(run) = &self.run else {
            let requests = self.planned_change(&known(&link), &desired);
            self.settled(RecordEvent { changes, requests, ..done });
            return Ok(());
        };
        match self.change(run, &link, known(&link), desired, Standing::Disabled).await? {
            Attempt::Done(_) => self.settled(RecordEvent { changes, ..done }),
            Attempt::Gone => self.already_gone(&link).await?,
            Attempt::Failed(reason) => self.fail(&link.key, Some(&link), reason),
        }
        Ok(())
    }

    async fn remove(&self, link: Link) -> Result<(), ProvisionError> {
        let done = RecordEvent { reason: Some(LEFT.to_owned()), ..event(&link, Action::Delete) };
        let Some(run) = &self.run else {
            let path = format!("{}/{}", self.provisioner.kind.resource_type().endpoint, link.resource_id);
            let requests = vec![PlannedRequest { method: "DELETE", path, body: None }];
            self.settled(RecordEvent { requests, ..done });
            return Ok(());
        };
        self.delete_now(run, &link, done).await
    }

    async fn delete_now(&self, run: &RunId, link: &Link, done: RecordEvent) -> Result<(), ProvisionError> {
        match self.delete(run, link).await? {
            // RFC 7644 section 3.6: a resource that is not there is as good as deleted.
            Attempt::Done(()) | Attempt::Gone => self.settled(done),
            Attempt::Failed(reason) => self.fail(&link.key, Some(link), reason),
        }
        Ok(())
    }

    async fn already_gone(&self, link: &Link) -> Result<(), ProvisionError> {
        self.provisioner.state.forget_link(&self.scope, &link.key).await?;
        let reason = "left the source, and somebody had deleted the resource at the provider".to_owned();
        self.settled(RecordEvent { reason: Some(reason), ..event(link, Action::Unchanged) });
        Ok(())
    }

    fn spare(&self, link: &Link, reason: &str) {
        self.settled(RecordEvent { reason: Some(reason.to_owned()), ..event(link, Action::Skip) });
    }
}

const LEFT: &str = "left the source";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Threshold;
    use scimwright_record::RecordKey;
    use scimwright_scim::{Desired, Resource};
    use std::collections::HashSet;
    use std::time::Duration;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn link(standing: Standing, updated_at: Timestamp) -> Link {
        Link {
            key: RecordKey::parse("E1").unwrap(),
            resource_id: "r1".into(),
            ownership: Ownership::Created,
            standing,
            sent: Desired::new(),
            seen: Resource::new(),
            version: None,
            created_at: updated_at,
            updated_at,
            run: RunId::generate(),
            fingerprint: None,
            due_at: None,
        }
    }

    fn rules(action: DeprovisionAction) -> DeprovisionRules {
        DeprovisionRules {
            action,
            threshold: Threshold::default(),
            include_adopted: false,
            protected: HashSet::new(),
            unreadable_rows: UnreadableRows::Hold,
        }
    }

    /// Point 24: per provider: disable, delete, disable then delete after N days, or nothing.
    #[test]
    fn whoever_left_is_disabled_first_and_deleted_when_the_time_is_over() {
        let then: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let verdict = |action, standing, later: Duration| {
            super::verdict(&rules(action), &link(standing, then), false, then + later)
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
