//! Which records count: a filter over their fields, a mark that says somebody left, and dates between which they are
//! valid.
//!
//! A record that does not count is treated as one that is not there, and never as one that could not be read: a
//! filter that names a field the record lacks is that record's failure, and its resource stays.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use scimwright_record::{FieldValue, Record};
use scimwright_scim::{Comparison, Filter, FilterValue};
use std::cmp::Ordering;

/// Which records count.
#[derive(Debug, Clone, Default)]
pub struct ScopeRules {
    /// Only records that match; all of them where there is none.
    pub only: Option<RecordFilter>,
    /// Records that match have left, whatever else is said of them.
    pub left: Option<RecordFilter>,
    /// The field with the first day or moment on which a record counts.
    pub valid_from: Option<String>,
    /// The field with the last day on which it counts, or the moment from which it does not.
    pub valid_until: Option<String>,
    /// Whether the records have columns, so that a field that one of them lacks is a mistake.
    pub columns: bool,
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standpoint {
    /// It counts, until then at most.
    In {
        /// When it ceases to, where that is known.
        until: Option<Timestamp>,
    },
    /// It does not count.
    Out {
        /// Why.
        reason: String,
        /// When it begins to, where that is known.
        until: Option<Timestamp>,
    },
}

impl ScopeRules {
    /// The fields that it rests on, each with the key of the configuration that names it. Those of filters are compared
    /// without case, the others to the letter.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let filters = [("scope", &self.only), ("left", &self.left)].into_iter();
        let asked = filters.flat_map(|(key, filter)| {
            filter.iter().flat_map(RecordFilter::fields).map(move |field| (key, field)).collect::<Vec<_>>()
        });
        let dates = [("valid_from", &self.valid_from), ("valid_until", &self.valid_until)].into_iter();
        let dates = dates.filter_map(|(key, field)| Some((key, field.clone()?)));
        asked.chain(dates).collect()
    }

    /// Where a record stands at a moment.
    pub(crate) fn look(&self, record: &Record, now: Timestamp) -> Result<Standpoint, String> {
        let out = |reason: String, until| Ok(Standpoint::Out { reason, until });
        if let Some(left) = &self.left
            && left.matches(record, self.columns)?
        {
            return out(format!("the record says that it left ({left})"), None);
        }
        if let Some(only) = &self.only
            && !only.matches(record, self.columns)?
        {
            return out(format!("it is out of scope ({only})"), None);
        }
        if let Some((moment, text)) = self.moment(record, self.valid_from.as_deref(), Edge::First)?
            && now < moment
        {
            return out(format!("it counts from {text} on"), Some(moment));
        }
        let until = self.moment(record, self.valid_until.as_deref(), Edge::Last)?;
        if let Some((moment, text)) = &until
            && now >= *moment
        {
            return out(format!("it counted until {text}"), None);
        }
        Ok(Standpoint::In { until: until.map(|(moment, _)| moment) })
    }

    fn moment(
        &self,
        record: &Record,
        field: Option<&str>,
        edge: Edge,
    ) -> Result<Option<(Timestamp, String)>, String> {
        let Some(field) = field else { return Ok(None) };
        moment_in(record, field, edge, self.columns)
    }
}

/// Which end of a day is meant where a date has no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// Its beginning.
    First,
    /// Its end: the day counts.
    Last,
}

/// The moment in a field, and the text that says it; `None` where the field is empty. A date without a time is a day
/// in UTC.
pub(crate) fn moment_in(
    record: &Record,
    field: &str,
    edge: Edge,
    columns: bool,
) -> Result<Option<(Timestamp, String)>, String> {
    let text = match field_of(record, field, columns)? {
        None | Some(FieldValue::Null) => return Ok(None),
        Some(FieldValue::Text(text) | FieldValue::DateTime(text)) if text.trim().is_empty() => {
            return Ok(None);
        }
        Some(FieldValue::Text(text) | FieldValue::DateTime(text)) => text.trim().to_owned(),
        Some(other) => {
            return Err(format!("field `{field}` holds a {}, and a date is wanted", other.kind()));
        }
    };
    let wrong = |what: &str| {
        format!(
            "field `{field}` holds `{}`, which is {what}; write a day, 2026-12-31, or a moment with its zone, \
             2026-12-31T18:00:00+01:00",
            text.chars().take(40).collect::<String>()
        )
    };
    let Some((date, rest)) = day_of(&text) else { return Err(wrong("no date")) };
    // What people write for "never ends", and what no moment can be any more.
    if date.year() == 9999 {
        return Ok(match edge {
            Edge::Last => None,
            Edge::First => Some((Timestamp::MAX, text)),
        });
    }
    let moment = match rest.is_empty() {
        true => {
            let date = if edge == Edge::Last { date.checked_add(1.day()).ok() } else { Some(date) };
            date.and_then(|date| date.to_zoned(TimeZone::UTC).ok()).map(|moment| moment.timestamp())
        }
        false => text.parse::<Timestamp>().ok(),
    };
    match moment {
        Some(moment) => Ok(Some((moment, text))),
        // Hours matter to whoever loses an account, and nobody knows whose they are.
        None if text.parse::<DateTime>().is_ok() => Err(wrong("a moment without its zone")),
        None => Err(wrong("no date")),
    }
}

/// The day at the beginning of a text, written `2026-12-31` and in no other way, and what comes after it.
fn day_of(text: &str) -> Option<(Date, &str)> {
    let (day, rest) = text.split_at_checked("2026-12-31".len())?;
    let as_written = day.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    Some((day.parse().ok().filter(|_| as_written)?, rest))
}

fn field_of<'r>(record: &'r Record, field: &str, columns: bool) -> Result<Option<&'r FieldValue>, String> {
    match record.field(field) {
        None if columns => {
            let known: Vec<&str> = record.fields().iter().map(|field| field.name.as_str()).collect();
            Err(format!("the source has no field `{field}`; it has: {}", known.join(", ")))
        }
        found => Ok(found),
    }
}

/// A filter over the fields of a record, in the language of RFC 7644 section 3.4.2.2: `department eq "Research" and
/// not (status eq "draft")`.
///
/// Names of fields are compared without case, as are strings. A field that holds text is compared as a number or a
/// truth value where the filter names one and the text is one: cells of a CSV file are all text.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordFilter {
    filter: Filter,
}

/// A filter that no record can be held against.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecordFilter {
    /// It is no filter.
    #[error("{0}")]
    Syntax(String),
    /// It asks for parts, which fields do not have.
    #[error("`{0}` has parts in brackets, and the fields of a record have none")]
    Element(String),
}

impl std::str::FromStr for RecordFilter {
    type Err = InvalidRecordFilter;

    fn from_str(text: &str) -> Result<Self, InvalidRecordFilter> {
        let filter = Filter::parse(text).map_err(|error| InvalidRecordFilter::Syntax(error.to_string()))?;
        match has_element(&filter) {
            true => Err(InvalidRecordFilter::Element(text.to_owned())),
            false => Ok(Self { filter }),
        }
    }
}

fn has_element(filter: &Filter) -> bool {
    match filter {
        Filter::Element { .. } => true,
        Filter::And(operands) | Filter::Or(operands) => operands.iter().any(has_element),
        Filter::Not(operand) => has_element(operand),
        Filter::Compare { .. } | Filter::Present(_) => false,
    }
}

impl std::fmt::Display for RecordFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.filter.fmt(f)
    }
}

impl RecordFilter {
    /// The fields that it asks about.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let mut fields = Vec::new();
        collect_fields(&self.filter, &mut fields);
        fields
    }

    /// Whether a record matches. Where the records have `columns`, a field that this one lacks is an error.
    ///
    /// # Errors
    /// The field that is missing, and those that there are.
    pub fn matches(&self, record: &Record, columns: bool) -> Result<bool, String> {
        matches(&self.filter, record, columns)
    }
}

fn collect_fields(filter: &Filter, fields: &mut Vec<String>) {
    match filter {
        Filter::And(operands) | Filter::Or(operands) => {
            operands.iter().for_each(|operand| collect_fields(operand, fields));
        }
        Filter::Not(operand) => collect_fields(operand, fields),
        Filter::Present(path) | Filter::Compare { path, .. } => fields.push(path.to_string()),
        Filter::Element { .. } => {}
    }
}

fn matches(filter: &Filter, record: &Record, columns: bool) -> Result<bool, String> {
    let field = |path: &scimwright_scim::AttributePath| {
        let name = path.to_string();
        let found = record.fields().iter().find(|field| field.name.eq_ignore_ascii_case(&name));
        match found {
            Some(field) => Ok(Some(&field.value)),
            None => field_of(record, &name, columns),
        }
    };
    match filter {
        Filter::And(operands) => {
            operands.iter().try_fold(true, |all, operand| Ok(all & matches(operand, record, columns)?))
        }
        Filter::Or(operands) => {
            operands.iter().try_fold(false, |any, operand| Ok(any | matches(operand, record, columns)?))
        }
        Filter::Not(operand) => matches(operand, record, columns).map(|matched| !matched),
        Filter::Present(path) => Ok(field(path)?.is_some_and(is_present)),
        Filter::Compare { path, operator, value } => {
            let values = field(path)?.map(scalars).unwrap_or_default();
            Ok(match (operator, value) {
                // RFC 7643 section 2.5: null is absent.
                (Comparison::Equal, FilterValue::Null) => values.is_empty(),
                (Comparison::NotEqual, FilterValue::Null) => !values.is_empty(),
                (Comparison::NotEqual, value) => {
                    !values.iter().any(|found| compares(found, Comparison::Equal, value))
                }
                (operator, value) => values.iter().any(|found| compares(found, *operator, value)),
            })
        }
        Filter::Element { .. } => Ok(false),
    }
}

fn is_present(value: &FieldValue) -> bool {
    !scalars(value).is_empty()
}

/// The values of a field, as text; none where it is empty.
fn scalars(value: &FieldValue) -> Vec<String> {
    match value {
        FieldValue::Null => Vec::new(),
        FieldValue::Text(text) | FieldValue::DateTime(text) if text.trim().is_empty() => Vec::new(),
        FieldValue::Text(text) | FieldValue::DateTime(text) => vec![text.trim().to_owned()],
        FieldValue::Boolean(truth) => vec![truth.to_string()],
        FieldValue::Integer(number) => vec![number.to_string()],
        FieldValue::Decimal(number) => vec![number.to_string()],
        FieldValue::Binary(bytes) if bytes.is_empty() => Vec::new(),
        FieldValue::Binary(_) => vec!["(binary)".to_owned()],
        FieldValue::Many(items) => items.clone(),
        FieldValue::Json(serde_json::Value::Array(items)) => items.iter().map(json_text).collect(),
        FieldValue::Json(value) => vec![json_text(value)],
    }
}

fn json_text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn compares(found: &str, operator: Comparison, wanted: &FilterValue) -> bool {
    match wanted {
        FilterValue::Null => false,
        FilterValue::Boolean(truth) => {
            operator == Comparison::Equal && found.eq_ignore_ascii_case(&truth.to_string())
        }
        FilterValue::Number(number) => {
            let pair = found.parse::<f64>().ok().zip(number.as_f64());
            pair.and_then(|(found, wanted)| found.partial_cmp(&wanted))
                .is_some_and(|order| holds(order, operator))
        }
        FilterValue::Text(wanted) => {
            let (lower, wanted_lower) = (found.to_lowercase(), wanted.to_lowercase());
            match operator {
                Comparison::Contains => lower.contains(&wanted_lower),
                Comparison::StartsWith => lower.starts_with(&wanted_lower),
                Comparison::EndsWith => lower.ends_with(&wanted_lower),
                _ => {
                    let moments = found.parse::<Timestamp>().ok().zip(wanted.parse::<Timestamp>().ok());
                    let order = match moments {
                        Some((found, wanted)) => found.cmp(&wanted),
                        None => lower.cmp(&wanted_lower),
                    };
                    holds(order, operator)
                }
            }
        }
    }
}

fn holds(order: Ordering, operator: Comparison) -> bool {
    match operator {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_record::{RecordKey, SourceName};

    fn record() -> Record {
        Record::new(SourceName::parse("hr").unwrap(), RecordKey::parse("E1").unwrap())
            .with("department", FieldValue::Text("Research".into()))
            .with("level", FieldValue::Text("10".into()))
            .with("active", FieldValue::Text("TRUE".into()))
            .with("hired", FieldValue::DateTime("2026-03-01T00:00:00+01:00".into()))
            .with("ends", FieldValue::Text("2026-12-31".into()))
            .with("note", FieldValue::Text("  ".into()))
            .with("roles", FieldValue::Many(vec!["admin".into(), "dev".into()]))
    }

    fn matches(text: &str) -> bool {
        text.parse::<RecordFilter>().unwrap().matches(&record(), true).unwrap()
    }

    #[test]
    fn a_filter_compares_cells_as_what_the_filter_names() {
        for text in [
            r#"department eq "research""#,
            r#"DEPARTMENT sw "res" and level gt 9"#,
            "level lt 100",
            "active eq true",
            r#"roles eq "dev""#,
            r#"hired ge "2026-02-28T23:00:00Z""#,
            "note eq null",
            r#"not (department eq "Sales") or level eq 1"#,
            r#"department ne "Sales""#,
        ] {
            assert!(matches(text), "{text}");
        }
        for text in
            ["note pr", r#"department ne "RESEARCH""#, "level gt 10", r#"roles ne "dev""#, "department gt 1"]
        {
            assert!(!matches(text), "{text}");
        }
    }

    #[test]
    fn a_field_that_a_table_lacks_is_named_and_elsewhere_it_is_empty() {
        let filter: RecordFilter = r#"depratment eq "Research""#.parse().unwrap();
        let error = filter.matches(&record(), true).unwrap_err();
        assert!(error.starts_with("the source has no field `depratment`; it has: department, "), "{error}");
        assert_eq!(filter.matches(&record(), false), Ok(false));
        assert!(r#"emails[type eq "work"]"#.parse::<RecordFilter>().is_err());
        assert!("department eq".parse::<RecordFilter>().is_err());
    }

    fn look(rules: &ScopeRules, now: &str) -> Result<Standpoint, String> {
        rules.look(&record(), now.parse().unwrap())
    }

    #[test]
    fn a_last_day_counts_to_its_end_and_the_moment_after_it_is_known() {
        let rules = ScopeRules { valid_until: Some("ends".into()), columns: true, ..ScopeRules::default() };
        let end: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(look(&rules, "2026-12-31T23:59:59Z"), Ok(Standpoint::In { until: Some(end) }));
        assert!(matches!(look(&rules, "2027-01-01T00:00:00Z"), Ok(Standpoint::Out { .. })));
        let rules = ScopeRules { valid_from: Some("hired".into()), ..ScopeRules::default() };
        assert!(matches!(look(&rules, "2026-02-28T22:59:59Z"), Ok(Standpoint::Out { .. })));
        assert_eq!(look(&rules, "2026-02-28T23:00:00Z"), Ok(Standpoint::In { until: None }));
    }

    #[test]
    fn what_people_and_databases_write_for_a_moment_is_understood() {
        let at = |text: &str, edge| {
            let record = record().with("when", FieldValue::Text(text.into()));
            moment_in(&record, "when", edge, true).map(|moment| moment.map(|(moment, _)| moment.to_string()))
        };
        for never in ["9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31 00:00:00"] {
            assert_eq!(at(never, Edge::Last), Ok(None), "{never}");
            assert_eq!(at(never, Edge::First), Ok(Some(Timestamp::MAX.to_string())), "{never}");
        }
        assert_eq!(at("2026-12-31 18:00:00+00", Edge::Last), Ok(Some("2026-12-31T18:00:00Z".to_owned())));
        assert_eq!(at("2026-12-31T18:00:00+02:00", Edge::Last), Ok(Some("2026-12-31T16:00:00Z".to_owned())));
        assert!(at("9999-99-99", Edge::Last).is_err() && at("31.12.2026", Edge::Last).is_err());
    }

    #[test]
    fn a_date_in_another_form_is_a_failure_that_names_the_forms() {
        let forms = "write a day, 2026-12-31, or a moment with its zone, 2026-12-31T18:00:00+01:00";
        for (text, what) in [
            ("20261001", "no date"),
            ("20261001T000000Z", "no date"),
            ("2026-10", "no date"),
            ("2026-10-1", "no date"),
            ("+002026-10-01", "no date"),
            ("2026-02-30", "no date"),
            ("2026-10-01T25:00:00Z", "no date"),
            ("2026-10-01 soon", "no date"),
            ("2026-10-0\u{e9}", "no date"),
            ("2026-10-01T00:00:00", "a moment without its zone"),
            ("2026-10-01 00:00:00", "a moment without its zone"),
        ] {
            let record = record().with("when", FieldValue::Text(text.into()));
            for edge in [Edge::First, Edge::Last] {
                let error = moment_in(&record, "when", edge, true).unwrap_err();
                assert_eq!(error, format!("field `when` holds `{text}`, which is {what}; {forms}"));
            }
        }
    }

    #[test]
    fn what_is_no_date_is_a_failure_and_nobody_is_taken_for_gone() {
        let rules =
            ScopeRules { valid_until: Some("department".into()), columns: true, ..ScopeRules::default() };
        let error = look(&rules, "2026-12-31T00:00:00Z").unwrap_err();
        assert!(error.contains("`Research`, which is no date"), "{error}");
        let empty = ScopeRules { valid_until: Some("note".into()), columns: true, ..ScopeRules::default() };
        assert_eq!(look(&empty, "2026-12-31T00:00:00Z"), Ok(Standpoint::In { until: None }));
    }
}
