//! `mapping bench`: what a record costs.

use super::records;
use super::subject::Subject;
use crate::args::{BenchArgs, Common, Output};
use crate::config::Misconfigured;
use crate::exit::Exit;
use crate::report::json;
use crate::terminal::out;
use anyhow::Context as _;
use scimwright_author::{BenchError, BenchOptions, bench};
use scimwright_mapping::Case;
use scimwright_mapping::case::{CaseFile, bundled_cases};
use serde_json::json;

/// The most records that are kept in memory for measuring.
const MOST_RECORDS: usize = 10_000;

pub(super) fn run(common: &Common, args: &BenchArgs) -> anyhow::Result<Exit> {
    let subject = Subject::find(common, args.module.module.as_deref())?;
    let cases = cases(&subject, args)?;
    let options = BenchOptions { calls: args.calls, ..BenchOptions::default() };
    let report =
        bench(&subject.id, &subject.path, subject.limits, &cases, options).map_err(|error| match error {
            // Named by their own types, which have exit codes.
            BenchError::Load(error) => anyhow::Error::from(error),
            BenchError::Host(error) => error.into(),
            error => error.into(),
        })?;
    match common.output {
        Output::Human => out(report.to_string().trim_end()),
        Output::Json => {
            let line = json!({ "event": "summary", "exit_code": 0 });
            out(&json::with(line, &report).to_string());
        }
    }
    Ok(Exit::Success)
}

fn cases(subject: &Subject, args: &BenchArgs) -> anyhow::Result<Vec<Case>> {
    if let Some(path) = &args.cases {
        return Ok(records::cases(path)?.take(MOST_RECORDS).collect::<Result<_, _>>()?);
    }
    if let Some(project) = &subject.project {
        return Ok(CaseFile::all(&project.cases())?.into_iter().map(|file| file.case).collect());
    }
    let path = &subject.path;
    let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    match bundled_cases(&bytes)? {
        none if none.is_empty() => {
            Err(Misconfigured("the module carries no cases; name records with --cases".to_owned()).into())
        }
        cases => Ok(cases),
    }
}
