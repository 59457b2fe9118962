//! The answers that were asked for last, within a bound of bytes.
//!
//! Two generations instead of a list in order of use: what is used moves to the young one, and when that is
//! full it becomes the old one, whose former content goes. It keeps what is asked for often, costs two look-ups
//! in a map, and has no list to keep in order.

use scimwright_record::{Field, FieldValue, LookupUnavailable, Record, RecordKey};
use std::collections::HashMap;

type Answer = Result<Option<Record>, LookupUnavailable>;

/// Answers by key.
pub(super) struct Recent {
    /// What one generation may hold.
    limit: usize,
    young: HashMap<RecordKey, Answer>,
    young_bytes: usize,
    old: HashMap<RecordKey, Answer>,
}

impl Recent {
    /// Room for this many bytes, as far as they can be counted.
    pub(super) fn new(bytes: usize) -> Self {
        Self { limit: bytes / 2, young: HashMap::new(), young_bytes: 0, old: HashMap::new() }
    }

    pub(super) fn get(&mut self, key: &RecordKey) -> Option<Answer> {
        if let Some(answer) = self.young.get(key) {
            return Some(answer.clone());
        }
        let answer = self.old.remove(key)?;
        self.put(key, &answer);
        Some(answer)
    }

    pub(super) fn put(&mut self, key: &RecordKey, answer: &Answer) {
        let bytes = weight(key, answer);
        // One that would fill a generation by itself is not worth all the others.
        if bytes > self.limit / 4 {
            return;
        }
        if self.young_bytes + bytes > self.limit {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if self.young.insert(key.clone(), answer.clone()).is_none() {
            self.young_bytes += bytes;
        }
    }
}

/// About what an answer takes in memory.
fn weight(key: &RecordKey, answer: &Answer) -> usize {
    let content = match answer {
        Ok(Some(record)) => record.fields().iter().map(field_weight).sum(),
        Ok(None) => 0,
        Err(unavailable) => unavailable.0.len(),
    };
    size_of::<(RecordKey, Answer)>() + key.as_str().len() + content
}

fn field_weight(field: &Field) -> usize {
    let content = match &field.value {
        FieldValue::Text(text) | FieldValue::DateTime(text) => text.len(),
        FieldValue::Binary(bytes) => bytes.len(),
        FieldValue::Many(texts) => texts.iter().map(|text| text.len() + size_of::<String>()).sum(),
        FieldValue::Json(value) => value.to_string().len() * 4,
        FieldValue::Null | FieldValue::Boolean(_) | FieldValue::Integer(_) | FieldValue::Decimal(_) => 0,
    };
    size_of::<Field>() + field.name.len() + content
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_record::SourceName;

    fn key(number: usize) -> RecordKey {
        RecordKey::parse(&format!("D{number}")).unwrap()
    }

    fn answer(number: usize, bytes: usize) -> Answer {
        let record = Record::new(SourceName::parse("departments").unwrap(), key(number));
        Ok(Some(record.with("name", FieldValue::Text("x".repeat(bytes)))))
    }

    #[test]
    fn what_is_asked_for_often_stays_and_the_rest_goes() {
        let mut recent = Recent::new(64 << 10);
        recent.put(&key(0), &answer(0, 100));
        for number in 1..10_000 {
            recent.put(&key(number), &answer(number, 100));
            assert!(recent.get(&key(0)).is_some(), "lost after {number}");
        }
        assert_eq!(recent.get(&key(1)), None);
        assert_eq!(recent.get(&key(9_999)), Some(answer(9_999, 100)));
        let held = recent.young.len() + recent.old.len();
        assert!(held * 100 < 64 << 10, "{held} answers of more than 100 bytes each are held");
    }

    #[test]
    fn one_huge_record_does_not_push_out_all_others() {
        let mut recent = Recent::new(64 << 10);
        recent.put(&key(1), &answer(1, 10));
        recent.put(&key(2), &answer(2, 1 << 20));
        assert_eq!(recent.get(&key(2)), None);
        assert_eq!(recent.get(&key(1)), Some(answer(1, 10)));
    }
}
