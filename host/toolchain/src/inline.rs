//! The inline scripts of a resource's attribute rows: one component for all of them.
//!
//! A script is what an admin would paste: an expression over `record` and `ctx`, or the body of a function of both.
//! It is JavaScript in strict mode, and what the SDK exports (`invalid`, `clear`, `link`, `functions`, …) can be used
//! by name. The texts go into the module as texts, and each is compiled by itself while the module is built
//! (`inline.js`): so a mistake is found at once, named with its row, line and column, and none reaches into another.
//!
//! The module reads every field (`*`, which takes a grant) and returns row number 0's value as the attribute `row0`,
//! and so on. `undefined` leaves an attribute out, `null` clears it.

use crate::error::ToolchainError;
use crate::project::World;
use crate::script::{INSTALLED_IN, Module};
use crate::sdk::SdkFile;
use crate::tools::Tools;
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What compiles the scripts, inside the module.
const RUNNER: &str = include_str!("inline.js");
/// What it puts before the description of a mistake.
const MARK: &str = "scimwright-inline-script: ";

/// The script of an attribute row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineScript {
    /// The row: the attribute's name.
    pub row: String,
    /// The script, as it stands in the configuration.
    pub text: String,
}

/// Builds inline scripts into the cache, and returns the component. `name` is the module's name in its manifest.
///
/// # Errors
/// [`ToolchainError::BadScript`] for a script with a mistake, and whatever keeps the tool from building.
pub fn build_inline(
    name: &str,
    scripts: &[InlineScript],
    cache: &Path,
    tools: &Tools,
) -> Result<PathBuf, ToolchainError> {
    if let Some(empty) = scripts.iter().find(|script| script.text.trim().is_empty()) {
        return Err(ToolchainError::BadScript { row: empty.row.clone(), problem: "it is empty".into() });
    }
    let file = |path: &str, text: String| SdkFile { path: path.into(), text };
    let files = vec![file("inline.js", RUNNER.to_owned()), file("rows.js", rows(name, scripts))];
    let module = Module { kind: "inline", files, entry: "inline.js", world: World::Mapper };
    module.build(cache, &tools.javascript(cache, INSTALLED_IN)?).map_err(with_row)
}

/// The scripts as data. JSON is JavaScript, so no text can be anything but a text.
fn rows(name: &str, scripts: &[InlineScript]) -> String {
    let rows: Vec<_> =
        scripts.iter().map(|script| json!({ "row": script.row, "text": script.text })).collect();
    format!("export const name = {};\nexport const rows = {};\n", json!(name), json!(rows))
}

/// A mistake as the runner describes it.
#[derive(Deserialize)]
struct Mistake {
    row: String,
    line: Option<u32>,
    column: Option<u32>,
    message: String,
}

/// The tool's failure as the mistake of a row, where it is one.
fn with_row(error: ToolchainError) -> ToolchainError {
    let ToolchainError::CompileFailed { output, .. } = &error else { return error };
    let described = output.split_once(MARK).map(|(_, rest)| rest);
    let mistake = described
        .and_then(|text| serde_json::Deserializer::from_str(text).into_iter::<Mistake>().next()?.ok());
    let Some(Mistake { row, line, column, message }) = mistake else { return error };
    let problem = match (line, column) {
        (Some(line), Some(column)) => format!("{message} (line {line}, column {column} of the script)"),
        _ => message,
    };
    ToolchainError::BadScript { row, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_goes_in_as_a_text_whatever_is_in_it() {
        let script = InlineScript { row: "userType".into(), text: "\"`${x}` \\ \u{2028}\n});evil(".into() };
        let rows = rows("inline-acme-user", &[script]);
        assert_eq!(
            rows,
            "export const name = \"inline-acme-user\";\n\
             export const rows = [{\"row\":\"userType\",\"text\":\"\\\"`${x}` \\\\ \u{2028}\\n});evil(\"}];\n"
        );
    }

    #[test]
    fn the_tool_s_failure_becomes_the_mistake_of_a_row() {
        let output = "scimwright-inline-script: {\"row\":\"userType\",\"line\":2,\"column\":5,\"message\":\"unexpected token\"}\n    at x";
        let error = with_row(ToolchainError::CompileFailed {
            tool: "componentize-qjs".into(),
            output: output.into(),
        });
        assert_eq!(
            error.to_string(),
            "the script of row `userType` cannot be used: unexpected token (line 2, column 5 of the script)"
        );
        let other =
            ToolchainError::CompileFailed { tool: "componentize-qjs".into(), output: "no memory".into() };
        assert!(matches!(with_row(other), ToolchainError::CompileFailed { .. }));
    }

    #[test]
    fn an_empty_script_is_refused_before_anything_is_built() {
        let scripts = [InlineScript { row: "title".into(), text: " \n".into() }];
        let error = build_inline("inline", &scripts, Path::new("nowhere"), &Tools::default()).unwrap_err();
        assert_eq!(error.to_string(), "the script of row `title` cannot be used: it is empty");
    }
}
