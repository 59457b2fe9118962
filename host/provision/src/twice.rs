//! Keys that stand twice in a source, with rows that say different things.
//!
//! Nobody knows which of the two is right, so neither counts: whichever was taken could write one person's data into
//! another one's account. That has to be known before the first of them is treated, so a source is asked ahead of
//! everything else which keys several rows have, and those rows are compared. One that cannot tell is asked for those
//! that an earlier run found out about.
//!
//! What both miss is found when the second row comes. The first one was taken then, which the run says, and the next
//! run knows of it.

use crate::cycle::Cycle;
use crate::digest::Parts;
use crate::error::ProvisionError;
use crate::setback::{Setbacks, Trouble};
use crate::tally::lock;
use futures::future::{Either, select};
use futures::{StreamExt, TryStreamExt};
use scimwright_record::{Position, RecordKey, Row, SourceError};
use scimwright_state::SetbackKind;
use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::Mutex;

/// What stands in a setback where a fingerprint of the record would: two rows have none in common.
const TWO_ROWS: &str = "two rows";

/// How many keys of earlier runs are asked for at a time.
const PAGE: usize = 500;

/// The keys of one reading that stand twice, with rows that differ.
#[derive(Debug, Default)]
pub(crate) struct Twice {
    /// Where the first two rows stand.
    places: HashMap<RecordKey, (Position, Position)>,
    /// Those that were found when the first row had been taken, and what is to be said of them.
    late: Mutex<BTreeMap<RecordKey, String>>,
}

impl Twice {
    /// The places of two rows with this key, where they are known beforehand.
    pub(crate) fn places_of(&self, key: &RecordKey) -> Option<(Position, Position)> {
        self.places.get(key).copied()
    }

    /// Notes a key whose second row came after the first one was taken.
    pub(crate) fn note_late(&self, key: &RecordKey, reason: &str) {
        lock(&self.late).entry(key.clone()).or_insert_with(|| reason.to_owned());
    }
}

impl Cycle<'_> {
    /// Finds out which keys stand twice, as far as that can be known before the first record is treated.
    pub(crate) async fn look_ahead(&self) -> Result<Result<Twice, SourceError>, ProvisionError> {
        let told = pin!(self.stop.requested());
        let repeated = match select(told, self.provisioner.source.repeated_keys()).await {
            // Nothing will be treated.
            Either::Left(_) => Some(Vec::new()),
            // Where the source cannot be read, the reading that counts says so.
            Either::Right((repeated, _)) => repeated.ok().flatten(),
        };
        let mut twice = Twice::default();
        match repeated {
            // Together: a file is read once for all of them.
            Some(keys) if !keys.is_empty() => Ok(self.compare(&mut twice, keys).await.map(|()| twice)),
            Some(_) => Ok(Ok(twice)),
            None => self.look_at_known(twice).await,
        }
    }

    /// Asks the source for the keys that stood twice in an earlier run.
    async fn look_at_known(&self, mut twice: Twice) -> Result<Result<Twice, SourceError>, ProvisionError> {
        if matches!(&self.setbacks, Setbacks::Of(keys) if keys.is_empty()) {
            return Ok(Ok(twice));
        }
        let failed = self.provisioner.state.setbacks(&self.scope, Some(SetbackKind::Permanent));
        let known =
            failed.try_filter(|setback| std::future::ready(setback.fingerprint.as_deref() == Some(TWO_ROWS)));
        let mut pages = known.map_ok(|setback| setback.key).try_chunks(PAGE);
        while let Some(page) = pages.next().await {
            if let Err(error) = self.compare(&mut twice, page.map_err(|error| error.1)?).await {
                return Ok(Err(error));
            }
        }
        Ok(Ok(twice))
    }

    /// Compares the rows that have these keys.
    async fn compare(&self, twice: &mut Twice, keys: Vec<RecordKey>) -> Result<(), SourceError> {
        let mut rows = self.provisioner.source.read_keys(keys).await?;
        let mut seen: HashMap<RecordKey, (String, Position)> = HashMap::new();
        while let Some(row) = rows.try_next().await? {
            let Some(key) = row.key() else { continue };
            let (content, place) = (content_of(&row), place_of(&row));
            match seen.get(key) {
                Some((first, at)) if *first != content => {
                    twice.places.entry(key.clone()).or_insert((*at, place));
                }
                Some(_) => {}
                None => drop(seen.insert(key.clone(), (content, place))),
            }
        }
        Ok(())
    }

    /// What is said of a row whose key stands twice, and remembered. Rows of a database have no place that lasts, so of
    /// those only this one is named.
    pub(crate) fn neither_counts(place: Position, two: &(Position, Position)) -> (Trouble, Option<String>) {
        let rows = match two {
            (Position::Line(_), _) => {
                format!("{} and {} have the same key and say different things", two.0, two.1)
            }
            _ => format!("{place} is one of several that have the same key and say different things"),
        };
        let reason = format!(
            "{rows}. Nobody knows which is right, so none counts and the resource stays as it is. One of them needs \
             another key, or has to go"
        );
        (Trouble::permanent(reason).its_own(), Some(TWO_ROWS.to_owned()))
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
