//! scim-sanity, an independent judge of what is sent.

use crate::servers::installed;
use crate::tool::root;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Judges PATCH bodies (RFC 7644 section 3.5.2).
///
/// It compares paths as text, and calls two operations on one path a fault, which the RFC allows; a body that
/// needs them is one to look at anyway.
#[derive(Debug, Clone)]
pub struct PatchLint {
    program: PathBuf,
}

impl PatchLint {
    /// The judge, or `None` where it is not installed.
    ///
    /// # Panics
    /// Where `CI` is set and it is not installed, as [`installed`].
    #[must_use]
    pub fn installed() -> Option<Self> {
        installed(&root(), "scim-sanity").map(|program| Self { program })
    }

    /// Judges one body, by the command: `scim-sanity --patch --stdin`. Takes a tenth of a second.
    ///
    /// # Errors
    /// What is wrong with the body, or that the judge cannot be asked.
    pub fn one(&self, body: &Value) -> Result<(), String> {
        let arguments = ["--patch", "--stdin"];
        let (good, said) =
            ask(&self.program, &arguments, &body.to_string()).map_err(|error| format!("{error:#}"))?;
        if good { Ok(()) } else { Err(format!("{}\n{body}", said.trim())) }
    }

    /// Judges many bodies in one process: the command takes one only, so this calls what the command calls.
    ///
    /// # Errors
    /// What is wrong with each body that is not in order, or that the judge cannot be asked.
    pub fn all(&self, bodies: &[Value]) -> Result<(), String> {
        const EACH_LINE: &str = "import json, sys\n\
            from scim_sanity.validator import SCIMValidator\n\
            bad = 0\n\
            for line in sys.stdin:\n    \
                good, errors = SCIMValidator().validate(json.loads(line), 'patch')\n    \
                if not good:\n        \
                    bad += 1\n        \
                    print('; '.join(error.message for error in errors), line, sep='\\n')\n\
            sys.exit(bad > 0)\n";
        let lines: Vec<String> = bodies.iter().map(Value::to_string).collect();
        let python = self.program.with_file_name("python");
        let (good, said) =
            ask(&python, &["-c", EACH_LINE], &lines.join("\n")).map_err(|error| format!("{error:#}"))?;
        if good { Ok(()) } else { Err(said.trim().to_owned()) }
    }
}

fn ask(program: &Path, arguments: &[&str], input: &str) -> anyhow::Result<(bool, String)> {
    let mut child = Command::new(program)
        .args(arguments)
        // Its messages begin with a sign that not every locale can print.
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    let mut stdin = child.stdin.take().context("scim-sanity has no input")?;
    let input = input.to_owned();
    // Beside the reading of what it prints: either pipe can be full.
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    let written = writing.join();
    ensure!(matches!(written, Ok(Ok(()))), "scim-sanity did not read its input");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // 0: in order, 1: not in order. Anything else is about the judge.
    ensure!(
        matches!(output.status.code(), Some(0 | 1)) && output.stderr.is_empty(),
        "scim-sanity ended with {}: {}",
        output.status,
        text(&output.stderr)
    );
    Ok((output.status.success(), text(&output.stdout)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patch(operations: Value) -> Value {
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
    }

    #[test]
    fn one_by_one_and_all_together_the_verdict_is_the_same() {
        let Some(lint) = PatchLint::installed() else {
            eprintln!("skipped: scim-sanity is not installed; `cargo xtask test` installs it");
            return;
        };
        let good = patch(json!([{ "op": "replace", "path": "displayName", "value": "Zoë" }]));
        let capital = patch(json!([{ "op": "Replace", "path": "displayName", "value": "Zoë" }]));
        let pathless = patch(json!([{ "op": "remove" }]));
        assert_eq!(lint.one(&good), Ok(()));
        assert!(lint.one(&capital).unwrap_err().contains("invalid 'op' value 'Replace'"));
        assert_eq!(lint.all(&[]), Ok(()));
        assert_eq!(lint.all(&vec![good.clone(); 500]), Ok(()));
        let said = lint.all(&[good, capital, pathless]).unwrap_err();
        assert!(said.contains("invalid 'op' value 'Replace'"), "{said}");
        assert!(said.contains("'remove' operation requires 'path'"), "{said}");
        assert_eq!(said.matches("Operations").count(), 2, "{said}");
    }
}
