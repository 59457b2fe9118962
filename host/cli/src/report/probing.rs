//! What a probing found, as people and programs see it.

use super::columns::columns;
use crate::probe::scratch::Swept;
use crate::probe::{Finding, Observed, Verdict};
use scimwright_profile::Profile;
use serde_json::{Value, json};

/// The table for people. What departs from the RFCs is marked.
pub(crate) fn table(observed: &Observed) -> String {
    let mut lines = vec![["", "about", "behaviour", "observed"].map(str::to_owned).to_vec()];
    let mut about = "";
    for finding in &observed.findings {
        let shown = if finding.about == about { "" } else { finding.about };
        about = finding.about;
        lines.push(vec![
            mark(finding.verdict).to_owned(),
            shown.to_owned(),
            finding.behaviour.to_owned(),
            finding.observed.clone(),
        ]);
    }
    let odd = count(observed, Verdict::Odd);
    let untold = count(observed, Verdict::Untold);
    let mut text = columns(&lines);
    text.push_str("\n\n");
    text.push_str(&format!(
        "{} behaviours, {odd} of them to know about (!), {untold} that could not be told (?)",
        observed.findings.len()
    ));
    text
}

/// Everything in one object.
pub(crate) fn line(provider: &str, observed: &Observed, draft: &Profile, swept: &Swept) -> Value {
    let findings: Vec<_> = observed.findings.iter().map(finding).collect();
    json!({
        "event": "probe", "provider": provider, "findings": findings, "draft": draft.to_toml(),
        "deleted": swept.deleted, "left_behind": swept.left,
    })
}

fn finding(finding: &Finding) -> Value {
    let verdict = match finding.verdict {
        Verdict::Plain => "plain",
        Verdict::Odd => "odd",
        Verdict::Untold => "untold",
    };
    json!({
        "about": finding.about, "behaviour": finding.behaviour, "observed": finding.observed, "verdict": verdict,
    })
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Plain => "",
        Verdict::Odd => "!",
        Verdict::Untold => "?",
    }
}

fn count(observed: &Observed, verdict: Verdict) -> usize {
    observed.findings.iter().filter(|finding| finding.verdict == verdict).count()
}
