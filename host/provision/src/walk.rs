//! Fields of other records: `department_id.name` is the `name` of the record whose key `department_id` holds.
//!
//! The configuration says which fields hold keys of which source. A path may go on from there to a third source,
//! at most [`MAX_HOPS`] times. A record with nothing in the field, or whose key nobody has, leads nowhere, and
//! what is there is empty; a source that cannot be read is an error, since empty would clear what is right.

use crate::rows::key_in;
use scimwright_record::{FieldValue, Record, RecordKey, RecordLookup, SourceName};
use std::collections::BTreeMap;
use std::time::Instant;

/// How often a path may go on to another source.
pub const MAX_HOPS: usize = 4;

/// What has to be known of the sources to follow a path through them.
#[derive(Debug, Clone, Default)]
pub struct References {
    sources: BTreeMap<SourceName, Linked>,
}

/// A source, as far as paths are concerned.
#[derive(Debug, Clone, Default)]
pub struct Linked {
    /// Whether its records have columns, so that a field they lack is a mistake.
    pub columns: bool,
    /// The fields that hold the key of another record, and the source of that.
    pub fields: Vec<(String, SourceName)>,
}

/// The way from a record to a field of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// As it was written: the name under which the value is found later.
    pub path: String,
    /// The fields to follow, each with the source that it leads to.
    hops: Vec<(String, SourceName)>,
    /// The field of the last record.
    field: String,
}

/// A path through more sources than anybody should need.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` goes through more than {MAX_HOPS} sources; join what is needed into one of them")]
pub struct TooFar {
    /// The path.
    pub path: String,
}

/// A path that could not be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {key}: `{path}` cannot be followed: {reason}")]
pub struct WalkError {
    /// The record where it begins.
    pub key: RecordKey,
    /// The path.
    pub path: String,
    /// Why not, and what to do.
    pub reason: String,
}

impl References {
    /// Says what is to be known of a source.
    pub fn insert(&mut self, source: SourceName, linked: Linked) {
        self.sources.insert(source, linked);
    }

    /// The way that a path describes from the records of a source; `None` where it is the name of a field and
    /// nothing else.
    ///
    /// # Errors
    /// [`TooFar`] where it has too many hops.
    pub fn walk(&self, source: &SourceName, path: &str) -> Result<Option<Walk>, TooFar> {
        let (mut hops, mut at, mut rest) = (Vec::new(), source, path);
        while let Some((field, target, after)) = self.hop(at, rest) {
            if hops.len() == MAX_HOPS {
                return Err(TooFar { path: path.to_owned() });
            }
            hops.push((field.to_owned(), target.clone()));
            (at, rest) = (target, after);
        }
        let walk = Walk { path: path.to_owned(), hops, field: rest.to_owned() };
        Ok((!walk.hops.is_empty()).then_some(walk))
    }

    /// The field with which a path goes on to another source. Names of fields may hold points themselves; the
    /// longest that fits is meant.
    fn hop<'a>(&'a self, source: &SourceName, path: &'a str) -> Option<(&'a str, &'a SourceName, &'a str)> {
        let fields = self.sources.get(source)?.fields.iter();
        let fitting = fields.filter_map(|(field, target)| {
            let after = path.strip_prefix(field.as_str())?.strip_prefix('.')?;
            (!after.is_empty()).then_some((field.as_str(), target, after))
        });
        fitting.max_by_key(|(field, _, _)| field.len())
    }

    fn has_columns(&self, source: &SourceName) -> bool {
        self.sources.get(source).is_some_and(|linked| linked.columns)
    }
}

impl Walk {
    /// The sources it leads through.
    pub fn sources(&self) -> impl Iterator<Item = &SourceName> {
        self.hops.iter().map(|(_, source)| source)
    }

    /// The fields that are read on the way, with the source that has to have each; `from` is where it begins.
    pub fn steps<'w>(&'w self, from: &'w SourceName) -> impl Iterator<Item = (&'w SourceName, &'w str)> {
        let sources = std::iter::once(from).chain(self.sources());
        let fields = self.hops.iter().map(|(field, _)| field.as_str());
        sources.zip(fields.chain(std::iter::once(self.field.as_str())))
    }

    /// The value at the end of the way; `Null` where it leads nowhere.
    ///
    /// # Errors
    /// [`WalkError`] when a source cannot be read, does not have the field, or the field holds no key.
    pub fn follow(
        &self,
        record: &Record,
        references: &References,
        reader: &dyn RecordLookup,
        deadline: Instant,
    ) -> Result<FieldValue, WalkError> {
        let fail = |reason: String| WalkError { key: record.key().clone(), path: self.path.clone(), reason };
        let mut found: Option<Record> = None;
        for (index, (field, target)) in self.hops.iter().enumerate() {
            let at = found.as_ref().unwrap_or(record);
            let value = field_of(at, field, references).map_err(fail)?;
            let Some(key) = key_in(&value, field).map_err(fail)? else { return Ok(FieldValue::Null) };
            let next = self.hops.get(index + 1).map_or(&self.field, |(field, _)| field);
            let wanted = std::slice::from_ref(next);
            match reader.lookup(target, &key, wanted, deadline) {
                Ok(Some(next)) => found = Some(next),
                Ok(None) => return Ok(FieldValue::Null),
                Err(unavailable) => return Err(fail(unavailable.to_string())),
            }
        }
        field_of(found.as_ref().unwrap_or(record), &self.field, references).map_err(fail)
    }
}

fn field_of(record: &Record, field: &str, references: &References) -> Result<FieldValue, String> {
    match record.field(field) {
        Some(value) => Ok(value.clone()),
        None if !references.has_columns(record.source()) => Ok(FieldValue::Null),
        None => {
            let known: Vec<_> = record.fields().iter().map(|field| field.name.as_str()).collect();
            Err(format!("source `{}` has no field `{field}`; it has: {}", record.source(), known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_record::LookupUnavailable;

    fn source(name: &str) -> SourceName {
        SourceName::parse(name).unwrap()
    }

    fn record(source_name: &str, key: &str, fields: &[(&str, &str)]) -> Record {
        let record = Record::new(source(source_name), RecordKey::parse(key).unwrap());
        fields
            .iter()
            .fold(record, |record, (name, value)| record.with(*name, FieldValue::Text((*value).into())))
    }

    /// People in departments on sites; a department without a site, and one whose site nobody knows.
    struct Company;

    impl RecordLookup for Company {
        fn lookup(
            &self,
            source: &SourceName,
            key: &RecordKey,
            _fields: &[String],
            _deadline: Instant,
        ) -> Result<Option<Record>, LookupUnavailable> {
            Ok(Some(match (source.as_str(), key.as_str()) {
                ("departments", "D1") => {
                    record("departments", "D1", &[("name", "Research"), ("site_id", "S1")])
                }
                ("departments", "D2") => record("departments", "D2", &[("name", "Sales"), ("site_id", " ")]),
                ("sites", "S1") => record("sites", "S1", &[("city", "Graz")]),
                ("people", "E0") => record("people", "E0", &[("boss", "E0"), ("mail", "e0@example.com")]),
                ("archive", _) => return Err(LookupUnavailable("source `archive` is gone".into())),
                _ => return Ok(None),
            }))
        }
    }

    fn references() -> References {
        let mut references = References::default();
        let linked = |fields: &[(&str, &str)]| Linked {
            columns: true,
            fields: fields.iter().map(|(field, target)| ((*field).to_owned(), source(target))).collect(),
        };
        let people = [("dept", "departments"), ("boss", "people"), ("old", "archive"), ("a.b", "sites")];
        references.insert(source("people"), linked(&people));
        references.insert(source("departments"), linked(&[("site_id", "sites")]));
        references.insert(source("sites"), linked(&[]));
        references
    }

    fn follow(person: &Record, path: &str) -> Result<FieldValue, String> {
        let references = references();
        let walk = references.walk(person.source(), path).unwrap().unwrap();
        walk.follow(person, &references, &Company, Instant::now()).map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Result<FieldValue, String> {
        Ok(FieldValue::Text(text.into()))
    }

    #[test]
    fn a_path_leads_through_other_sources_and_back_into_the_first() {
        let zoe = record("people", "E1", &[("dept", "D1"), ("boss", "E0"), ("a.b", "S1")]);
        assert_eq!(follow(&zoe, "dept.name"), text("Research"));
        assert_eq!(follow(&zoe, "dept.site_id.city"), text("Graz"));
        assert_eq!(follow(&zoe, "boss.boss.boss.boss.mail"), text("e0@example.com"));
        assert_eq!(follow(&zoe, "a.b.city"), text("Graz"), "a point may belong to the name of a field");
        assert_eq!(references().walk(&source("people"), "name.given"), Ok(None), "no reference, but a field");
        let walk = references().walk(&source("people"), "dept.site_id.city").unwrap().unwrap();
        let people = source("people");
        let steps: Vec<_> = walk.steps(&people).map(|(source, field)| (source.as_str(), field)).collect();
        assert_eq!(steps, [("people", "dept"), ("departments", "site_id"), ("sites", "city")]);
        let too_far = references().walk(&source("people"), "boss.boss.boss.boss.boss.mail").unwrap_err();
        assert!(too_far.to_string().contains("more than 4 sources"), "{too_far}");
    }

    #[test]
    fn a_path_that_leads_nowhere_is_empty() {
        let lost = record("people", "E1", &[("dept", "D2"), ("boss", "E9")]);
        assert_eq!(follow(&lost, "dept.site_id.city"), Ok(FieldValue::Null), "the department has no site");
        assert_eq!(follow(&lost, "boss.mail"), Ok(FieldValue::Null), "nobody has that key");
    }

    #[test]
    fn a_source_that_cannot_be_read_is_never_taken_for_empty() {
        let person = record("people", "E1", &[("old", "X1"), ("dept", "D1"), ("boss", "E0")]);
        assert_eq!(
            follow(&person, "old.name").unwrap_err(),
            "record E1: `old.name` cannot be followed: source `archive` is gone"
        );
        assert_eq!(
            follow(&person, "dept.nmae").unwrap_err(),
            "record E1: `dept.nmae` cannot be followed: source `departments` has no field `nmae`; it has: name, site_id"
        );
    }
}
