//! The rows of a source on their way in: each noted by its key, then treated, a bounded number at a time.
//!
//! Rows are noted in the order of the source, so of two with one key the first counts. After that no record waits
//! for another: one that is slow at the provider holds only itself up. A plan keeps the order to its end, so that it
//! reads as the source does.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::{Action, Event, Mode};
use crate::provisioner::Reach;
use crate::setback::Trouble;
use futures::channel::oneshot;
use futures::future::select;
use futures::stream::{BoxStream, Stream};
use futures::{StreamExt, TryStreamExt};
use scimwright_record::{Malformed, Record, RecordKey, Row, SourceError};
use scimwright_state::{Noted, SetbackKind};
use std::pin::pin;

/// How many records are asked for by their keys at a time.
const PAGE: usize = 500;

/// How the reading of a source ended.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Why the end was not reached, if it was not.
    pub(crate) broken_off: Option<SourceError>,
    /// Rows without a readable key: each may be anybody.
    pub(crate) unidentified: u64,
    /// Only what changed was read, so that nothing follows from who is not there.
    pub(crate) partial: bool,
    /// Where the next reading of changes goes on from.
    pub(crate) watermark: Option<String>,
}

/// The rows to be treated.
type Rows = BoxStream<'static, Result<Row, SourceError>>;

impl Cycle<'_> {
    /// Sends every record that the run reaches on its way.
    pub(crate) async fn read_source(&self) -> Result<Reading, ProvisionError> {
        let mut reading = Reading::default();
        let rows = match self.open(&mut reading).await? {
            Ok(rows) => rows,
            Err(error) => {
                self.source_broke(&error);
                return Ok(Reading { broken_off: Some(error), ..reading });
            }
        };
        self.treat_all(rows, &mut reading).await?;
        if reading.partial && reading.broken_off.is_none() {
            self.look_again(&mut reading).await?;
        }
        Ok(reading)
    }

    /// Opens the source: all of it, or what changed where it can tell and was read in full before.
    async fn open(&self, reading: &mut Reading) -> Result<Result<Rows, SourceError>, ProvisionError> {
        let source = &self.provisioner.source;
        if source.change_column().is_none() {
            return Ok(source.read().await);
        }
        let since = match self.reach() {
            Reach::Full => None,
            Reach::Changed => self.provisioner.state.watermark(&self.scope).await?,
        };
        Ok(match source.read_changed(since.as_deref()).await {
            Ok(changed) => {
                reading.partial = since.is_some();
                reading.watermark = changed.watermark.or(since);
                Ok(changed.rows)
            }
            Err(error) => Err(error),
        })
    }

    /// Treats what did not change and is due all the same: what ends by itself, and what waits for another try.
    async fn look_again(&self, reading: &mut Reading) -> Result<(), ProvisionError> {
        let state = &self.provisioner.state;
        let due: BoxStream<'_, Result<RecordKey, ProvisionError>> = state
            .links_due(&self.scope, self.began)
            .map_ok(|link| link.key)
            .chain(state.setbacks_due(&self.scope, self.began).map_ok(|setback| setback.key))
            .map_err(ProvisionError::from)
            .boxed();
        let mut pages = due.try_chunks(PAGE);
        while let Some(page) = pages.next().await {
            let mut keys = page.map_err(|error| error.1)?;
            let mut unseen = Vec::with_capacity(keys.len());
            for key in keys.drain(..) {
                if !self.pass.is_noted(&key).await? {
                    unseen.push(key);
                }
            }
            if unseen.is_empty() {
                continue;
            }
            match self.provisioner.source.read_keys(unseen.clone()).await {
                Ok(rows) => self.treat_all(rows, reading).await?,
                Err(error) => {
                    self.source_broke(&error);
                    reading.broken_off = Some(error);
                }
            }
            if reading.broken_off.is_some() {
                return Ok(());
            }
            // Asked for by name, and not there: they left.
            for key in unseen {
                if !self.pass.is_noted(&key).await? {
                    self.pass.release(&key, "left the source").await?;
                }
            }
        }
        Ok(())
    }

    /// Notes what the next cycle goes on from.
    pub(crate) async fn remember_reach(&self, reading: &Reading) -> Result<(), ProvisionError> {
        let state = &self.provisioner.state;
        // Where a link was forgotten, who pointed at it may have been looked at before: everybody is, once more.
        if !self.has_lost_links() {
            if let Some(watermark) = &reading.watermark {
                state.set_watermark(&self.scope, Some(watermark)).await?;
            }
            if self.reach() == Reach::Full {
                state.set_full_cycle_at(&self.scope, self.began).await?;
            }
        }
        if !reading.partial {
            // Those that failed or were out of scope, and are not in the source any more.
            self.pass.forget_setbacks().await?;
        }
        Ok(())
    }

    async fn treat_all(&self, rows: Rows, reading: &mut Reading) -> Result<(), ProvisionError> {
        let told = select(Box::pin(self.stop.requested()), Box::pin(self.halt.requested()));
        let admitted = rows.take_until(told).then(|row| self.admit(row));
        let width = self.provisioner.rules.concurrency.max(1);
        match self.mode {
            Mode::Plan => {
                let (begin, mut turn) = oneshot::channel();
                let _ = begin.send(());
                let treated = admitted.map(|admitted| {
                    let (done, next) = oneshot::channel();
                    self.treat_in_turn(admitted, std::mem::replace(&mut turn, next), done)
                });
                self.collect(treated.buffered(width), reading).await
            }
            Mode::Sync | Mode::Apply => {
                let treated = admitted.map(|admitted| self.treat_admitted(admitted));
                self.collect(treated.buffer_unordered(width), reading).await
            }
        }
    }

    /// Decides many rows at a time, and settles them one by one in the order of the source: what a plan says does not
    /// depend on who was faster.
    async fn treat_in_turn(
        &self,
        admitted: Result<Admitted, ProvisionError>,
        turn: oneshot::Receiver<()>,
        _done: oneshot::Sender<()>,
    ) -> Result<Treated, ProvisionError> {
        let record = match admitted {
            Ok(Admitted::Record(record)) => record,
            other => {
                let _ = turn.await;
                return self.treat_admitted(other).await;
            }
        };
        let key = record.key().clone();
        let decided = self.decide(record).await;
        // That the one before is gone is word enough: it is settled.
        let _ = turn.await;
        let outcome = match decided {
            Ok(decided) => self.settle(&key, decided).await,
            Err(error) => Err(error),
        };
        self.pass_on_notices();
        outcome.map(|()| Treated::Done)
    }

    async fn treat_admitted(
        &self,
        admitted: Result<Admitted, ProvisionError>,
    ) -> Result<Treated, ProvisionError> {
        match admitted? {
            Admitted::Record(record) => self.treat_one(record).await.map(|()| Treated::Done),
            Admitted::Reported => Ok(Treated::Done),
            Admitted::Unidentified => Ok(Treated::Unidentified),
            Admitted::BrokenOff(error) => Ok(Treated::BrokenOff(error)),
        }
    }

    async fn collect(
        &self,
        treated: impl Stream<Item = Result<Treated, ProvisionError>>,
        reading: &mut Reading,
    ) -> Result<(), ProvisionError> {
        let mut treated = pin!(treated);
        let mut unavailable = None;
        while let Some(outcome) = treated.next().await {
            match outcome {
                Ok(Treated::Done) => {}
                Ok(Treated::Unidentified) => reading.unidentified += 1,
                Ok(Treated::BrokenOff(error)) => {
                    self.source_broke(&error);
                    reading.broken_off = Some(error);
                }
                // Records that were mapped before it went are settled first.
                Err(ProvisionError::ModuleUnavailable(error)) => {
                    unavailable.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match unavailable {
            Some(error) => Err(ProvisionError::ModuleUnavailable(error)),
            None => self.go_on(),
        }
    }

    fn source_broke(&self, error: &SourceError) {
        self.tally.incomplete();
        self.tally.emit(Event::Notice { key: None, message: error.to_string() });
    }

    /// Notes a row's key before anything else, in the order of the source: of two rows with one key the
    /// first counts.
    async fn admit(&self, row: Result<Row, SourceError>) -> Result<Admitted, ProvisionError> {
        let (position, record) = match row {
            Ok(Row::Record(position, record)) => (position, record),
            Ok(Row::Malformed(malformed)) => return self.admit_malformed(malformed).await,
            Err(error) => return Ok(Admitted::BrokenOff(error)),
        };
        match self.pass.note(record.key(), &position.to_string()).await? {
            Noted::First => Ok(Admitted::Record(record)),
            Noted::Duplicate { of } => {
                let reason =
                    format!("{position} has the key of {of} again; the first counts, this one was left out");
                // The record itself is in good hands, so it gets no setback.
                self.report_failure(record.key(), None, Trouble::permanent(reason));
                Ok(Admitted::Reported)
            }
        }
    }

    async fn admit_malformed(&self, malformed: Malformed) -> Result<Admitted, ProvisionError> {
        let admitted = match &malformed.key {
            // The person is still there, whatever their row looks like.
            Some(key) => {
                self.pass.note(key, &malformed.position.to_string()).await?;
                let reason = format!("{}: {}", malformed.position, malformed.message);
                self.remember_setback(key, SetbackKind::Permanent, &reason, None).await?;
                Admitted::Reported
            }
            None => Admitted::Unidentified,
        };
        self.tally.count(Action::Fail);
        self.tally.emit(Event::Malformed {
            position: malformed.position.to_string(),
            key: malformed.key,
            reason: malformed.message,
        });
        Ok(admitted)
    }
}

/// A row after its key was noted.
enum Admitted {
    Record(Record),
    Reported,
    Unidentified,
    BrokenOff(SourceError),
}

/// A row after everything was done for it.
enum Treated {
    Done,
    Unidentified,
    BrokenOff(SourceError),
}
