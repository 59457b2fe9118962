//! References to records that had no resource when they were needed: put off, and filled in at the end.
//!
//! A manager may stand further down in the file than the people who report to them, and two people may manage each
//! other. What waits lies on disk, with the pass, and not in memory. What is still missing at the end is named, and
//! the record is looked at again in the next run.

use crate::carry_out::{Attempt, event};
use crate::changing::Change;
use crate::cycle::Cycle;
use crate::decide::{self, Decision};
use crate::error::ProvisionError;
use crate::event::{Action, Event, RecordEvent};
use crate::fitting::known;
use crate::operation::{Mark, Waiting, Work};
use crate::round::Peers;
use crate::setback::Trouble;
use crate::target::RowTarget;
use futures::TryStreamExt;
use scimwright_mapping::UnresolvedLink;
use scimwright_record::RecordKey;
use scimwright_scim::{Desired, Resource};
use scimwright_state::{Deferred, Link, Ownership, RunId};

impl Cycle<'_> {
    /// Puts work off until a later phase.
    pub(crate) async fn defer(&self, key: &RecordKey, work: &Work) -> Result<(), ProvisionError> {
        let work = serde_json::to_value(work).map_err(|error| ProvisionError::Worker(error.to_string()))?;
        Ok(self.pass.defer(key, &work).await?)
    }

    /// Fills in what had to wait. In a plan: says what will be filled in.
    pub(crate) async fn fill_in_references(&self, peers: &Peers<'_>) -> Result<(), ProvisionError> {
        let width = self.provisioner.rules.concurrency.max(1);
        let deferred = self.pass.deferred().map_err(ProvisionError::from);
        deferred
            .try_for_each_concurrent(width, |Deferred { key, work }| async move {
                self.go_on()?;
                match Work::read(work)? {
                    Work::FillIn(waiting, None) => self.fill_in(key, waiting).await,
                    Work::FillIn(waiting, Some(planned)) => {
                        self.draft_references(key, waiting, *planned, peers).await
                    }
                    Work::Deactivate(..) => Ok(()),
                }
            })
            .await
    }

    pub(crate) async fn fill_in(&self, key: RecordKey, waiting: Waiting) -> Result<(), ProvisionError> {
        let (partial, dangling) = self.resolve(&waiting.attributes).await?;
        let missing = missing(&dangling);
        if let Some(message) = &missing {
            self.note(&key, message.clone());
        }
        let Some(run) = self.run else { return Ok(()) };
        // Without a link the record itself failed, and has been reported.
        let Some(mut link) = self.provisioner.state.link(&self.scope, &key).await? else { return Ok(()) };
        let mark = Mark {
            fingerprint: waiting.fingerprint.clone().filter(|_| missing.is_none()),
            due_at: link.due_at,
        };
        let is_new = link.ownership == Ownership::Created && link.created_at >= self.began;
        let wish = waiting.wish(partial, dangling);
        let mut partial = self.sparing_strangers(&link.key, &wish, &link.seen).await?;
        let mut desired = self.with_references((&link.sent, &link.seen), is_new, &waiting, &partial);
        // As for any change: whoever is spared has to be there.
        if (wish.additive.is_some() || partial != wish.desired) && self.would_change(&link, &desired) {
            link.seen = self.look(&link).await?;
            partial = self.sparing_strangers(&link.key, &wish, &link.seen).await?;
            desired = self.with_references((&link.sent, &link.seen), is_new, &waiting, &partial);
        }
        let filled_in = match decide::for_link(&link, &desired, self.provisioner.kind.schemas()) {
            Decision::Nothing => {
                self.mark(&link, &mark).await?;
                true
            }
            Decision::Remember => {
                let link = Link { sent: desired, fingerprint: mark.fingerprint, ..link };
                self.provisioner.state.put_link(&self.scope, &link).await?;
                true
            }
            Decision::Change(changes) => self.write_references(run, link, desired, changes, mark).await?,
        };
        match missing {
            // A failure says more than what is still open.
            _ if !filled_in => Ok(()),
            Some(message) => {
                self.tally.reference_left_open();
                self.remember_open_reference(&key, &message).await
            }
            None => self.clear_open_reference(&key).await,
        }
    }

    /// What the resource is to be with the references that can be filled in.
    pub(crate) fn with_references(
        &self,
        (sent, seen): (&Desired, &Resource),
        is_new: bool,
        waiting: &Waiting,
        partial: &Desired,
    ) -> Desired {
        let mut desired = sent.clone();
        for (path, value) in partial.iter() {
            desired.set(path, value.clone());
        }
        if !is_new {
            let create_only: Vec<RowTarget> =
                waiting.create_only.iter().filter_map(|target| target.parse().ok()).collect();
            desired = self.left_as_seen(desired, &create_only, seen);
        }
        desired
    }

    /// Writes what can be filled in. Whether that did not fail.
    async fn write_references(
        &self,
        run: RunId,
        link: Link,
        desired: Desired,
        changes: Vec<String>,
        mark: Mark,
    ) -> Result<bool, ProvisionError> {
        let change = Change { link: &link, from: known(&link), desired: &desired, standing: link.standing };
        match self.change(&run, change, mark).await? {
            // The provider cannot change the reference, which has been said.
            Attempt::Done(link) if link.sent != desired => Ok(true),
            Attempt::Done(link) => {
                self.tally.reference_filled_in();
                let event = event(&link, Action::Update);
                self.tally.emit(Event::Reference(RecordEvent { changes, ..event }));
                Ok(true)
            }
            Attempt::Gone => {
                let reason = "the resource vanished during the run".to_owned();
                self.fail(&link.key, None, Trouble::temporary(reason).its_own(), None).await?;
                Ok(false)
            }
            Attempt::Failed(trouble) => {
                self.fail(&link.key, Some(&link), trouble, None).await?;
                Ok(false)
            }
        }
    }

    /// Notes what a record was when its resource was brought up to date.
    pub(crate) async fn mark(&self, link: &Link, mark: &Mark) -> Result<(), ProvisionError> {
        if link.fingerprint != mark.fingerprint || link.due_at != mark.due_at {
            let state = &self.provisioner.state;
            state.mark_link(&self.scope, &link.key, mark.fingerprint.as_deref(), mark.due_at).await?;
        }
        Ok(())
    }
}

/// What is missing, in words.
pub(crate) fn missing(dangling: &[UnresolvedLink]) -> Option<String> {
    const NAMED: usize = 5;
    let name =
        |link: &UnresolvedLink| format!("{} {} ({})", link.link.resource_type, link.link.key, link.path);
    let named: Vec<_> = dangling.iter().take(NAMED).map(name).collect();
    let named = named.join(" and ");
    match dangling.len().saturating_sub(NAMED) {
        _ if named.is_empty() => None,
        0 => Some(format!("points at {named}, which has no resource yet; left out until it has one")),
        more => Some(format!(
            "points at {named} and {more} more, which have no resource yet; left out until they have one"
        )),
    }
}
