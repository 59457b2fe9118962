//! The only place that writes to standard output and standard error.
//!
//! A reader that went away (`scimwright log | head`) is no failure: what cannot be written any more is
//! dropped quietly.

use std::io::{IsTerminal, Write};

/// Writes a line to standard output.
pub(crate) fn out(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line to standard error.
pub(crate) fn err(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Whether standard error is a terminal, where a progress bar makes sense.
pub(crate) fn shows_progress() -> bool {
    std::io::stderr().is_terminal()
}
