//! Look-ups of a golden case: its `lookups` answer, and nothing else does.

use crate::json::UnreadableJson;
use crate::record::Record;
use serde_json::{Value, json};

/// Why a look-up gives no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Neither a test nor the case provides anything of that source.
    NotGranted,
    /// The reason, as the host would word it.
    Unavailable(String),
}

/// What a look-up finds.
pub(crate) type Answer = Result<Option<Record>, NoAnswer>;

/// The look-ups of a case, in their order.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    source: String,
    key: String,
    /// The fields that were asked for; `None` answers whichever are.
    fields: Option<Vec<String>>,
    answer: Answer,
    played: bool,
}

impl Tape {
    /// Reads the `lookups` of a case.
    pub(crate) fn read(lookups: &Value) -> Result<Self, UnreadableJson> {
        let wrong = |problem: &str| UnreadableJson { place: "lookups".into(), problem: problem.into() };
        let entries = lookups.as_array().ok_or_else(|| wrong("is not a list"))?;
        let entries = entries.iter().enumerate().map(|(at, entry)| {
            Entry::read(entry).map_err(|error| UnreadableJson {
                place: format!("lookups[{at}].{}", error.place),
                problem: error.problem,
            })
        });
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    /// An answer is given once, as long as there is another that fits.
    pub(crate) fn answer(&mut self, source: &str, key: &str, wanted: &[&str]) -> Answer {
        let fits: Vec<usize> =
            (0..self.entries.len()).filter(|at| self.entries[*at].answers(source, key, wanted)).collect();
        let new = fits.iter().find(|at| !self.entries[**at].played);
        let Some(at) = new.or(fits.last()) else {
            let problem = format!("the case has no look-up of `{key}` in `{source}` with these fields");
            return Err(NoAnswer::Unavailable(problem));
        };
        let entry = &mut self.entries[*at];
        entry.played = true;
        entry.answer.clone()
    }
}

impl Entry {
    fn read(entry: &Value) -> Result<Self, UnreadableJson> {
        let wrong =
            |place: &str, problem: &str| UnreadableJson { place: place.into(), problem: problem.into() };
        let answer = match (entry.get("found"), entry.get("unavailable")) {
            (Some(Value::Null), None) => Ok(None),
            (Some(found), None) => {
                let record = json!({ "source": entry["source"], "key": entry["key"], "fields": found, "types": entry["types"] });
                Ok(Some(Record::from_json(&record)?))
            }
            (None, Some(Value::String(reason))) => Err(NoAnswer::Unavailable(reason.clone())),
            _ => {
                let problem =
                    "is needed: `\"found\": {…}`, `\"found\": null`, or else `\"unavailable\": \"why\"`";
                return Err(wrong("found", problem));
            }
        };
        let text = |name: &str| {
            entry[name].as_str().map(ToOwned::to_owned).ok_or_else(|| wrong(name, "is not a text"))
        };
        let texts = |names: &Value| -> Option<Vec<String>> {
            names.as_array()?.iter().map(|name| name.as_str().map(ToOwned::to_owned)).collect()
        };
        let fields = match entry.get("fields") {
            Some(names) => Some(texts(names).ok_or_else(|| wrong("fields", "is not a list of texts"))?),
            None => None,
        };
        Ok(Self { source: text("source")?, key: text("key")?, fields, answer, played: false })
    }

    fn answers(&self, source: &str, key: &str, wanted: &[&str]) -> bool {
        self.source == source
            && self.key == key
            && self
                .fields
                .as_ref()
                .is_none_or(|fields| wanted.iter().all(|name| fields.iter().any(|field| field == name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_answers_what_was_asked_and_in_its_order() {
        let mut tape = Tape::read(&json!([
            { "source": "sites", "key": "BER", "fields": ["city"], "unavailable": "the disk is gone" },
            { "source": "sites", "key": "BER", "fields": ["city"], "found": { "city": "Berlin" } },
            { "source": "sites", "key": "PAR", "found": null },
        ]))
        .unwrap();
        let mut ask = |key: &str, field: &str| tape.answer("sites", key, &[field]);
        assert_eq!(ask("BER", "city"), Err(NoAnswer::Unavailable("the disk is gone".into())));
        for _ in 0..2 {
            assert_eq!(ask("BER", "city").unwrap().unwrap().text("city").unwrap(), "Berlin");
        }
        assert_eq!(ask("PAR", "anything"), Ok(None));
        let other = Err(NoAnswer::Unavailable(
            "the case has no look-up of `BER` in `sites` with these fields".into(),
        ));
        assert_eq!(ask("BER", "rent"), other);
    }

    #[test]
    fn a_tape_that_cannot_be_read_says_where() {
        let read = |lookups| Tape::read(&lookups).unwrap_err().to_string();
        assert_eq!(read(json!({})), "lookups: is not a list");
        assert_eq!(
            read(json!([{ "source": "sites", "key": 1, "found": null }])),
            "lookups[0].key: is not a text"
        );
        assert!(
            read(json!([{ "source": "sites", "key": "BER" }])).starts_with("lookups[0].found: is needed")
        );
    }
}
