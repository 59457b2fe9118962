//! `mapping replay`: recorded cases against a module.

use super::records;
use super::subject::Subject;
use crate::args::{Common, Output, ReplayArgs};
use crate::exit::Exit;
use crate::terminal::{err, out};
use scimwright_author::Replay;
use serde_json::json;

pub(super) fn run(common: &Common, args: &ReplayArgs) -> anyhow::Result<Exit> {
    let subject = Subject::find(common, args.module.as_deref())?;
    let module = subject.for_cases()?;
    let title = Subject::title(&module);
    let mut replay = Replay::new(module);
    for case in records::cases(&args.file)? {
        match (replay.take(case), common.output) {
            (Ok(None), _) => {}
            (Ok(Some(case)), Output::Json) => out(&json!({
                "event": "difference", "case": case.title, "expected": case.expected,
                "outcome": case.report.outcome, "differences": case.differences(),
            })
            .to_string()),
            (Ok(Some(case)), Output::Human) if replay.different <= args.show => {
                out(case.to_string().trim_end());
            }
            (Ok(Some(_)), Output::Human) => {}
            (Err(error), _) => err(&format!("not replayed: {error}")),
        }
    }
    let exit = if replay.is_good() { Exit::Success } else { Exit::RecordsFailed };
    match common.output {
        Output::Human => out(&format!("{title}: {replay}")),
        Output::Json => out(&json!({
            "event": "summary", "exit_code": exit as u8, "module": title, "same": replay.same,
            "different": replay.different, "without_expectation": replay.open, "unreadable": replay.unreadable,
            "most_used": replay.most,
        })
        .to_string()),
    }
    Ok(exit)
}
