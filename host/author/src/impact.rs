//! Who would change if one module took another's place, and how.
//!
//! Both modules map every record; what differs is counted by attribute, and some people are kept as examples. Memory
//! does not grow with the number of records.

use crate::screen::{count, side};
use scimwright_mapping::CaseReport;
use scimwright_mapping::case::{Difference, differences, lasting};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What the new module does to a record that the old one did not.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum Change {
    /// It returns another resource.
    Attributes {
        /// Where the two differ.
        differences: Vec<Difference>,
    },
    /// It skips the record.
    NowSkipped {
        /// Why.
        reason: String,
    },
    /// It maps the record, which was skipped before.
    NoLongerSkipped {
        /// What it returns.
        resource: Value,
    },
    /// It fails on the record.
    NowFails {
        /// With what.
        error: Value,
    },
    /// It maps or skips the record, on which the old one failed.
    Fixed {
        /// What the old one failed with.
        error: Value,
        /// What comes out now.
        outcome: Value,
    },
    /// It skips or fails as before, and says another reason.
    OtherReason {
        /// What came out before.
        before: Value,
        /// What comes out now.
        after: Value,
    },
}

/// A record that changes.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PersonChange {
    /// The source of the record.
    pub source: String,
    /// Its key.
    pub key: String,
    /// What changes.
    #[serde(flatten)]
    pub change: Change,
}

/// How often an attribute changes, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct AttributeCount {
    /// The new module sets it and the old one left it alone.
    pub added: u64,
    /// The old module set it and the new one leaves it alone.
    pub left_alone: u64,
    /// The new module clears it.
    pub cleared: u64,
    /// Both set it, to different values.
    pub changed: u64,
}

/// The figures of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ImpactFigures {
    /// Records that both mapped.
    pub records: u64,
    /// Records for which nothing changes.
    pub unchanged: u64,
    /// Records whose resource changes.
    pub changed: u64,
    /// Records that are skipped now.
    pub now_skipped: u64,
    /// Records that are no longer skipped.
    pub no_longer_skipped: u64,
    /// Records that fail now.
    pub now_fail: u64,
    /// Records that no longer fail.
    pub fixed: u64,
    /// Records that are skipped or fail as before, for another reason.
    pub other_reason: u64,
    /// Records that could not be read, and that nobody compared.
    pub unreadable: u64,
    /// How often each attribute changes.
    pub attributes: BTreeMap<String, AttributeCount>,
}

/// The comparison of two modules over records.
#[derive(Debug, Clone)]
pub struct Impact {
    /// The old module: `corp-user 1.2.0 (sha256 ab12cd34)`.
    pub old: String,
    /// The new module.
    pub new: String,
    /// The figures.
    pub figures: ImpactFigures,
    /// Some of those who change, in the order of the records.
    pub examples: Vec<PersonChange>,
    most_examples: usize,
}

impl Impact {
    /// A comparison that keeps at most so many examples.
    #[must_use]
    pub fn new(old: String, new: String, most_examples: usize) -> Self {
        Self { old, new, figures: ImpactFigures::default(), examples: Vec::new(), most_examples }
    }

    /// Takes in what came out of the two modules for a record, and returns what changes.
    pub fn add(
        &mut self,
        source: &str,
        key: &str,
        old: &CaseReport,
        new: &CaseReport,
    ) -> Option<PersonChange> {
        self.figures.records += 1;
        let Some(change) = change(&old.outcome, &new.outcome) else {
            self.figures.unchanged += 1;
            return None;
        };
        self.count(&change, &old.outcome, &new.outcome);
        let person = PersonChange { source: source.to_owned(), key: key.to_owned(), change };
        if self.examples.len() < self.most_examples {
            self.examples.push(person.clone());
        }
        Some(person)
    }

    /// Takes note of a record that could not be read.
    pub fn add_unreadable(&mut self) {
        self.figures.unreadable += 1;
    }

    /// Whether anybody changes.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.figures.unchanged == self.figures.records
    }

    fn count(&mut self, change: &Change, old: &Value, new: &Value) {
        let figures = &mut self.figures;
        match change {
            Change::Attributes { .. } => figures.changed += 1,
            Change::NowSkipped { .. } => figures.now_skipped += 1,
            Change::NoLongerSkipped { .. } => figures.no_longer_skipped += 1,
            Change::NowFails { .. } => figures.now_fail += 1,
            Change::Fixed { .. } => figures.fixed += 1,
            Change::OtherReason { .. } => figures.other_reason += 1,
        }
        if !matches!(change, Change::Attributes { .. }) {
            return;
        }
        for (name, before, after) in attributes(old, new) {
            let count = figures.attributes.entry(name).or_default();
            match (before, after) {
                (_, Some(Value::Null)) => count.cleared += 1,
                (None | Some(Value::Null), Some(_)) => count.added += 1,
                (_, None) => count.left_alone += 1,
                (Some(_), Some(_)) => count.changed += 1,
            }
        }
    }
}

/// What a record's outcome is.
enum Kind<'a> {
    Resource,
    Skip(&'a str),
    Error(&'a Value),
}

fn kind(outcome: &Value) -> Kind<'_> {
    let only = outcome.as_object().filter(|outcome| outcome.len() == 1);
    match only.and_then(|outcome| outcome.iter().next()) {
        Some((name, Value::String(reason))) if name == "skip" => Kind::Skip(reason),
        Some((name, error)) if name == "error" && error.get("kind").is_some() => Kind::Error(error),
        _ => Kind::Resource,
    }
}

fn change(old: &Value, new: &Value) -> Option<Change> {
    if lasting(old) == lasting(new) {
        return None;
    }
    Some(match (kind(old), kind(new)) {
        (Kind::Resource, Kind::Resource) => Change::Attributes { differences: differences(old, new) },
        (Kind::Error(_), Kind::Error(_)) | (Kind::Skip(_), Kind::Skip(_)) => {
            Change::OtherReason { before: old.clone(), after: new.clone() }
        }
        (Kind::Error(error), _) => Change::Fixed { error: error.clone(), outcome: new.clone() },
        (_, Kind::Error(error)) => Change::NowFails { error: error.clone() },
        (Kind::Resource, Kind::Skip(reason)) => Change::NowSkipped { reason: reason.to_owned() },
        (Kind::Skip(_), Kind::Resource) => Change::NoLongerSkipped { resource: new.clone() },
    })
}

/// The attributes that differ, an extension's with its URN, and their values.
fn attributes<'v>(old: &'v Value, new: &'v Value) -> Vec<(String, Option<&'v Value>, Option<&'v Value>)> {
    let flat = |resource: &'v Value| {
        let mut flat: BTreeMap<String, &'v Value> = BTreeMap::new();
        for (name, value) in resource.as_object().into_iter().flatten() {
            match value.as_object().filter(|_| name.starts_with("urn:")) {
                Some(extension) => {
                    flat.extend(extension.iter().map(|(short, value)| (format!("{name}:{short}"), value)));
                }
                None => {
                    flat.insert(name.clone(), value);
                }
            }
        }
        flat
    };
    let (old, new) = (flat(old), flat(new));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let each = names.into_iter().map(|name| (name.clone(), old.get(name).copied(), new.get(name).copied()));
    each.filter(|(_, before, after)| before != after).collect()
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = &self.figures;
        writeln!(f, "old  {}\nnew  {}\n", self.old, self.new)?;
        let mut line = |number: u64, words: &str| match number {
            0 => Ok(()),
            number => writeln!(f, "{number:>8}  {words}"),
        };
        line(figures.records, "records compared")?;
        line(figures.unchanged, "unchanged")?;
        line(figures.changed, "get other attributes")?;
        line(figures.now_skipped, "are skipped now")?;
        line(figures.no_longer_skipped, "are no longer skipped")?;
        line(figures.now_fail, "fail now")?;
        line(figures.fixed, "no longer fail")?;
        line(figures.other_reason, "are skipped or fail for another reason")?;
        line(figures.unreadable, "could not be read, and were not compared")?;
        if !figures.attributes.is_empty() {
            writeln!(f, "\n   changed    added  cleared  left alone  attribute")?;
            let mut attributes: Vec<_> = figures.attributes.iter().collect();
            let sum = |count: &AttributeCount| count.changed + count.added + count.cleared + count.left_alone;
            attributes.sort_by_key(|(_, count)| std::cmp::Reverse(sum(count)));
            for (name, count) in attributes {
                let AttributeCount { added, left_alone, cleared, changed } = count;
                writeln!(f, "  {changed:>8} {added:>8} {cleared:>8} {left_alone:>11}  {name}")?;
            }
        }
        if !self.examples.is_empty() {
            writeln!(f)?;
        }
        for person in &self.examples {
            write!(f, "{person}")?;
        }
        let changed = figures.records - figures.unchanged;
        match usize::try_from(changed).unwrap_or(usize::MAX).saturating_sub(self.examples.len()) {
            0 => Ok(()),
            more => writeln!(f, "and {} not shown; `--show` shows more", count(more, "record")),
        }
    }
}

impl fmt::Display for PersonChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source, self.key)?;
        let message = |error: &Value| {
            let kind = error["kind"].as_str().unwrap_or("error");
            error["message"].as_str().map_or(kind.to_owned(), |message| format!("{kind}: {message}"))
        };
        match &self.change {
            Change::Attributes { differences } => {
                writeln!(f)?;
                differences.iter().try_for_each(|difference| {
                    let (before, after) = (
                        side(&difference.path, difference.before.as_ref()),
                        side(&difference.path, difference.after.as_ref()),
                    );
                    writeln!(f, "    {}: {before} → {after}", difference.path)
                })
            }
            Change::NowSkipped { reason } => writeln!(f, " is skipped now: {reason}"),
            Change::NoLongerSkipped { resource } => writeln!(f, " is no longer skipped: {resource}"),
            Change::NowFails { error } => writeln!(f, " fails now: {}", message(error)),
            Change::Fixed { error, .. } => writeln!(f, " no longer fails ({})", message(error)),
            Change::OtherReason { before, after } => writeln!(f, ": {before} → {after}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_mapping::Evidence;
    use serde_json::json;

    fn report(outcome: Value) -> CaseReport {
        CaseReport { outcome, matches: true, evidence: Evidence::default(), error: None }
    }

    fn impact() -> Impact {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let error = |message: &str| json!({ "error": { "kind": "invalid-record", "message": message } });
        let pairs = [
            (json!({ "userName": "a" }), json!({ "userName": "a" })),
            (
                json!({ "userName": "a", "title": "x", urn: { "division": "R" } }),
                json!({ "userName": "b", "title": null, "locale": "en", urn: { "division": "S" } }),
            ),
            (json!({ "userName": "c", "title": "x" }), json!({ "userName": "C" })),
            (json!({ "userName": "d" }), json!({ "skip": "left" })),
            (json!({ "skip": "left" }), json!({ "userName": "e" })),
            (json!({ "userName": "f" }), error("no mail")),
            (error("no mail"), json!({ "userName": "g" })),
            (error("no mail"), error("no name")),
            (
                json!({ "error": { "kind": "cpu", "message": "51 ms" } }),
                json!({ "error": { "kind": "cpu", "message": "52 ms" } }),
            ),
        ];
        let mut impact = Impact::new("people 1.0.0".into(), "people 1.1.0".into(), 6);
        for (at, (old, new)) in pairs.into_iter().enumerate() {
            impact.add("hr", &format!("E{at}"), &report(old), &report(new));
        }
        impact.add_unreadable();
        impact
    }

    #[test]
    fn every_kind_of_change_is_counted_once() {
        let figures = impact().figures;
        assert_eq!((figures.records, figures.unchanged, figures.changed), (9, 2, 2));
        assert_eq!((figures.now_skipped, figures.no_longer_skipped, figures.now_fail), (1, 1, 1));
        assert_eq!((figures.fixed, figures.other_reason, figures.unreadable), (1, 1, 1));
        let title = AttributeCount { cleared: 1, left_alone: 1, ..AttributeCount::default() };
        assert_eq!(figures.attributes["title"], title);
    }

    #[test]
    fn the_report_says_who_changes_and_how() {
        insta::assert_snapshot!(impact());
    }

    #[test]
    fn where_nobody_changes_the_report_says_so_in_two_lines() {
        let mut impact = Impact::new("people 1.0.0".into(), "people 1.1.0".into(), 6);
        impact.add("hr", "E1", &report(json!({})), &report(json!({})));
        assert!(impact.is_none());
        insta::assert_snapshot!(impact);
    }
}
