//! References to records that had no resource when they were needed: put off, and filled in at the end.
//!
//! A manager may stand further down in the file than the people who report to them. What waits lies on
//! disk, with the pass, and not in memory.

use crate::carry_out::{Attempt, event, known};
use crate::cycle::Cycle;
use crate::decide::{self, Decision};
use crate::error::ProvisionError;
use crate::event::{Event, RecordEvent};
use crate::target::RowTarget;
use futures::TryStreamExt;
use scimwright_mapping::{AttributeMap, UnresolvedLink};
use scimwright_record::RecordKey;
use scimwright_state::{Deferred, Ownership};

impl Cycle<'_> {
    /// Puts the attributes off that hold an unresolved link.
    pub(crate) async fn defer(
        &self,
        key: &RecordKey,
        attributes: &AttributeMap,
        waiting: &[UnresolvedLink],
        create_only: &[RowTarget],
    ) -> Result<(), ProvisionError> {
        let waiting: AttributeMap = attributes
            .iter()
            .filter(|(path, _)| waiting.iter().any(|link| link.path.same_attribute(path)))
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect();
        let create_only: Vec<String> = create_only.iter().map(ToString::to_string).collect();
        let work = serde_json::to_value((&waiting, &create_only))
            .map_err(|error| ProvisionError::Worker(error.to_string()))?;
        Ok(self.pass.defer(key, &work).await?)
    }

    /// Fills in what had to wait. In a plan: says what will have to.
    pub(crate) async fn fill_in_references(&self) -> Result<(), ProvisionError> {
        let mut deferred = self.pass.deferred();
        while let Some(work) = deferred.try_next().await? {
            self.go_on()?;
            self.fill_in(work).await?;
        }
        Ok(())
    }

    async fn fill_in(&self, work: Deferred) -> Result<(), ProvisionError> {
        let Deferred { key, work } = work;
        let (attributes, create_only): (AttributeMap, Vec<String>) =
            serde_json::from_value(work).map_err(|error| ProvisionError::Worker(error.to_string()))?;
        let (partial, dangling) = self.resolve(&attributes).await?;
        let mut missing = Vec::new();
        for link in &dangling {
            // In a plan, whoever is in the source will have a resource by then.
            if self.run.is_some() || !self.pass.contains(&link.link.key).await? {
                missing.push(format!("{} {} ({})", link.link.resource_type, link.link.key, link.path));
            }
        }
        if !missing.is_empty() {
            let message =
                format!("points at {}, which has no resource; left out for now", missing.join(" and "));
            self.tally.emit(Event::Notice { key: Some(key.clone()), message });
        } else if self.run.is_none() {
            self.tally.reference_filled_in();
        }
        let Some(run) = &self.run else { return Ok(()) };
        // Without a link the record itself failed, and has been reported.
        let Some(link) = self.provisioner.state.link(&self.scope, &key).await? else { return Ok(()) };
        if partial.is_empty() {
            return Ok(());
        }
        let mut desired = link.sent.clone();
        for (path, value) in partial.iter() {
            desired.set(path, value.clone());
        }
        let is_new = link.ownership == Ownership::Created && link.created_at >= self.began;
        if !is_new {
            let create_only: Vec<RowTarget> =
                create_only.iter().filter_map(|target| target.parse().ok()).collect();
            desired = self.left_as_seen(desired, &create_only, &link.seen);
        }
        let schemas = self.provisioner.kind.schemas();
        match decide::for_link(&link, &desired, schemas) {
            Decision::Nothing => {}
            Decision::Remember => {
                let link = scimwright_state::Link { sent: desired, ..link };
                self.provisioner.state.put_link(&self.scope, &link).await?;
            }
            Decision::Change(changes) => {
                match self.change(run, &link, known(&link), desired.clone(), link.standing).await? {
                    // The provider cannot change the reference, which has been said.
                    Attempt::Done(link) if link.sent != desired => {}
                    Attempt::Done(link) => {
                        self.tally.reference_filled_in();
                        let event = event(&link, crate::event::Action::Update);
                        self.tally.emit(Event::Reference(RecordEvent { changes, ..event }));
                    }
                    Attempt::Gone => self.fail(&key, None, "the resource vanished during the run".to_owned()),
                    Attempt::Failed(reason) => self.fail(&key, Some(&link), reason),
                }
            }
        }
        Ok(())
    }
}
