//! `init`: a commented configuration folder that works with `scimwright sandbox` as it is.

use crate::args::{Common, InitArgs, Output};
use crate::config::FILE_NAME;
use crate::exit::Exit;
use crate::terminal::out;
use anyhow::Context;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// The configuration of a new folder.
pub(crate) const TEMPLATE: &str = include_str!("template/scimwright.toml");

/// The files of a new folder.
const FILES: &[(&str, &str)] = &[
    (FILE_NAME, TEMPLATE),
    ("people.csv", include_str!("template/people.csv")),
    (".gitignore", "/.scimwright/\n"),
];

pub(super) fn run(common: &Common, args: &InitArgs) -> anyhow::Result<Exit> {
    let dir = args.dir.as_ref().unwrap_or(&common.config);
    if dir.join(FILE_NAME).exists() {
        let message = format!("{} is there already; nothing was written", dir.join(FILE_NAME).display());
        return Err(super::Misconfigured(message).into());
    }
    let modules = dir.join("modules");
    std::fs::create_dir_all(&modules)
        .with_context(|| format!("the folder {} cannot be made", modules.display()))?;
    let mut written = Vec::new();
    for (name, text) in FILES {
        if write_new(&dir.join(name), text)? {
            written.push(*name);
        }
    }
    match common.output {
        Output::Human => {
            out(&format!("Wrote {} into {}.", written.join(", "), dir.display()));
            out("Next:");
            out("  scimwright sandbox              a service provider to play with, in another terminal");
            out(&format!("  scimwright --config {} check", dir.display()));
            out(&format!("  scimwright --config {} plan", dir.display()));
            out(&format!("  scimwright --config {} sync", dir.display()));
        }
        Output::Json => out(&json!({ "event": "summary", "written": written }).to_string()),
    }
    Ok(Exit::Success)
}

/// Writes a file that is not there; one that is there is somebody's work and stays.
fn write_new(path: &Path, text: &str) -> anyhow::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())
                .with_context(|| format!("{} cannot be written", path.display()))?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| format!("{} cannot be written", path.display())),
    }
}
