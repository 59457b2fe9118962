//! `mapping test`: golden cases against a module.

use super::build;
use super::subject::Subject;
use crate::args::{Common, Output, TestArgs};
use crate::config::Misconfigured;
use crate::exit::Exit;
use crate::terminal::out;
use anyhow::Context as _;
use scimwright_author::{Suite, SuiteReport, Updated, Verdict, junit};
use scimwright_mapping::case::differences;
use serde_json::{Value, json};
use std::path::PathBuf;

pub(super) fn run(common: &Common, args: &TestArgs) -> anyhow::Result<Exit> {
    let subject = Subject::find(common, args.module.module.as_deref())?;
    let suite = Suite::read(&folder(&subject, args)?).map_err(|error| Misconfigured(error.to_string()))?;
    let module = subject.for_cases()?;
    let mut report = suite.run(&module);
    let mut updated = None;
    if args.update && !report.is_good() {
        updated = Some(suite.update(&report)?);
        // Read again: the report is about what the files say now.
        let suite =
            Suite::read(&folder(&subject, args)?).map_err(|error| Misconfigured(error.to_string()))?;
        report = suite.run(&module);
    }
    if let Some(path) = &args.junit {
        std::fs::write(path, junit(&report))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if let (Some(project), true) = (&subject.project, report.is_good() && args.cases.is_none()) {
        build::if_cases_are_newer(project, common.output == Output::Human)?;
    }
    let exit = if report.is_good() { Exit::Success } else { Exit::RecordsFailed };
    match common.output {
        Output::Human => human(&report, updated.as_ref()),
        Output::Json => json_lines(&report, updated.as_ref(), exit),
    }
    Ok(exit)
}

fn folder(subject: &Subject, args: &TestArgs) -> anyhow::Result<PathBuf> {
    match (&args.cases, &subject.project) {
        (Some(folder), _) => Ok(folder.clone()),
        (None, Some(project)) => Ok(project.cases()),
        (None, None) => Err(Misconfigured("name the folder with the cases: --cases DIR".to_owned()).into()),
    }
}

fn human(report: &SuiteReport, updated: Option<&Updated>) {
    out(report.to_string().trim_end());
    let Some(updated) = updated else { return };
    updated.written.iter().for_each(|path| out(&format!("wrote {}", path.display())));
    for name in &updated.left {
        out(&format!("left {name}: a crash or a limit is expected only where you write so yourself"));
    }
}

fn json_lines(report: &SuiteReport, updated: Option<&Updated>, exit: Exit) {
    for tested in &report.tested {
        let expected = tested.expected.as_ref().unwrap_or(&Value::Null);
        let differences = match tested.verdict {
            Verdict::Failed => differences(expected, &tested.report.outcome),
            Verdict::Passed | Verdict::New => Vec::new(),
        };
        let hidden =
            tested.hidden.as_ref().map(|hidden| json!({ "after": hidden.after, "outcome": hidden.outcome }));
        out(&json!({
            "event": "case", "name": tested.name, "verdict": tested.verdict, "outcome": tested.report.outcome,
            "differences": differences, "hidden_state": hidden, "usage": tested.report.evidence.usage,
            "logs": tested.report.evidence.logs,
        })
        .to_string());
    }
    out(&json!({
        "event": "summary", "exit_code": exit as u8, "module": report.module, "cases": report.tested.len(),
        "passed": report.count(Verdict::Passed), "failed": report.count(Verdict::Failed),
        "new": report.count(Verdict::New), "hidden_state": report.hidden().count(),
        "reuse_compared": report.compared, "limits": report.limits,
        "written": updated.map(|updated| updated.written.clone()),
    })
    .to_string());
}
