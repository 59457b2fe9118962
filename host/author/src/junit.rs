//! A suite's report as JUnit XML, which build servers read.

use crate::suite::{SuiteReport, Tested, Verdict};
use scimwright_mapping::case::differences;
use serde_json::Value;
use std::fmt::Write as _;

/// The report as one `testsuite`.
#[must_use]
pub fn junit(report: &SuiteReport) -> String {
    let failures = report.tested.iter().filter(|tested| failure(tested).is_some()).count();
    let seconds = |time: std::time::Duration| format!("{:.6}", time.as_secs_f64());
    let total = report.tested.iter().map(|tested| tested.report.evidence.usage.wall).sum();
    let suite = escape(&report.module);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{suite}\" tests=\"{}\" \
         failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"{}\">\n",
        report.tested.len(),
        seconds(total)
    );
    for tested in &report.tested {
        let time = seconds(tested.report.evidence.usage.wall);
        let name = escape(&tested.name);
        // Writing to a String cannot fail.
        let _ = match failure(tested) {
            None => writeln!(xml, "    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{time}\"/>"),
            Some((message, text)) => writeln!(
                xml,
                "    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{time}\">\n      <failure \
                 message=\"{}\">{}</failure>\n    </testcase>",
                escape(&message),
                escape(&text)
            ),
        };
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// What is wrong with a case, in a sentence and in full.
fn failure(tested: &Tested) -> Option<(String, String)> {
    let lines = |before: &Value, after: &Value| {
        let lines: Vec<_> = differences(before, after).iter().map(ToString::to_string).collect();
        lines.join("\n")
    };
    let outcome = &tested.report.outcome;
    match (tested.verdict, &tested.hidden, &tested.expected) {
        (Verdict::New, _, _) => Some(("nothing is expected yet".into(), format!("{outcome:#}"))),
        (Verdict::Failed, _, expected) => {
            let expected = expected.as_ref().unwrap_or(&Value::Null);
            Some(("the outcome is not what was expected".into(), lines(expected, outcome)))
        }
        (Verdict::Passed, Some(hidden), _) => {
            let message = "hidden state: a reused instance gives another outcome".into();
            Some((message, lines(outcome, &hidden.outcome)))
        }
        (Verdict::Passed, None, _) => None,
    }
}

/// Text for XML 1.0, which has no word at all for most control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::tests::report;

    #[test]
    fn the_report_is_one_test_suite() {
        insta::assert_snapshot!(junit(&report()));
    }

    #[test]
    fn what_a_module_returns_cannot_break_out_of_its_place() {
        assert_eq!(escape("a\"<b>&\u{1b}[31m\n"), "a&quot;&lt;b&gt;&amp;\u{fffd}[31m&#10;");
    }
}
