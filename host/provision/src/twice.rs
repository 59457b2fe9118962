//! Keys that stand twice in a source, with rows that say different things.
//!
//! Nobody knows which of the two is right, so neither counts: whichever was taken could write one person's data into
//! another one's account. That has to be known before the first of them is treated. A source on this machine is read
//! once more for it, ahead of everything else; that pass keeps eight bytes of each key, and only where two are the same
//! it looks at what their rows say. A source further away is asked for those that an earlier run found out about.
//!
//! What both miss is found when the second row comes. The first one was taken then, which the run says, and the next
//! run knows of it.

use crate::cycle::Cycle;
use crate::digest::Parts;
use crate::error::ProvisionError;
use crate::setback::{Setbacks, Trouble};
use crate::tally::lock;
use futures::{StreamExt, TryStreamExt};
use scimwright_record::{Position, RecordKey, RecordStream, Row, SourceError};
use scimwright_state::SetbackKind;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

/// What stands in a setback where a fingerprint of the record would: two rows have none in common.
const TWO_ROWS: &str = "two rows";

/// How many rows are looked ahead for. Eight bytes are kept of each.
const AHEAD: usize = 1 << 22;

/// How many keys that stand twice are known beforehand.
const KNOWN: usize = 1 << 17;

/// How many keys of earlier runs are asked for at a time.
const PAGE: usize = 500;

/// The keys of one reading that stand twice, with rows that differ.
#[derive(Debug, Default)]
pub(crate) struct Twice {
    hasher: RandomState,
    /// Where the first two rows stand, by the hash of their key.
    places: HashMap<u64, (Position, Position)>,
    /// Those that were found when the first row had been taken, and what is to be said of them.
    late: Mutex<BTreeMap<RecordKey, String>>,
}

/// A row with a key of which there may be another one.
struct Seen {
    content: String,
    place: Position,
}

impl Twice {
    /// The places of two rows with this key, where they are known beforehand.
    pub(crate) fn places_of(&self, key: &RecordKey) -> Option<(Position, Position)> {
        self.places.get(&self.hasher.hash_one(key)).copied()
    }

    /// Notes a key whose second row came after the first one was taken.
    pub(crate) fn note_late(&self, key: &RecordKey, reason: &str) {
        lock(&self.late).entry(key.clone()).or_insert_with(|| reason.to_owned());
    }

    /// Compares the rows of a reading that have one of these keys.
    async fn compare(
        &mut self,
        mut rows: RecordStream,
        among: impl Fn(u64) -> bool,
    ) -> Result<(), SourceError> {
        let mut seen: HashMap<u64, Seen> = HashMap::new();
        while let Some(row) = rows.try_next().await? {
            let Some(key) = row.key() else { continue };
            let hash = self.hasher.hash_one(key);
            if !among(hash) || self.places.contains_key(&hash) || self.places.len() + seen.len() >= KNOWN {
                continue;
            }
            let (content, place) = (content_of(&row), place_of(&row));
            match seen.get(&hash) {
                Some(first) if first.content != content => {
                    self.places.insert(hash, (first.place, place));
                    seen.remove(&hash);
                }
                Some(_) => {}
                None => drop(seen.insert(hash, Seen { content, place })),
            }
        }
        Ok(())
    }
}

impl Cycle<'_> {
    /// Finds out which keys stand twice, as far as that can be known before the first record is treated.
    pub(crate) async fn look_ahead(
        &self,
        partial: bool,
    ) -> Result<Result<Twice, SourceError>, ProvisionError> {
        match self.provisioner.source.is_near() && !partial {
            true => Ok(Ok(self.look_at_keys().await)),
            false => self.look_at_known().await,
        }
    }

    /// Reads the source for its keys alone; and once more where two of them are the same. Where it breaks off, the
    /// reading that counts does so too, and says it.
    async fn look_at_keys(&self) -> Twice {
        let source = &self.provisioner.source;
        let mut twice = Twice::default();
        let mut hashes: Vec<u64> = Vec::new();
        let Ok(rows) = source.read().await else { return twice };
        let mut rows = rows.take(AHEAD).ready_chunks(PAGE);
        while let Some(some) = rows.next().await {
            if self.stop.is_requested() {
                return twice;
            }
            let keys = some.iter().filter_map(|row| row.as_ref().ok()?.key());
            hashes.extend(keys.map(|key| twice.hasher.hash_one(key)));
        }
        hashes.sort_unstable();
        let repeated: HashSet<u64> =
            hashes.windows(2).filter(|pair| pair.first() == pair.last()).flatten().copied().collect();
        drop(hashes);
        if !repeated.is_empty()
            && let Ok(rows) = source.read().await
        {
            // What was found until it broke off is kept.
            drop(twice.compare(rows, |hash| repeated.contains(&hash)).await);
        }
        twice
    }

    /// Asks the source for the keys that stood twice in an earlier run.
    async fn look_at_known(&self) -> Result<Result<Twice, SourceError>, ProvisionError> {
        let mut twice = Twice::default();
        if matches!(&self.setbacks, Setbacks::Of(keys) if keys.is_empty()) {
            return Ok(Ok(twice));
        }
        let failed = self.provisioner.state.setbacks(&self.scope, Some(SetbackKind::Permanent));
        let known =
            failed.try_filter(|setback| std::future::ready(setback.fingerprint.as_deref() == Some(TWO_ROWS)));
        let mut pages = known.map_ok(|setback| setback.key).try_chunks(PAGE);
        while let Some(page) = pages.next().await {
            let keys = page.map_err(|error| error.1)?;
            let compared = match self.provisioner.source.read_keys(keys).await {
                Ok(rows) => twice.compare(rows, |_| true).await,
                Err(error) => Err(error),
            };
            if let Err(error) = compared {
                return Ok(Err(error));
            }
        }
        Ok(Ok(twice))
    }

    /// What is said of a key that stands twice, and remembered.
    pub(crate) fn neither_counts(place: &str, other: &str) -> (Trouble, Option<String>) {
        let reason = format!(
            "{place} and {other} have the same key and say different things. Nobody knows which is right, so neither \
             counts and the resource stays as it is. One of the two needs another key, or has to go"
        );
        (Trouble::permanent(reason), Some(TWO_ROWS.to_owned()))
    }

    /// Remembers the keys whose second row came too late, so that the next run begins with them. Only when all records
    /// were treated: the first row's own success would clear it.
    pub(crate) async fn remember_late(&self, twice: &Twice) -> Result<(), ProvisionError> {
        let late = std::mem::take(&mut *lock(&twice.late));
        for (key, reason) in late {
            self.remember_setback(&key, SetbackKind::Permanent, &reason, Some(TWO_ROWS.to_owned())).await?;
        }
        Ok(())
    }
}

/// A digest of what a row says; one that cannot be understood says something else than all others.
pub(crate) fn content_of(row: &Row) -> String {
    let mut parts = Parts::default();
    match row {
        Row::Record(_, record) => parts.take_fields(record),
        Row::Malformed(malformed) => {
            parts.take("malformed");
            parts.take(malformed.position.to_string());
        }
    }
    parts.hex()
}

/// Where a row stands.
pub(crate) fn place_of(row: &Row) -> Position {
    match row {
        Row::Record(position, _) => *position,
        Row::Malformed(malformed) => malformed.position,
    }
}
