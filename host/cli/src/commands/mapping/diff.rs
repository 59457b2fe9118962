//! `mapping diff`: who would change if one module took another's place.

use super::records::{self, Found, bare_case, context};
use super::subject::Subject;
use crate::args::{Common, DiffArgs, Output};
use crate::config::Misconfigured;
use crate::exit::Exit;
use crate::report::json;
use crate::terminal::{err, out};
use scimwright_author::{Impact, PersonChange, Runners};
use scimwright_mapping::{CaseRunner, MappingModule, Operation};
use scimwright_record::SourceName;
use serde_json::json;
use std::path::Path;

/// How many records that cannot be read are shown one by one.
const SHOWN: u64 = 5;

pub(super) async fn run(common: &Common, args: &DiffArgs) -> anyhow::Result<Exit> {
    let old = Subject::find(common, Some(&args.old))?;
    let new = Subject::find(common, Some(&args.new))?;
    let show = if common.output == Output::Json { 0 } else { args.show };
    let mut report =
        Report { impact: Impact::new(String::new(), String::new(), show), output: common.output };
    match (&args.against, &args.source) {
        (Some(path), _) => report.over_cases(&old.for_cases()?, &new.for_cases()?, path)?,
        (None, Some(source)) => report.over_source(&old, &new, source).await?,
        (None, None) => return Err(Misconfigured("name records: --against or --source".to_owned()).into()),
    }
    Ok(report.finish())
}

struct Report {
    impact: Impact,
    output: Output,
}

impl Report {
    fn title(&mut self, old: &MappingModule, new: &MappingModule) {
        self.impact.old = Subject::title(old);
        self.impact.new = Subject::title(new);
    }

    /// Cases bring their own settings and look-ups, so both modules are asked exactly the same.
    fn over_cases(&mut self, old: &MappingModule, new: &MappingModule, path: &Path) -> anyhow::Result<()> {
        self.title(old, new);
        let (mut before, mut after) = (Runners::new(old.clone()), Runners::new(new.clone()));
        for case in records::cases(path)? {
            match case {
                Ok(case) => {
                    let (before, after) = (before.run(&case), after.run(&case));
                    let (source, key) = (case.record.source().as_str(), case.record.key().as_str());
                    let change = self.impact.add(source, key, &before, &after);
                    self.show(change.as_ref());
                }
                Err(error) => self.unreadable(&error.to_string()),
            }
        }
        Ok(())
    }

    /// Records come with nothing, so the configuration says what the module is told; the new module is told the same.
    async fn over_source(&mut self, old: &Subject, new: &Subject, source: &SourceName) -> anyhow::Result<()> {
        let Some(tenant) = &old.tenant else {
            let message =
                "there is no configuration here whose source could be read; --config names its folder";
            return Err(Misconfigured(message.to_owned()).into());
        };
        let configured = if old.config.is_some() { old } else { new };
        let settings = configured.config.as_ref().map(|config| config.settings.clone()).unwrap_or_default();
        let (before, after) = (old.live(&settings)?, new.live(&settings)?);
        self.title(&before, &after);
        let context = context(tenant, &configured.id.name, Operation::Preview)?;
        let (before, after) = (CaseRunner::live(&before), CaseRunner::live(&after));
        records::read(tenant, source, |found| {
            match found {
                Found::Record(record) => {
                    let case = bare_case(record, context.clone());
                    let key = case.record.key().as_str();
                    let change = self.impact.add(source.as_str(), key, &before.run(&case), &after.run(&case));
                    self.show(change.as_ref());
                }
                Found::Malformed(position, problem) => self.unreadable(&format!("{position}: {problem}")),
            }
            Ok(true)
        })
        .await
    }

    fn show(&self, change: Option<&PersonChange>) {
        if let (Output::Json, Some(change)) = (self.output, change) {
            out(&json::with(json!({ "event": "change" }), change).to_string());
        }
    }

    fn unreadable(&mut self, problem: &str) {
        self.impact.add_unreadable();
        if self.impact.figures.unreadable <= SHOWN {
            err(&format!("not compared: {problem}"));
        }
    }

    fn finish(self) -> Exit {
        let mut exit = if self.impact.is_none() { Exit::Success } else { Exit::Different };
        if self.impact.figures.unreadable > 0 {
            exit = exit.or_graver(Exit::RecordsFailed);
        }
        match self.output {
            Output::Human => out(self.impact.to_string().trim_end()),
            Output::Json => {
                let line = json!({
                    "event": "summary", "exit_code": exit as u8, "old": self.impact.old, "new": self.impact.new,
                });
                out(&json::with(line, &self.impact.figures).to_string());
            }
        }
        exit
    }
}
