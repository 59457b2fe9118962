//! `mapping record`: what a module makes of the records of a source, written down as cases.

use super::records::{self, Found, bare_case, context};
use super::subject::Subject;
use crate::args::{Common, Output, RecordArgs};
use crate::config::Misconfigured;
use crate::config::reader::nearest;
use crate::exit::Exit;
use crate::terminal::out;
use scimwright_author::{Recorded, RecordedCall, Recorder, Redaction};
use scimwright_mapping::{CaseRunner, MappingModule, Operation, Reads};
use serde_json::json;

pub(super) async fn run(common: &Common, args: &RecordArgs) -> anyhow::Result<Exit> {
    let subject = Subject::find(common, Some(&args.module))?;
    let Some(tenant) = &subject.tenant else {
        let message = "there is no configuration here whose source could be read; --config names its folder";
        return Err(Misconfigured(message.to_owned()).into());
    };
    let module = subject.live(&[])?;
    if !module.exports_mapping() {
        let message = "it supplies default values for what others mapped; `[recording]` in the configuration \
                       records its calls in a run";
        return Err(Misconfigured(format!("{} cannot be recorded alone: {message}", subject.id)).into());
    }
    let redaction = Redaction { mask: args.mask.clone(), drop: args.drop.clone() };
    if let [first, ..] = redaction.unknown(module.manifest()).as_slice() {
        // Most likely misspelt, and what it was to keep out would be written down.
        let known = match &module.manifest().reads {
            Reads::Fields(known) => known.as_slice(),
            Reads::All => &[],
        };
        let meant = nearest(first, known.iter().map(String::as_str));
        let meant = meant.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let message = format!("`{first}` is no field that `{}` reads{meant}", subject.id.name);
        return Err(Misconfigured(format!("nothing is recorded: {message}")).into());
    }
    let recorder = Recorder::in_file(args.to.clone(), redaction, args.limit);
    let context = context(tenant, &subject.id.name, Operation::Preview)?;
    let runner = CaseRunner::live(&module);
    let (mut written, mut malformed, mut full) = (0_u64, 0_u64, false);
    records::read(tenant, &args.source, |found| {
        let Found::Record(record) = found else {
            malformed += 1;
            return Ok(true);
        };
        let case = bare_case(record, context.clone());
        let report = runner.run(&case);
        let call = RecordedCall {
            module: &module,
            context: &case.context,
            record: &case.record,
            mapped: None,
            outcome: &report.outcome,
            evidence: &report.evidence,
        };
        match recorder.record(&call)? {
            Recorded::Written => written += 1,
            Recorded::Full => full = true,
        }
        Ok(!full && written < args.limit)
    })
    .await?;
    match common.output {
        Output::Json => out(&json!({
            "event": "summary", "exit_code": 0, "written": written, "unreadable": malformed, "file": args.to,
            "full": full,
        })
        .to_string()),
        Output::Human => {
            out(&format!("wrote {written} cases to {}", args.to.display()));
            if full {
                out(&format!(
                    "the file has the {} cases that --limit allows; remove it to begin anew",
                    args.limit
                ));
            }
            if malformed > 0 {
                out(&format!("{malformed} rows could not be read, and were left out"));
            }
            match as_they_are(&module, args).as_slice() {
                [] => {}
                fields => out(&format!(
                    "these fields stand in it as they are: {}; --mask and --drop keep more out",
                    fields.join(", ")
                )),
            }
        }
    }
    Ok(Exit::Success)
}

/// What is written down without being masked or dropped.
fn as_they_are(module: &MappingModule, args: &RecordArgs) -> Vec<String> {
    let kept_out = |name: &String| args.mask.contains(name) || args.drop.contains(name);
    match &module.manifest().reads {
        Reads::All if args.mask.is_empty() && args.drop.is_empty() => vec!["all of them".to_owned()],
        Reads::All => vec!["all but those named".to_owned()],
        Reads::Fields(names) => names.iter().filter(|name| !kept_out(name)).cloned().collect(),
    }
}
