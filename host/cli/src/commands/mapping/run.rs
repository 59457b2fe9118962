//! `mapping run`: one record through a module, and everything that came of it.

use super::records::{self, Found, bare_case, context};
use super::subject::Subject;
use crate::args::{Common, Output, RunOneArgs};
use crate::config::Misconfigured;
use crate::exit::Exit;
use crate::terminal::out;
use scimwright_author::addressee;
use scimwright_mapping::{Case, CaseReport, CaseRunner, Limits, MappingModule, Operation};
use scimwright_record::SourceName;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

pub(super) async fn run(common: &Common, args: &RunOneArgs) -> anyhow::Result<Exit> {
    let (wanted, record) = match (&args.module, &args.record) {
        (Some(file), None) if args.source.is_none() && file.ends_with(".json") => {
            (None, Some(Path::new(file)))
        }
        (wanted, record) => (wanted.as_deref(), record.as_deref()),
    };
    let subject = Subject::find(common, wanted)?;
    let (case, module) = match (record, &args.source) {
        (Some(path), _) => from_file(&subject, args, records::one(path)?)?,
        (None, Some(source)) => from_source(&subject, args, source).await?,
        (None, None) => {
            return Err(
                Misconfigured("name a record: --record FILE, or --source NAME --key KEY".to_owned()).into()
            );
        }
    };
    let report = CaseRunner::live(&module).run(&case);
    let exit = if report.error.is_some() { Exit::RecordsFailed } else { Exit::Success };
    match common.output {
        Output::Human => out(page(&case, &report, module.limits()).trim_end()),
        Output::Json => out(&json!({
            "event": "summary", "exit_code": exit as u8, "module": module.manifest().name,
            "digest": module.digest(), "source": case.record.source(), "key": case.record.key(),
            "outcome": report.outcome, "logs": report.evidence.logs,
            "lookups": report.evidence.tape.len(), "usage": report.evidence.usage, "limits": module.limits(),
            "error": report.error.as_ref().map(ToString::to_string),
            "concern": report.error.as_ref().map(|error| addressee(error.concern())),
        })
        .to_string()),
    }
    Ok(exit)
}

/// A record from a file. What it says about settings and look-ups counts; what it does not say comes from the
/// configuration.
fn from_file(subject: &Subject, args: &RunOneArgs, mut case: Case) -> anyhow::Result<(Case, MappingModule)> {
    let mut settings = case.settings.clone();
    settings.retain(|(name, _)| !args.settings.iter().any(|(given, _)| given == name));
    settings.extend(args.settings.iter().cloned());
    amend(&mut case, args);
    let module = subject.live(&settings)?;
    if case.lookups.is_empty() {
        return Ok((case, module));
    }
    let player = scimwright_mapping::case::TapePlayer::default();
    player.insert(&case.lookups);
    Ok((case, module.with_reader(std::sync::Arc::new(player))))
}

async fn from_source(
    subject: &Subject,
    args: &RunOneArgs,
    source: &SourceName,
) -> anyhow::Result<(Case, MappingModule)> {
    let (Some(tenant), Some(key)) = (&subject.tenant, &args.key) else {
        let message = "there is no configuration here whose source could be read; --config names its folder";
        return Err(Misconfigured(message.to_owned()).into());
    };
    let (mut wanted, mut malformed) = (None, None);
    records::read(tenant, source, |found| {
        match found {
            Found::Record(record) if record.key() == key => wanted = Some(record),
            Found::Record(_) => {}
            Found::Malformed(position, problem) => malformed = Some((position, problem)),
        }
        Ok(wanted.is_none())
    })
    .await?;
    let Some(record) = wanted else {
        let broken = malformed.map(|(position, problem)| format!("; {position} cannot be read: {problem}"));
        let message = format!("source `{source}` has no record `{key}`{}", broken.unwrap_or_default());
        return Err(Misconfigured(message).into());
    };
    let context = context(tenant, &subject.id.name, Operation::Preview)?;
    let mut case = bare_case(record, context);
    amend(&mut case, args);
    Ok((case, subject.live(&args.settings)?))
}

/// What the command line says of the context.
fn amend(case: &mut Case, args: &RunOneArgs) {
    let context = &mut case.context;
    if let Some(operation) = args.operation {
        context.operation = operation.into();
    }
    if let Some(now) = &args.now {
        context.now.clone_from(now);
    }
    if let Some(provider) = &args.provider {
        context.provider = provider.clone();
    }
    if let Some(resource_type) = &args.resource_type {
        context.resource_type = resource_type.clone();
    }
}

fn page(case: &Case, report: &CaseReport, limits: &Limits) -> String {
    let mut page = String::new();
    let title = format!("{}/{}", case.record.source(), case.record.key());
    // Writing to a String cannot fail.
    let _ = match (&report.error, report.outcome.get("skip").and_then(Value::as_str)) {
        (Some(error), _) => {
            let frames = error.backtrace().into_iter().flat_map(|backtrace| backtrace.frames.iter());
            let frames: String = frames.take(10).map(|frame| format!("  in {frame}\n")).collect();
            let message = format!("{title} failed: {}\n{frames}", error.fault);
            writeln!(page, "{message}  {}", addressee(error.concern()))
        }
        (None, Some(reason)) => writeln!(page, "{title} is skipped: {reason}"),
        (None, None) => writeln!(page, "{title} becomes\n{:#}", report.outcome),
    };
    if !report.evidence.logs.is_empty() {
        let _ = writeln!(page, "\nlogged");
        for line in &report.evidence.logs {
            let level = format!("{:?}", line.level).to_lowercase();
            let _ = writeln!(page, "  {level:<5}  {line}");
        }
    }
    if !report.evidence.tape.is_empty() {
        let _ = writeln!(page, "\nlooked up");
        for entry in &report.evidence.tape {
            use scimwright_mapping::TapeAnswer;
            let answer = match &entry.answer {
                TapeAnswer::Found(_) => "found".to_owned(),
                TapeAnswer::Absent => "not there".to_owned(),
                TapeAnswer::NotGranted => "not granted".to_owned(),
                TapeAnswer::Unavailable(reason) => format!("unavailable: {reason}"),
            };
            let _ =
                writeln!(page, "  {}/{} ({}): {answer}", entry.source, entry.key, entry.fields.join(", "));
        }
    }
    let _ = writeln!(page, "\nused: {}", report.evidence.usage.against(limits));
    page
}
