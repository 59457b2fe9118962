//! Finding records by key in sources that can only be read from start to end.
//!
//! A source is read once into an index on disk, before it is needed where somebody says so, and otherwise at
//! the first look-up; who comes in the meantime waits for the same reading. An index answers for as long as a
//! run holds it, so that a run sees one state of each source in all its records. When nobody holds it any
//! more, the next run reads the source again.
//!
//! A look-up never guesses. A source that was not read to its end, a key that stands twice, a row that could not
//! be understood: each is an answer of its own, and none of them is "there is no such record".
//!
//! - here: [`SourceLookup`], which reading answers, and who waits for how long
//! - `index`: one reading of a source, in a temporary SQLite database
//! - `recent`: the records that were looked up last

mod index;
mod recent;

use futures::future::{BoxFuture, FutureExt, join_all};
use index::Index;
use scimwright_record::{
    HeldSources, LookupUnavailable, Record, RecordKey, RecordLookup, RecordSource, SourceName,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

/// A run that begins shares the reading of another that is under way, unless it is older than this.
const SHARED_FOR: Duration = Duration::from_secs(15 * 60);

/// Look-ups in the sources of one tenant. Cheap to clone; all clones answer from the same readings.
#[derive(Clone)]
pub struct SourceLookup {
    runtime: Handle,
    shelves: Arc<BTreeMap<SourceName, Shelf>>,
}

/// A source, and its last reading.
struct Shelf {
    source: Arc<dyn RecordSource>,
    reading: Mutex<Option<Arc<Reading>>>,
}

/// One reading of a source: whoever asks first begins it, everybody waits for it.
struct Reading {
    source: Arc<dyn RecordSource>,
    begun: Instant,
    read: AtomicU64,
    index: OnceCell<Result<Index, String>>,
}

impl SourceLookup {
    /// Look-ups in these sources, and in no others. Reading and asking is done on `runtime`, which has to have
    /// more than one thread where look-ups are made on its own.
    #[must_use]
    pub fn new(runtime: Handle, sources: impl IntoIterator<Item = Arc<dyn RecordSource>>) -> Self {
        let shelves = sources
            .into_iter()
            .map(|source| (source.name().clone(), Shelf { source, reading: Mutex::default() }))
            .collect();
        Self { runtime, shelves: Arc::new(shelves) }
    }

    fn shelf(&self, source: &SourceName) -> Result<&Shelf, LookupUnavailable> {
        self.shelves.get(source).ok_or_else(|| {
            let known: Vec<_> = self.shelves.keys().map(SourceName::as_str).collect();
            LookupUnavailable(format!("there is no source `{source}`; there are: {}", known.join(", ")))
        })
    }
}

impl Shelf {
    /// The reading that answers now; a new one where there is none.
    fn current(&self) -> Arc<Reading> {
        let mut place = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(place.get_or_insert_with(|| Reading::of(&self.source)))
    }

    /// The reading for a run that begins now.
    fn fresh(&self) -> Arc<Reading> {
        let mut place = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        // Besides this place, only runs and look-ups that are under way own a reading.
        let shared =
            place.as_ref().filter(|last| Arc::strong_count(last) > 1 && last.begun.elapsed() < SHARED_FOR);
        match shared {
            Some(shared) => Arc::clone(shared),
            None => Arc::clone(place.insert(Reading::of(&self.source))),
        }
    }

    /// Lets go of a reading that nobody uses, so that its file does not outlive the run.
    fn let_go(&self, reading: Arc<Reading>) {
        let mut place = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        // Ours and the place's.
        let is_last = Arc::strong_count(&reading) <= 2;
        if is_last && place.as_ref().is_some_and(|current| Arc::ptr_eq(current, &reading)) {
            *place = None;
        }
    }
}

impl Reading {
    fn of(source: &Arc<dyn RecordSource>) -> Arc<Self> {
        Arc::new(Self {
            source: Arc::clone(source),
            begun: Instant::now(),
            read: AtomicU64::new(0),
            index: OnceCell::new(),
        })
    }

    async fn index(&self) -> Result<&Index, LookupUnavailable> {
        let index = self.index.get_or_init(|| Index::of(self.source.as_ref(), &self.read)).await;
        index.as_ref().map_err(|reason| LookupUnavailable(reason.clone()))
    }

    async fn find(&self, key: &RecordKey) -> Result<Option<Record>, LookupUnavailable> {
        self.index().await?.find(key).await
    }
}

/// What a run holds; readings that nobody needs any more go with it.
struct Hold {
    shelves: Arc<BTreeMap<SourceName, Shelf>>,
    readings: Vec<(SourceName, Arc<Reading>)>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        for (source, reading) in self.readings.drain(..) {
            if let Some(shelf) = self.shelves.get(&source) {
                shelf.let_go(reading);
            }
        }
    }
}

impl RecordLookup for SourceLookup {
    fn lookup(
        &self,
        source: &SourceName,
        key: &RecordKey,
        _fields: &[String],
        deadline: Instant,
    ) -> Result<Option<Record>, LookupUnavailable> {
        let reading = self.shelf(source)?.current();
        if let Some(Ok(index)) = reading.index.get()
            && let Some(known) = index.recent(key)
        {
            return known;
        }
        // Asked elsewhere and waited for here: this thread may not wait longer than until the deadline.
        let (answer, answered) = mpsc::sync_channel(1);
        let (asked, wanted) = (Arc::clone(&reading), key.clone());
        self.runtime.spawn(async move {
            let found = asked.find(&wanted).await;
            // Before the answer: who has it may let go of the reading, which is then nobody's.
            drop(asked);
            // Nobody listens any more when the deadline was earlier.
            let _ = answer.send(found);
        });
        match answered.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(found) => found,
            Err(_) if reading.index.get().is_some() => Err(LookupUnavailable(format!(
                "source `{source}` did not answer in time; the machine is overloaded, or `wall_ms` is too short"
            ))),
            Err(_) => Err(LookupUnavailable(format!(
                "source `{source}` is still being read, {} records so far; raise `wall_ms`, or try again when it is read",
                reading.read.load(Ordering::Relaxed)
            ))),
        }
    }

    fn hold(&self, sources: &[SourceName]) -> BoxFuture<'_, HeldSources> {
        let mut readings = Vec::new();
        let mut unavailable = Vec::new();
        for source in sources {
            match self.shelf(source) {
                Ok(shelf) => readings.push((source.clone(), shelf.fresh())),
                Err(unknown) => unavailable.push((source.clone(), unknown)),
            }
        }
        let hold = Hold { shelves: Arc::clone(&self.shelves), readings };
        async move {
            let read = join_all(hold.readings.iter().map(|(source, reading)| async move {
                reading.index().await.err().map(|reason| (source.clone(), reason))
            }));
            unavailable.extend(read.await.into_iter().flatten());
            HeldSources::new(unavailable, hold)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
