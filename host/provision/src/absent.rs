//! Fields that the configuration rests on, and that no record has.
//!
//! Where records need not have the same fields, as JSON objects and resources need not, a field that is missing is only
//! one without a value. A misspelt end date would so be no end at all, for everybody, without a word.

use crate::tally::lock;
use scimwright_record::{Record, SourceName};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// The fields that no record had so far.
#[derive(Debug, Default)]
pub(crate) struct Absent {
    /// Each with the key of the configuration that names it.
    fields: Mutex<Vec<(&'static str, String)>>,
    /// Whether there are any left.
    is_over: AtomicBool,
    /// Whether there was a record at all.
    has_records: AtomicBool,
}

impl Absent {
    /// Looks out for these fields.
    pub(crate) fn of(fields: Vec<(&'static str, String)>) -> Self {
        let is_over = AtomicBool::new(fields.is_empty());
        Self { fields: Mutex::new(fields), is_over, has_records: AtomicBool::default() }
    }

    /// Takes a record in.
    pub(crate) fn see(&self, record: &Record) {
        if self.is_over.load(Ordering::Relaxed) {
            return;
        }
        self.has_records.store(true, Ordering::Relaxed);
        let mut fields = lock(&self.fields);
        fields.retain(|(key, wanted)| {
            // Filters name fields in any case.
            let is_filter = matches!(*key, "scope" | "left");
            let is_it = |name: &str| name == wanted || (is_filter && name.eq_ignore_ascii_case(wanted));
            !record.fields().iter().any(|field| is_it(&field.name))
        });
        self.is_over.store(fields.is_empty(), Ordering::Relaxed);
    }

    /// What is to be said when all records were seen.
    pub(crate) fn sentences(&self, source: &SourceName) -> Vec<String> {
        if !self.has_records.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let fields = lock(&self.fields);
        let sentence = |(key, field): &(&str, String)| {
            format!(
                "`{key}` names the field `{field}`, which not one record of source `{source}` has, so it counts as empty \
                 in all of them; if it is misspelt, nothing else will say so"
            )
        };
        fields.iter().map(sentence).collect()
    }
}
