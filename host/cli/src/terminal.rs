//! The only place that writes to standard output and standard error.
//!
//! A reader that went away (`scimwright log | head`) is no failure: what cannot be written any more is
//! dropped quietly, and whoever has much to say asks whether anybody still listens. A full disk is a failure:
//! results that are lost must not pass for results. What was under way is as safe then as after a kill.

use crate::exit::Exit;
use std::borrow::Cow;
use std::io::{ErrorKind, IsTerminal, Write};

/// Writes a line to standard output. False where nobody reads it any more.
pub(crate) fn out_if_read(line: &str) -> bool {
    match writeln!(std::io::stdout().lock(), "{}", tame(line)) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => false,
        Err(error) => {
            err(&format!("error: standard output cannot be written: {error}"));
            std::process::exit(Exit::Failure as i32)
        }
    }
}

/// Writes a line to standard output.
pub(crate) fn out(line: &str) {
    out_if_read(line);
}

/// Writes a line to standard error.
pub(crate) fn err(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", tame(line));
}

/// The text without control characters: names and messages of others must not steer a terminal.
fn tame(text: &str) -> Cow<'_, str> {
    let is_wild = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_wild) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|c| if is_wild(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect::<String>()
        .into()
}

/// Whether standard error is a terminal, where a progress bar makes sense.
pub(crate) fn shows_progress() -> bool {
    std::io::stderr().is_terminal()
}
