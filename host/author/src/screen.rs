//! What a suite's report looks like: each case a line, each difference two, and the figures at the end.

use crate::addressee;
use crate::suite::{SuiteReport, Tested, Verdict};
use scimwright_mapping::case::differences;
use scimwright_mapping::{CaseReport, Usage};
use serde_json::Value;
use std::fmt;

/// The most differences that are shown of a case.
const MOST_DIFFERENCES: usize = 40;

impl fmt::Display for SuiteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n", self.module, count(self.tested.len(), "case"))?;
        for tested in &self.tested {
            let word = match tested.verdict {
                _ if tested.hidden.is_some() => "HIDDEN",
                Verdict::Passed => "ok",
                Verdict::Failed => "FAILED",
                Verdict::New => "NEW",
            };
            writeln!(f, "  {word:<8}{}", tested.name)?;
            details(f, tested)?;
        }
        let failed = self.count(Verdict::Failed);
        let new = self.count(Verdict::New);
        write!(f, "\n{} passed, {failed} failed", self.count(Verdict::Passed))?;
        if new > 0 {
            write!(f, ", {new} without an expectation")?;
        }
        let hidden = self.hidden().count();
        match (hidden, self.compared) {
            (0, true) => writeln!(f, "; the same in fresh and in reused instances")?,
            (0, false) => writeln!(f)?,
            (_, _) => writeln!(f, "; hidden state in {}", count(hidden, "case"))?,
        }
        writeln!(
            f,
            "most used: {}",
            most(self.tested.iter().map(|tested| &tested.report)).against(&self.limits)
        )?;
        if failed + new > 0 {
            writeln!(f, "`--update` takes what came out for what is expected")?;
        }
        Ok(())
    }
}

/// One side of a difference. An attribute that is not there is left alone at the provider, an item of a list is just not
/// there.
pub(crate) fn side(path: &str, value: Option<&Value>) -> String {
    match value {
        None if path.contains('[') => "(nothing)".to_owned(),
        None => "(left alone)".to_owned(),
        Some(Value::Null) => "(cleared)".to_owned(),
        Some(value) => value.to_string(),
    }
}

/// `1 case`, `2 cases`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn details(f: &mut fmt::Formatter<'_>, tested: &Tested) -> fmt::Result {
    match tested.verdict {
        Verdict::Passed => {}
        Verdict::New => indented(f, "came out: ", &format!("{:#}", tested.report.outcome))?,
        Verdict::Failed => {
            let nothing = Value::Null;
            let expected = tested.expected.as_ref().unwrap_or(&nothing);
            compare(f, ("expected", expected), ("actual", &tested.report.outcome))?;
        }
    }
    if tested.verdict != Verdict::Passed {
        problem(f, &tested.report)?;
    }
    if let Some(hidden) = &tested.hidden {
        let after =
            hidden.after.as_ref().map_or("before any other".to_owned(), |after| format!("after `{after}`"));
        writeln!(f, "      hidden state: another outcome {after} in the same instance")?;
        compare(f, ("fresh", &tested.report.outcome), ("reused", &hidden.outcome))?;
        writeln!(
            f,
            "      for the module's author: keep nothing from one record to the next, or ask for no reuse"
        )?;
    }
    Ok(())
}

/// Who has to act on an error, and where in the author's code it happened.
fn problem(f: &mut fmt::Formatter<'_>, report: &CaseReport) -> fmt::Result {
    let Some(error) = &report.error else { return Ok(()) };
    if let Some(backtrace) = error.backtrace() {
        for frame in backtrace.frames.iter().take(5) {
            writeln!(f, "      in {frame}")?;
        }
    }
    for line in report.evidence.logs.iter().rev().take(5).rev() {
        writeln!(f, "      log: {line}")?;
    }
    writeln!(f, "      {}", addressee(error.concern()))
}

/// Two outcomes, difference by difference where both are resources and as a whole where they are not.
fn compare(
    f: &mut fmt::Formatter<'_>,
    (old, before): (&str, &Value),
    (new, after): (&str, &Value),
) -> fmt::Result {
    let width = old.len().max(new.len());
    if !(is_resource(before) && is_resource(after)) {
        writeln!(f, "      {old:<width$}  {before}")?;
        return writeln!(f, "      {new:<width$}  {after}");
    }
    let all = differences(before, after);
    for difference in all.iter().take(MOST_DIFFERENCES) {
        writeln!(f, "      {}", difference.path)?;
        writeln!(f, "        {old:<width$}  {}", side(&difference.path, difference.before.as_ref()))?;
        writeln!(f, "        {new:<width$}  {}", side(&difference.path, difference.after.as_ref()))?;
    }
    match all.len().saturating_sub(MOST_DIFFERENCES) {
        0 => Ok(()),
        more => writeln!(f, "      and {more} more"),
    }
}

fn is_resource(outcome: &Value) -> bool {
    outcome.is_object() && outcome.get("error").is_none() && outcome.get("skip").is_none()
}

fn indented(f: &mut fmt::Formatter<'_>, head: &str, text: &str) -> fmt::Result {
    for (at, line) in text.lines().enumerate() {
        writeln!(f, "      {}{line}", if at == 0 { head } else { "" })?;
    }
    Ok(())
}

/// The largest of each figure.
pub(crate) fn most<'a>(reports: impl Iterator<Item = &'a CaseReport>) -> Usage {
    reports.map(|report| report.evidence.usage).fold(Usage::default(), larger)
}

/// The larger of each figure.
pub(crate) fn larger(a: Usage, b: Usage) -> Usage {
    Usage {
        cpu: a.cpu.max(b.cpu),
        wall: a.wall.max(b.wall),
        memory_bytes: a.memory_bytes.max(b.memory_bytes),
        output_bytes: a.output_bytes.max(b.output_bytes),
        log_bytes: a.log_bytes.max(b.log_bytes),
        lookups: a.lookups.max(b.lookups),
        fuel: a.fuel.max(b.fuel),
        fresh: true,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::suite::Hidden;
    use scimwright_mapping::{Evidence, Limits};
    use serde_json::json;
    use std::time::Duration;

    fn tested(name: &str, expected: Option<Value>, outcome: Value) -> Tested {
        let usage = Usage {
            cpu: Duration::from_micros(400),
            wall: Duration::from_micros(450),
            memory_bytes: 1_376_256,
            output_bytes: 2048,
            ..Usage::default()
        };
        let verdict = match &expected {
            None => Verdict::New,
            Some(expected) if *expected == outcome => Verdict::Passed,
            Some(_) => Verdict::Failed,
        };
        let evidence = Evidence { usage, ..Evidence::default() };
        let report = CaseReport { matches: verdict != Verdict::Failed, outcome, evidence, error: None };
        Tested { name: name.into(), verdict, expected, report, hidden: None }
    }

    pub(crate) fn report() -> SuiteReport {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let mut counts = tested("counts", Some(json!({ "title": "1" })), json!({ "title": "1" }));
        counts.hidden = Some(Hidden { after: Some("complete".into()), outcome: json!({ "title": "2" }) });
        SuiteReport {
            module: "corp-user 1.2.0".into(),
            folder: "cases".into(),
            limits: Limits::default(),
            tested: vec![
                tested("complete", Some(json!({ "userName": "a" })), json!({ "userName": "a" })),
                counts,
                tested(
                    "differs",
                    Some(
                        json!({ "userName": "a", "title": "x", "emails": [{ "value": "a@x" }], urn: { "division": "R" } }),
                    ),
                    json!({ "userName": "b", "title": null, "emails": [{ "value": "a@x" }, { "value": "<b@x>" }], urn: {} }),
                ),
                tested(
                    "should-be-refused",
                    Some(
                        json!({ "error": { "kind": "invalid-record", "field": "email", "message": "it is blank" } }),
                    ),
                    json!({ "skip": "left the company" }),
                ),
                tested("no-expectation", None, json!({ "userName": "c", "active": true })),
            ],
            compared: true,
            throws: false,
        }
    }

    #[test]
    fn every_kind_of_result_has_its_place_on_the_screen() {
        insta::assert_snapshot!(report());
    }

    #[test]
    fn a_good_report_is_short() {
        let mut report = report();
        report.tested.truncate(1);
        assert!(report.is_good());
        insta::assert_snapshot!(report);
    }
}
