//! One record, now: the calls *provision* and *provision new*.
//!
//! What a sync does for a thousand records is done here for one of them, by the same code: mapped, matched,
//! compared, written, remembered. Only deprovisioning is left out, as nothing follows from one record about
//! the others.

use crate::cycle::{Cycle, Provisioner, Tally, Unfinished};
use crate::error::ProvisionError;
use crate::event::{Event, Mode, Observer, Summary};
use crate::stop::StopSignal;
use futures::TryStreamExt;
use scimwright_record::{Record, RecordKey, Row};
use scimwright_state::{RunKind, RunOutcome};
use std::time::Instant;

/// What is to happen where the record has a resource already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is changed where it differs.
    Change,
    /// That is a failure.
    Refuse,
}

impl Provisioner {
    /// Provisions the record with this key, and no other. The last event is always [`Event::Finished`].
    ///
    /// # Errors
    /// [`Unfinished`] where the source has no such record or cannot be read as far as it, and when the
    /// provider or the state cannot be worked with. That the record itself failed is an event.
    pub async fn provision_record(
        &self,
        key: &RecordKey,
        existing: Existing,
        observer: &dyn Observer,
    ) -> Result<Summary, Box<Unfinished>> {
        let began = Instant::now();
        let tally = Tally::new(observer);
        let outcome = self.provision_counted(key, existing, &tally).await;
        let summary = Summary { duration: began.elapsed(), ..tally.summary() };
        observer.observe(&Event::Finished(summary.clone()));
        match outcome {
            Ok(()) => Ok(summary),
            Err(cause) => Err(Box::new(Unfinished { summary, cause })),
        }
    }

    async fn provision_counted(
        &self,
        key: &RecordKey,
        existing: Existing,
        tally: &Tally<'_>,
    ) -> Result<(), ProvisionError> {
        let record = self.record(key).await?;
        let scope = self.scope();
        let run = self.state.begin_run(RunKind::Provision, &scope).await?;
        let result = async {
            let cycle = Cycle::begin(self, Mode::Sync, Some(run), scope, StopSignal::new(), tally).await?;
            cycle.treat_only(record, existing).await
        };
        let outcome = result.await;
        let ended = if outcome.is_ok() { RunOutcome::Completed } else { RunOutcome::Failed };
        let noted = self.close(run, ended, &tally.summary()).await;
        // The cause matters more than a state that cannot be written on top of it.
        outcome.and(noted)
    }

    /// Reads the source until the record comes.
    async fn record(&self, key: &RecordKey) -> Result<Record, ProvisionError> {
        let source = self.source.name();
        let mut rows = self.source.read().await.map_err(ProvisionError::Source)?;
        while let Some(row) = rows.try_next().await.map_err(ProvisionError::Source)? {
            match row {
                Row::Record(_, record) if record.key() == key => return Ok(record),
                Row::Malformed(malformed) if malformed.key.as_ref() == Some(key) => {
                    return Err(ProvisionError::UnusableRecord {
                        key: key.clone(),
                        place: malformed.position.to_string(),
                        reason: malformed.message,
                    });
                }
                Row::Record(..) | Row::Malformed(_) => {}
            }
        }
        Err(ProvisionError::NoSuchRecord { source_name: source.clone(), key: key.clone() })
    }
}
