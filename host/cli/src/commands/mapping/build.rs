//! `mapping build`: from a project to its component. The other commands build first where sources are newer.

use crate::args::{BuildArgs, Common, Output};
use crate::config::Misconfigured;
use crate::exit::Exit;
use crate::terminal::{err, out};
use scimwright_toolchain::{Built, Project, ToolchainError, Tools, build};
use serde_json::json;
use std::path::Path;
use std::time::SystemTime;

/// Folders of a project that hold no sources: what was built, what was installed, and cases, which a module carries
/// but is not made of.
const NO_SOURCES: &[&str] = &["target", "node_modules", "cases", "__pycache__"];

pub(super) fn run(common: &Common, args: &BuildArgs) -> anyhow::Result<Exit> {
    let project = Project::open(&args.dir).map_err(misconfigured)?;
    let built = build(&project, &Tools::default()).map_err(misconfigured)?;
    match common.output {
        Output::Json => out(&json!({
            "event": "summary", "exit_code": 0, "path": built.path, "bytes": built.bytes,
            "took_ms": built.took.as_millis() as u64, "cases": built.cases, "notes": built.notes,
        })
        .to_string()),
        Output::Human => {
            built.notes.iter().for_each(|note| out(&format!("note: {note}")));
            out(&sentence(&built));
        }
    }
    Ok(Exit::Success)
}

/// Builds a project whose component is missing, or older than a source.
pub(super) fn if_stale(project: &Project, say: bool) -> anyhow::Result<()> {
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let newest = newest(project.folder());
    let Some((component, newest)) = modified(&project.component()).zip(newest) else {
        return now(project, say, "it has not been built yet");
    };
    if newest > component { now(project, say, "its sources are newer") } else { Ok(()) }
}

/// Builds a project whose cases are newer than those that its component carries. A host would hold the component to the
/// old ones.
pub(super) fn if_cases_are_newer(project: &Project, say: bool) -> anyhow::Result<()> {
    let component = project.component().metadata().and_then(|metadata| metadata.modified()).ok();
    match component.zip(newest(&project.cases())) {
        Some((component, cases)) if cases > component => {
            now(project, say, "its cases are newer than those inside")
        }
        _ => Ok(()),
    }
}

fn now(project: &Project, say: bool, why: &str) -> anyhow::Result<()> {
    if say {
        err(&format!("building {}: {why}", project.name()));
    }
    let built = build(project, &Tools::default()).map_err(misconfigured)?;
    if say {
        built.notes.iter().for_each(|note| err(&format!("note: {note}")));
        err(&sentence(&built));
    }
    Ok(())
}

fn sentence(built: &Built) -> String {
    let cases = match built.cases {
        0 => String::new(),
        1 => ", with 1 case inside".to_owned(),
        cases => format!(", with {cases} cases inside"),
    };
    let (size, seconds) = (built.bytes / 1024, built.took.as_secs_f64());
    format!("built {} in {seconds:.1} s: {size} KiB{cases}", built.path.display())
}

/// When the newest source below a folder was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let times = entries.filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type().ok()?;
        if name.starts_with('.') || kind.is_dir() && NO_SOURCES.contains(&&*name) {
            None
        } else if kind.is_dir() {
            newest(&entry.path())
        } else {
            entry.metadata().ok()?.modified().ok()
        }
    });
    times.max()
}

/// What keeps an author from a component is the author's to mend, and has the exit code for it.
pub(super) fn misconfigured(error: ToolchainError) -> anyhow::Error {
    Misconfigured(error.to_string()).into()
}
