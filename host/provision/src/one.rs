//! One record, now: the calls *provision* and *provision new*.
//!
//! What a sync does for a thousand records is done here for one of them, by the same code: mapped, matched,
//! compared, written, remembered. Only deprovisioning is left out, as nothing follows from one record about
//! the others.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::{Event, Mode, Observer, Summary};
use crate::provisioner::{Patience, Provisioner, Reach, RunOptions, Unfinished};
use crate::round::Peers;
use crate::tally::Tally;
use crate::trace::Trace;
use crate::twice::{content_of, place_of};
use crate::witness::plain;
use futures::StreamExt;
use scimwright_record::{Record, RecordKey, Row};
use scimwright_state::{RunKind, RunOutcome};
use serde_json::json;

/// What is to happen where the record has a resource already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is changed where it differs.
    Change,
    /// That is a failure.
    Refuse,
    /// That is a failure where a plan did not know of it: whoever applies one does what it says.
    AsPlanned,
}

/// How one record is provisioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneRecord {
    /// What is to happen where it has a resource already.
    pub existing: Existing,
    /// Every step is an event of its own.
    pub trace: bool,
    /// The resource is read first, and what was changed there by others is put right too.
    pub fresh: bool,
}

impl From<Existing> for OneRecord {
    fn from(existing: Existing) -> Self {
        Self { existing, trace: false, fresh: false }
    }
}

impl Cycle<'_> {
    /// Takes a record all the way that was asked for by its key.
    async fn treat_only(mut self, record: Record, how: OneRecord) -> Result<(), ProvisionError> {
        self.existing = how.existing;
        self.trace("record", || {
            let fields = record.fields().iter().map(|field| (field.name.clone(), plain(&field.value)));
            json!({ "source": record.source(), "fields": fields.collect::<serde_json::Map<_, _>>() })
        });
        if how.fresh {
            self.see_again(record.key()).await?;
        }
        self.pass.note(record.key(), "the record that was asked for").await?;
        self.treat_one(record).await?;
        self.fill_in_references(&Peers::none()).await?;
        self.deactivate_all().await?;
        self.trace_remembered().await
    }
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
        how: impl Into<OneRecord>,
        observer: &dyn Observer,
    ) -> Result<Summary, Box<Unfinished>> {
        let tally = Tally::new(observer, self.scope());
        let how: OneRecord = how.into();
        let outcome = match how.trace {
            false => self.provision_counted(key, how, None, &tally).await,
            true => {
                tally.keep_calls();
                let (listening, witness) = self.with_witness();
                let trace = Trace { key: key.clone(), witness };
                listening.provision_counted(key, how, Some(trace), &tally).await
            }
        };
        let summary = tally.summary();
        tally.emit(Event::Finished(summary.clone()));
        match outcome {
            Ok(()) => Ok(summary),
            Err(cause) => Err(Box::new(Unfinished { summary, cause })),
        }
    }

    async fn provision_counted(
        &self,
        key: &RecordKey,
        how: OneRecord,
        trace: Option<Trace>,
        tally: &Tally<'_>,
    ) -> Result<(), ProvisionError> {
        let record = self.record(key).await?;
        let scope = self.scope();
        let run = self.state.begin_run(RunKind::Provision, &scope).await?;
        // Whoever asks for one record wants it tried now.
        let options =
            RunOptions { patience: Patience::TryNow, reach: Some(Reach::Full), ..RunOptions::default() };
        let result = async {
            let mut cycle = Cycle::begin(self, Mode::Sync, Some(run), &options, tally).await?;
            cycle.trace = trace;
            cycle.treat_only(record, how).await
        };
        let outcome = result.await;
        let ended = if outcome.is_ok() { RunOutcome::Completed } else { RunOutcome::Failed };
        let noted = self.close(run, ended, outcome.as_ref().err(), tally).await;
        // The cause matters more than a state that cannot be written on top of it.
        outcome.and(noted)
    }

    /// Reads the record from the source, to its end: there may be two of them, and then it is neither.
    pub(crate) async fn record(&self, key: &RecordKey) -> Result<Record, ProvisionError> {
        let mut rows = self.source.read_keys(vec![key.clone()]).await.map_err(ProvisionError::Source)?;
        let mut first: Option<Row> = None;
        while let Some(row) = rows.next().await {
            let row = match (row, &first) {
                (Ok(row), _) => row,
                // It was read; what is behind the end of the reading, nobody knows.
                (Err(_), Some(_)) => break,
                (Err(error), None) => return Err(ProvisionError::Source(error)),
            };
            match &first {
                _ if row.key() != Some(key) => {}
                None => first = Some(row),
                Some(first) if content_of(first) != content_of(&row) => {
                    return Err(ProvisionError::UnusableRecord {
                        key: key.clone(),
                        place: format!("{} and {}", place_of(first), place_of(&row)),
                        reason: "both have this key and say different things, so nobody knows which is right. One of \
                                 the two needs another key, or has to go"
                            .to_owned(),
                    });
                }
                Some(_) => {}
            }
        }
        match first {
            Some(Row::Record(_, record)) => Ok(record),
            Some(Row::Malformed(malformed)) => Err(ProvisionError::UnusableRecord {
                key: key.clone(),
                place: malformed.position.to_string(),
                reason: malformed.message,
            }),
            None => Err(ProvisionError::NoSuchRecord {
                source_name: self.source.name().clone(),
                key: key.clone(),
            }),
        }
    }
}
