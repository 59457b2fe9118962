//! Look-ups, answered from a case and from nothing else.

use super::{CaseError, Object, fields};
use crate::evidence::{TapeAnswer, TapeEntry};
use crate::text;
use scimwright_record::{LookupUnavailable, Record, RecordKey, RecordLookup, SourceName};
use serde_json::{Map, Value};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How the answer begins that a look-up gets which is not on the tape.
pub const NOT_ON_TAPE: &str = "the case has no look-up of";

/// A look-up of a case, and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseLookup {
    /// The source, as the module names it.
    pub source: String,
    /// The key, as the module gives it.
    pub key: String,
    /// The fields that were asked for. `None` answers whichever fields are asked for.
    pub fields: Option<Vec<String>>,
    /// The answer.
    pub answer: TapeAnswer,
}

impl From<TapeEntry> for CaseLookup {
    fn from(entry: TapeEntry) -> Self {
        let TapeEntry { source, key, fields, answer } = entry;
        Self { source, key, fields: Some(fields), answer }
    }
}

impl CaseLookup {
    pub(super) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("source".to_owned(), self.source.as_str().into());
        object.insert("key".to_owned(), self.key.as_str().into());
        if let Some(fields) = &self.fields {
            object.insert("fields".to_owned(), fields.as_slice().into());
        }
        match &self.answer {
            TapeAnswer::Found(record) => fields::write_fields(record.fields(), "found", &mut object),
            TapeAnswer::Absent => {
                object.insert("found".to_owned(), Value::Null);
            }
            TapeAnswer::NotGranted => {
                object.insert("not_granted".to_owned(), true.into());
            }
            TapeAnswer::Unavailable(reason) => {
                object.insert("unavailable".to_owned(), reason.as_str().into());
            }
        }
        Value::Object(object)
    }

    /// Whether this is the answer to that look-up.
    fn answers(&self, source: &SourceName, key: &RecordKey, wanted: &[String]) -> bool {
        self.source == source.as_str()
            && self.key == key.as_str()
            && self.fields.as_ref().is_none_or(|fields| wanted.iter().all(|name| fields.contains(name)))
    }
}

/// Reads the look-up at this position of the tape.
pub(super) fn lookup(at: usize, value: &Value) -> Result<CaseLookup, CaseError> {
    let place = format!("lookups[{at}]");
    let object = Object::new(&place, value)?;
    object.only(&["source", "key", "fields", "found", "types", "unavailable", "not_granted"])?;
    let (source, key) = (object.text("source")?, object.text("key")?);
    let wrong_fields = || CaseError::new(format!("{place}.fields"), "is not a list of texts");
    let fields = match object.get("fields") {
        None => None,
        Some(Value::Array(names)) => {
            let names = names.iter().map(|name| name.as_str().map(str::to_owned));
            Some(names.collect::<Option<Vec<_>>>().ok_or_else(wrong_fields)?)
        }
        Some(_) => return Err(wrong_fields()),
    };
    let answer = match (object.get("found"), object.optional_text("unavailable")?, object.get("not_granted"))
    {
        (Some(Value::Null), None, None) => TapeAnswer::Absent,
        (Some(found), None, None) => {
            let found = fields::from_json(&format!("{place}.found."), found, object.get("types"))?;
            let wrong = |name: &str, error| {
                CaseError::new(format!("{place}.{name}"), format!("is not right: {error}"))
            };
            TapeAnswer::Found(Record::with_distinct_fields(
                SourceName::parse(&source).map_err(|error| wrong("source", error))?,
                RecordKey::parse(&key).map_err(|error| wrong("key", error))?,
                found,
            ))
        }
        (None, Some(reason), None) => TapeAnswer::Unavailable(reason),
        (None, None, Some(Value::Bool(true))) => TapeAnswer::NotGranted,
        _ => {
            let problem = "has to say one of \"found\": { … }, \"found\": null, \"unavailable\": \"…\" and \
                           \"not_granted\": true";
            return Err(CaseError::new(place, problem));
        }
    };
    Ok(CaseLookup { source, key, fields, answer })
}

/// Plays the tape of one case at a time. An answer is given once, as long as there is another that fits: a source
/// that was away and then came back does so again.
#[derive(Debug, Default)]
pub struct TapePlayer {
    tape: Mutex<Vec<(CaseLookup, bool)>>,
}

impl TapePlayer {
    /// Puts in the tape of the next case.
    pub fn insert(&self, lookups: &[CaseLookup]) {
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        *tape = lookups.iter().map(|lookup| (lookup.clone(), false)).collect();
    }
}

impl RecordLookup for TapePlayer {
    fn lookup(
        &self,
        source: &SourceName,
        key: &RecordKey,
        fields: &[String],
        _deadline: Instant,
    ) -> Result<Option<Record>, LookupUnavailable> {
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        let fits: Vec<usize> = (0..tape.len())
            .filter(|at| tape.get(*at).is_some_and(|(lookup, _)| lookup.answers(source, key, fields)))
            .collect();
        let is_new = |at: &&usize| tape.get(**at).is_some_and(|(_, played)| !played);
        let at = fits.iter().find(is_new).or(fits.last());
        let Some((lookup, played)) = at.and_then(|at| tape.get_mut(*at)) else {
            return Err(LookupUnavailable(format!(
                "{NOT_ON_TAPE} {} in `{source}` for {}",
                text::list(&[key]),
                text::list(fields)
            )));
        };
        *played = true;
        match &lookup.answer {
            TapeAnswer::Found(record) => Ok(Some(record.clone())),
            TapeAnswer::Absent => Ok(None),
            TapeAnswer::Unavailable(reason) => Err(LookupUnavailable(reason.clone())),
            // Recorded where the module was not granted it; whoever runs the case grants what it declares.
            TapeAnswer::NotGranted => {
                Err(LookupUnavailable(format!("look-ups in `{source}` were not granted")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(player: &TapePlayer, key: &str, fields: &[&str]) -> Result<bool, String> {
        let fields: Vec<_> = fields.iter().map(|name| (*name).to_owned()).collect();
        let source = SourceName::parse("departments").unwrap();
        let found = player.lookup(&source, &RecordKey::parse(key).unwrap(), &fields, Instant::now());
        found.map(|found| found.is_some()).map_err(|error| error.0)
    }

    fn player(lookups: Value) -> TapePlayer {
        let lookups: Vec<_> =
            lookups.as_array().unwrap().iter().enumerate().map(|(at, l)| lookup(at, l).unwrap()).collect();
        let player = TapePlayer::default();
        player.insert(&lookups);
        player
    }

    #[test]
    fn answers_come_from_the_tape_in_its_order_and_the_last_one_stays() {
        let player = player(json!([
            { "source": "departments", "key": "D1", "fields": ["name"], "unavailable": "away" },
            { "source": "departments", "key": "D1", "fields": ["name", "floor"], "found": { "name": "R" } },
            { "source": "departments", "key": "D2", "found": null },
        ]));
        assert_eq!(ask(&player, "D1", &["name"]), Err("away".into()));
        assert_eq!(ask(&player, "D1", &["name"]), Ok(true));
        assert_eq!(ask(&player, "D1", &["name"]), Ok(true));
        assert_eq!(ask(&player, "D2", &["whatever"]), Ok(false));
    }

    #[test]
    fn a_look_up_that_is_not_on_the_tape_is_named() {
        let player =
            player(json!([{ "source": "departments", "key": "D1", "fields": ["name"], "found": null }]));
        assert_eq!(
            ask(&player, "D1", &["name", "floor"]),
            Err("the case has no look-up of `D1` in `departments` for `name` and `floor`".into())
        );
    }

    #[test]
    fn a_look_up_says_exactly_one_answer() {
        for wrong in [
            json!({ "source": "d", "key": "1" }),
            json!({ "source": "d", "key": "1", "found": null, "unavailable": "x" }),
            json!({ "source": "d", "key": "1", "not_granted": false }),
        ] {
            assert!(lookup(3, &wrong).unwrap_err().to_string().starts_with("`lookups[3]` has to say one of"));
        }
    }
}
