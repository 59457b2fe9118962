//! `mapping new`: a small project that works.

use super::build::misconfigured;
use crate::args::{Common, NewArgs, Output};
use crate::exit::Exit;
use crate::terminal::out;
use scimwright_toolchain::new_project;
use serde_json::json;
use std::path::PathBuf;

pub(super) fn run(common: &Common, args: &NewArgs) -> anyhow::Result<Exit> {
    let folder = args.dir.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let files = new_project(&folder, &args.name, args.lang).map_err(misconfigured)?;
    match common.output {
        Output::Json => out(&json!({
            "event": "summary", "exit_code": 0, "name": args.name, "language": args.lang.name(),
            "folder": folder, "written": files,
        })
        .to_string()),
        Output::Human => {
            files.iter().for_each(|file| out(&format!("wrote {}", file.display())));
            out(&format!("\nNext:\n  cd {}\n  scimwright mapping test", folder.display()));
        }
    }
    Ok(Exit::Success)
}
