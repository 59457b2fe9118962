//! The rows of a source on their way in: each noted by its key, then treated, a bounded number at a time.
//!
//! Rows are noted in the order of the source. Of two with one key that say the same the first counts, and of two that
//! differ neither does: see the module `twice`. After that no record waits for another: one that is slow at the
//! provider holds only itself up. A plan keeps the order to its end, so that it reads as the source does.

use crate::cycle::Cycle;
use crate::deprovision::LEFT;
use crate::digest::Parts;
use crate::error::ProvisionError;
use crate::event::{Action, Event, Mode};
use crate::layers::Mapped;
use crate::provisioner::Reach;
use crate::record::{Decided, Outlook, Prepared};
use crate::setback::Trouble;
use crate::twice::{Twice, content_of, place_of};
use futures::channel::oneshot;
use futures::future::{join, select};
use futures::stream::{BoxStream, Stream};
use futures::{StreamExt, TryStreamExt};
use scimwright_record::{Malformed, Position, RecordKey, Row, SourceError};
use scimwright_state::{Link, Noted};
use std::collections::HashMap;
use std::pin::pin;
use tokio::sync::mpsc;

/// How many records are asked for by their keys at a time.
const PAGE: usize = 500;

/// How many rows are made ready together.
const HANDFUL: usize = 64;

/// How many of them where each brings its members along, of which there may be many thousands.
const HANDFUL_WITH_MEMBERS: usize = 8;

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
        let twice = match self.look_ahead().await? {
            Ok(twice) => twice,
            Err(error) => {
                self.source_broke(&error);
                return Ok(Reading { broken_off: Some(error), ..reading });
            }
        };
        let treated = self.treat_all(rows, &twice, &mut reading).await;
        self.remember_late(&twice).await?;
        treated?;
        match (reading.partial, &reading.broken_off) {
            (true, None) => self.look_again(&twice, &mut reading).await?,
            (false, None) => {
                for sentence in self.absent.sentences(self.provisioner.source.name()) {
                    self.note_once(sentence);
                }
                self.name_unknown_groups().await?;
            }
            (_, Some(_)) => {}
        }
        self.remember_late(&twice).await?;
        Ok(reading)
    }

    /// Opens the source: all of it, or what changed where it can tell and was read in full before.
    async fn open(&self, reading: &mut Reading) -> Result<Result<Rows, SourceError>, ProvisionError> {
        let source = &self.provisioner.source;
        // A membership that changed leaves no trace in the group's own row.
        if source.change_column().is_none() || self.provisioner.rules.members.is_some() {
            return Ok(source.read().await);
        }
        let making = self.making();
        let since = match self.reach() {
            Reach::Full => None,
            // Made otherwise, every record may become something else.
            Reach::Changed => self.provisioner.state.watermark(&self.scope).await?.and_then(|watermark| {
                watermark.strip_prefix(&making).and_then(|rest| rest.strip_prefix(' ')).map(str::to_owned)
            }),
        };
        Ok(match source.read_changed(since.as_deref()).await {
            Ok(changed) => {
                reading.partial = since.is_some();
                reading.watermark = changed.watermark.or(since).map(|moment| format!("{making} {moment}"));
                Ok(changed.rows)
            }
            Err(error) => Err(error),
        })
    }

    /// What the records are made with: the configuration's part and the modules.
    fn making(&self) -> String {
        let mut parts = Parts::default();
        parts.take(&self.provisioner.recipe);
        self.provisioner.layers.versions().for_each(|module| parts.take(&module.digest));
        parts.hex()
    }

    /// Treats what did not change and is due all the same: what ends by itself, and what waits for another try.
    async fn look_again(&self, twice: &Twice, reading: &mut Reading) -> Result<(), ProvisionError> {
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
                Ok(rows) => self.treat_all(rows, twice, reading).await?,
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
                    self.pass.release(&key, LEFT).await?;
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
            self.remember_memberships().await?;
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

    /// Takes rows a handful at a time: their keys are noted, what is known of them is read and they are mapped together.
    /// Then each goes its own way, while the next handful is made ready.
    ///
    /// Both sides are polled until the end, whichever of them waits: whoever is next at the state's connection has to
    /// take it, or nobody else gets it.
    async fn treat_all(
        &self,
        rows: Rows,
        twice: &Twice,
        reading: &mut Reading,
    ) -> Result<(), ProvisionError> {
        let (ahead, mut ready) = mpsc::channel(1);
        let handful = match self.provisioner.rules.members {
            Some(_) => HANDFUL_WITH_MEMBERS,
            None => HANDFUL,
        };
        let make_ready = async move {
            let told = select(Box::pin(self.stop.requested()), Box::pin(self.halt.requested()));
            let mut handfuls = rows.take_until(told).ready_chunks(handful);
            while let Some(rows) = handfuls.next().await {
                // Whoever took them has met an error that ends the run.
                if ahead.send(self.get_ready(rows, twice).await).await.is_err() {
                    break;
                }
            }
        };
        let ready = futures::stream::poll_fn(move |context| ready.poll_recv(context));
        let ready = ready.flat_map(|ready| match ready {
            Ok(ready) => futures::stream::iter(ready.into_iter().map(Ok)).left_stream(),
            Err(error) => futures::stream::iter([Err(error)]).right_stream(),
        });
        let width = self.provisioner.rules.concurrency.max(1);
        let treat = async {
            match self.mode {
                Mode::Plan => {
                    let (begin, mut turn) = oneshot::channel();
                    let _ = begin.send(());
                    let treated = ready.map(|ready| {
                        let (done, next) = oneshot::channel();
                        self.treat_in_turn(ready, std::mem::replace(&mut turn, next), done)
                    });
                    self.collect(treated.buffered(width), reading).await
                }
                Mode::Sync | Mode::Apply => {
                    let treated = ready.map(|ready| self.treat_ready(ready));
                    self.collect(treated.buffer_unordered(width), reading).await
                }
            }
        };
        join(make_ready, treat).await.1
    }

    /// Decides many rows at a time, and settles them one by one in the order of the source: what a plan says does not
    /// depend on who was faster.
    async fn treat_in_turn(
        &self,
        ready: Result<Ready, ProvisionError>,
        turn: oneshot::Receiver<()>,
        _done: oneshot::Sender<()>,
    ) -> Result<Treated, ProvisionError> {
        let (key, decided) = match ready {
            Ok(Ready::Mapped(key, mapped)) => (key, self.conclude(mapped.0, mapped.1).await),
            Ok(Ready::Decided(key, decided)) => (key, Ok(*decided)),
            other => {
                let _ = turn.await;
                return self.treat_ready(other).await;
            }
        };
        // That the one before is gone is word enough: it is settled.
        let _ = turn.await;
        self.treat_decided(&key, decided).await
    }

    async fn treat_ready(&self, ready: Result<Ready, ProvisionError>) -> Result<Treated, ProvisionError> {
        match ready? {
            // Told to stop after it was read: it is as if it had not been.
            Ready::Mapped(..) | Ready::Decided(..) if self.stop.is_requested() => Ok(Treated::Done),
            Ready::Mapped(key, mapped) => {
                let decided = self.conclude(mapped.0, mapped.1).await;
                self.treat_decided(&key, decided).await
            }
            Ready::Decided(key, decided) => self.treat_decided(&key, Ok(*decided)).await,
            Ready::Reported => Ok(Treated::Done),
            Ready::Unidentified => Ok(Treated::Unidentified),
            Ready::BrokenOff(error) => Ok(Treated::BrokenOff(error)),
        }
    }

    async fn treat_decided(
        &self,
        key: &RecordKey,
        decided: Result<Decided, ProvisionError>,
    ) -> Result<Treated, ProvisionError> {
        self.finish(key, decided).await.map(|()| Treated::Done)
    }

    /// Notes the keys of rows before anything else, in the order of the source, reads what is known of them, and maps
    /// those that have to be.
    async fn get_ready(
        &self,
        rows: Vec<Result<Row, SourceError>>,
        twice: &Twice,
    ) -> Result<Vec<Ready>, ProvisionError> {
        let with_keys = rows.iter().filter_map(|row| {
            let row = row.as_ref().ok()?;
            Some((row.key()?.clone(), place_of(row).to_string(), content_of(row)))
        });
        let with_keys: Vec<_> = with_keys.collect();
        let keys: Vec<RecordKey> = with_keys.iter().map(|(key, ..)| key.clone()).collect();
        let noted = self.pass.note_all(&with_keys).await?;
        let places =
            rows.iter().filter_map(|row| row.as_ref().ok().filter(|row| row.key().is_some()).map(place_of));
        let doubtful = doubtful(&keys, places, &noted);
        let mut noted = noted.into_iter();
        let links = self.provisioner.state.links_of(&self.scope, &keys).await?;
        let mut links: HashMap<RecordKey, Link> =
            links.into_iter().map(|link| (link.key.clone(), link)).collect();
        let (mut ready, mut unmapped) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            let noted = match &row {
                Ok(row) => row.key().and_then(|_| noted.next()),
                Err(_) => None,
            };
            let (position, record) = match row {
                Ok(Row::Record(position, record)) => (position, record),
                Ok(Row::Malformed(malformed)) => {
                    let late = match noted {
                        Some(Noted::Duplicate { of, .. }) => Some(of).filter(|_| {
                            malformed.key.as_ref().is_some_and(|key| {
                                twice.places_of(key).is_none() && !doubtful.contains_key(key)
                            })
                        }),
                        _ => None,
                    };
                    if let (Some(key), Some(of)) = (&malformed.key, late) {
                        twice.note_late(key, &came_too_late(&malformed.position.to_string(), &of));
                    }
                    let has_link = malformed.key.as_ref().is_some_and(|key| links.contains_key(key));
                    ready.push(Some(self.admit_malformed(malformed, has_link).await?));
                    continue;
                }
                Err(error) => {
                    ready.push(Some(Ready::BrokenOff(error)));
                    continue;
                }
            };
            let key = record.key().clone();
            if let Some(two) = twice.places_of(&key).or_else(|| doubtful.get(&key).copied()) {
                let (trouble, mark) = Self::neither_counts(position, &two);
                match noted {
                    Some(Noted::First) => self.fail(&key, links.get(&key), trouble, mark).await?,
                    _ => self.report_failure(&key, links.get(&key), trouble),
                }
                ready.push(Some(Ready::Unidentified));
                continue;
            }
            if let Some(Noted::Duplicate { of, same }) = noted {
                ready.push(Some(self.repeated(&key, position, &of, same, twice)));
                continue;
            }
            let link = links.remove(&key);
            match self.prepare(record, link).await? {
                Outlook::Decided(decided) => ready.push(Some(Ready::Decided(key, decided))),
                Outlook::Map(prepared) => {
                    ready.push(None);
                    unmapped.push(*prepared);
                }
            }
        }
        let mut mapped = self.map_all(unmapped).await?.into_iter();
        let filled = ready.into_iter().filter_map(|ready| match ready {
            Some(ready) => Some(ready),
            None => mapped.next().map(|(prepared, mapped)| {
                Ready::Mapped(prepared.record.key().clone(), Box::new((prepared, mapped)))
            }),
        });
        Ok(filled.collect())
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
        self.tally.broke_off(error.to_string());
    }

    /// A row with a key that was there before, of a record that was taken. Where they differ, nobody knows whose this
    /// one is: it may be that of somebody who seems to have left.
    fn repeated(&self, key: &RecordKey, position: Position, of: &str, same: bool, twice: &Twice) -> Ready {
        if same {
            let reason = format!("{position} is {of} again; one of them counts, this one was left out");
            // The record itself is in good hands, so it gets no setback.
            self.report_failure(key, None, Trouble::permanent(reason));
            return Ready::Reported;
        }
        let reason = came_too_late(&position.to_string(), of);
        twice.note_late(key, &reason);
        self.report_failure(key, None, Trouble::permanent(reason));
        Ready::Unidentified
    }

    async fn admit_malformed(&self, malformed: Malformed, has_link: bool) -> Result<Ready, ProvisionError> {
        let admitted = match &malformed.key {
            // The person is still there, whatever their row looks like.
            Some(key) => {
                let reason = format!("{}: {}", malformed.position, malformed.message);
                let trouble = Trouble::permanent(reason);
                let trouble = if has_link { trouble } else { self.unless_known(key, trouble).await? };
                self.contest(key, &trouble.whose);
                let mark = trouble.whose.mark();
                self.remember_setback(key, trouble.kind, &trouble.reason, mark).await?;
                Ready::Reported
            }
            None => Ready::Unidentified,
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

/// The keys that stand twice among rows that are made ready together, with rows that differ, and where those are.
fn doubtful(
    keys: &[RecordKey],
    places: impl Iterator<Item = Position>,
    noted: &[Noted],
) -> HashMap<RecordKey, (Position, Position)> {
    let (mut first, mut doubtful) = (HashMap::new(), HashMap::new());
    for ((key, place), noted) in keys.iter().zip(places).zip(noted) {
        match (noted, first.get(key)) {
            (Noted::First, _) => drop(first.insert(key, place)),
            (Noted::Duplicate { same: false, .. }, Some(one)) => {
                doubtful.entry(key.clone()).or_insert((*one, place));
            }
            _ => {}
        }
    }
    doubtful
}

/// What is said of a row whose key stood before, in a row that was taken.
fn came_too_late(place: &str, of: &str) -> String {
    format!(
        "{place} has the key of {of} and says something else. {of} was taken before this one was seen; from the next run \
         on neither counts. One of the two needs another key, or has to go"
    )
}

/// A row that is ready to go its own way.
enum Ready {
    /// It was mapped.
    Mapped(RecordKey, Box<(Prepared, Mapped)>),
    /// It needed no mapping.
    Decided(RecordKey, Box<Decided>),
    /// It has been reported, and is done with.
    Reported,
    /// It may be anybody's.
    Unidentified,
    /// There are no more.
    BrokenOff(SourceError),
}

/// A row after everything was done for it.
enum Treated {
    Done,
    Unidentified,
    BrokenOff(SourceError),
}
