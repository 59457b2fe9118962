//! A question before something that cannot be taken back easily.

use crate::terminal::err;
use std::io::IsTerminal;

/// Says what is about to happen, and asks whether it may. Where nobody is there to be asked, it may not.
pub(super) fn agreed(what: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        err(&format!("error: {what} Nobody is here to be asked; --yes agrees"));
        return Ok(false);
    }
    err(&format!("{what}\nContinue? [y/N]"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
